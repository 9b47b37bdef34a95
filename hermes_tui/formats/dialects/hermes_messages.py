"""What all hermes-agent files share: placeholder messages, and JSON values inside strings."""

from __future__ import annotations

from typing import Any

from hermes_tui.formats.fields import number
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.message_parts import flagged, with_findings
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ToolResult
from hermes_tui.parsers.measures import timestamp
from hermes_tui.parsers.normalise import Normalised, TextCalls, normalise_message

JSON_CONTENT = "\0json:"
"""What `state.db` writes before content that is not a plain string."""

EMPTY = "(empty)"
"""What hermes-agent writes as the reply after several attempts had neither text nor calls."""

_STUB_PREFIXES = (
    "[Old tool output cleared to save context space]",
    "[Result unavailable",
    "[Duplicate tool output",
)
_NUDGE_PREFIX = "[System: "
_CUT_NUDGE_PREFIX = "[System: Your previous response was truncated"
"""The beginnings of user messages that hermes-agent writes itself, to make the model continue."""
_REMOVED_HINT = (
    "hermes-agent removes <tool_call> blocks and reasoning from the text: a call that the server's "
    "parser left there is lost; check its --tool-call-parser, and the raw completion"
)
_ENCODED_KEYS = ("tool_calls", "reasoning_details", "codex_reasoning_items", "codex_message_items")
_ROW_KEYS = frozenset({"id", "session_id"})
_MAX_COUNT = 1e9


def normalised(
    raw: Any, *, text_calls: TextCalls = TextCalls.SUSPECT, flags: tuple[str, ...] = ()
) -> Normalised:
    """Normalise a message and flag it; a result whose output was removed is a compaction."""
    parts = normalise_message(raw, text_calls=text_calls)
    if parts.results and any(map(_is_stub, parts.results)):
        flags = (*flags, "compaction")
    return flagged(parts, *flags)


def _is_stub(pair: tuple[ToolResult, object]) -> bool:
    content = pair[0].content
    return "[" in content and content.lstrip().startswith(_STUB_PREFIXES)


def message_of_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return the agent's message from a row or a session file: decoded, without nulls."""
    message = {
        key: decode_if_json(value, 1) if key in _ENCODED_KEYS else value
        for key, value in row.items()
        if value is not None and key not in _ROW_KEYS
    }
    content = message.get("content")
    if isinstance(content, str) and content.startswith(JSON_CONTENT):
        message["content"] = decode_if_json(content.removeprefix(JSON_CONTENT), 1)
    elif "content" in row:
        message.setdefault("content", None)
    for key in ("reasoning", "reasoning_content"):
        # hermes-agent pads the field with a blank for servers that require it.
        if isinstance(message.get(key), str) and not message[key].strip():
            del message[key]
    if "tool_name" in message:
        message.setdefault("name", message["tool_name"])
    return message


def append_row(
    build: RunBuilder, row: Any, message: Any, pointer: str, flags: tuple[str, ...] = ()
) -> None:
    """Append the message of a row with `flags`, and the flags that the row implies."""
    if not isinstance(row, dict):
        build.defect("a message that is not an object", excerpt_of(row), pointer=pointer)
        return
    parts = normalised(message, flags=_row_flags(row) + flags)
    if row.get("role") == "assistant" and row.get("content") == EMPTY and not parts.calls:
        parts = with_findings(parts, empty_reply())
    build.append(parts, pointer, ts=timestamp(row.get("timestamp")))


def empty_reply() -> Diagnostic:
    """Return the finding for an empty reply, in whose place hermes-agent wrote `EMPTY`."""
    message = "the reply is empty: hermes-agent wrote (empty) in its place"
    return Diagnostic(Code.REPLY_SHAPE, Severity.WARNING, message, hint=_REMOVED_HINT)


def missing_replies(counted: Any, kept: int, what: str) -> tuple[Diagnostic, ...]:
    """Return a finding if hermes-agent counted more of `what` (replies, requests) than are kept."""
    count = number(counted)
    if count is None or not kept < count < _MAX_COUNT:
        return ()
    lost = f"{count - kept:.0f} of {count:.0f} {what}"
    message = f"{lost} counted by hermes-agent left no message of the model"
    return (Diagnostic(Code.REPLY_SHAPE, Severity.WARNING, message, hint=_REMOVED_HINT),)


def is_nudge(text: Any) -> bool:
    """Return whether a user's message was written by hermes-agent."""
    return isinstance(text, str) and text.startswith(_NUDGE_PREFIX)


def cut_before(text: Any) -> tuple[Diagnostic, ...]:
    """Return the finding that the reply before was cut, if a message of hermes-agent asks for the
    rest of it."""
    if not isinstance(text, str) or not text.startswith(_CUT_NUDGE_PREFIX):
        return ()
    message = "the previous reply was cut by its length limit: hermes-agent asks for the rest"
    hint = "raise max_tokens, or shorten the context"
    return (Diagnostic(Code.TRUNCATED, Severity.ERROR, message, hint=hint),)


def _row_flags(row: dict[str, Any]) -> tuple[str, ...]:
    flags: list[str] = []
    if row.get("active") == 0 and not row.get("compacted"):
        flags.append("rewound")
    if row.get("observed"):
        flags.append("observed")
    sent = row.get("api_content")
    is_from_agent = row.get("role") == "user" and is_nudge(row.get("content"))
    if is_from_agent or (isinstance(sent, str) and sent != row.get("content")):
        flags.append("injected")
    return tuple(flags)


def excerpt_of(value: Any) -> str:
    """Return a short text of `value` for a defect; for a container only its type, at any depth."""
    if isinstance(value, (dict, list)):
        return "object" if isinstance(value, dict) else "array"
    return str(value)[:120]
