"""Ranges of texts and of files: two types, so that characters and bytes cannot be mixed up."""

from __future__ import annotations

import msgspec


class Span(msgspec.Struct, frozen=True, order=True, gc=False):
    """Half-open range of characters of one text."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end


class ByteRange(msgspec.Struct, frozen=True, order=True):
    """Half-open range of bytes of one (decompressed) file."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


class SourceRef(msgspec.Struct, frozen=True):
    """A place in a file: the bytes of a record, and a JSON Pointer (RFC 6901) into it."""

    range: ByteRange
    pointer: str = ""


def merged(parts: list[Span], length: int) -> tuple[Span, ...]:
    """Return the parts in order, with those that touch or overlap merged into one.

    `length` is that of the text.
    """
    return gaps(list(gaps(parts, length)), length)


def gaps(parts: list[Span], length: int) -> tuple[Span, ...]:
    """Return the gaps that the parts leave in a text of `length` characters, in order."""
    uncovered = []
    position = 0
    for part in sorted(parts):
        if part.start > position:
            uncovered.append(Span(position, part.start))
        position = max(position, part.end)
    if position < length:
        uncovered.append(Span(position, length))
    return tuple(uncovered)
