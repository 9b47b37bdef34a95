"""Saved runs of the OpenAI Agents SDK: their input and items, agents, and waiting calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.detect import detect
from hermes_tui.formats.readers.agents_runstate import FORMAT, PENDING
from hermes_tui.formats.registry import formats
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import MessageAppended, ResponseReceived, SourceDefect
from tests.bytes_source import BytesSource
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    document,
    ended,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
)


def made(kind: str, agent: str, **item: Any) -> dict[str, Any]:
    return {"type": kind, "agent": {"name": agent}, "raw_item": item}


CALL = {"type": "function_call", "id": "fc", "call_id": "c1", "name": "pay", "arguments": "{}"}
SPOKEN = {
    "type": "message",
    "id": "m1",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Done."}],
}
USED = {"requests": 1, "input_tokens": 9, "output_tokens": 4, "total_tokens": 13}
STATE: dict[str, Any] = {
    "$schemaVersion": "1.13",
    "original_input": "Pay the bill",
    "current_agent": {"name": "clerk"},
    "current_turn": 2,
    "max_turns": 10,
    "context": {
        "usage": {**USED, "output_tokens_details": [{"reasoning_tokens": 3}]},
        "approvals": {"pay": {"approved": ["c0"]}},
    },
    "generated_items": [
        made("reasoning_item", "clerk", type="reasoning", summary=[{"text": "Pay."}]),
        made("tool_call_item", "clerk", **CALL),
        made("tool_call_output_item", "clerk", type="function_call_output", call_id="c1", output=7),
        made("handoff_call_item", "clerk", **{**CALL, "call_id": "h1", "name": "to_boss"}),
        made("handoff_output_item", "clerk", type="function_call_output", call_id="h1", output="b"),
        made("message_output_item", "boss", **SPOKEN),
    ],
    "model_responses": [
        {"output": [CALL], "usage": USED, "response_id": "r1"},
        {"output": [{**CALL, "call_id": "h1"}], "usage": USED},
        {"output": [SPOKEN], "usage": {**USED, "output_tokens": 6}},
    ],
    "current_step": {"type": "next_step_final_output", "data": {}},
    "trace": {"id": "trace_1", "workflow_name": "bills"},
}


def test_a_state_is_recognised_in_a_document_and_in_lines() -> None:
    for data in (document(STATE), lines(STATE, STATE)):
        detection = detect(BytesSource(data), formats())
        assert detection.reader is not None
        assert (detection.reader.name, detection.rivals) == ("agents-runstate", ())
    assert len(runs(read_bytes(FORMAT, lines(STATE, STATE)))) == 2


def test_generated_items_are_messages_under_the_names_of_their_agents() -> None:
    events = read_value(FORMAT, STATE)
    assert counts(events) == (1, 6, 2)
    assert [(message.role, message.author) for message in messages(events)] == [
        ("user", ""),
        ("assistant", "clerk"),
        ("tool", ""),
        ("assistant", "clerk"),
        ("tool", ""),
        ("assistant", "boss"),
    ]
    assert [result.content for result in results(events)] == ["7", "b"]
    assert not fold_run(events)[0].codes


def test_a_state_has_its_trace_turns_approvals_and_outcome() -> None:
    events = read_value(FORMAT, STATE)
    (start,) = runs(events)
    assert (start.run_id, start.task) == ("trace_1", "Pay the bill")
    assert start.details["current_turn"] == 2
    assert start.details["approvals"] == {"pay": {"approved": ["c0"]}}
    end = ended(events)
    assert (end.status, end.stop_reason) == ("ok", "final output")
    assert end.usage is not None
    assert (end.usage.prompt_tokens, end.usage.reasoning_tokens) == (9, 3)


def test_each_response_has_the_usage_of_its_reply() -> None:
    events = read_value(FORMAT, STATE)
    received = only(events, ResponseReceived)
    assert [one.turn for one in received] == [1, 2, 3]
    assert received[-1].usage.completion_tokens == 6
    behind = [events[events.index(one) + 1] for one in received]
    assert behind == [event for event in only(events, MessageAppended) if _is_reply(event)]


def _is_reply(event: MessageAppended) -> bool:
    return event.message.role == "assistant"


def test_a_call_awaiting_approval_is_counted_once_and_flagged() -> None:
    waiting = made("tool_call_item", "clerk", **CALL)
    approval = {**waiting, "type": "tool_approval_item"}
    step = {"type": "next_step_interruption", "data": {"interruptions": [approval]}}
    state = {**STATE, "generated_items": [waiting, approval], "current_step": step}
    events = read_value(FORMAT, state)
    assert counts(events) == (1, 2, 1)
    assert messages(events)[-1].flags == (PENDING,)
    assert ended(events).stop_reason == "1 call waits for approval"


def test_the_longer_list_of_items_is_read() -> None:
    state = {**STATE, "generated_items": [], "session_items": STATE["generated_items"][:3]}
    assert counts(read_value(FORMAT, state)) == (1, 3, 1)


def test_states_of_the_javascript_sdk_are_read() -> None:
    call = {"type": "function_call", "callId": "c1", "name": "pay", "arguments": '{"a": 1}'}
    answer = {
        "type": "function_call_result",
        "callId": "c1",
        "output": {"type": "text", "text": "7"},
    }
    items = [
        {"type": "tool_call_item", "rawItem": call, "agent": {"name": "clerk"}},
        {"type": "tool_call_output_item", "rawItem": answer, "agent": {"name": "clerk"}},
    ]
    state = {"$schemaVersion": "1.0", "originalInput": "Pay", "generatedItems": items}
    events = read_bytes(FORMAT, document(state))
    assert [message.role for message in messages(events)] == ["user", "assistant", "tool"]
    (found,) = calls(events)
    assert (found.id, found.arguments) == ("c1", {"a": 1})
    assert [(result.call_id, result.content) for result in results(events)] == [("c1", "7")]


def test_an_input_of_items_is_read_as_items() -> None:
    state = {**STATE, "original_input": [{"role": "user", "content": "Pay"}, SPOKEN]}
    assert dialog(read_value(FORMAT, state))[:2] == [("user", "Pay"), ("assistant", "Done.")]


def test_an_element_that_is_not_an_item_is_a_defect_at_its_place() -> None:
    events = read_value(FORMAT, {**STATE, "generated_items": [7, *STATE["generated_items"]]})
    (defect,) = only(events, SourceDefect)
    assert defect.at is not None
    assert (defect.at.pointer, defect.excerpt) == ("/generated_items/0", "7")


@settings(max_examples=50, deadline=None)
@given(any_json("type", "agent", "raw_item", "output", "usage", "id", "call_id", "interruptions"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    FORMAT.sniff(sample(value, {"$schemaVersion": value, "generated_items": value}))
    for key in STATE:
        fold_run(read_value(FORMAT, {**STATE, key: value}))
    for item in STATE["generated_items"]:
        odd = {**item, "raw_item": {**item["raw_item"], "call_id": value}}
        fold_run(read_value(FORMAT, {**STATE, "generated_items": [odd, value, [value]]}))


@pytest.mark.shared
def test_states_written_by_the_sdk_are_read_completely(trajectories: Path) -> None:
    paths = sorted((trajectories / "22-openai-agents").iterdir())
    assert paths
    for path in paths:
        data = path.read_bytes()
        detection = detect(BytesSource(data), formats())
        assert detection.reader is not None
        assert (detection.reader.name, detection.rivals) == ("agents-runstate", ())
        events = read_bytes(FORMAT, data)
        assert dialog(events)[0] == ("user", "historical input")
        assert all(call.name and call.id for call in calls(events))
