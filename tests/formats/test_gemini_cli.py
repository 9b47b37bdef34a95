from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.gemini_cli import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import CallSkipped, Event, SourceDefect
from hermes_tui.model.spans import ByteRange
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    document,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    sample,
    started,
)

ABOUT = {"sessionId": "s1", "projectHash": "p1", "startTime": "2026-01-02T03:04:05.000Z"}
ASKED = {"id": "m1", "timestamp": "2026-01-02T03:04:06Z", "type": "user", "content": "List files."}


def call(**more: Any) -> dict[str, Any]:
    answer = {"functionResponse": {"id": "c1", "name": "ls", "response": {"output": "a.py"}}}
    return {
        "id": "c1",
        "name": "ls",
        "args": {"path": "."},
        "status": "success",
        "result": [answer],
        **more,
    }


def reply(*several: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "m2",
        "type": "gemini",
        "content": "Listing.",
        "model": "gemini-x",
        "thoughts": [{"subject": "Plan", "description": "Use ls."}],
        "tokens": {"input": 7, "output": 3, "cached": 2, "thoughts": 1, "tool": 0, "total": 11},
        "toolCalls": list(several),
        **more,
    }


def session(*several: Any) -> dict[str, Any]:
    return {**ABOUT, "messages": list(several)}


@pytest.mark.parametrize(
    "data",
    [
        document(session(ASKED, reply(call()))),
        lines(session(ASKED, reply(call()))),
        lines(ABOUT, ASKED, {"$set": {"lastUpdated": "x"}}, reply(call())),
    ],
    ids=["document", "one line", "lines"],
)
def test_documents_and_lines_are_recognised(data: bytes) -> None:
    assert format_of(data) == "gemini-cli"
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 2, 1)
    assert (started(events).run_id, started(events).model) == ("s1", "gemini-x")
    assert started(events).task == "List files."


def test_a_call_has_its_result_with_it() -> None:
    events = read_value(FORMAT, session(ASKED, reply(call())))
    assert calls(events)[0].arguments == {"path": "."}
    (result,) = results(events)
    assert (result.call_id, result.content, result.error) == ("c1", "a.py", None)
    assert set(fold_run(events)[0].codes) == {"NO_ANSWER"}


@pytest.mark.parametrize("status", ["error", "cancelled"])
def test_a_call_that_failed_is_flagged(status: str) -> None:
    events = read_value(FORMAT, session(reply(call(status=status))))
    error = results(events)[0].error
    assert error is not None
    assert (error.kind, error.reason) == ("flag", f"{status}: a.py")


def test_a_call_declined_by_the_user_is_not_a_tool_error() -> None:
    reason = "[Operation Cancelled] Reason: User did not allow tool call"
    answer = {"functionResponse": {"id": "c1", "name": "ls", "response": {"error": reason}}}
    events = read_value(FORMAT, session(reply(call(status="cancelled", result=[answer]))))
    (skipped,) = only(events, CallSkipped)
    assert (skipped.call_index, skipped.reason, skipped.failed) == (0, "declined by the user", True)
    assert results(events)[0].error is None
    assert found_codes(events) == []


def test_a_call_without_a_result_shows_what_was_displayed() -> None:
    shown = call(result=None, resultDisplay="3 files")
    waiting = call(result=None, status="executing")
    assert results(read_value(FORMAT, session(reply(shown))))[0].content == "3 files"
    assert results(read_value(FORMAT, session(reply(waiting)))) == []


def test_thoughts_and_tokens_belong_to_their_reply() -> None:
    message = messages(read_value(FORMAT, session(reply())))[0]
    assert message.role == "assistant"
    assert [piece.text for piece in message.reasoning] == ["Plan\nUse ls."]
    assert message.usage is not None
    assert (message.usage.prompt_tokens, message.usage.cached_tokens) == (7, 2)


def test_thoughts_count_among_the_tokens_that_came_out() -> None:
    used = messages(read_value(FORMAT, session(reply())))[0].usage
    assert used is not None
    assert (used.completion_tokens, used.reasoning_tokens) == (4, 1)


def test_notices_of_the_program_are_not_messages_of_the_model() -> None:
    notice = {"id": "n", "type": "error", "content": "[API Error: quota]"}
    events = read_value(FORMAT, session(ASKED, notice))
    assert dialog(events)[1] == ("environment", "[API Error: quota]")
    assert messages(events)[1].author == "error"
    assert found_codes(events) == ["REQUEST_ERROR:error"]


def test_a_later_line_with_a_known_id_takes_the_others_place() -> None:
    data = lines(ABOUT, reply(), {**ASKED, "id": "m3"}, reply(call()))
    events = read_bytes(FORMAT, data)
    assert [role for role, _ in dialog(events)] == ["assistant", "user"]
    assert len(calls(events)) == 1


def test_rewound_messages_are_kept_and_flagged() -> None:
    again = {**ASKED, "content": "List all."}
    data = lines(ABOUT, ASKED, reply(), {"$rewindTo": "m1"}, again)
    events = read_bytes(FORMAT, data)
    assert [message.flags for message in messages(events)] == [("rewound",), ("rewound",), ()]
    assert dialog(events)[2] == ("user", "List all.")


def test_messages_that_a_summary_replaced_are_kept_with_a_flag() -> None:
    summary = {"id": "s", "type": "user", "content": [{"text": "So far: listed."}]}
    data = lines(ABOUT, ASKED, reply(), {"$set": {"messages": [summary]}}, {**ASKED, "id": "m9"})
    events = read_bytes(FORMAT, data)
    flags = [message.flags for message in messages(events)]
    assert flags == [("hidden",), ("hidden",), (), ()]
    assert dialog(events)[2] == ("user", "So far: listed.")


def test_results_repeated_in_a_users_turn_count_once() -> None:
    answer = {"functionResponse": {"id": "c1", "name": "ls", "response": {"output": "a.py"}}}
    repeated = {"id": "m3", "type": "user", "content": [answer]}
    events = read_value(FORMAT, session(ASKED, reply(call()), repeated))
    assert len(results(events)) == 1
    assert len(messages(events)) == 3


@pytest.mark.parametrize("named", [{"id": "c1"}, {}])
def test_calls_repeated_in_the_content_count_once(named: dict[str, str]) -> None:
    repeated = {"functionCall": {"name": "ls", "args": {"path": "."}, **named}}
    events = read_value(FORMAT, session(reply(call(), content=[{"text": "Hm."}, repeated])))
    assert len(calls(events)) == 1
    assert dialog(events) == [("assistant", "Hm.")]


def test_a_call_that_is_only_in_the_content_is_read() -> None:
    only_there = {"functionCall": {"name": "ls", "args": {}}}
    assert len(calls(read_value(FORMAT, session(reply(content=[only_there]))))) == 1


def test_an_element_that_is_not_a_message_is_a_defect_at_its_place() -> None:
    (defect,) = only(read_value(FORMAT, session(ASKED, 7)), SourceDefect)
    assert defect.at.pointer == "/messages/1"
    assert only(read_bytes(FORMAT, lines(ABOUT, [1], ASKED)), SourceDefect)


def read_lines(*values: Any) -> list[Event]:
    ranges = tuple(ByteRange(i, i + 1) for i in range(len(values)))
    build = RunBuilder(ByteRange(0, len(values)), line_ranges=ranges)
    FORMAT.read(list(values), build)
    return build.events


@settings(max_examples=100, deadline=None)
@given(any_json("id", "type", "content", "toolCalls", "$set", "$rewindTo", "messages", "result"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    odd = {"id": "x", "type": "gemini", "content": value, "toolCalls": [value, {"result": value}]}
    full = {**odd, "thoughts": value, "tokens": value, "model": value}
    for item in (value, session(value, odd, full), {**ABOUT, "messages": value}):
        FORMAT.sniff(sample(item))
        read_value(FORMAT, item)
    read_lines(ABOUT, value, odd, {"$set": value}, {"$set": {"messages": value}}, value)
    read_lines(ABOUT, odd, {"$rewindTo": value}, {"$rewindTo": "x"}, full, ASKED)


@pytest.mark.shared
def test_a_real_session_matches_its_manifest(trajectories: Path) -> None:
    data = (trajectories / "13-gemini" / "gemini-cli-pomodoro-timer.json").read_bytes()
    assert format_of(data) == "gemini-cli"
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 19, 11)
    assert sum(result.error is not None for result in results(events)) == 1


def test_the_context_that_the_program_adds_is_not_the_task() -> None:
    context = {"id": "m0", "type": "user", "content": [{"text": "<session_context>\nToday is"}]}
    prompt = {"id": "m1", "type": "user", "content": [{"text": "Add one."}]}
    head = {"sessionId": "s", "projectHash": "p", "startTime": "2026-11-22T12:00:00Z"}
    events = read_bytes(FORMAT, lines(head, {"$set": {"messages": [context]}}, prompt))
    assert started(events).task == "Add one."
    assert [message.flags for message in messages(events)] == [("injected",), ()]


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ({"output": "Command: false\nOutput: (empty)\nExit Code: 3"}, "exit code 3"),
        ({"error": "Command: false\nOutput: (empty)\nExit Code: 3"}, "error: exit code 3"),
        ({"output": "Command: true\nOutput: (empty)\nExit Code: 0"}, ""),
    ],
)
def test_the_exit_code_of_a_command_is_the_one_that_its_answer_tells(
    response: dict[str, str], reason: str
) -> None:
    answer = {"functionResponse": {"id": "c1", "name": "ls", "response": response}}
    data = document(session(ASKED, reply(call(result=[answer]))))
    [result] = results(read_bytes(FORMAT, data))
    assert result.exit_code == (3 if reason else 0)
    assert (result.error.reason if result.error else "") == reason
