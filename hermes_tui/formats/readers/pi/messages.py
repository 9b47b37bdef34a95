"""Messages of the pi coding agent, as chat messages.

    message = {"role": "user", "content"} | {"role": "custom", "customType", "content"}
            | {"role": "assistant", "content": [block, …], "usage", "stopReason", "errorMessage"?}
            | {"role": "toolResult", "toolCallId", "toolName", "content", "isError"}
            | {"role": "bashExecution", "command", "output", "exitCode"?, "excludeFromContext"?}
            | {"role": "compactionSummary" | "branchSummary", "summary"}
    block   = {"type": "text", "text"} | {"type": "thinking", "thinking"} | {"type": "image", …}
            | {"type": "toolCall", "id", "name", "arguments": object}
    usage   = {"input", "output", "cacheRead", "cacheWrite", "cost": {"total"}}

`input` counts the tokens that were neither read from the cache nor written to it.
"""

from __future__ import annotations

from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.messages import Usage
from hermes_tui.parsers.measures import counted_usage, number
from hermes_tui.parsers.plain_values import json_text

FAILED: Final = "error"
_ABORTED: Final = "aborted"
_REASONS: Final = {"toolUse": "tool_calls"}
_SUMMARIES: Final = {"compactionSummary": "compaction", "branchSummary": "injected"}


def message_of(raw: dict[str, Any], pointer: str, line: int) -> ChatMessage:
    """Return the message at `pointer`, with the file's entries for its calls."""
    match fields.label(raw, "role"):
        case "assistant":
            return _reply(raw, pointer, line)
        case "toolResult":
            return _result(raw, pointer, line)
        case "bashExecution":
            shown = f"$ {fields.label(raw, 'command')}\n{fields.text_of(raw.get('output'))}"
            flags = ("hidden",) if raw.get("excludeFromContext") is True else ()
            return ChatMessage(
                _user_message("bashExecution", shown), pointer, flags=flags, line=line
            )
        case "custom":
            named = _user_message(fields.label(raw, "customType"), raw.get("content"))
            return ChatMessage(named, pointer, flags=("injected",), line=line)
        case role if role in _SUMMARIES:
            message = {"role": "user", "content": raw.get("summary")}
            return ChatMessage(message, pointer, flags=(_SUMMARIES[role],), line=line)
        case role:
            return ChatMessage({"role": role, "content": raw.get("content")}, pointer, line=line)


def is_failure(raw: dict[str, Any]) -> bool:
    """Return whether a message represents a failed request."""
    return raw.get("role") == "assistant" and raw.get("stopReason") == FAILED


def used(counts: Any) -> Usage | None:
    """Return the usage of a reply, or None if nothing was counted."""
    counts = fields.as_dict(counts)
    return counted_usage(
        counts,
        prompt=("input", "cacheRead", "cacheWrite"),
        completion="output",
        cached="cacheRead",
        cost=number(fields.as_dict(counts.get("cost")).get("total")) or None,
    )


def _user_message(name: str, content: Any) -> dict[str, Any]:
    return {"role": "user", **({"name": name} if name else {}), "content": content}


def _reply(raw: dict[str, Any], pointer: str, line: int) -> ChatMessage:
    content = raw.get("content")
    blocks = fields.as_list(content)
    called = [at for at, block in enumerate(blocks) if _is_call(block)]
    content_blocks = [block for block in blocks if not _is_call(block)] or None
    reason = fields.label(raw, "stopReason")
    message: dict[str, Any] = {
        "role": "assistant",
        "content": content_blocks if isinstance(content, list) else content,
        "finish_reason": _REASONS.get(reason, reason) if reason not in (FAILED, _ABORTED) else None,
    }
    if called:
        message["tool_calls"] = [_call(blocks[at]) for at in called]
    return ChatMessage(
        message,
        pointer,
        tuple(SourceValue(blocks[at], f"{pointer}/content/{at}", line) for at in called),
        ("partial",) if reason in (FAILED, _ABORTED) else (),
        line,
        used=used(raw.get("usage")),
    )


def _is_call(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "toolCall"


def _call(block: dict[str, Any]) -> dict[str, Any]:
    return function_call(block.get("id"), block.get("name"), json_text(block.get("arguments")))


def _result(raw: dict[str, Any], pointer: str, line: int) -> ChatMessage:
    message = {
        "role": "tool",
        "tool_call_id": raw.get("toolCallId"),
        "name": raw.get("toolName"),
        "content": raw.get("content"),
        "is_error": raw.get("isError"),
    }
    return ChatMessage(message, pointer, (SourceValue(raw, pointer, line),), line=line)
