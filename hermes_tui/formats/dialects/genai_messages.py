"""Convert messages of OpenTelemetry's GenAI conventions and of OpenInference to chat messages.

genai  = {"role", "parts": [part, …], "name"?, "finish_reason"?}
part   = {"type": "text" | "reasoning" | "thinking", "content"}
       | {"type": "tool_call", "id", "name", "arguments"}
       | {"type": "tool_call_response", "id", "response" | "result"} | {"type": "blob" | …}
openinference = {"message": {"role", "content" | "contents": [{"message_content": …}, …],
                             "tool_calls": [{"tool_call": {"function": …}}, …]}}
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, values_under
from hermes_tui.model.chat_api import function_call

_ANSWER = "tool_call_response"
_CALL = "tool_call"
_EMPTY_PART = {"type": "text", "content": ""}
_REASONING_TYPES = frozenset({"reasoning", "thinking"})


def is_genai(value: Any) -> bool:
    """Return whether `value` is a message with typed parts."""
    if not isinstance(value, dict) or not isinstance(value.get("role"), str):
        return False
    parts = value.get("parts")
    return isinstance(parts, list) and all(
        isinstance(part, dict) and isinstance(part.get("type"), str) for part in parts[:20]
    )


def is_openinference(value: Any) -> bool:
    """Return whether `value` is a message in an envelope of OpenInference."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("message"), dict)


def genai_messages(value: dict[str, Any], pointer: str) -> Iterator[ChatMessage]:
    """Yield a message; results in it become messages of their tools, regardless of its role."""
    sources = values_under(value.get("parts"), f"{pointer}/parts")
    rest = {key: item for key, item in value.items() if key != "parts"}
    for answers, several in groupby(sources, key=_is_answer):
        group = list(several)
        if not answers:
            yield _message_of_parts(rest, group)
        for one in group if answers else ():
            yield _answer(one)
    if not sources:
        yield ChatMessage({**rest, "content": None}, pointer)


def _is_answer(source: SourceValue) -> bool:
    return _kind(source) == _ANSWER


def _message_of_parts(rest: dict[str, Any], group: list[SourceValue]) -> ChatMessage:
    calls = [source for source in group if _kind(source) == _CALL]
    content = [_part(source.value) for source in group if _kind(source) != _CALL]
    content = [part for part in content if part != _EMPTY_PART]
    raw = {**rest, "content": content or None}
    if calls:
        raw["tool_calls"] = [_call(source.value) for source in calls]
    return ChatMessage(raw, group[0].pointer, tuple(calls))


def _kind(source: SourceValue) -> str:
    return fields.label(fields.as_dict(source.value), "type")


def _part(part: Any) -> Any:
    if isinstance(part, dict) and fields.label(part, "type") in _REASONING_TYPES:
        return {"type": "thinking", "thinking": part.get("content")}
    return part


def _call(part: dict[str, Any]) -> dict[str, Any]:
    """Return a call. The conventions require arguments as an object, not the model's own text."""
    members = {key: part[key] for key in ("id", "name") if part.get(key) is not None}
    arguments = part.get("arguments")
    if isinstance(arguments, dict):
        return {**members, "args": arguments}
    return function_call(part.get("id"), part.get("name"), "" if arguments is None else arguments)


def _answer(source: SourceValue) -> ChatMessage:
    part = source.value
    content = part.get("response", part.get("result", part.get("content")))
    raw = {
        "role": "tool",
        "tool_call_id": part.get("id"),
        "name": part.get("name"),
        "content": content if isinstance(content, (str, dict)) else fields.json_text(content),
    }
    return ChatMessage(raw, source.pointer, (source,))


def openinference_message(value: dict[str, Any], pointer: str) -> ChatMessage:
    """Return the message in an envelope; its parts and calls are taken out of theirs too."""
    raw = dict(value["message"])
    calls = [_unwrapped(call, _CALL) for call in fields.as_list(raw.get("tool_calls"))]
    contents = fields.as_list(raw.pop("contents", None))
    if contents:
        raw["content"] = [_unwrapped(part, "message_content") for part in contents]
    if calls:
        raw["tool_calls"] = calls
    return ChatMessage(raw, f"{pointer}/message")


def _unwrapped(item: Any, key: str) -> Any:
    inner = item.get(key) if isinstance(item, dict) else None
    return inner if isinstance(inner, dict) else item
