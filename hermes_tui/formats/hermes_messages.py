"""What all hermes-agent files share: messages that stand for others, and values inside strings."""

from __future__ import annotations

from typing import Any

from hermes_tui.formats.base import RunBuilder
from hermes_tui.formats.json_values import decode_if_json
from hermes_tui.formats.message_parts import flagged
from hermes_tui.model.messages import ToolResult
from hermes_tui.parsers.measures import timestamp
from hermes_tui.parsers.normalise import Normalised, TextCalls, normalise_message

JSON_CONTENT = "\0json:"
"""What `state.db` writes before content that is not a plain string."""

_STUBS = ("[Old tool output cleared to save context space]", "[Result unavailable")
_ENCODED = ("tool_calls", "reasoning_details", "codex_reasoning_items", "codex_message_items")
_ROW_KEYS = frozenset({"id", "session_id"})


def normalised(
    raw: Any, *, text_calls: TextCalls = TextCalls.SUSPECT, flags: tuple[str, ...] = ()
) -> Normalised:
    """Normalise a message and flag it; a result whose output was taken away is a compaction."""
    parts = normalise_message(raw, text_calls=text_calls)
    if parts.results and any(map(_is_stub, parts.results)):
        flags = (*flags, "compaction")
    return flagged(parts, *flags)


def _is_stub(found: tuple[ToolResult, object]) -> bool:
    content = found[0].content
    return "[" in content and content.lstrip().startswith(_STUBS)


def message_of_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return a message as the agent had it from a row or a session file: decoded, without nulls."""
    message = {
        key: decode_if_json(value, 1) if key in _ENCODED else value
        for key, value in row.items()
        if value is not None and key not in _ROW_KEYS
    }
    content = message.get("content")
    if isinstance(content, str) and content.startswith(JSON_CONTENT):
        message["content"] = decode_if_json(content.removeprefix(JSON_CONTENT), 1)
    elif "content" in row:
        message.setdefault("content", None)
    for key in ("reasoning", "reasoning_content"):
        # hermes-agent pads the field with a blank for servers that insist on having one.
        if isinstance(message.get(key), str) and not message[key].strip():
            del message[key]
    if "tool_name" in message:
        message.setdefault("name", message["tool_name"])
    return message


def append_row(
    build: RunBuilder, row: Any, message: Any, pointer: str, flags: tuple[str, ...] = ()
) -> None:
    """Append the message of a row, flagged by `flags` and by what the row says of it."""
    if not isinstance(row, dict):
        build.defect("a message that is not an object", excerpt_of(row), pointer=pointer)
        return
    parts = normalised(message, flags=_row_flags(row) + flags)
    build.append(parts, pointer, ts=timestamp(row.get("timestamp")))


def _row_flags(row: dict[str, Any]) -> tuple[str, ...]:
    flags: list[str] = []
    if row.get("active") == 0 and not row.get("compacted"):
        flags.append("rewound")
    if row.get("observed"):
        flags.append("observed")
    sent = row.get("api_content")
    if isinstance(sent, str) and sent != row.get("content"):
        flags.append("injected")
    return tuple(flags)


def excerpt_of(value: Any) -> str:
    """Return a short text of `value` for a defect; containers are only named, however deep."""
    if isinstance(value, (dict, list)):
        return "object" if isinstance(value, dict) else "array"
    return str(value)[:120]
