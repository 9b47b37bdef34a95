"""`autogen`: messages and events of AutoGen agents (0.4 and later), as they are dumped.

    file   = [event, …] | event per line | result | result per line
    result = {"messages": [event, …], "stop_reason"}
    event  = {"type", "source", "content", "models_usage"?, "created_at"?}

A `ToolCallRequestEvent` holds calls, a `ToolCallExecutionEvent` one result for each of them.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, RunBuilder, Sample
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.message_parts import flagged
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
"""What a message is beside its text."""

_PLAIN = ("TextMessage", "MultiModalMessage", "StructuredMessage")
_CODE = ("CodeGenerationEvent", "CodeExecutionEvent")
_TYPES = frozenset((_REQUEST, _EXECUTION, _THOUGHT, *_FLAGS, *_PLAIN, *_CODE))
_USERS = frozenset({"user", "user_proxy", "human"})


class AutoGen:
    """Reads what a team of agents said and called."""

    name = "autogen"
    summary = "AutoGen messages and events (0.4 and later), and results of runs with them"

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        if fields.mostly(values, _is_event):
            return Match(0.9, Unit.PARTS, layout)
        return Match(0.9, Unit.RUNS, layout) if fields.mostly(values, _is_result) else None

    def read(self, value: Any, build: RunBuilder) -> None:
        if build.unit is Unit.PARTS:
            if build.is_opening:
                build.start(task=_title_of([value]))
            _read_event(value, "", build)
        elif isinstance(value, dict) and isinstance(value.get("messages"), list):
            _read_result(value, build)
        else:
            build.defect("no result with its messages", fields.excerpt(value))


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


def _title_of(events: list[Any]) -> str:
    return fields.title_of({**one, "role": _role_of(one)} for one in events if _is_event(one))


def _role_of(event: dict[str, Any]) -> str:
    source = fields.label(event, "source").lower()
    return "user" if source in _USERS else "assistant"


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
        build.defect("not a message", fields.excerpt(event), pointer=pointer)
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
    parts = normalise_message(raw, text_calls=TextCalls.IGNORE)
    if isinstance(kind, str) and kind in _FLAGS:
        parts = flagged(parts, _FLAGS[kind])
    build.append(parts, pointer)


def _call(raw: Any) -> Any:
    """Return a call as chat messages write it."""
    if not isinstance(raw, dict) or "name" not in raw:
        return raw
    named = {key: raw[key] for key in ("name", "arguments") if key in raw}
    return {"type": "function", "function": named, **({"id": raw["id"]} if "id" in raw else {})}


def _read_execution(answers: list[Any], pointer: str, ts: float | None, build: RunBuilder) -> None:
    for index, answer in enumerate(answers):
        place = f"{pointer}/content/{index}"
        if not isinstance(answer, dict):
            build.defect("not a result", fields.excerpt(answer), pointer=place)
            continue
        raw = {**answer, "role": "tool", "tool_call_id": answer.get("call_id")}
        build.message(raw, pointer=place, text_calls=TextCalls.IGNORE, ts=ts)


FORMAT = AutoGen()
