"""Conversations of the AI SDK: UI messages, model messages, steps and results."""

from __future__ import annotations

import json
import sqlite3
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.ai_sdk.reader import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import (
    CallSkipped,
    MessageAppended,
    RequestFailed,
    RunEnded,
    SourceDefect,
)
from hermes_tui.model.spans import ByteRange
from hermes_tui.runtime.opener import FoundRun, open_file, survey
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    document,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    results,
    runs,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "ai_sdk"
QUESTION = "What is the weather in Paris and Oslo?"
ANSWER = "Paris is **18** C, Oslo is 7 C."
BROKEN = '{"city":"Rome",}'
EXPECTED_CALLS = [
    ("call_w1", "weather"), ("call_w2", "weather"), ("call_d1", "divide"), ("call_b1", "weather"),
    ("call_b2", "weather"), ("call_u1", "forecast"),
]  # fmt: skip
"""The calls that the scripted server made, as (id, name)."""
WHOLE = ("ui_messages", "model_messages", "steps", "result_v7")
"""The files that hold the whole run of the scripted server."""


def content(name: str) -> bytes:
    return (FOLDER / f"{name}.json").read_bytes()


def value(name: str) -> Any:
    return json.loads(content(name))


@pytest.mark.parametrize("name", WHOLE)
def test_all_that_the_server_sent_arrives(name: str) -> None:
    assert format_of(content(name)) == "ai-sdk"
    events = read_bytes(FORMAT, content(name))
    assert [(call.id, call.name) for call in calls(events)] == EXPECTED_CALLS
    assert [one.call_id for one in results(events)] == [call_id for call_id, _ in EXPECTED_CALLS]
    assert dialog(events)[-1] == ("assistant", ANSWER)
    reasoning = [
        thought.text
        for event in only(events, MessageAppended)
        for thought in event.message.reasoning
    ]
    assert reasoning == ["I need the weather first.", "Now divide.", "Enough."]
    assert not only(events, SourceDefect)


@pytest.mark.parametrize("name", WHOLE)
def test_failed_tools_are_errors_with_the_text_that_the_model_got(name: str) -> None:
    answers = results(read_bytes(FORMAT, content(name)))
    assert [one.content for one in answers[:2]] == [
        '{"city":"Paris","celsius":18}',
        '{"city":"Oslo","celsius":7}',
    ]
    assert [one.error is not None for one in answers] == [False, False, True, True, True, True]
    assert "division by zero" in answers[2].content


@pytest.mark.parametrize("name", WHOLE)
def test_arguments_that_are_no_json_are_shown_as_the_model_wrote_them(name: str) -> None:
    events = read_bytes(FORMAT, content(name))
    [broken] = [call for call in calls(events) if call.id == "call_b1"]
    assert broken.arguments_text == BROKEN
    assert broken.raw["toolCallId"] == "call_b1"
    codes = found_codes(events)
    assert codes.count("ARGS_INVALID:error") == 2
    assert codes.count("TOOL_ERROR:error") == 4


def test_calls_that_were_not_run_are_errors_with_the_reason() -> None:
    codes = found_codes(read_bytes(FORMAT, content("ui_messages")))
    assert codes.count("NAME_UNKNOWN:error") == 1


def test_an_unknown_tool_is_reported_once_if_the_request_declares_the_tools() -> None:
    events = read_bytes(FORMAT, content("steps"))
    [first] = runs(events)
    assert [tool.name for tool in first.tools] == ["weather", "divide", "remove"]
    assert found_codes(events).count("NAME_UNKNOWN:error") == 0
    assert f"{Code.NAME_UNKNOWN}:error" in found_codes(read_bytes(FORMAT, content("result_v7")))


def test_the_request_of_the_first_step_shows_the_question() -> None:
    events = read_bytes(FORMAT, content("steps"))
    assert dialog(events)[:2] == [("system", "You are terse."), ("user", QUESTION)]
    [first] = runs(events)
    assert (first.task, first.model, first.run_id) == (QUESTION, "agent-2025", "chatcmpl-0")
    assert first.details["agent"] == "weather-agent"
    assert first.details["metadata"] == {"userId": "u1", "sessionId": "s1"}


def test_each_step_keeps_its_token_counts() -> None:
    used = [
        (count.prompt_tokens, count.completion_tokens, count.cached_tokens, count.reasoning_tokens)
        for event in only(read_bytes(FORMAT, content("steps")), MessageAppended)
        if (count := event.message.usage) is not None
    ]
    assert used == [(100 + turn, 20 + turn, 5, 3) for turn in range(6)]


def test_the_token_counts_that_an_application_adds_to_a_message_are_counted_once() -> None:
    events = read_bytes(FORMAT, content("ui_messages"))
    [used] = [one.usage for one in messages(events) if one.usage is not None]
    assert (used.prompt_tokens, used.completion_tokens) == (615, 135)
    assert runs(events)[0].model == "agent"


@pytest.mark.parametrize("name", ["ui_denied", "model_denied"])
def test_a_call_that_a_person_did_not_allow_is_no_error_of_its_tool(name: str) -> None:
    events = read_bytes(FORMAT, content(name))
    [skipped] = only(events, CallSkipped)
    assert (skipped.reason, skipped.call_index) == ("Not that file.", 0)
    [answer] = results(events)
    assert (answer.call_id, answer.error) == ("call_a1", None)
    assert "TOOL_ERROR:error" not in found_codes(events)


def test_a_message_of_version_4_is_read_step_by_step() -> None:
    events = read_bytes(FORMAT, content("ui_messages_v4"))
    assert [call.id for call in calls(events)] == ["call_w1", "call_w2", "call_d1"]
    assert [one.call_id for one in results(events)] == ["call_w1", "call_w2"]
    texts = [text for role, text in dialog(events) if role == "assistant"]
    assert texts == ["Let me look.", ""]


def test_a_message_of_version_4_without_parts_is_read_too() -> None:
    stored = value("ui_messages_v4")
    del stored[1]["parts"]
    stored[1]["content"] = "Here it is."
    assert format_of(document(stored)) == "ai-sdk"
    events = read_bytes(FORMAT, document(stored))
    assert [call.id for call in calls(events)] == ["call_w1", "call_w2", "call_d1"]
    assert calls(events)[0].raw == stored[1]["toolInvocations"][0]
    assert dialog(events)[-1] == ("assistant", "Here it is.")


def test_a_result_of_version_4_is_read_by_its_steps() -> None:
    assert format_of(content("result_v4")) == "ai-sdk"
    events = read_bytes(FORMAT, content("result_v4"))
    assert [text for _, text in dialog(events)] == [
        "You are terse.",
        QUESTION,
        "Let me look.",
        '{"city":"Paris","celsius":18}',
        '{"city":"Oslo","celsius":7}',
        "Paris is 18 C, Oslo is 7 C.",
    ]
    used = [event.message.usage for event in only(events, MessageAppended)][2]
    assert used is not None
    assert (used.prompt_tokens, used.completion_tokens) == (100, 20)


def test_a_stored_chat_and_a_request_keep_what_is_around_the_messages() -> None:
    chat = {"id": "chat-1", "title": "Weather", "messages": value("ui_messages")}
    assert format_of(document(chat)) == "ai-sdk"
    [first] = runs(read_bytes(FORMAT, document(chat)))
    assert (first.run_id, first.task) == ("chat-1", "Weather")
    assert first.tools_declared is False


def test_chats_on_lines_are_runs_and_messages_on_lines_are_one() -> None:
    chat = {"id": "chat-1", "messages": value("ui_messages")}
    assert format_of(lines(chat, chat)) == "ai-sdk"
    assert len(runs(read_bytes(FORMAT, lines(chat, chat)))) == 2
    by_line = read_bytes(FORMAT, lines(*value("ui_messages")))
    assert len(runs(by_line)) == 1
    assert [(call.id, call.name) for call in calls(by_line)] == EXPECTED_CALLS


def test_a_message_on_a_line_leads_to_its_line() -> None:
    question = {"role": "user", "parts": [{"type": "text", "text": "And in Rome?"}]}
    data = lines(*value("ui_messages"), question)
    last = only(read_bytes(FORMAT, data), MessageAppended)[-1]
    assert last.message.text == "And in Rome?"
    assert b"And in Rome?" in data[last.at.range.start : last.at.range.end]


def test_rows_of_a_table_of_messages_are_a_run_for_each_chat() -> None:
    rows = [
        {**message, "chatId": chat} for chat in ("c1", "c2") for message in value("ui_messages")
    ]
    assert format_of(document(rows)) == "ai-sdk"
    events = read_bytes(FORMAT, document(rows))
    assert [one.run_id for one in runs(events)] == ["c1", "c2"]
    assert [call.id for call in calls(events)].count("call_w1") == 2


def test_steps_of_several_runs_on_lines_are_apart() -> None:
    steps = value("steps")
    assert len(runs(read_bytes(FORMAT, lines(*steps, *steps[:2])))) == 2
    for step in steps:
        del step["stepNumber"]
    assert len(runs(read_bytes(FORMAT, lines(*steps, *steps[:2])))) == 2


def test_steps_of_which_only_the_reply_was_logged_are_a_run_up_to_one_without_calls() -> None:
    kept = ("text", "toolCalls", "toolResults", "finishReason", "usage")
    steps = [{key: step[key] for key in kept} for step in value("result_v4")["steps"]]
    assert [bool(step["toolCalls"]) for step in steps] == [True, False]
    assert format_of(lines(*steps, *steps)) == "ai-sdk"
    events = read_bytes(FORMAT, lines(*steps, *steps))
    assert len(runs(events)) == 2
    assert len(calls(events)) == len(results(events)) == 4


@pytest.mark.parametrize("key", ["prompt", "messages"])
def test_the_request_that_an_application_logs_next_to_a_reply_is_shown(key: str) -> None:
    question = {"role": "user", "content": "Why?"}
    asked = "Why?" if key == "prompt" else [question, {"role": "assistant", "content": "So."}]
    row = {"system": "Be kind.", key: asked, "text": "So.", "toolCalls": [], "finishReason": "stop"}
    assert format_of(lines(row, row)) == "ai-sdk"
    events = read_bytes(FORMAT, lines(row, row))
    assert dialog(events) == [("system", "Be kind."), ("user", "Why?"), ("assistant", "So.")] * 2
    assert [one.task for one in runs(events)] == ["Why?"] * 2


def test_the_request_that_an_application_logs_next_to_steps_is_shown() -> None:
    result = value("result_v4")
    for step in result["steps"]:
        step.pop("request", None)
    alone = dialog(read_bytes(FORMAT, document(result)))
    question = {"role": "user", "content": "Why?"}
    chat = [question, {"role": "assistant", "content": "So."}]
    for logged in ({"prompt": "Why?"}, {"messages": [question]}, {"messages": chat}):
        data = document({**result, **logged})
        assert format_of(data) == "ai-sdk"
        assert dialog(read_bytes(FORMAT, data)) == [("user", "Why?"), *alone]


def test_a_step_alone_is_a_run() -> None:
    step = value("steps")[0]
    assert format_of(document(step)) == "ai-sdk"
    assert [call.id for call in calls(read_bytes(FORMAT, document(step)))] == ["call_w1", "call_w2"]


def test_a_last_step_that_was_cut_ends_the_run_as_truncated() -> None:
    steps = value("steps")
    steps[-1]["finishReason"] = "length"
    events = read_bytes(FORMAT, document(steps))
    [end] = only(events, RunEnded)
    assert (end.status, end.stop_reason) == ("truncated", "length")
    assert "TRUNCATED:error" in found_codes(events)


def test_a_call_in_progress_has_the_arguments_received_so_far_and_no_result() -> None:
    stored = value("ui_messages")
    part = stored[1]["parts"][3]
    part |= {"state": "input-streaming", "input": {"city": "Pa"}}
    del part["output"]
    events = read_bytes(FORMAT, document(stored))
    assert calls(events)[0].arguments == {"city": "Pa"}
    assert "call_w1" not in [one.call_id for one in results(events)]


def test_elements_that_are_no_messages_are_reported_in_their_place() -> None:
    stored = [*value("ui_messages"), 7, *value("ui_messages"), *value("ui_messages")]
    assert format_of(document(stored)) == "ai-sdk"
    [defect] = only(read_bytes(FORMAT, document(stored)), SourceDefect)
    assert defect.at is not None
    assert defect.at.pointer == "/2"


def test_plain_messages_without_a_call_are_not_claimed() -> None:
    stored = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": ANSWER}]
    assert format_of(document(stored)) == "openai-messages"
    parts = [{"role": "user", "parts": [{"type": "text", "content": QUESTION}]}]
    assert format_of(document(parts)) != "ai-sdk"


def test_a_step_of_which_everything_odd_is_changed_keeps_its_reply() -> None:
    step = deepcopy(value("steps")[0])
    step["response"] = step["request"] = step["model"] = 7
    step["content"].append("x")
    events = read_bytes(FORMAT, document([step]))
    assert len(calls(events)) == 2


def test_a_thread_of_mastra_is_read_step_by_step() -> None:
    assert format_of(content("mastra_thread")) == "ai-sdk"
    events = read_bytes(FORMAT, content("mastra_thread"))
    assert [(call.id, call.name) for call in calls(events)] == EXPECTED_CALLS
    assert [one.call_id for one in results(events)] == [call_id for call_id, _ in EXPECTED_CALLS]
    assert next(one.content for one in results(events) if one.error) == "division by zero"
    assert len([one for one in messages(events) if one.reasoning]) == 3
    [first] = runs(events)
    assert (first.task, first.model) == (QUESTION, "agent")


def test_a_failed_request_in_a_thread_of_mastra_ends_the_run() -> None:
    events = read_bytes(FORMAT, content("mastra_thread_fails"))
    [failed] = only(events, RequestFailed)
    assert failed.at is not None
    assert failed.at.pointer == "/messages/1/content/parts/5"
    [end] = only(events, RunEnded)
    assert (end.status, end.stop_reason) == ("error", "the model crashed")
    assert [text for role, text in dialog(events) if role == "assistant"] == ["Let me look."]


def test_steps_of_mastra_are_read_from_their_lists_and_their_responses() -> None:
    assert format_of(content("mastra_steps")) == "ai-sdk"
    events = read_bytes(FORMAT, content("mastra_steps"))
    assert [(call.id, call.name) for call in calls(events)] == EXPECTED_CALLS
    answers = {one.call_id: one for one in results(events)}
    assert list(answers) == [call_id for call_id, _ in EXPECTED_CALLS]
    assert answers["call_d1"].content == "division by zero"
    assert answers["call_d1"].error is not None
    assert len([one for one in messages(events) if one.reasoning]) == 3
    assert calls(events)[0].raw["payload"]["toolCallId"] == "call_w1"


def test_the_database_of_mastra_has_a_run_for_each_thread(tmp_path: Path) -> None:
    path = tmp_path / "mastra.db"
    with sqlite3.connect(path) as connection:
        connection.executescript((FOLDER / "mastra.sql").read_text())
        connection.execute(
            "INSERT INTO mastra_messages VALUES ('m', 'lost', '\"Hi.\"', 'user', 'v2', 'x', 'u')"
        )
    connection.close()
    file = open_file(path, whole=True)
    try:
        states = [step.state for step in survey(file) if isinstance(step, FoundRun)]
        starts = [runs(list(file.decode(record)))[0] for record in range(len(file.index))]
    finally:
        file.close()
    assert file.reader.name == "ai-sdk"
    assert [one.run_id for one in starts] == ["t-good", "t-agent", "t-latefail", "lost"]
    assert starts[0].details["resourceId"] == "user-1"
    assert [(one.messages, one.calls, one.results) for one in states] == [
        (5, 2, 2),
        (13, 6, 6),
        (4, 2, 2),
        (1, 0, 0),
    ]


@settings(max_examples=150, deadline=None)
@given(
    any_json(
        "role", "parts", "type", "toolCallId", "tool-x", "state", "toolInvocations", "content",
        "tool-call", "steps", "finishReason", "usage", "messages", "response", "text",
    )
)  # fmt: skip
def test_any_json_is_read(anything: Any) -> None:
    build = RunBuilder(ByteRange(0, 1), unit=Unit.RUNS)
    FORMAT.read(anything, build)
    assert build.events
