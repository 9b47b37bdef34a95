"""The order of the groups of a list: by the means of the column that it is sorted by. Pure."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hermes_tui.log.run_fields import has_failed
from hermes_tui.ui.runs.fields import WITHOUT_MEAN, column_in_steps
from hermes_tui.ui.runs.steps import Steps, pieces

if TYPE_CHECKING:
    from hermes_tui.ui.runs.table import RunRow


class Order(NamedTuple):
    """The column and the direction that a list is sorted by."""

    name: str = "run"
    descending: bool = False


def group_means(
    places: array[int], rows: Sequence[RunRow], group_of: array[int], count: int, order: Order
) -> Steps[list[float]]:
    """Return the sort key of each of `count` groups, the smallest first.

    It is the mean over its runs at `places`, negative if the largest come first, inf if no run has
    a value. By status, the groups with the largest share of failed runs come first.
    """
    if order.name in WITHOUT_MEAN:
        return [0.0] * count
    names = ("status", "reward") if order.name == "status" else (order.name,)
    columns = []
    for name in names:
        columns.append((yield from column_in_steps(rows, name)))
    sums, counts = [0.0] * count, [0] * count
    for piece in pieces(len(places)):
        some = places[piece.start : piece.stop]
        for place, value in zip(some, _values(columns, some), strict=True):
            if value is not None and math.isfinite(value):
                group = group_of[place]
                sums[group] += value
                counts[group] += 1
        yield len(piece)
    sign = -1 if (order.name == "status") != order.descending else 1
    return [
        sign * total / runs if runs else math.inf
        for total, runs in zip(sums, counts, strict=True)
    ]  # fmt: skip


def _values(columns: Sequence[Sequence[Any]], places: array[int]) -> Iterator[float | None]:
    """Return the number of each run that enters the mean; for the status, whether it failed."""
    first, *rest = columns
    if rest:
        return (has_failed(first[place], rest[0][place]) for place in places)
    return map(first.__getitem__, places)
