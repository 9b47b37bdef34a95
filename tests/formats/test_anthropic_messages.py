"""Anthropic messages are read in every container, and distinguished from other chat messages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.detect import detect
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.anthropic_messages import FORMAT
from hermes_tui.formats.registry import formats
from hermes_tui.model.events import (
    RequestFailed,
    ResponseReceived,
    RunEnded,
    SourceDefect,
    ToolReturned,
)
from tests.bytes_source import BytesSource
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    document,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
    sample,
)

USER = {"role": "user", "content": "How warm is it in Bern?"}
CALL = {
    "role": "assistant",
    "content": [
        {"type": "thinking", "thinking": "Ask the station.", "signature": "c2ln"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "tu1", "name": "weather", "input": {"city": "Bern"}},
    ],
}
RESULT = {
    "role": "user",
    "content": [
        {"type": "tool_result", "tool_use_id": "tu1", "content": "no station", "is_error": True}
    ],
}
CHAT = [USER, CALL, RESULT]
REPLY = {
    **CALL,
    "id": "msg_1",
    "type": "message",
    "model": "claude-example",
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 3},
}
TOOLS = [{"name": "weather", "description": "Ask", "input_schema": {"type": "object"}}]


@pytest.mark.parametrize(
    ("data", "run_count"),
    [
        (document(CHAT), 1),
        (lines(CHAT), 1),
        (lines(*CHAT), 1),
        (lines(CHAT, CHAT), 2),
        (document([CHAT, CHAT]), 2),
        (document({"messages": CHAT}), 1),
        (lines({"messages": CHAT}, {"messages": CHAT}), 2),
    ],
    ids=["array", "one line", "a message a line", "a list a line", "lists", "wrapped", "wrapped*"],
)
def test_every_container_opens_as_this_format(data: bytes, run_count: int) -> None:
    detection = detect(BytesSource(data), formats())
    assert detection.reader is not None
    assert (detection.reader.name, detection.rivals) == ("anthropic-messages", ())
    assert counts(read_bytes(FORMAT, data)) == (run_count, 3 * run_count, run_count)


def test_blocks_become_reasoning_text_calls_and_results() -> None:
    events = read_bytes(FORMAT, lines(CHAT))
    reply = messages(events)[1]
    assert (reply.text, [piece.text for piece in reply.reasoning]) == (
        "I look.",
        ["Ask the station."],
    )
    (call,) = calls(events)
    assert (call.name, call.id, call.arguments) == ("weather", "tu1", {"city": "Bern"})
    (returned,) = only(events, ToolReturned)
    assert (returned.result.call_id, returned.result.content) == ("tu1", "no station")
    assert "TOOL_ERROR:error" in found_codes(events)


@pytest.mark.parametrize("system", ["Be brief.", [{"type": "text", "text": "Be brief."}]])
def test_a_request_has_its_system_prompt_model_and_tools(system: Any) -> None:
    request = {"model": "m", "max_tokens": 9, "system": system, "tools": TOOLS, "messages": [USER]}
    events = read_bytes(FORMAT, document(request))
    (start,) = runs(events)
    assert (start.model, [tool.name for tool in start.tools]) == ("m", ["weather"])
    assert start.details == {"max_tokens": 9}
    assert dialog(events)[0] == ("system", "Be brief.")


def test_a_reply_is_a_run_of_one_message_with_its_usage() -> None:
    events = read_bytes(FORMAT, lines(REPLY, REPLY))
    assert counts(events) == (2, 2, 2)
    received = only(events, ResponseReceived)[0]
    assert (received.finish_reason, received.usage.prompt_tokens) == ("tool_use", 12)
    assert (runs(events)[0].run_id, runs(events)[0].model) == ("msg_1", "claude-example")


def test_every_outcome_of_a_batch_is_a_run_even_a_failed_one() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
    events = read_bytes(
        FORMAT,
        lines(
            {"custom_id": "a", "result": {"type": "succeeded", "message": REPLY}},
            {"custom_id": "b", "result": {"type": "errored", "error": error}},
            {"custom_id": "c", "result": {"type": "expired"}},
        ),
    )
    assert [run.run_id for run in runs(events)] == ["a", "b", "c"]
    assert ["busy" in failed.message for failed in only(events, RequestFailed)] == [True, False]
    assert [ended.stop_reason for ended in only(events, RunEnded)] == ["errored", "expired"]


def test_an_invalid_element_is_a_defect_at_its_place() -> None:
    events = read_value(FORMAT, {"messages": [USER, 7, CALL]})
    (defect,) = only(events, SourceDefect)
    assert defect.at.pointer == "/messages/1"
    assert counts(events) == (1, 2, 1)


def test_messages_without_anthropic_blocks_are_not_claimed() -> None:
    text = {"role": "user", "content": [{"type": "text", "text": "hi"}]}
    assert FORMAT.sniff(sample(text, {"role": "assistant", "content": "ho"})) is None
    assert FORMAT.sniff(sample({"messages": CHAT, "response": {}})) is None


def test_a_role_or_type_that_is_not_a_string_does_not_break_sniffing() -> None:
    odd = {"role": {}, "content": [{"type": []}, {"type": {}}]}
    assert FORMAT.sniff(sample(odd, USER, CALL, RESULT, *CHAT)) is None
    odd_message = {**USER, "content": [{"type": []}]}
    assert FORMAT.sniff(sample(odd_message, CALL, RESULT)) is not None


@settings(max_examples=100, deadline=None)
@given(
    any_json("messages", "role", "content", "type", "result", "custom_id", "system", "tools"),
    any_json("role", "content", "type", "input", "tool_use_id", "stop_reason", "usage"),
)
def test_reading_and_sniffing_never_raise(value: Any, inner: Any) -> None:
    outcome = {"custom_id": value, "result": {"type": "errored", "error": inner}}
    request = {"messages": [inner, CALL], "system": value, "tools": inner}
    for item in (
        value,
        inner,
        request,
        {"result": {"message": inner}},
        outcome,
        {**REPLY, **request},
    ):
        FORMAT.sniff(sample(item))
        for unit in Unit:
            read_value(FORMAT, item, unit)
