"""Sessions too big to be read together, cut into turns: each is a reply and what follows it.

A format that can be read this way has the trait `reply_of_line`, which classifies a line by its
bytes. Cuts need not be exact: a wrong one splits a message in two, but nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hermes_tui.formats.base import Source
from hermes_tui.formats.framing import (
    LINE_WEIGHT,
    SLICE,
    Layout,
    RecordIndex,
    RecordKind,
    Unit,
    is_blank,
)
from hermes_tui.formats.traits import ReplyOfLine, traits_of

if TYPE_CHECKING:
    from hermes_tui.formats.reader import Reader

READ_BY_TURNS: Final = MappingProxyType({
    "read": "turn by turn, because of its size: records that are not messages are not counted, and "
    "abandoned branches look like the others"
})  # fmt: skip
"""Added to the details of a run that is read this way."""
MAX_TOGETHER: Final = 32 << 20
"""Approximate bytes of memory; the turns of a session that takes more are read one by one."""
MAX_TURN: Final = 4 << 20
"""Bytes after which a turn is cut even if no reply begins."""
MAX_BEFORE: Final = 4 << 20
"""Bytes before a turn that may be searched for facts that an earlier turn states for all of
them."""
LINE_HEAD: Final = 64 << 10
"""The least number of bytes examined of a line that does not end in the slice where it begins."""


def by_turns(reader: Reader, source: Source) -> Reader:
    """Return a reader of the turns of a session that is too big, or else the same reader."""
    if reader.layout is not Layout.WHOLE_LINES or cutting_rule(reader) is None:
        return reader
    if not exceeds_memory(source, MAX_TOGETHER):
        return reader
    return reader._replace(layout=Layout.TURNS, unit=Unit.PARTS)


def at_once(reader: Reader) -> Reader:
    """Return a reader of all lines together in place of one of turns, or else the same reader."""
    if reader.layout is not Layout.TURNS:
        return reader
    return reader._replace(layout=Layout.WHOLE_LINES, unit=Unit.RUNS)


def exceeds_memory(source: Source, most: int) -> bool:
    """Return whether reading all lines together takes more than about `most` bytes of memory.

    Lines are counted, since the lengths of the first ones say nothing about the later ones.
    """
    weight = source.size
    for start in range(0, source.size, SLICE):
        if weight > most:
            break
        weight += LINE_WEIGHT * source.read(start, SLICE).count(b"\n")
    return weight > most


def cutting_rule(reader: Reader) -> ReplyOfLine | None:
    """Return the rule that separates replies in the lines of a format, or None if there is none."""
    return traits_of(reader.format).reply_of_line


@dataclass(slots=True)
class _Cutter:
    """Cuts before each line with which another reply begins."""

    index: RecordIndex
    reply: ReplyOfLine
    name: str = ""
    """The reply that the previous line belongs to; "" if it has ended."""
    is_begun: bool = False
    """Whether the turn not yet cut contains a reply."""
    is_blank: bool = True
    """Whether that turn contains only blank lines."""

    def take(self, start: int, end: int, text: bytes) -> None:
        """Process the next line; for a long one, `text` is its beginning and its end."""
        found, index = self.reply(text), self.index
        is_next = self.is_begun and bool(found) and found != self.name
        is_too_much = end - index.end > MAX_TURN and start > index.end
        if is_next or is_too_much:
            self.cut(start)
        self.is_blank = self.is_blank and is_blank(text)
        if found is not None:
            self.name, self.is_begun = found, self.is_begun or bool(found)

    def cut(self, end: int) -> None:
        self.index.add(end, RecordKind.FRAME if self.is_blank else RecordKind.VALUE)
        self.is_begun, self.is_blank = False, True


def scan_turns(source: Source, index: RecordIndex, reply: ReplyOfLine) -> Iterator[int]:
    """Extend `index` by the turns found so far; yield the position reached after every slice."""
    cutter = _Cutter(index, reply)
    place = begins = index.end
    head = b""
    while place < source.size:
        data = source.read(place, SLICE)
        if not data:
            break
        position = 0
        while end := data.find(b"\n", position) + 1:
            cutter.take(begins, place + end, head + data[position:end])
            begins, head, position = place + end, b"", end
        if len(head) < LINE_HEAD:
            head += data[position:]
        place += len(data)
        index.scanned = place
        yield place
    if source.complete and source.size > index.end:
        cutter.is_blank = cutter.is_blank and is_blank(head or b"\n")
        cutter.cut(source.size)
        yield source.size


def lines_before(source: Source, end: int) -> Iterator[bytes]:
    """Yield the lines before `end`, the latest first, within `MAX_BEFORE` bytes."""
    least = max(0, end - MAX_BEFORE)
    torn = b""
    while end > least:
        start = max(least, end - SLICE)
        torn, *lines = (source.read(start, end - start) + torn).split(b"\n")
        yield from reversed(lines)
        end = start
    if not least:
        yield torn
