from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.autogen import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    document,
    ended,
    format_of,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
    started,
)


def event(kind: str, source: str, content: Any) -> dict[str, Any]:
    return {"source": source, "models_usage": None, "content": content, "type": kind}


ADD = {"id": "c1", "name": "add", "arguments": '{"a": 1}'}
SUB = {"id": "c2", "name": "sub", "arguments": '{"b": 1'}
EVENTS: list[dict[str, Any]] = [
    event("TextMessage", "user", "Add one."),
    event("ThoughtEvent", "adder", "Use add."),
    {
        **event("ToolCallRequestEvent", "adder", [ADD, SUB]),
        "models_usage": {"prompt_tokens": 5, "completion_tokens": 2},
        "created_at": "2025-06-06T10:00:00Z",
    },
    event(
        "ToolCallExecutionEvent",
        "adder",
        [
            {"call_id": "c1", "name": "add", "content": "2", "is_error": False},
            {"call_id": "c2", "name": "sub", "content": "bad arguments", "is_error": True},
        ],
    ),
    event("ToolCallSummaryMessage", "adder", "2"),
    event("StopMessage", "critic", "TERMINATE"),
]
RESULT = {"messages": EVENTS, "stop_reason": "Text 'TERMINATE' mentioned"}


@pytest.mark.parametrize(
    "data",
    [lines(*EVENTS), document(EVENTS), document(RESULT), lines(RESULT)],
    ids=["a line each", "list", "result", "a result a line"],
)
def test_every_container_of_events_is_recognised_as_one_run(data: bytes) -> None:
    assert format_of(data) == "autogen"
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 7, 2)
    assert started(events).task == "Add one."


def test_calls_and_their_results_pair_and_failed_ones_are_errors() -> None:
    events = read_value(FORMAT, RESULT)
    assert [(call.name, call.id, call.arguments_text) for call in calls(events)] == [
        ("add", "c1", '{"a": 1}'),
        ("sub", "c2", '{"b": 1'),
    ]
    assert [result.error is not None for result in results(events)] == [False, True]
    assert fold_run(events)[0].codes.keys() == {"ARGS_INVALID", "TOOL_ERROR"}


def test_agents_speak_under_their_names_and_think_in_reasoning() -> None:
    _, thought, request, *_, stop = messages(read_value(FORMAT, RESULT))
    assert [piece.text for piece in thought.reasoning] == ["Use add."]
    assert (request.role, request.author) == ("assistant", "adder")
    assert request.usage is not None
    assert request.usage.prompt_tokens == 5
    assert request.time_s == 1749204000.0
    assert (stop.author, stop.flags) == ("critic", ("stop",))


def test_the_reason_why_a_run_stopped_is_kept() -> None:
    assert ended(read_value(FORMAT, RESULT)).stop_reason == "Text 'TERMINATE' mentioned"


def test_unknown_events_are_shown_and_other_values_are_defects() -> None:
    events = read_value(FORMAT, {"messages": [event("NewEvent", "a", {"x": 1}), 7]})
    assert dialog(events) == [("assistant", '{"x":1}')]
    (defect,) = only(events, SourceDefect)
    assert defect.at is not None
    assert defect.at.pointer == "/messages/1"


@settings(max_examples=100, deadline=None)
@given(any_json("type", "source", "content", "messages", "models_usage", "id", "name"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    for item in (value, {"messages": value}, {"messages": [value], "stop_reason": value}):
        FORMAT.sniff(sample(item))
        read_value(FORMAT, item)
        read_value(FORMAT, item, Unit.PARTS)
    for one in EVENTS:
        read_value(FORMAT, {"messages": [{**one, "content": value, "source": value}]})
        read_value(FORMAT, {"messages": [{**one, "content": [value]}]})


SAID = [
    {"content": "Add one.", "source": "user", "type": "UserMessage"},
    {"content": [ADD, SUB], "thought": "Use add.", "source": "adder", "type": "AssistantMessage"},
    {
        "content": [{"content": "2", "name": "add", "call_id": "c1", "is_error": False}],
        "type": "FunctionExecutionResultMessage",
    },
]
AGENT = {"type": "AssistantAgentState", "version": "1.0.0", "llm_context": {"messages": SAID}}
HELD = {"type": "ChatAgentContainerState", "agent_state": AGENT, "message_buffer": []}
MANAGER = {"type": "RoundRobinManagerState", "message_thread": EVENTS, "current_turn": 1}
TEAM = {"type": "TeamState", "version": "1.0.0", "agent_states": {"adder": HELD, "M/1": MANAGER}}


def test_the_saved_state_of_an_agent_is_a_run() -> None:
    """The shapes are those that `save_state` of autogen-agentchat 0.7.5 writes."""
    data = document(AGENT)
    assert format_of(data) == "autogen"
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 3, 2)
    assert started(events).task == "Add one."
    assert [answer.call_id for answer in results(events)] == ["c1"]


def test_a_team_state_has_a_run_for_each_agent_and_for_the_thread() -> None:
    events = read_bytes(FORMAT, lines(TEAM))
    assert counts(events) == (2, 3 + 7, 4)
    assert [run.run_id for run in runs(events)] == ["adder", "M/1"]
    assert only(events, SourceDefect) == []
    places = {message.at.pointer for message in events if message.at}
    assert "/agent_states/M~11/message_thread/0" in places


def test_a_call_that_an_agent_left_in_its_text_is_found() -> None:
    left = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>'
    rows = [event("TextMessage", "user", left), event("TextMessage", "adder", left)]
    assert [call.name for call in calls(read_bytes(FORMAT, lines(*rows)))] == ["add"]
