"""Cut a file into records without interpreting them.

Every byte is touched once. A record's range begins at the end of the previous one, so the ranges
cover the file; separators between array elements belong to the element after them. What cannot be
cut (a broken element, a torn last line) is a record too: reading it reports what is wrong.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hermes_tui.formats.json_text.json_walk import JsonWalk, Outcome
from hermes_tui.model.spans import ByteRange

if TYPE_CHECKING:
    from hermes_tui.formats.base import Source
    from hermes_tui.formats.line_index import LineIndex

SLICE = 1 << 20
MAX_WHOLE = 64 << 20
"""How much is read at once of lines that make sense only together, in bytes of memory or so."""
LINE_WEIGHT = 2000
"""Bytes of memory that a decoded line takes in addition to its own length."""
MAX_RECOVERIES = 32
RECOVERY_PASS = 32 << 20
"""Bytes searched in vain that count as one more recovery."""


class Layout(StrEnum):
    """How a file is cut into records."""

    LINES = "lines"
    """One JSON value a line."""
    ARRAY = "array"
    """One JSON array; a record is an element."""
    DOCUMENT = "document"
    """One JSON value, one record."""
    INSIDE = "inside"
    """One JSON object; a record is an element of the long list in it (`big_list.py`)."""
    WHOLE_LINES = "whole-lines"
    """One JSON value a line; all lines together are one record, since they make sense only so."""
    TURNS = "turns"
    """One JSON value a line; a record is a reply and the lines that follow it (`turns.py`)."""

    def together(self) -> Layout:
        """Return the layout that reads all values of a file with this layout as one record."""
        match self:
            case Layout.LINES:
                return Layout.WHOLE_LINES
            case Layout.ARRAY:
                return Layout.DOCUMENT
            case _:
                return self


class Unit(StrEnum):
    """What one record holds."""

    RUNS = "runs"
    """Zero or more whole runs."""
    PARTS = "parts"
    """A part of the one run that the whole file is."""


class RecordKind(IntEnum):
    """`FRAME` is what separates values: blank lines, brackets, the rest after a closed array."""

    VALUE = 0
    FRAME = 1


class Record(NamedTuple):
    """One record of a file."""

    number: int
    range: ByteRange
    kind: RecordKind


class Records(Protocol):
    """The records of a file that are known so far."""

    @property
    def closed(self) -> bool: ...

    @property
    def end(self) -> int:
        """Return where the last record ends."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, number: int) -> Record: ...

    def end_of(self, number: int) -> int:
        """Return where record `number` ends."""
        ...


@dataclass(slots=True)
class RecordIndex:
    """Where the records of a file end: 9 bytes a record. Grows while a file is scanned."""

    ends: array[int] = field(default_factory=lambda: array("Q"))
    kinds: bytearray = field(default_factory=bytearray)
    scanned: int = 0
    """Bytes scanned so far; at least the end of the last record."""
    closed: bool = False
    """Whether the top-level array or document was seen to end."""
    recoveries: int = 0
    blank: int = 0
    """Where the blanks after the last record end."""
    weight: int = 0
    """Bytes of memory for what was scanned after the last record, if lines are read together."""

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, number: int) -> Record:
        start = self.ends[number - 1] if number else 0
        return Record(number, ByteRange(start, self.ends[number]), RecordKind(self.kinds[number]))

    @property
    def end(self) -> int:
        """Return where the last record ends."""
        return self.ends[-1] if self.ends else 0

    def end_of(self, number: int) -> int:
        """Return where record `number` ends."""
        return self.ends[number]

    def add(self, end: int, kind: RecordKind = RecordKind.VALUE) -> None:
        self.ends.append(end)
        self.kinds.append(kind)
        self.scanned = max(self.scanned, end)


def scan(
    source: Source, layout: Layout, index: RecordIndex | LineIndex, *, start: int = 0
) -> Iterator[int]:
    """Extend `index` by what the source holds now; yield the bytes scanned after every slice.

    `start` is where the first element of a list inside a document may begin.

    Call it again when the source has grown. The last record is added only when it is whole, or when
    the source is complete.
    """
    if not isinstance(index, RecordIndex):
        yield from index.scan(source)
        return
    match layout.value:
        case "lines":
            yield from _scan_lines(source, index)
        case "array":
            yield from _scan_array(source, index, source.read(0, SLICE).find(b"[") + 1)
        case "inside" if start:
            yield from _scan_array(source, index, start)
        case "whole-lines":
            yield from _scan_whole_lines(source, index)
        case _:
            yield from _end_whole(source, index)


def is_blank(line: bytes) -> bool:
    """Return whether a line holds no value."""
    return line[:1] in b" \t\r\n" and not line.strip(b" \t\r\n")


def _kind(source: Source, start: int, end: int, blank: bytes = b" \t\r\n") -> RecordKind:
    if end - start > SLICE or source.read(start, end - start).strip(blank):
        return RecordKind.VALUE
    return RecordKind.FRAME


def _scan_lines(source: Source, index: RecordIndex) -> Iterator[int]:
    """Index lines. Up to `SLICE` bytes of blank lines, of which there may be millions, belong to
    the line after them; more are records of their own."""
    if index.scanned == index.end:
        index.blank = index.end
    while index.scanned < source.size:
        base = index.scanned
        data = source.read(base, SLICE)
        if not data:
            break
        position = 0
        while True:
            if index.blank == base + position:
                position += len(_BLANKS.match(data, position)[0])  # type: ignore[index]
                index.blank = base + position
                while index.blank - index.end > SLICE:
                    index.ends.append(index.end + SLICE)
                    index.kinds.append(RecordKind.FRAME)
            position = data.find(b"\n", position) + 1
            if not position:
                break
            index.ends.append(base + position)
            index.kinds.append(RecordKind.VALUE)
            index.blank = base + position
        index.scanned = base + len(data)
        yield index.scanned
    yield from _end_whole(source, index)


def _end_whole(source: Source, index: RecordIndex) -> Iterator[int]:
    """Add what is after the last record as one more, once the source is complete."""
    if source.complete and source.size > index.end:
        index.add(source.size, _kind(source, index.end, source.size))
        yield source.size


def _scan_whole_lines(source: Source, index: RecordIndex) -> Iterator[int]:
    """Index all lines as one record, or as several if one would be heavier than `MAX_WHOLE`."""
    index.scanned = max(index.scanned, index.end)
    # Whole slices only, so that the cuts do not depend on how the file grew.
    while index.scanned + SLICE <= source.size:
        data = source.read(index.scanned, SLICE)
        if len(data) < SLICE:
            break
        index.scanned += SLICE
        index.weight += SLICE + LINE_WEIGHT * data.count(b"\n")
        cut = data.rfind(b"\n") + 1
        if index.weight > MAX_WHOLE and cut:
            index.add(index.scanned - SLICE + cut)
            index.scanned, index.weight = index.end, 0
        yield index.scanned
    yield from _end_whole(source, index)


_BLANKS = re.compile(rb"[ \t\r\n]*")
_NEXT_ELEMENT = re.compile(rb"\}\s*,\s*(?=\{)")


def _scan_array(source: Source, index: RecordIndex, start: int) -> Iterator[int]:
    if not index.end:
        index.add(start, RecordKind.FRAME)
    walk, reported = JsonWalk(source, index.end), index.end
    while not index.closed and (char := walk.peek()):
        if char == "]":
            index.closed = True
            break
        begins = walk.at
        outcome = walk.skip()
        if outcome is Outcome.WHOLE:
            index.add(walk.at)
        elif outcome is Outcome.BROKEN or source.complete:
            is_torn = outcome is Outcome.TORN and not _ends_closed(source)
            following = None if is_torn else _recover(source, index, begins, walk.at)
            if following is None:
                break
            index.add(following)
            walk = JsonWalk(source, following)
        else:
            break
        if index.end - reported >= SLICE:
            reported = index.end
            yield reported
    yield from _end_array(source, index)


def _end_array(source: Source, index: RecordIndex) -> Iterator[int]:
    if source.complete and index.end < source.size:
        blank = b" \t\r\n,]" if index.closed else b" \t\r\n,"
        index.add(source.size, _kind(source, index.end, source.size, blank))
        yield source.size


def _ends_closed(source: Source) -> bool:
    """Return whether the file ends with "]"; if not, its last element is torn, not broken."""
    tail = source.read(max(0, source.size - SLICE), SLICE)
    return tail.rstrip(b" \t\r\n\0").endswith(b"]")


def _recover(source: Source, index: RecordIndex, begins: int, reached: int) -> int | None:
    """Return where a broken element probably ends, or None if no other object follows it."""
    place = begins
    while place < source.size and index.recoveries < MAX_RECOVERIES:
        data = source.read(place, SLICE)
        found = _NEXT_ELEMENT.search(data)
        if found is not None:
            index.recoveries += 1 + (reached - begins) // RECOVERY_PASS
            return place + found.start() + 1
        if len(data) < SLICE:
            return None
        place += SLICE // 2
    return None
