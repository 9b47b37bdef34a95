"""Messages of Mistral Vibe, as chat messages.

    message = {"role": "system" | "user" | "assistant", "content": [part, …]}
            | {"role": "tool", "content": [part, …], "name", "outcome", "tool_call_id"}
    failure = {"result": {"type": "error", "error": {"name", "message"}}}    as JSON, the text of
                                                                     a tool's failure outcome
    reply   = {"parts": [part, …], "finish_reason", "usage"}
    part    = {"type": "text", "text"} | {"type": "reasoning", "content": [part, …]}
            | {"type": "tool_call", "id", "name", "arguments_json": text}               in a reply
            | {"type": "tool_call", "id", "name", "arguments": {"type", "raw", …}}
    usage   = {"input_tokens", "cached_input_tokens", "output_tokens"}

`input_tokens` includes the cached ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, append_normalised
from hermes_tui.formats.declined import DECLINED, settle_declined
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.readers.vibe.chat import was_cancelled
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.messages import ToolResult, ToolSpec, Usage
from hermes_tui.parsers.measures import number, usage

_REASONS: Final = {"tool_call": "tool_calls"}
_DENIED: Final = "tool_denied"
_OWN_PROMPTS: Final = {
    "Your previous response was discarded because ": "injected",
    "You are continuing a trajectory after a context compaction": "compaction",
    "</previous_user_messages>": "compaction",
}
"""How messages begin that Vibe writes in the name of the user, each with its flag."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says about its run as a whole."""

    session: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    """The first messages, for a title."""
    model: str = ""
    tools: tuple[ToolSpec, ...] | None = None
    ts: float | None = None
    other_requests: dict[str, int] = field(default_factory=dict)


def message_of(raw: dict[str, Any], source: SourceValue) -> ChatMessage:
    """Return the message `raw`, which is at `source`."""
    if fields.label(raw, "role") == "assistant":
        return _reply(fields.as_list(raw.get("content")), f"{source.pointer}/content", source)
    message = plain_message(raw)
    if "tool_call_id" not in raw:
        flags = _flags_of(raw)
        return ChatMessage(message, source.pointer, flags=flags, line=source.line)
    message["tool_call_id"] = raw["tool_call_id"]
    message["name"] = raw.get("name")
    message["is_error"] = True if raw.get("outcome") == "failure" else None
    answer = SourceValue(raw, source.pointer, source.line)
    return ChatMessage(message, source.pointer, (answer,), line=source.line)


def append(build: RunBuilder, message: ChatMessage, ts: float | None = None) -> None:
    """Append a message; a call that a person did not allow is not a failure of its tool."""
    build.locate(message.line)
    parts = message.normalise(message.raw)
    parts = settle_declined(build, parts, _why_declined, message.pointer, ts)
    append_normalised(build, message, parts, ts=ts)


def plain_message(raw: dict[str, Any]) -> dict[str, Any]:
    """Return only the role and the content of a message."""
    return {"role": raw.get("role"), "content": raw.get("content")}


def reply_of(raw: dict[str, Any], source: SourceValue) -> ChatMessage:
    """Return the model's reply `raw`, which is at `source`."""
    parts = fields.as_list(raw.get("parts"))
    reason = fields.label(raw, "finish_reason")
    return _reply(
        parts,
        f"{source.pointer}/parts",
        source,
        finish_reason=_REASONS.get(reason, reason),
        used=used(raw.get("usage")),
    )


def used(counts: Any) -> Usage | None:
    """Return the usage of a reply, or None if nothing was counted."""
    counts = fields.as_dict(counts)
    given, out = number(counts.get("input_tokens")), number(counts.get("output_tokens"))
    if given is None and out is None:
        return None
    total = {"prompt_tokens": given, "completion_tokens": out}
    cached = {"cached_tokens": counts.get("cached_input_tokens")}
    return usage({**total, "prompt_tokens_details": cached})


def _reply(
    parts: list[Any],
    pointer: str,
    source: SourceValue,
    *,
    finish_reason: str = "",
    used: Usage | None = None,
) -> ChatMessage:
    calls = [
        SourceValue(part, f"{pointer}/{at}", source.line)
        for at, part in enumerate(parts)
        if _is(part, "tool_call")
    ]
    thoughts = [fields.text_of(part.get("content")) for part in parts if _is(part, "reasoning")]
    raw: dict[str, Any] = {
        "role": "assistant",
        "content": [part for part in parts if not _is(part, "tool_call", "reasoning")] or None,
    }
    if thoughts:
        raw["reasoning_content"] = "\n".join(thoughts)
    if calls:
        raw["tool_calls"] = [_call(call.value) for call in calls]
    if finish_reason:
        raw["finish_reason"] = finish_reason
    return ChatMessage(raw, source.pointer, tuple(calls), line=source.line, used=used)


def _why_declined(result: ToolResult) -> str:
    answer = fields.as_dict(decode_if_json(result.content, 1)).get("result")
    error = fields.as_dict(fields.as_dict(answer).get("error"))
    is_denied = error.get("name") == _DENIED or was_cancelled(result.content)
    return DECLINED if is_denied else ""


def _flags_of(raw: dict[str, Any]) -> tuple[str, ...]:
    text = fields.text_of(raw.get("content"))
    return tuple(flag for prompt, flag in _OWN_PROMPTS.items() if text.startswith(prompt))


def _is(part: Any, *kinds: str) -> bool:
    return isinstance(part, dict) and fields.label(part, "type") in kinds


def _call(part: dict[str, Any]) -> dict[str, Any]:
    arguments = part.get("arguments_json")
    if arguments is None:
        written = fields.as_dict(part.get("arguments")).get("raw")
        is_text = isinstance(written, str)
        arguments = written if is_text else fields.json_text(part.get("arguments"))
    return function_call(part.get("id"), part.get("name"), arguments)
