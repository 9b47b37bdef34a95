"""Whether a first line too long to be examined is followed by others, and the values in those."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from hermes_tui.formats.json_text.json_values import load

if TYPE_CHECKING:
    from hermes_tui.formats.base import Source

SLICE: Final = 1 << 20
LOOKED_FORWARD: Final = 256 << 20
LOOKED_BACK: Final = 64 << 20
"""Bytes from the beginning and from the end that are searched for a second line. Searching a whole
document of gigabytes would delay the first paint too much."""
MAX_TAIL_LINES: Final = 50
_VALUE_END = re.compile(rb"[}\]][ \t\r]*\Z")
_VALUE_START = re.compile(rb"[\r\n]*[{\[]")
_BORDER_BYTES: Final = 64


def has_second_value(source: Source) -> bool:
    """Return whether a value that ends on one line is followed by one on another.

    The end is searched first, since a file of lines shows it there at once.
    """
    return any(_has_border(source, start) for start in _places(source.size))


def _places(size: int) -> Iterator[int]:
    """Yield the places to search: the end, then from the beginning onwards, then from the end
    backwards."""
    *starts, last = range(0, max(size, 1), SLICE)
    forward, back = LOOKED_FORWARD // SLICE, LOOKED_BACK // SLICE
    yield last
    yield from starts[:forward]
    yield from reversed(starts[forward:][-back:])


def _has_border(source: Source, start: int) -> bool:
    begin = max(0, start - _BORDER_BYTES)
    data = source.read(begin, SLICE + 2 * _BORDER_BYTES)
    place = data.find(b"\n")
    while place >= 0:
        before = data[max(0, place - _BORDER_BYTES) : place]
        if _VALUE_END.search(before) and _VALUE_START.match(data, place):
            return True
        place = data.find(b"\n", place + 1)
    return False


def last_values(source: Source) -> list[Any]:
    """Return the values of the whole lines in the last slice of a source."""
    start = max(0, source.size - SLICE)
    lines = source.read(start, SLICE).split(b"\n")[1:][-MAX_TAIL_LINES:]
    found = [load(line) for line in lines if line[:1] in (b"{", b"[")]
    return [value for values, problems in found if not problems for value in values]
