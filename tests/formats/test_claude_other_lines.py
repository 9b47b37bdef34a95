"""Lines of Claude Code other than messages, and the links between its sessions, are read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.dialects.claude_subagents import subagent_callers
from hermes_tui.formats.readers import claude_stream_json
from hermes_tui.formats.readers.claude_code.reader import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.events import CallSkipped, RequestFailed, RunStarted, ToolReturned
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
    sample,
)
from tests.timing import Work, assert_linear

DECLINED = (
    "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was "
    "a file edit, the new_string was NOT written to the file). "
)


def row(kind: str, uuid: str, parent: str | None, **more: Any) -> dict[str, Any]:
    return {"type": kind, "uuid": uuid, "parentUuid": parent, "sessionId": "s1", **more}


def line(role: str, uuid: str, parent: str | None, content: Any, **more: Any) -> dict[str, Any]:
    message = {"role": role, "content": content, **more.pop("message", {})}
    return row(role, uuid, parent, message=message, **more)


def use(name: str, **given: Any) -> list[dict[str, Any]]:
    return [{"type": "tool_use", "id": name, "name": "Task", "input": given}]


def answer(
    uuid: str, parent: str, name: str, text: str = "done", *, failed: bool = False, **more: Any
) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": name, "content": text, "is_error": failed}
    return line("user", uuid, parent, [block], **more)


def attached(uuid: str, parent: str, **what: Any) -> dict[str, Any]:
    return row("attachment", uuid, parent, attachment=what)


def read(*rows: Any) -> list[Any]:
    return read_bytes(FORMAT, lines(*rows))


BEGUN = [
    line("user", "u1", None, "Do it"),
    line("assistant", "a1", "u1", use("t1", prompt="Explore")),
]
ERROR = {"type": "overloaded_error", "message": "Overloaded"}


def retry(uuid: str, parent: str, **more: Any) -> dict[str, Any]:
    fields = {"subtype": "api_error", "retryInMs": 500, "retryAttempt": 1, "maxRetries": 10}
    error = {"status": 529, "headers": {"x-api-key": "s3cr3t"}, "error": {"error": ERROR}}
    return row("system", uuid, parent, error=error, **fields, **more)


def given_up(uuid: str, parent: str, text: str, **more: Any) -> dict[str, Any]:
    return line("assistant", uuid, parent, text, isApiErrorMessage=True, **more)


@pytest.mark.parametrize("typed", ["Stop!", [{"type": "text", "text": "Stop!"}]])
def test_a_queued_prompt_is_a_user_message_at_its_place(typed: Any) -> None:
    queued = attached("q1", "u2", type="queued_command", prompt=typed, commandMode="prompt")
    events = read(*BEGUN, answer("u2", "a1", "t1"), queued, line("assistant", "a2", "q1", "Ok"))
    assert dialog(events)[-2:] == [("user", "Stop!"), ("assistant", "Ok")]
    assert [message.flags for message in messages(events)][-2:] == [(), ()]
    assert "other_records" not in runs(events)[0].details
    assert events[-2].at.pointer == "/attachment"


@pytest.mark.parametrize(
    ("what", "author", "text"),
    [
        (
            {
                "type": "queued_command",
                "prompt": "task b1 ended",
                "commandMode": "task-notification",
            },
            "task-notification",
            "task b1 ended",
        ),
        (
            {"type": "edited_text_file", "filename": "/x.py", "snippet": "1  pass"},
            "edited_text_file",
            "/x.py\n1  pass",
        ),
        ({"type": "task_reminder", "itemCount": 0}, "task_reminder", '{"itemCount":0}'),
        ({"type": "queued_command", "prompt": None}, "queued_command", '{"prompt":null}'),
    ],
)
def test_text_injected_by_the_program_is_flagged_and_names_its_kind(
    what: dict[str, Any], author: str, text: str
) -> None:
    aside = messages(read(*BEGUN, attached("q1", "a1", **what)))[-1]
    assert (aside.role, aside.author, aside.text) == ("user", author, text)
    assert aside.flags == ("injected",)


def test_an_attachment_shows_the_text_rendered_for_the_model() -> None:
    attachment = attached("q1", "a1", type="date_change", newDate="x")
    attachment["rendered"] = [{"content": "The date is x."}]
    assert messages(read(*BEGUN, attachment))[-1].text == "The date is x."


def test_a_command_queued_by_another_agent_is_not_the_text_of_the_user() -> None:
    queued = {"type": "queued_command", "prompt": "Hi", "commandMode": "prompt"}
    events = read(*BEGUN, attached("q1", "a1", **queued, origin={"kind": "peer"}))
    assert messages(events)[-1].flags == ("injected",)


def test_rewound_messages_are_found_across_lines_without_messages() -> None:
    rows = [
        line("user", "u1", None, "Hi"),
        line("user", "u2", "u1", "Do it badly"),
        row("system", "y1", "u2", subtype="stop_hook_summary"),
        attached("q1", "y1", type="edited_text_file", filename="/x"),
        line("assistant", "a2", "q1", "Badly done"),
        line("user", "u3", "u1", "Do it well"),
    ]
    found = messages(read(*rows))
    assert [m.text for m in found if "rewound" in m.flags] == ["Do it badly", "/x", "Badly done"]


def test_failed_requests_belong_to_the_turn_of_their_reply() -> None:
    events = read(
        *BEGUN,
        answer("u2", "a1", "t1"),
        retry("y1", "u2"),
        retry("y2", "y1"),
        line("assistant", "a2", "y2", "Done"),
    )
    failed = only(events, RequestFailed)
    assert [(one.turn, one.attempt, one.status) for one in failed] == [(2, 1, 529), (2, 2, 529)]
    assert (failed[0].message, failed[0].retry_in_s) == ("Overloaded", 0.5)
    assert "s3cr3t" not in failed[0].body
    assert found_codes(events) == ["REQUEST_ERROR:warning"] * 2
    assert "other_records" not in runs(events)[0].details
    state, found = fold_run(events)
    assert state.turn == 2
    assert [one.turn for one in found] == [2, 2]
    assert found[0].hint == "it was sent again: retry 1 of 10"


def test_an_abandoned_request_is_an_error_and_not_a_turn() -> None:
    text = "API Error: 529 Overloaded. Try again"
    events = read(*BEGUN[:1], retry("y1", "u1"), given_up("a1", "y1", text))
    assert counts(events) == (1, 1, 0)
    given = only(events, RequestFailed)[-1]
    assert (given.message, given.status, given.attempt) == (text, 529, 2)
    state, found = fold_run(events)
    assert (state.turn, state.severities[Severity.ERROR]) == (0, 1)
    assert str(found[-1].code) == "REQUEST_ERROR"


def test_a_failure_has_its_status_and_its_text() -> None:
    failure = given_up("a1", "u1", "You've hit your limit", apiErrorStatus=429, error="rate_limit")
    (failed,) = only(read(*BEGUN[:1], failure), RequestFailed)
    assert (failed.status, failed.chain) == (429, ("rate_limit",))
    assert failed.diagnostics[0].message == "status 429: You've hit your limit"


def test_failed_requests_in_stream_json_are_read() -> None:
    head = {"session_id": "s1", "parent_tool_use_id": None}
    made_up = {"role": "assistant", "model": "<synthetic>", "content": "API Error: 529"}
    again = {"error": "overloaded", "error_status": 529, "attempt": 1, "retry_delay_ms": 600}
    rows = [
        {"type": "system", "subtype": "init", "session_id": "s1", "tools": []},
        {**head, "type": "user", "message": {"role": "user", "content": "Do it"}},
        {**head, "type": "system", "subtype": "api_retry", **again},
        {**head, "type": "assistant", "message": made_up, "error": "server_error"},
    ]
    events = read_bytes(claude_stream_json.FORMAT, lines(*rows))
    assert dialog(events) == [("user", "Do it")]
    assert runs(events)[0].model == ""
    first, last = only(events, RequestFailed)
    assert (first.message, first.status, first.retry_in_s) == ("overloaded", 529, 0.6)
    assert found_codes(events) == ["REQUEST_ERROR:warning", "REQUEST_ERROR:error"]
    assert (last.status, last.turn) == (529, 1)


def test_durations_of_tools_and_turns_are_read() -> None:
    ended = row("system", "y1", "u3", subtype="turn_duration", durationMs=162419)
    events = read(
        *BEGUN,
        answer("u2", "a1", "t1", toolUseResult={"totalDurationMs": 141146, "agentId": "x"}),
        line("assistant", "a2", "u2", use("t2")),
        answer("u3", "a2", "t2", toolUseResult={"durationMs": 343, "filenames": []}),
        ended,
    )
    assert [e.result.duration_s for e in only(events, ToolReturned)] == [141.146, 0.343]
    details = runs(events)[0].details
    assert (details["worked_s"], details["turn_durations_s"]) == (162.419, [162.419])


def test_a_call_declined_by_the_user_is_skipped_and_not_a_tool_error() -> None:
    text = f"{DECLINED}STOP what you are doing"
    events = read(*BEGUN, answer("u2", "a1", "t1", text, failed=True))
    (skipped,) = only(events, CallSkipped)
    assert (skipped.call_index, skipped.reason) == (0, "declined by the user")
    assert (skipped.result, skipped.failed) == (text, True)
    assert only(events, ToolReturned)[0].result.error is None
    state, _ = fold_run(events)
    assert state.tool_errors == 0
    assert "TOOL_ERROR" not in state.codes


@pytest.mark.parametrize(
    ("text", "more", "reason"),
    [
        (
            f"{DECLINED}To tell you how to proceed, the user said:\nuse port 8080\n",
            {},
            "declined by the user: use port 8080",
        ),
        ("Use pytest.", {"toolDenialKind": "user-rejected"}, "declined by the user"),
    ],
)
def test_the_text_of_a_refusal_is_the_reason(text: str, more: dict[str, Any], reason: str) -> None:
    events = read(*BEGUN, answer("u2", "a1", "t1", text, failed=True, **more))
    assert [skipped.reason for skipped in only(events, CallSkipped)] == [reason]


def test_a_failed_tool_is_an_error_even_if_its_text_quotes_a_refusal() -> None:
    events = read(*BEGUN, answer("u2", "a1", "t1", f"Error: {DECLINED}", failed=True))
    assert only(events, CallSkipped) == []
    assert found_codes(events) == ["TOOL_ERROR:error"]


def test_a_missing_declined_call_leaves_only_its_result() -> None:
    events = read(BEGUN[0], answer("u2", "u1", "t9", DECLINED, failed=True))
    assert only(events, CallSkipped) == []
    assert only(events, ToolReturned)[0].result.error is None


def test_details_name_the_call_that_started_each_subagent() -> None:
    agent = {"isSidechain": True, "agentId": "ab12"}
    events = read(
        *BEGUN,
        line("user", "x1", None, "Explore", **agent),
        line("assistant", "x2", "x1", "Found", **agent),
        answer("u2", "a1", "t1", toolUseResult={"agentId": "ab12"}),
    )
    main, child = runs(events)
    assert main.details["subagents"] == {"t1": "ab12"}
    assert (child.details["called_by"], child.details["called_by_tool"]) == ("t1", "Task")


def test_a_subagent_without_an_id_belongs_to_the_call_with_its_prompt() -> None:
    side = [
        line("user", "x1", None, "Explore", isSidechain=True),
        line("assistant", "x2", "x1", "Found", isSidechain=True),
    ]
    main, child = runs(read(*BEGUN, *side, answer("u2", "a1", "t1")))
    assert main.details["subagents"] == {"t1": "x1"}
    assert child.details["called_by"] == "t1"


def test_stream_json_names_the_call_that_started_each_subagent() -> None:
    head = {"session_id": "s1"}
    rows = [
        {**head, "type": "system", "subtype": "init", "tools": []},
        {**head, **BEGUN[1], "parent_tool_use_id": None},
        {**head, **line("user", "x1", None, "Explore"), "parent_tool_use_id": "t1"},
    ]
    main, child = runs(read_value(claude_stream_json.FORMAT, rows))
    assert main.details["subagents"] == {"t1": "t1"}
    assert (child.details["called_by"], child.details["called_by_tool"]) == ("t1", "Task")


def test_finding_the_callers_of_subagents_is_linear() -> None:
    def finding(count: int) -> Work:
        asked = [(n, line("assistant", f"a{n}", None, use(f"t{n}"))) for n in range(count)]
        answers = [
            (n, answer(f"u{n}", f"a{n}", f"t{n}", toolUseResult={"agentId": f"g{n}"}))
            for n in range(count)
        ]
        begun = subagent_callers({"": asked + answers})
        return lambda: [begun.details(f"g{n}") for n in range(count)]

    assert_linear(finding, 4_000)


USED = {"id": "m1", "usage": {"input_tokens": 5, "output_tokens": 7}}
OLD = [
    line("user", "u1", None, "Do it", sessionId="s0"),
    line("assistant", "a1", "u1", use("t1"), sessionId="s0", message=USED),
    answer("u2", "a1", "t1", "broken", failed=True, sessionId="s0"),
    given_up("a9", "u2", "API Error: 529", sessionId="s0"),
]


@pytest.mark.parametrize(
    "copied",
    [OLD, [{**one, "sessionId": "s1", "forkedFrom": {"sessionId": "s0"}} for one in OLD]],
    ids=["resumed", "forked"],
)
def test_a_continued_session_names_its_origin_and_does_not_count_its_errors(
    copied: list[dict[str, Any]],
) -> None:
    more = [line("user", "u3", "u2", "Go on"), line("assistant", "a2", "u3", "Done")]
    events = read(*copied, *more)
    (start,) = only(events, RunStarted)
    assert (start.run_id, start.parent_run_id) == ("s1", "s0")
    assert start.details["goes_on_from"] == "s0"
    message = "continues session s0: 4 lines of it repeated here"
    assert start.diagnostics[0].message == message
    assert [m.flags for m in messages(events)] == [("copied",)] * 3 + [()] * 2
    assert {"TOOL_ERROR:note", "REQUEST_ERROR:note"} <= set(found_codes(events))
    state, _ = fold_run(events)
    assert state.severities[Severity.ERROR] == 0
    assert state.tally.completion_tokens is None


def test_sessions_that_merely_share_a_file_are_not_copies() -> None:
    events = read(*OLD, line("user", "u3", None, "Go on"))
    assert runs(events)[0].run_id == "s0"
    assert not any(message.flags for message in messages(events))
    assert found_codes(events) == ["TOOL_ERROR:error", "REQUEST_ERROR:error"]


@settings(max_examples=100, deadline=None)
@given(
    any_json("type", "prompt", "commandMode", "origin", "error", "status", "agentId", "content"),
    st.sampled_from(["attachment", "system", "assistant", "user"]),
    st.sampled_from(["api_error", "turn_duration", "api_retry"]),
)
def test_no_value_of_these_lines_raises(value: Any, kind: str, subtype: str) -> None:
    fields = {
        "attachment": value,
        "rendered": value,
        "error": value,
        "retryInMs": value,
        "durationMs": value,
        "apiErrorStatus": value,
        "toolUseResult": value,
        "forkedFrom": value,
        "isApiErrorMessage": True,
        "message": value,
    }
    odd = row(kind, "q1", "a1", subtype=subtype, **fields)
    held = attached("q2", "q1", type="queued_command", prompt=value, commandMode=value)
    same = answer("u2", "q2", "t1", DECLINED, toolUseResult=value, forkedFrom=value)
    fold_run(read_value(FORMAT, [*BEGUN, odd, held, same]))
    FORMAT.sniff(sample(odd, held))
    assert len(calls(read_value(claude_stream_json.FORMAT, [*BEGUN, odd, same]))) >= 1
