"""Reassemble a reply of the Anthropic API that is spread over several lines of a file.

Each line carries one or a few blocks of the reply, and repeats its id and its usage so far.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.dialects.claude_answers import answered
from hermes_tui.formats.dialects.claude_history import COPIED, Line
from hermes_tui.formats.dialects.claude_other_lines import ATTACHMENT, append_failure, is_failure
from hermes_tui.formats.dialects.claude_sdk import SdkLine
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Diagnostic, Severity
from hermes_tui.model.events import ToolCallProposed
from hermes_tui.model.messages import changed, with_flags
from hermes_tui.parsers.measures import timestamp
from hermes_tui.parsers.normalise import Normalised, normalise_message

SUBAGENT = "subagent"
"""Flag of a subagent's message in a run that is not its own."""
_LATEST_KEYS = ("usage", "stop_reason", "stop_sequence")
"""Members that change from line to line: the last one that is not null counts."""
_REPLY = re.compile(rb'"message"\s*:\s*\{[^{}]*?"id"\s*:\s*"([^"]{1,200})"')
_REQUEST = re.compile(rb'"requestId"\s*:\s*"([^"]{1,200})"')


@dataclass(slots=True)
class JoinedMessage:
    """One message and its lines: `index` is the first."""

    index: int
    row: dict[str, Any]
    raw: dict[str, Any]
    line_of_call: dict[str, int] = field(default_factory=dict)
    is_joined: bool = False
    """Whether the content is a copied list, which may be extended."""


def message_of(row: dict[str, Any]) -> dict[str, Any] | None:
    """Return the message of a `user` or `assistant` line, or None if it is not an object."""
    message = row.get("message")
    return message if isinstance(message, dict) else None


def has_results(message: dict[str, Any]) -> bool:
    """Return whether a message has results of calls among its blocks."""
    blocks = fields.as_list(message.get("content"))
    return any(fields.as_dict(block).get("type") == "tool_result" for block in blocks)


def reply_of_line(line: bytes) -> str | None:
    """Return the id of the API reply that a line is a part of, or None for other lines."""
    if b'"assistant"' not in line:
        return None
    found = _REPLY.search(line) or _REQUEST.search(line)
    return found[1].decode("utf-8", "replace") if found else None


def join_lines(lines: Iterable[Line]) -> list[JoinedMessage]:
    """Return the messages of the lines, each in the position of its first line."""
    found: list[JoinedMessage] = []
    by_id: dict[str, JoinedMessage] = {}
    for index, row in lines:
        message = message_of(row)
        if message is None:
            continue
        name = fields.label(message, "id") if message.get("role") == "assistant" else ""
        earlier = by_id.get(name) if name else None
        if earlier is None:
            earlier = JoinedMessage(index, row, {**message, "timestamp": row.get("timestamp")})
            found.append(earlier)
            _note_calls(earlier, _blocks(message.get("content")), index)
            if name:
                by_id[name] = earlier
        else:
            _join(earlier, message, index)
    return found


def _join(earlier: JoinedMessage, message: dict[str, Any], index: int) -> None:
    blocks = _blocks(message.get("content"))
    added = [block for block in blocks if _call_id(block) not in earlier.line_of_call]
    if not earlier.is_joined:
        earlier.raw["content"] = _blocks(earlier.raw.get("content"))
        earlier.is_joined = True
    earlier.raw["content"].extend(added)
    _note_calls(earlier, added, index)
    for key in _LATEST_KEYS:
        if message.get(key) is not None:
            earlier.raw[key] = message[key]


def _blocks(content: Any) -> list[Any]:
    """Return content as a new list of blocks."""
    if isinstance(content, list):
        return [*content]
    return [] if content in (None, "") else [{"type": "text", "text": content}]


def _call_id(block: Any) -> str:
    is_call = isinstance(block, dict) and block.get("type") in ("tool_use", "server_tool_use")
    return fields.label(block, "id") if is_call else ""


def _note_calls(message: JoinedMessage, blocks: list[Any], index: int) -> None:
    for block in blocks:
        name = _call_id(block)
        if name:
            message.line_of_call[name] = index


def append_lines(
    build: RunBuilder,
    lines: Iterable[Line],
    place_of: Callable[[int], str],
    flags: Callable[[dict[str, Any]], tuple[str, ...]],
) -> None:
    """Append the messages and the failed requests of the lines, in their order."""
    own = list(lines)
    messages = join_lines((index, row) for index, row in own if not is_failure(row))
    entries: list[tuple[int, JoinedMessage | dict[str, Any]]] = [
        (one.index, one) for one in messages
    ]
    entries += [(index, row) for index, row in own if is_failure(row)]
    replies = attempts = 0
    for index, one in sorted(entries, key=itemgetter(0)):
        place = place_of(index)
        if isinstance(one, JoinedMessage):
            key = f"/{ATTACHMENT}" if one.row.get("type") == ATTACHMENT else "/message"
            at = place if isinstance(one.row, SdkLine) else place + key
            append_joined(build, one, at, flags(one.row))
            if one.raw.get("role") == "assistant":
                replies, attempts = replies + 1, 0
        else:
            attempts += 1
            # In a turn of a big session the number of replies before it is unknown.
            turn = 0 if build.unit is Unit.PARTS else replies + 1
            is_copied = COPIED in flags(one)
            build.locate(index)
            append_failure(build, one, place, turn=turn, attempt=attempts, is_copied=is_copied)


def append_joined(
    build: RunBuilder, message: JoinedMessage, pointer: str, flags: tuple[str, ...]
) -> None:
    """Append a message; each of its calls is located at the line that carries it."""
    parts = normalise_message(message.raw)
    ts = timestamp(message.row.get("timestamp"))
    if flags:
        parts = parts._replace(message=with_flags(parts.message, *flags))
    build.locate(message.index)
    parts = answered(build, parts, message.row, pointer, ts)
    if COPIED in flags:
        parts = _as_copied(parts)
    build.append(parts._replace(calls=()), pointer, ts=ts)
    for call, diagnostics in parts.calls:
        build.locate(message.line_of_call.get(call.id or "", message.index))
        build.add(ToolCallProposed, pointer=pointer, ts=ts, call=call, diagnostics=diagnostics)


def _as_copied(parts: Normalised) -> Normalised:
    """Return a message copied from another session, without its usage and with findings as notes:
    the other session counts them."""
    return parts._replace(
        message=changed(parts.message, usage=None),
        calls=tuple((call, _as_notes(diagnostics)) for call, diagnostics in parts.calls),
        results=tuple((result, _as_notes(diagnostics)) for result, diagnostics in parts.results),
        diagnostics=_as_notes(parts.diagnostics),
    )


def _as_notes(diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    return tuple(changed(one, severity=Severity.NOTE) for one in diagnostics)
