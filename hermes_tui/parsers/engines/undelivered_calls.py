"""Sound calls in text that yields no call, next to calls that are delivered."""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.json_text import BadJson, decode_at

if TYPE_CHECKING:
    from hermes_tui.parsers.engines.base import Trace

_MAX_OBJECTS = 20
"""The number of objects in a stretch of text that are examined."""
_ARGUMENTS_KEYS = frozenset({"arguments", "parameters"})


class UndeliveredCall(NamedTuple):
    """A sound call object, with the format's marker before it if there is one."""

    name: str
    span: Span


def undelivered_call(trace: Trace, stretch: Span) -> UndeliveredCall | None:
    """Return the first sound call in a stretch of the text, outside reasoning, or None.

    A sound call is a JSON object with arguments and with a name that the request declares.
    """
    start, at = stretch.start, -1
    piece = trace.text[start : stretch.end]
    for _ in range(_MAX_OBJECTS):
        at = piece.find("{", at + 1)
        if at < 0:
            return None
        try:
            value, stop = decode_at(piece, at)
        except BadJson:
            continue
        is_call = isinstance(value, dict) and _is_call(trace, value)
        if is_call and not _is_in_reasoning(trace, start + at):
            place = Span(start + _call_start(trace, piece[:at]), start + stop)
            return UndeliveredCall(value["name"], place)
        at = stop - 1
    return None


def _is_in_reasoning(trace: Trace, position: int) -> bool:
    count = bisect_right(trace.thoughts, position, key=attrgetter("start"))
    return count > 0 and position < trace.thoughts[count - 1].end


def _is_call(trace: Trace, value: dict[str, Any]) -> bool:
    name = value.get("name")
    known = isinstance(name, str) and bool(name) and (not trace.tools or name in trace.tools)
    return known and bool(_ARGUMENTS_KEYS & value.keys())


def _call_start(trace: Trace, before: str) -> int:
    """Return where the call after `before` begins: at its marker, if only brackets come between."""
    bare = before.rstrip(" \t\r\n[")
    marker = next((one for one in trace.info.markers if one and bare.endswith(one)), "")
    return len(bare) - len(marker) if marker else len(before)
