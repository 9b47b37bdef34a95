"""Find a row again after the same run was read once more."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import structs

from hermes_tui.log.timeline import Timeline
from hermes_tui.model.events import Event


def same_row(before: Timeline, row: int, now: Timeline) -> int:
    """Return the row of `now` that shows what `row` showed in `before`, the nearest of several.

    If there is none, return `row` itself, limited to the rows that there are.
    """
    if row < len(before):
        for other in _nearest_first(row, len(now)):
            if _shows_same(before, row, now, other):
                return other
    return max(0, min(row, len(now) - 1))


def _nearest_first(row: int, rows: int) -> Iterator[int]:
    for step in range(max(row, rows) + 1):
        for other in sorted({row - step, row + step}):
            if 0 <= other < rows:
                yield other


def _shows_same(before: Timeline, row: int, now: Timeline, other: int) -> bool:
    if before.kind(row) is not now.kind(other):
        return False
    first, second = before.finding(row), now.finding(other)
    if first is not None and second is not None and first.message != second.message:
        return False
    event, again = before.event(row), now.event(other)
    return type(event) is type(again) and _without_place(event) == _without_place(again)


def _without_place(event: Event) -> Event:
    return structs.replace(event, seq=0, at=None)
