"""The filter over the list of runs: which of them pass, tested in small steps."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any

from hermes_tui.ui.runs.fields import FILTER_NAMES, FOUND, column
from hermes_tui.ui.runs.places import RunPlaces
from hermes_tui.ui.runs.search import RunSearch
from hermes_tui.ui.runs.steps import Steps, pieces
from hermes_tui.ui.runs.table import RunRow, gone_places

if TYPE_CHECKING:
    from hermes_tui.log.expressions import Expression

ROWS_PER_STEP = 64


class RunFilter:
    """Tests runs with an expression; without one, all pass. Runs are identified by place."""

    def __init__(self, rows: Sequence[RunRow], places: RunPlaces, search: RunSearch) -> None:
        self.expression: Expression | None = None
        self.text = ""
        self.passing = bytearray()
        """For each run, whether it passes; 0 until it is tested."""
        self.tested = 0
        """How many of the runs have been tested."""
        self._rows = rows
        self._gone = gone_places(rows)
        self._places = places
        self._search = search

    def begin(self, text: str) -> str:
        """Test with another expression, or none if it is empty; return an error message, or ""."""
        from hermes_tui.log.expressions import ExpressionError
        from hermes_tui.log.plain_fields import compile_filter

        try:
            expression = compile_filter(text, FILTER_NAMES)
        except ExpressionError as error:
            return error.on_screen
        self.expression, self.text = expression, text.strip()
        count = self._places.taken
        self.passing = bytearray([expression is None]) * count
        self.tested = 0 if expression is not None else count
        for place in self._gone:
            if place < count:
                self.passing[place] = False
        return ""

    @property
    def is_by_number(self) -> bool:
        """Whether the expression reads the position of a run among all."""
        return self.expression is not None and "run" in self.expression.names

    @property
    def is_by_search(self) -> bool:
        """Whether the expression reads the result of the search."""
        return self.expression is not None and FOUND in self.expression.names

    @property
    def has_more(self) -> bool:
        """Whether there are runs to test now; those that a search must see first do not count."""
        return self.tested < self._end

    @property
    def _end(self) -> int:
        waits = self.is_by_search and self._search.is_going_on
        return self._search.searched_to if waits else self._places.taken

    def take(self, fresh: range) -> None:
        """Add new runs."""
        is_open = self.expression is None
        self.passing.extend(bytes([is_open]) * len(fresh))
        if is_open:
            self.tested = fresh.stop

    def test_next(self) -> tuple[list[int], bool]:
        """Test some more runs; return which pass from now on, and whether any no longer does."""
        places = range(self.tested, min(self._end, self.tested + ROWS_PER_STEP))
        self.tested = places.stop
        new_passing: list[int] = []
        has_dropped = False
        for place, passes in zip(places, self._passing_of(places), strict=True):
            passed, self.passing[place] = bool(self.passing[place]), passes
            if passes and not passed:
                new_passing.append(place)
            has_dropped = has_dropped or (passed and not passes)
        return new_passing, has_dropped

    def test_again(self, place: int) -> None:
        """Test a run again that has changed, or no longer exists."""
        if place < self.tested:
            [self.passing[place]] = self._passing_of(range(place, place + 1))

    def _passing_of(self, places: range) -> list[bool]:
        """Return for each of the runs whether it passes."""
        gone = self._gone
        if self.expression is None:
            return [place not in gone for place in places]
        rows, names = self._rows[places.start : places.stop], self.expression.names
        numbers = [number + 1 for number in self._places.numbers[places.start : places.stop]]
        computed: dict[str, Sequence[Any]] = {"run": numbers}
        if self.is_by_search:
            computed[FOUND] = list(map(bool, self._search.found(places)))
        columns = [computed[name] if name in computed else column(rows, name) for name in names]
        matches = self.expression.matches
        return [
            place not in gone and matches(dict(zip(names, values, strict=True)))
            for place, *values in zip(places, *columns, strict=True)
        ]

    def listed(self) -> Steps[array[int]]:
        """Return the runs that pass, in the order of files and runs."""
        places = self._places.in_order[:]
        if self.expression is None and not self._gone:
            return places
        passes = self.passing.__getitem__
        listed = array("I")
        for piece in pieces(len(places)):
            some = places[piece.start : piece.stop]
            listed.extend(compress(some, map(passes, some)))
            yield len(piece)
        return listed
