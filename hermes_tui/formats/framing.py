"""Cut a file into records without looking at what they mean.

Every byte is touched once. A record's range runs from the end of the one before it, so the ranges
cover the file; separators between array elements belong to the element after them. What cannot be
cut (a broken element, a torn last line) is a record too: reading it will say what is wrong.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from hermes_tui.model.spans import ByteRange

if TYPE_CHECKING:
    from hermes_tui.formats.base import Layout, Source

SLICE = 1 << 20
MAX_ELEMENT = 256 << 20
"""Bytes: an array element longer than this is taken for a broken one."""


class RecordKind(IntEnum):
    """`FRAME` is what holds values apart: blank lines, brackets, the rest after a closed array."""

    VALUE = 0
    FRAME = 1


class Record(NamedTuple):
    """One record of a file."""

    number: int
    range: ByteRange
    kind: RecordKind


@dataclass(slots=True)
class RecordIndex:
    """Where the records of a file end: 9 bytes a record. Grows while a file is scanned."""

    ends: array[int] = field(default_factory=lambda: array("Q"))
    kinds: bytearray = field(default_factory=bytearray)
    scanned: int = 0
    """Bytes looked at so far; at least the end of the last record."""
    closed: bool = False
    """Whether the top-level array or document was seen to end."""
    recoveries: int = 0

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, number: int) -> Record:
        start = self.ends[number - 1] if number else 0
        return Record(number, ByteRange(start, self.ends[number]), RecordKind(self.kinds[number]))

    @property
    def end(self) -> int:
        """Return where the last record ends."""
        return self.ends[-1] if self.ends else 0

    def add(self, end: int, kind: RecordKind = RecordKind.VALUE) -> None:
        self.ends.append(end)
        self.kinds.append(kind)
        self.scanned = max(self.scanned, end)


def scan(source: Source, layout: Layout, index: RecordIndex) -> Iterator[int]:
    """Extend `index` by what the source holds now; yield the bytes scanned after every slice.

    Call it again when the source has grown. The last record is added only when it is whole, or when
    the source is complete.
    """
    match layout.value:
        case "lines":
            yield from _scan_lines(source, index)
        case "array":
            yield from _scan_array(source, index)
        case _:
            if source.complete and source.size > index.end:
                index.add(source.size)
                yield source.size


def _scan_lines(source: Source, index: RecordIndex) -> Iterator[int]:
    add_end, add_kind = index.ends.append, index.kinds.append
    while index.scanned < source.size:
        start, base = index.end, index.scanned
        data = source.read(base, SLICE)
        if not data:
            break
        position = data.find(b"\n")
        while position >= 0:
            end = base + position + 1
            if end - start <= 2:
                blank = not (data[start - base : position] if start >= base else b"x").strip()
            else:
                head = data[start - base] if start >= base else 0
                blank = head in b" \t\r\n" and not source.read(start, end - start).strip()
            add_end(end)
            add_kind(RecordKind.FRAME if blank else RecordKind.VALUE)
            start = end
            position = data.find(b"\n", position + 1)
        index.scanned = base + len(data)
        yield index.scanned
    if source.complete and source.size > index.end:
        rest = source.read(index.end, min(source.size - index.end, SLICE))
        index.add(source.size, RecordKind.VALUE if rest.strip() else RecordKind.FRAME)
        yield source.size


_LEAD = re.compile(r"[\s,]*")
_NEXT_ELEMENT = re.compile(r"\}\s*,\s*(?=\{)")
_DECODER = json.JSONDecoder(strict=False)


def _scan_array(source: Source, index: RecordIndex) -> Iterator[int]:
    window = SLICE
    while index.end < source.size and not index.closed:
        base = index.end
        # Latin-1 gives one character a byte; JSON's own characters are ASCII: the ends are right.
        text = source.read(base, window).decode("latin-1")
        whole = base + len(text) >= source.size
        position = 0
        if base == 0:
            position = text.find("[") + 1
            index.add(position, RecordKind.FRAME)
        grew = _scan_elements(text, base, position, whole, index)
        if index.closed:
            if source.complete and index.end < source.size:
                index.add(source.size, RecordKind.FRAME)
            yield source.size
            return
        if not grew and whole:
            break
        if not grew and window >= MAX_ELEMENT:
            break
        window = SLICE if grew else window * 2
        yield index.end
    if source.complete and index.end < source.size:
        rest = source.read(index.end, 64)
        index.add(source.size, RecordKind.VALUE if rest.strip(b" \t\r\n,") else RecordKind.FRAME)
        yield source.size


def _scan_elements(text: str, base: int, position: int, whole: bool, index: RecordIndex) -> bool:
    """Add the elements that are whole in `text`; return whether there were any."""
    grew = False
    while True:
        lead = _LEAD.match(text, position)
        start = lead.end() if lead else position
        if text[start : start + 1] == "]":
            index.closed = True
            return True
        try:
            _, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            if not (whole or len(text) >= MAX_ELEMENT) or index.recoveries >= 32:
                return grew
            following = _NEXT_ELEMENT.search(text, start)
            if following is None:
                return grew
            index.recoveries += 1
            end = following.start() + 1
        else:
            # A number at the end of the window may go on behind it.
            if end == len(text) and not whole:
                return grew
        index.add(base + end)
        grew = True
        position = end
