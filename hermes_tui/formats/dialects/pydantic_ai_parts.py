"""Model messages of pydantic-ai as chat messages: a request becomes several, a response one.

    message  = {"kind": "request", "parts": [part, …], "instructions"?}
             | {"kind": "response", "parts": [part, …], "usage", "model_name", "finish_reason"}
    part     = {"part_kind": "system-prompt" | "user-prompt" | "text" | "thinking", "content", …}
             | {"part_kind": "tool-call", "tool_name", "args": text | object | null, "tool_call_id"}
             | {"part_kind": "tool-return", "tool_name", "content", "tool_call_id", "outcome"?,
                "retry"?: {"cause", "attempt", "max_retries"}}
             | {"part_kind": "retry-prompt", "content": text | [error, …], "tool_name"?, …}
             | {"part_kind": "builtin-tool-call" | "builtin-tool-return", …}   of the provider

A retry that names a tool is that tool's answer: its call failed, or did not pass validation. Newer
versions write it as a return with the outcome `retried`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, values_under
from hermes_tui.model.chat_api import function_call
from hermes_tui.parsers.measures import timestamp

RETRY = "retry"
_KINDS = frozenset({"request", "response"})
_ROLES = {"system-prompt": "system", "user-prompt": "user"}
_RETURNS = frozenset({"tool-return", "builtin-tool-return"})
_FAILED = frozenset({"failed", "denied", "retried"})
_MEDIA_KINDS = {"image": "image", "audio": "audio", "video": "video", "document": "document"}


def is_message(value: Any) -> bool:
    """Return whether `value` is a model message."""
    if not isinstance(value, dict) or fields.label(value, "kind") not in _KINDS:
        return False
    parts = value.get("parts")
    if not isinstance(parts, list):
        return False
    return all(isinstance(part, dict) and "part_kind" in part for part in parts[:20])


def messages_of(value: dict[str, Any], pointer: str = "", *, line: int = 0) -> list[ChatMessage]:
    """Return the chat messages of the model message at `pointer`."""
    parts = values_under(value.get("parts"), f"{pointer}/parts", line)
    if fields.label(value, "kind") == "response":
        return list(_response(value, parts, pointer, line))
    return [_request_part(source) for source in parts]


def instructions_of(value: Any, pointer: str = "", *, line: int = 0) -> ChatMessage | None:
    """Return the instructions of a request, or None; every request repeats them."""
    text = value.get("instructions") if isinstance(value, dict) else None
    if not isinstance(text, str) or not text:
        return None
    raw = {"role": "system", "content": text}
    return ChatMessage(raw, f"{pointer}/instructions", flags=("instructions",), line=line)


def _request_part(source: SourceValue) -> ChatMessage:
    part = fields.as_dict(source.value)
    kind = fields.label(part, "part_kind")
    raw: dict[str, Any] = {"role": _ROLES.get(kind, "user"), "content": _content(part)}
    if not part:
        raw = {"role": "unknown", "content": fields.json_text(source.value)}
    if part.get("timestamp") is not None:
        raw["timestamp"] = part["timestamp"]
    if kind in _RETURNS:
        return _answer(source, raw)
    if kind == "retry-prompt":
        raw["content"] = _complaint(part.get("content"))
        if not fields.label(part, "tool_name"):
            return ChatMessage(raw, source.pointer, flags=(RETRY,), line=source.line)
        return _answer(source, {**raw, "is_error": True}, RETRY)
    if kind not in _ROLES:
        raw["content"] = fields.json_text(source.value)
    return ChatMessage(raw, source.pointer, line=source.line)


def _answer(source: SourceValue, raw: dict[str, Any], *flags: str) -> ChatMessage:
    part = source.value
    answer = {
        **raw,
        "role": "tool",
        "name": part.get("tool_name"),
        "tool_call_id": part.get("tool_call_id"),
    }
    outcome, retry = fields.label(part, "outcome"), part.get("retry")
    if outcome in _FAILED:
        answer["is_error"] = True
        flags = (RETRY,) if outcome == "retried" else (outcome,)
    if isinstance(retry, dict):
        answer["content"] = _complaint(part.get("content"))
    elif isinstance(answer["content"], list):
        answer["content"] = fields.json_text(part.get("content"))
    return ChatMessage(answer, source.pointer, (source,), flags, source.line)


def _complaint(content: Any) -> Any:
    """Return the complaint about a reply: a text, or a line for each validation error."""
    if not isinstance(content, list):
        return content
    lines = []
    for error in content:
        if not isinstance(error, dict):
            return fields.json_text(content)
        place = ".".join(map(str, fields.as_list(error.get("loc"))))
        message = fields.label(error, "msg", "type")
        lines.append(": ".join(filter(None, (place, message))) or fields.json_text(error))
    return "\n".join(lines)


def _content(part: dict[str, Any]) -> Any:
    content = part.get("content")
    return [_media(item) for item in content] if isinstance(content, list) else content


def _media(item: Any) -> Any:
    """Return an image, a file or the like in the form of chat messages."""
    if not isinstance(item, dict):
        return item
    kind = fields.label(item, "kind")
    if kind == "binary":
        media_type = fields.label(item, "media_type")
        shown = _MEDIA_KINDS.get(media_type.partition("/")[0], "file")
        return {"type": shown, "source": {"data": item.get("data"), "media_type": media_type}}
    if kind.endswith("-url"):
        return {"type": _MEDIA_KINDS.get(kind.removesuffix("-url"), "file"), "source": item}
    return item


def _response(
    value: dict[str, Any], parts: list[SourceValue], pointer: str, line: int
) -> Iterator[ChatMessage]:
    """Yield a reply, split where the provider's own tools answered."""
    ending = _ending(value)
    reply: list[SourceValue] = []
    for source in parts:
        part = fields.as_dict(source.value)
        if fields.label(part, "part_kind") not in _RETURNS:
            reply.append(source)
            continue
        if reply:
            yield _reply(reply, {}, reply[0].pointer, line)
        yield _answer(source, {"content": _content(part)})
        reply = []
    if reply or not parts:
        yield _reply(reply, ending, reply[0].pointer if reply else pointer, line)


def _reply(
    parts: list[SourceValue], ending: dict[str, Any], pointer: str, line: int
) -> ChatMessage:
    content: list[Any] = []
    calls: list[SourceValue] = []
    for source in parts:
        part = fields.as_dict(source.value)
        match fields.label(part, "part_kind"):
            case "text":
                content.append({"type": "text", "text": part.get("content")})
            case "thinking":
                content.append(_thought(part))
            case "tool-call" | "builtin-tool-call":
                calls.append(source)
            case "file":
                content.append(_media(part.get("content")))
            case _:
                content.append(source.value)
    raw: dict[str, Any] = {"role": "assistant", "content": content or None, **ending}
    if calls:
        raw["tool_calls"] = [_call(source.value) for source in calls]
    return ChatMessage(raw, pointer, tuple(calls), line=line)


def _thought(part: dict[str, Any]) -> dict[str, Any]:
    text, sealed = part.get("content"), part.get("signature")
    if isinstance(text, str) and text:
        return {"type": "thinking", "thinking": text}
    return {"type": "thinking", "encrypted": sealed}


def _call(part: dict[str, Any]) -> dict[str, Any]:
    """Return a call. pydantic-ai writes null for `args` that did not come, and reads it as none."""
    named = {"name": part.get("tool_name"), "id": part.get("tool_call_id")}
    given = part.get("args")
    if isinstance(given, dict):
        return {**named, "args": given}
    return function_call(named["id"], named["name"], "" if given is None else given)


def _ending(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if fields.label(value, "finish_reason"):
        found["finish_reason"] = fields.label(value, "finish_reason")
    if timestamp(value.get("timestamp")) is not None:
        found["timestamp"] = value["timestamp"]
    used = fields.as_dict(value.get("usage"))
    if used:
        found["usage"] = _usage(used)
    return found


def _usage(used: dict[str, Any]) -> dict[str, Any]:
    """Return token counts under the names of chat messages; older versions use others."""
    details = fields.as_dict(used.get("details"))
    found = {
        "prompt_tokens": used.get("input_tokens", used.get("request_tokens")),
        "completion_tokens": used.get("output_tokens", used.get("response_tokens")),
        "cached_tokens": used.get("cache_read_tokens"),
        "reasoning_tokens": used.get("output_reasoning_tokens", details.get("reasoning_tokens")),
        "cost": used.get("cost"),
    }
    return {key: value for key, value in found.items() if value is not None}
