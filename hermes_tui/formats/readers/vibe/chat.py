"""A session of Mistral Vibe 2: chat messages, with a `meta.json` next to them.

    message = {"role", "content", "injected": bool, "message_id"?, "tool_calls"?, "name"?,
               "reasoning_content"?, "tool_call_id"?, …}

`--output streaming` and `--output json` print the same messages, with the prompt of the system. The
text of a failed tool is in `<tool_error>`, that of one that was not run in `<user_cancellation>`.
"""

from __future__ import annotations

from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, values_under

_ROLES: Final = frozenset({"system", "user", "assistant", "tool"})
_MESSAGE_KEYS: Final = frozenset({
    "role", "content", "tool_calls", "name", "tool_call_id", "reasoning_content",
})  # fmt: skip
_ERROR: Final = "<tool_error>"
_CANCELLED: Final = "<user_cancellation>"
_NOT_PERMITTED: Final = "Tool execution not permitted."


def is_chat(row: Any) -> bool:
    """Return whether a row is a message of Vibe 2."""
    if not isinstance(row, dict) or not isinstance(row.get("injected"), bool):
        return False
    has_id = "message_id" in row or "tool_call_id" in row
    return has_id and fields.label(row, "role") in _ROLES


def chat_message(source: SourceValue) -> ChatMessage:
    """Return the message of a row."""
    row: dict[str, Any] = source.value
    raw = {key: row[key] for key in row.keys() & _MESSAGE_KEYS if row[key] is not None}
    raw.setdefault("content", None)
    if raw.get("role") == "tool":
        raw["is_error"] = True if fields.text_of(raw["content"]).startswith(_ERROR) else None
        return ChatMessage(raw, source.pointer, (source,), line=source.line)
    calls = values_under(raw.get("tool_calls"), f"{source.pointer}/tool_calls", source.line)
    flags = ("injected",) if row["injected"] else ()
    return ChatMessage(raw, source.pointer, tuple(calls), flags, source.line)


def was_cancelled(text: str) -> bool:
    """Return whether the text of a result says that the call was not allowed to run."""
    return text.startswith(_CANCELLED) or text == _NOT_PERMITTED
