"""The search over the list of runs: which of them hold a text, found out bit by bit."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

from hermes_tui.ui.runs.fields import run_line
from hermes_tui.ui.runs.table import RunRow
from hermes_tui.ui.view_model import Search

LOOKED_AT: Final = "file, id, task, model, status, codes"
"""What the line of a run holds that is searched."""


class RunSearch:
    """Looks through the lines of runs. Runs are known by their place."""

    def __init__(self, rows: Sequence[RunRow]) -> None:
        self.wanted: Search | None = None
        self.searched = 0
        """How many of the runs were looked at."""
        self._rows = rows
        self._found = bytearray()
        self._count: tuple[object, int] | None = None

    def begin(self, wanted: Search | None, runs: int) -> None:
        """Look for something else, or nothing any more, in so many runs so far."""
        self.wanted = wanted
        self._found = bytearray(runs)
        self.searched = 0
        self._count = None

    def take(self, runs: int) -> None:
        """Take in so many further runs."""
        self._found.extend(bytes(runs))

    def search(self, places: range) -> None:
        """Look at the next runs."""
        for place in places:
            self._found[place] = self._holds(place)
        self.searched = places.stop
        self._count = None

    def search_again(self, place: int) -> None:
        """Look again at a run that reads differently now."""
        if self.wanted is not None and place < self.searched:
            self._found[place] = self._holds(place)
            self._count = None

    def _holds(self, place: int) -> bool:
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
