"""`ag2`: event logs of AG2 agents, and the results of chats of AG2 before version 1 (AutoGen 0.2).

    file   = event*                                              one run: the log of a stream
           | result | [result, …] | result per line
    event  = {"type": "ag2.events.….ModelRequest", "data": {"created_at", "parts": [input, …]}}
           | {"type": "….ModelResponse", "data": {"message": {"content"} | null,
              "tool_calls": {"calls": [call, …]}, "usage": {"data": {…}}, "model", "finish_reason"}}
           | {"type": "….ToolResultEvent" | "….ToolErrorEvent" | …, "data": {"parent_id", "name",
              "result": {"data": {"parts": [input, …]}}, "error"?: {"__exception__", "message"}}}
           | {"type": "….ToolCallsEvent" | "….ToolCallEvent" | "….ToolResultsEvent" |
              "….UsageEvent", …}                                 they repeat the others
           | {"type": "ag2.events.…", "data": {…}}               anything else that happened
    call   = {"id", "name", "arguments": text}
    input  = {"content"} | {"data"} | {"url", "kind"} | {"file_id"} | …
    result = {"chat_id", "chat_history": [message, …], "summary", "cost", "human_input"}

The history of a result has the roles that the agent sees which began the chat: its own texts are
the assistant's, and the texts of the agent that answers are the user's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import (
    ChatMessage,
    SourceValue,
    append_messages,
    source_defect,
    source_values,
    values_under,
)
from hermes_tui.formats.message_contents import models_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.chat_api import function_call
from hermes_tui.parsers.measures import timestamp, total_usage, usage

_PREFIX: Final = "ag2.events."
_REPEATED: Final = frozenset({"ToolCallsEvent", "ToolCallEvent", "ToolResultsEvent", "UsageEvent"})
_REQUESTS: Final = frozenset({"ModelRequest", "DrainedModelRequest"})
_RESULTS: Final = frozenset(
    {"ToolResultEvent", "BuiltinToolResultEvent", "ToolErrorEvent", "ToolNotFoundEvent"}
)
_COST: Final = "usage_including_cached_inference"
_SWAPPED: Final = {"assistant": "user", "user": "assistant"}


class AG2:
    """Reads the log of a stream, or the result of a chat, as a run."""

    name = "ag2"
    summary = "AG2: event logs of agents; results of chats before version 1 (AutoGen 0.2)"

    def sniff(self, sample: Sample) -> Match | None:
        found = sample.match_of_rows(0.95, _is_event)
        return found or sample.match_of_runs(0.95, _is_result)

    def read(self, value: Any, build: RunBuilder) -> None:
        if _is_result(value):
            _read_result(value, build)
        else:
            _read_log(source_values(value, build), build)


def _is_event(value: Any) -> bool:
    known = fields.as_dict(value)
    return fields.label(known, "type").startswith(_PREFIX) and isinstance(known.get("data"), dict)


def _is_result(value: Any) -> bool:
    known = fields.as_dict(value)
    history = known.get("chat_history")
    return "summary" in known and "cost" in known and fields.is_message_list(history)


def _read_log(events: list[SourceValue], build: RunBuilder) -> None:
    if not any(_is_event(one.value) for one in events):
        build.defect("no event of AG2 in this record", [one.value for one in events])
        return
    data = [one.value["data"] for one in events if _is_event(one.value)]
    model, models = models_of(data, "model")
    providers = dict.fromkeys(filter(None, (fields.label(one, "provider") for one in data)))
    build.start(
        task=fields.title_of(found.raw for one in events for found in _messages(one)),
        model=model,
        details=fields.without_empty({**models, "provider": ", ".join(providers)}),
        ts=next(filter(None, (timestamp(one.get("created_at")) for one in data)), None),
    )
    for source in events:
        if _is_event(source.value):
            append_messages(build, _messages(source))
        else:
            source_defect(build, "not an event", source)


def _messages(source: SourceValue) -> Iterator[ChatMessage]:
    """Yield the message that an event is, or none for one that repeats another."""
    if not _is_event(source.value):
        return
    kind, data = source.value["type"].rpartition(".")[2], source.value["data"]
    place, timed = f"{source.pointer}/data", {"timestamp": data.get("created_at")}
    if kind in _REQUESTS:
        raw = {"role": "user", "content": _content(data.get("parts")), **timed}
        yield ChatMessage(raw, place, line=source.line)
    elif kind == "ModelResponse":
        yield _reply(data, timed, place, source.line)
    elif kind in _RESULTS:
        raw = {**_answer(data), **timed}
        yield ChatMessage(raw, place, (SourceValue(data, place, source.line),), line=source.line)
    elif kind not in _REPEATED:
        members = {key: one for key, one in data.items() if key != "created_at"}
        text = f"{kind} {fields.json_text(members)}"
        yield ChatMessage(
            {"role": "environment", "content": text, **timed}, place, line=source.line
        )


def _reply(data: dict[str, Any], timed: dict[str, Any], pointer: str, line: int) -> ChatMessage:
    message = fields.as_dict(data.get("message"))
    raw: dict[str, Any] = {"role": "assistant", "content": message.get("content"), **timed}
    if reason := fields.label(data, "finish_reason"):
        raw["finish_reason"] = reason
    used = fields.as_dict(fields.as_dict(data.get("usage")).get("data"))
    raw["usage"] = {**used, "reasoning_tokens": used.get("thinking_tokens")}
    calls = fields.as_list(fields.as_dict(data.get("tool_calls")).get("calls"))
    if calls:
        raw["tool_calls"] = [_call(one) for one in calls]
    carried = values_under(calls, f"{pointer}/tool_calls/calls", line)
    return ChatMessage(raw, pointer, tuple(carried), line=line)


def _call(value: Any) -> Any:
    call = fields.as_dict(value)
    return function_call(call.get("id"), call.get("name"), call.get("arguments"))


def _answer(data: dict[str, Any]) -> dict[str, Any]:
    result = fields.as_dict(fields.as_dict(data.get("result")).get("data"))
    error = fields.as_dict(data.get("error"))
    raw = {
        "role": "tool",
        "tool_call_id": data.get("parent_id"),
        "name": data.get("name"),
        "content": _content(result.get("parts")),
    }
    return {**raw, "error": fields.labels(error, "__exception__", "message")} if error else raw


def _content(parts: Any) -> Any:
    return [_part(one) for one in parts] if isinstance(parts, list) else parts


def _part(value: Any) -> Any:
    """Return an input as a content part: a text, a medium, or any other value as JSON."""
    part = fields.as_dict(value)
    if "content" in part:
        return {"type": "text", "text": fields.json_text(part["content"])}
    kind = part.get("kind")
    shown = fields.label(kind, "value") if isinstance(kind, dict) else fields.label(part, "kind")
    if "url" in part or "file_id" in part or "media_type" in part:
        is_known = shown in ("image", "audio", "video")
        held = {key: part.get(key) for key in ("url", "file_id", "media_type")}
        held["data"] = fields.as_dict(part.get("data")).get("__bytes__")
        return {"type": shown if is_known else "file", "source": held}
    if "data" in part:
        return {"type": "text", "text": fields.json_text(part["data"])}
    return value


def _read_result(value: dict[str, Any], build: RunBuilder) -> None:
    shown = [_as_seen_by_user(one) for one in value["chat_history"]]
    cost = fields.as_dict(fields.as_dict(value["cost"]).get(_COST))
    by_model = {name: one for name, one in cost.items() if isinstance(one, dict)}
    build.start(
        task=fields.title_of(shown),
        model=next(iter(by_model), ""),
        details={"models": ", ".join(by_model)} if len(by_model) > 1 else {},
    )
    build.messages(shown, "/chat_history")
    used = total_usage(usage(one) for one in by_model.values())
    build.end(usage=used, details=fields.details_of({"answer": value["summary"]}))


def _as_seen_by_user(message: Any) -> Any:
    """Return a message of a result with the role that it has for the model."""
    if not isinstance(message, dict) or "tool_calls" in message or "tool_responses" in message:
        return message
    role = fields.label(message, "role")
    return {**message, "role": _SWAPPED.get(role, role)}


FORMAT = AG2()
