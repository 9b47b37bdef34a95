"""The lines of a Codex rollout, distinguished by their envelopes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from hermes_tui.formats import fields
from hermes_tui.formats.dialects.responses_items import ITEM_TYPES, is_of_model
from hermes_tui.formats.json_text.json_values import load
from hermes_tui.parsers.measures import timestamp

ENVELOPES = frozenset({"session_meta", "turn_context", "response_item", "event_msg", "compacted"})
ENDS = frozenset({"task_complete", "turn_aborted", "error"})
TOKENS = "token_count"
USAGE = "token_usage_record"
"""The type of a line with the tokens of the reply whose items precede it."""
_SESSION_EVENT_MARKS = tuple(f'"{kind}"'.encode() for kind in (TOKENS, *sorted(ENDS)))
_MODEL_EVENTS = frozenset({"agent_message", "agent_reasoning"})
_LINE_HEAD = 600
_TYPE = re.compile(rb'"type"\s*:\s*"(\w{1,60})"')
_ROLE = re.compile(rb'"role"\s*:\s*"(\w{1,60})"')


class Line(NamedTuple):
    """A line and its content. `pointer` is the pointer to `payload`."""

    number: int
    kind: str
    payload: dict[str, Any]
    ts: float | None
    pointer: str


def is_line(row: Any) -> bool:
    """Return whether a row is a line that no other format has."""
    if not isinstance(row, dict):
        return False
    if row.get("record_type") == "state":
        return True
    return isinstance(row.get("payload"), dict) and fields.label(row, "type") in ENVELOPES


def line_of(index: int, row: Any, place: str) -> Line | None:
    """Return the line in a row, or None if it is not one of a rollout; `place` is its pointer."""
    if not isinstance(row, dict):
        return None
    kind, ts = fields.label(row, "type"), timestamp(row.get("timestamp"))
    payload = row.get("payload")
    if kind and isinstance(payload, dict):
        return Line(index, kind, payload, ts, f"{place}/payload")
    if "payload" in row:
        return None
    if kind in ITEM_TYPES or kind == "message":
        return Line(index, "response_item", row, ts, place)
    if row.get("record_type") == "state":
        return Line(index, "state", row, ts, place)
    # The first line of an early file is the session's own, without a type.
    is_meta = not kind and "id" in row and "timestamp" in row
    return Line(index, "session_meta", row, ts, place) if is_meta else None


def reply_of_line(line: bytes) -> str | None:
    """Return a name for a line of the model's reply, "" for one that ends the reply, else None.

    An event may come before the item that it repeats.
    """
    head = line[:_LINE_HEAD]
    kinds = [kind.decode() for kind in _TYPE.findall(head)]
    envelope = kinds.pop(0) if kinds and kinds[0] in ENVELOPES else ""
    kind = kinds[0] if kinds else ""
    if envelope == "event_msg":
        return "reply" if kind in _MODEL_EVENTS else None
    is_item = envelope == "response_item" or (not envelope and kind in (*ITEM_TYPES, "message"))
    if not is_item:
        return "" if envelope == "compacted" else None
    role = _ROLE.search(head) if kind == "message" else None
    item = {"type": kind, **({"role": role[1].decode()} if role else {})}
    return "reply" if is_of_model(item) else ""


def error_of(line: Line) -> str:
    """Return the error in the event with which newer versions end a turn, or "" if none."""
    return fields.label(fields.as_dict(line.payload.get("error")), "message")


def session_events(texts: Iterable[bytes]) -> Iterator[Line]:
    """Yield the events that may hold the tokens or the end of a session, from earlier lines."""
    for text in texts:
        if b'"event_msg"' not in text or not any(kind in text for kind in _SESSION_EVENT_MARKS):
            continue
        for row in load(text).values:
            line = line_of(0, row, "")
            if line is not None:
                yield line
