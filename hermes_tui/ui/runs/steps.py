"""Long work in steps of some milliseconds, so that keys are handled in between. Pure except for the
clock.

A function that works in steps is a generator: after each step it yields how many rows the step went
over, and at the end it returns the result.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterator, Sequence
from typing import Any, Final, Generic, TypeVar

Result = TypeVar("Result")
Steps = Generator[int, None, Result]

STEP_ROWS: Final = 1 << 13
FEW_RUNS: Final = STEP_ROWS
"""With at most this many runs, everything is done at once."""
_SAMPLE_SIZE: Final = 1 << 12
_MAX_CUTS: Final = 1 << 8


class Underway(Generic[Result]):
    """Work that is done in steps; it will go over about `rows` rows."""

    def __init__(self, steps: Steps[Result], rows: int) -> None:
        self._steps = steps
        self._rows = max(1, rows)
        self._done = 0
        self.spent_s = 0.0

    @property
    def share(self) -> float:
        """How much of the work is done, from 0 to 1."""
        return min(1.0, self._done / self._rows)

    def advance(self, budget_s: float) -> Result | None:
        """Continue for about `budget_s` seconds; return the result once there is one."""
        began = time.perf_counter()
        try:
            while True:
                self._done += next(self._steps)
                if time.perf_counter() - began >= budget_s:
                    return None
        except StopIteration as ended:
            return ended.value  # type: ignore[no-any-return]
        finally:
            self.spent_s += time.perf_counter() - began


def whole(steps: Steps[Result]) -> Result:
    """Do the work at once and return the result."""
    try:
        while True:
            next(steps)
    except StopIteration as ended:
        return ended.value  # type: ignore[no-any-return]


def pieces(length: int) -> Iterator[range]:
    """Yield the numbers below `length`, as many at a time as one step goes over."""
    for start in range(0, length, STEP_ROWS):
        yield range(start, min(length, start + STEP_ROWS))


def sorted_in_steps(
    places: array[int], keys: Sequence[Any], *, descending: bool = False
) -> Steps[array[int]]:
    """Sort places by the key that each has in `keys`, stably like `sorted`; goes over each twice.

    Samplesort: no single step has to go over all of them, as the last merge of a sort would.
    """
    key = keys.__getitem__
    cuts = _cuts(places, keys) if len(places) > STEP_ROWS else []
    parts = [array("I") for _ in range(2 * len(cuts) + 1)]
    for piece in pieces(len(places)):
        some = sorted(places[piece.start : piece.stop], key=key)
        start = 0
        for number, cut in enumerate(cuts):
            # Keys equal to a cut get their own part: however many there are, it need not be sorted.
            equal = bisect_left(some, cut, start, key=key)
            end = bisect_right(some, cut, equal, key=key)
            parts[2 * number].extend(some[start:equal])
            parts[2 * number + 1].extend(some[equal:end])
            start = end
        parts[-1].extend(some[start:])
        yield len(piece)
    order = array("I")
    for number in reversed(range(len(parts))) if descending else range(len(parts)):
        part = parts[number]
        order.extend(part if number % 2 else sorted(part, key=key, reverse=descending))
        yield len(part)
    return order


def _cuts(places: array[int], keys: Sequence[Any]) -> list[Any]:
    """Return keys that cut the places into parts of about the same size."""
    sample = sorted(keys[place] for place in places[:: max(1, len(places) // _SAMPLE_SIZE)])
    return list(dict.fromkeys(sample[:: max(1, len(sample) // _MAX_CUTS)]))
