"""The search over the list of runs: which of them hold a text, found out bit by bit."""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Final

from hermes_tui.ui.runs.fields import run_line
from hermes_tui.ui.runs.table import RunRow
from hermes_tui.ui.search import Search

LOOKED_AT: Final = "file, id, task, model, status, codes"
"""What the line of a run holds that is searched."""
ROWS_A_BITE: Final = 64


class RunSearch:
    """Looks through the lines of runs, or all that they say. Runs are known by their place."""

    def __init__(self, rows: Sequence[RunRow]) -> None:
        self.wanted: Search | None = None
        self.searched = 0
        """How many of the runs were looked at."""
        self.is_stopped = False
        """Whether somebody ended it before it saw all runs."""
        self._rows = rows
        self._found = bytearray()
        self._count: tuple[object, int] | None = None
        self._may_hold: Callable[[bytes], bool] = lambda data: True
        self._again: deque[int] = deque()
        """Runs seen before that read differently now."""
        self._under_way: tuple[int, Generator[int, None, bool]] | None = None
        """The run that is being looked through."""

    def begin(self, wanted: Search | None, runs: int) -> None:
        """Look for something else, or nothing any more, in so many runs so far."""
        self.wanted = wanted
        self._found = bytearray(runs)
        self.searched = 0
        self.is_stopped = False
        self._count = self._under_way = None
        self._again.clear()
        if wanted is not None and wanted.in_texts:
            self._may_hold = _sieve_for(wanted)

    def take(self, runs: int) -> None:
        """Take in so many further runs."""
        self._found.extend(bytes(runs))

    @property
    def is_going_on(self) -> bool:
        """Whether there are runs to look at."""
        if self.wanted is None or self.is_stopped:
            return False
        is_behind = self.searched < len(self._found)
        return is_behind or self._under_way is not None or bool(self._again)

    def stop(self) -> None:
        """Leave it at what is found."""
        self.is_stopped = True
        self._under_way = None

    def found(self, places: range) -> bytearray:
        """Return for each of the runs whether it holds what is searched, as far as is known."""
        return self._found[places.start : places.stop]

    def advance(self, deadline: float) -> list[int]:
        """Look on until about `deadline`; return the runs of which more is known now."""
        if self.wanted is None:
            return []
        known: list[int] = []
        while self.is_going_on:
            known += self._look_through() if self.wanted.in_texts else self._look_at_lines()
            if time.perf_counter() >= deadline:
                break
        self._count = None
        return known

    def _look_at_lines(self) -> range:
        end = min(len(self._found), self.searched + ROWS_A_BITE)
        places = range(self.searched, end)
        for place in places:
            self._found[place] = self._is_in_line(place)
        self.searched = end
        return places

    def _look_through(self) -> list[int]:
        """Look at a bit of what a run says; return the run once it is known."""
        if self._under_way is None:
            is_new = self.searched < len(self._found)
            place = self.searched if is_new else self._again.popleft()
            self._under_way = place, self._through(place)
        place, under_way = self._under_way
        try:
            next(under_way)
            return []
        except StopIteration as ended:
            self._found[place] = ended.value
        self._under_way = None
        self.searched = max(self.searched, place + 1)
        return [place]

    def _through(self, place: int) -> Generator[int, None, bool]:
        from hermes_tui.runtime.run_texts import look_through

        assert self.wanted is not None
        if self._is_in_line(place):
            return True
        ref = self._rows[place].ref
        return (yield from look_through(ref, self.wanted.found_in, self._may_hold))

    def search_again(self, place: int) -> None:
        """Look again at a run that reads differently now."""
        # The next run may be half looked through.
        if self.wanted is None or place > self.searched:
            return
        if not self.wanted.in_texts:
            self._found[place] = self._is_in_line(place)
            self._count = None
        elif place not in self._again:
            self._again.append(place)

    def _is_in_line(self, place: int) -> bool:
        return self.wanted is not None and self.wanted.found_in(run_line(self._rows[place]))

    def count(self, passing: bytearray, state: object) -> int:
        """Return how many matches there are among the runs that pass; the same in a same state."""
        if self._count is None or self._count[0] != state:
            found = int.from_bytes(self._found) & int.from_bytes(passing)
            self._count = (state, found.bit_count())
        return self._count[1]

    def next_match(self, order: array[int], position: int, step: int) -> int | None:
        """Return the next match in an order from `position` in a direction, around the ends."""
        found = bytes(map(self._found.__getitem__, order))
        if step > 0:
            at = found.find(1, position + 1)
            at = at if at >= 0 else found.find(1)
        else:
            at = found.rfind(1, 0, position)
            at = at if at >= 0 else found.rfind(1)
        return at if at >= 0 else None


def _sieve_for(wanted: Search) -> Callable[[bytes], bool]:
    from hermes_tui.runtime.run_texts import sieve

    return sieve("" if wanted.is_regex else wanted.text, case_matters=wanted.case_matters)
