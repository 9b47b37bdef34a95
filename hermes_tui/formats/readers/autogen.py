"""`autogen`: dumped messages and events of AutoGen agents (0.4 and later).

    file   = [event, …] | event per line | result | result per line | state | state per line
    result = {"messages": [event, …], "stop_reason"}
    event  = {"type", "source", "content", "models_usage"?, "created_at"?}
    state  = {"type", "version", "llm_context": {"messages": [said, …]}}       of an agent
           | {"type", "version", "message_thread": [event, …]}                 of a team's manager
           | {"type", "version", "agent_states": {name: state | {"agent_state": state}}}
    said   = {"type": "UserMessage" | "AssistantMessage" | …, "content", "source"?, "thought"?}

A `ToolCallRequestEvent` holds calls, a `ToolCallExecutionEvent` one result for each of them. The
state of a team is one run for each agent, with the messages in the context of its model, and one
for the message thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.json_text.json_slice import pointer_of
from hermes_tui.formats.message_parts import flagged
from hermes_tui.formats.replies import is_autogen, openai_messages
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.parsers.measures import time_of
from hermes_tui.parsers.normalise import TextCalls, normalise_message

_REQUEST, _EXECUTION, _THOUGHT = "ToolCallRequestEvent", "ToolCallExecutionEvent", "ThoughtEvent"
_FLAGS = {
    "HandoffMessage": "handoff",
    "StopMessage": "stop",
    "ToolCallSummaryMessage": "summary",
    "ModelClientStreamingChunkEvent": "partial",
    "MemoryQueryEvent": "memory",
    "SelectSpeakerEvent": "speaker selection",
    "SelectorEvent": "speaker selection",
    "UserInputRequestedEvent": "input requested",
}
"""The flag of a message by its type."""

_PLAIN_TYPES = ("TextMessage", "MultiModalMessage", "StructuredMessage")
_CODE_TYPES = ("CodeGenerationEvent", "CodeExecutionEvent")
_TYPES = frozenset((_REQUEST, _EXECUTION, _THOUGHT, *_FLAGS, *_PLAIN_TYPES, *_CODE_TYPES))
_USER_SOURCES = frozenset({"user", "user_proxy", "human"})


class AutoGen:
    """Reads the messages and calls of a team of agents."""

    name = "autogen"
    summary = "AutoGen messages and events (0.4 and later), results of runs, saved states"

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        if fields.mostly(values, _is_event):
            return Match(0.9, Unit.PARTS, layout)
        are_runs = fields.mostly(values, _is_result) or fields.mostly(values, _is_state)
        return Match(0.9, Unit.RUNS, layout) if are_runs else None

    def read(self, value: Any, build: RunBuilder) -> None:
        if build.unit is Unit.PARTS:
            if build.is_opening:
                build.start(task=_title_of([value]))
            _read_event(value, "", build)
        elif isinstance(value, dict) and isinstance(value.get("messages"), list):
            _read_result(value, build)
        elif agents := list(_agent_messages(value, "", "")):
            for name, pointer, messages in agents:
                _read_state(name, pointer, messages, build)
        else:
            build.defect("no result with its messages", value)


def _is_event(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("type"), str)
        and isinstance(value.get("source"), str)
        and (value["type"] in _TYPES or "models_usage" in value)
    )


def _is_result(value: Any) -> bool:
    messages = value.get("messages") if isinstance(value, dict) else None
    return isinstance(messages, list) and fields.mostly(messages[:50], _is_event)


def _is_state(value: Any) -> bool:
    is_known = isinstance(value, dict) and isinstance(value.get("version"), str)
    return is_known and any(messages for _, _, messages in _agent_messages(value, "", ""))


def _agent_messages(
    state: Any, name: str, pointer: str, depth: int = 6
) -> Iterator[tuple[str, str, Any]]:
    """Yield the messages of each agent of a state: its name, the pointer to them, and the list."""
    if not isinstance(state, dict) or not depth:
        return
    messages = fields.as_dict(state.get("llm_context")).get("messages")
    thread = state.get("message_thread")
    if isinstance(messages, list) and all(map(is_autogen, messages)):
        yield name, f"{pointer}/llm_context/messages", messages
    elif isinstance(thread, list) and fields.mostly(thread[:50], _is_event):
        yield name, f"{pointer}/message_thread", thread
    yield from _agent_messages(state.get("agent_state"), name, f"{pointer}/agent_state", depth - 1)
    for inner, inner_state in fields.as_dict(state.get("agent_states")).items():
        place = f"{pointer}/agent_states{pointer_of((inner,))}"
        yield from _agent_messages(inner_state, inner, place, depth - 1)


def _read_state(name: str, pointer: str, messages: list[Any], build: RunBuilder) -> None:
    build.start(
        run_id=name,
        task=_title_of(messages),
        details={"agent": name} if name else {},
        pointer=pointer,
    )
    for index, message in enumerate(messages):
        place = f"{pointer}/{index}"
        if is_autogen(message):
            for below, raw in openai_messages(message):
                build.message(raw, pointer=place + below)
        else:
            _read_event(message, place, build)


def _title_of(events: list[Any]) -> str:
    messages = (one for one in events if _is_event(one) or is_autogen(one))
    return fields.title_of({**one, "role": _role_of(one)} for one in messages)


def _role_of(event: dict[str, Any]) -> str:
    source = fields.label(event, "source").lower()
    return "user" if source in _USER_SOURCES else "assistant"


def _read_result(value: dict[str, Any], build: RunBuilder) -> None:
    events = value["messages"]
    build.start(
        run_id=fields.run_id_of(value),
        task=_title_of(events),
        model=fields.model_of(value),
        details=fields.details_of(value, without=("messages", "stop_reason")),
    )
    for index, event in enumerate(events):
        _read_event(event, f"/messages/{index}", build)
    build.end(stop_reason=fields.label(value, "stop_reason"))


def _read_event(event: Any, pointer: str, build: RunBuilder) -> None:
    if not isinstance(event, dict):
        build.defect("not a message", event, pointer=pointer)
        return
    kind, content = event.get("type"), event.get("content")
    if kind == _EXECUTION and isinstance(content, list):
        _read_execution(content, pointer, time_of(event), build)
        return
    raw = {key: item for key, item in event.items() if key not in ("type", "source", "metadata")}
    role = _role_of(event)
    raw |= {"role": role, "name": fields.label(event, "source")}
    if kind == _REQUEST and isinstance(content, list):
        raw |= {"content": None, "tool_calls": [_call(one) for one in content]}
    elif kind == _THOUGHT:
        raw |= {"content": None, "reasoning_content": content}
    elif isinstance(content, dict):
        raw["content"] = fields.json_text(content)
    is_reply = kind in _PLAIN_TYPES and role == "assistant"
    text_calls = TextCalls.SUSPECT if is_reply else TextCalls.IGNORE
    parts = normalise_message(raw, text_calls=text_calls)
    if isinstance(kind, str) and kind in _FLAGS:
        parts = flagged(parts, _FLAGS[kind])
    build.append(parts, pointer)


def _call(raw: Any) -> Any:
    """Return a call in the form of chat messages."""
    if not isinstance(raw, dict) or "name" not in raw:
        return raw
    function = {key: raw[key] for key in ("name", "arguments") if key in raw}
    return {"type": "function", "function": function, **({"id": raw["id"]} if "id" in raw else {})}


def _read_execution(answers: list[Any], pointer: str, ts: float | None, build: RunBuilder) -> None:
    for index, answer in enumerate(answers):
        place = f"{pointer}/content/{index}"
        if not isinstance(answer, dict):
            build.defect("not a result", answer, pointer=place)
            continue
        raw = {**answer, "role": "tool", "tool_call_id": answer.get("call_id")}
        build.message(raw, pointer=place, text_calls=TextCalls.IGNORE, ts=ts)


FORMAT = AutoGen()
