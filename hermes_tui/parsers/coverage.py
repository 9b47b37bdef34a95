"""Which parts of a text are taken, and which are left."""

from __future__ import annotations

from hermes_tui.model.spans import Span


def merged(parts: list[Span], length: int) -> tuple[Span, ...]:
    """Return the parts in order, those that touch as one."""
    return gaps(list(gaps(parts, length)), length)


def gaps(parts: list[Span], length: int) -> tuple[Span, ...]:
    """Return what the parts leave uncovered, in order."""
    found = []
    position = 0
    for part in sorted(parts):
        if part.start > position:
            found.append(Span(position, part.start))
        position = max(position, part.end)
    if position < length:
        found.append(Span(position, length))
    return tuple(found)
