"""The order and choice of the runs on the runs screen, kept up to date in slices.

A run is known by its place in `rows`, where it stays. Their own order is that of files and runs;
`order` holds the places of the listed ones as they are sorted now.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from hermes_tui.runtime.opener import RunRef
from hermes_tui.ui.run_fields import (
    FIELD_NAMES,
    FIELDS,
    SORTS,
    UPWARDS,
    column,
    run_line,
    sort_values,
)
from hermes_tui.ui.run_places import RunPlaces
from hermes_tui.ui.run_table import RunRow
from hermes_tui.ui.runs_facts import RunsFacts

if TYPE_CHECKING:
    from hermes_tui.log.expressions import Expression

__all__ = ["FIELDS", "FIELD_NAMES", "SORTS", "RunsModel"]

ROWS_A_BITE = 64
ARRANGE_EVERY_S = 0.2
ARRANGE_SHARE = 10
"""Arranging takes at most this part of the time, where it takes long."""
FIRST_SLICE_S = 0.02


class RunsModel:
    """Which runs are listed, and in what order."""

    def __init__(self, rows: Sequence[RunRow]) -> None:
        self.rows = rows
        self.order = array("I")
        self.sort_name = "run"
        self.descending = False
        self.filter: Expression | None = None
        self.filter_text = ""
        self.search_text = ""
        self.revision = 0
        """Grows whenever rows that were listed before may stand elsewhere or read differently."""
        self.choice = 0
        """Grows whenever another choice of runs is to be listed."""
        self.rewritten = 0
        """Grows whenever a run that was taken in before reads differently."""
        self._places = RunPlaces()
        self._stale = False
        self._due = 0.0
        self._passing = bytearray()
        self._tested = 0
        self._found = bytearray()
        self._searched = 0
        self._wanted = ""
        self._match_count: tuple[tuple[int, int], int] | None = None
        self._kept: int | None = None
        self._kept_at = 0

    def __len__(self) -> int:
        return len(self.order)

    def row(self, position: int) -> RunRow:
        return self.rows[self.order[position]]

    def number(self, position: int) -> int:
        """Return the 1-based number that a listed run has among all."""
        return self._places.numbers[self.order[position]] + 1

    def line(self, position: int) -> str:
        """Return a run as one line of text."""
        return run_line(self.row(position)) if position < len(self.order) else ""

    # Where runs are

    def keep(self, position: int) -> None:
        """Remember the run under the cursor, so that sorting does not lose it."""
        self._kept = self.order[position] if position < len(self.order) else None
        self._kept_at = position

    def kept_position(self) -> int | None:
        """Return where the remembered run stands now. O(1) while it stands where it stood."""
        if self._kept is None:
            return None
        if not (self._kept_at < len(self.order) and self.order[self._kept_at] == self._kept):
            try:
                self._kept_at = self.order.index(self._kept)
            except ValueError:
                return None
        return self._kept_at

    def position_of(self, ref: RunRef) -> int | None:
        """Return where a run is listed, None where it is not. O(listed runs)."""
        place = self._place_of(ref)
        try:
            return self.order.index(place) if place is not None else None
        except ValueError:
            return None

    def _place_of(self, ref: RunRef) -> int | None:
        """Return where the row of a run is, None where there is none."""
        if self._places.displaced:
            self._renumber()
            self._stale = True
        return self._places.place_of(ref)

    def neighbour(self, ref: RunRef, step: int) -> int | None:
        """Return the position `step` runs after the one of `ref`, None where the list ends.

        For a run that is not listed (any more), count from where it would stand. O(listed runs).
        """
        target = self.position_of(ref)
        if target is not None:
            target += step
        else:
            place = self._place_of(ref)
            if place is None:
                return None
            listed = self._places.sorted([*self._listed(), place])
            sorted_with_it = self._sorted(array("I", listed))
            target = sorted_with_it.index(place) + step - (step > 0)
        return target if 0 <= target < len(self.order) else None

    # Keeping up

    @property
    def facts(self) -> RunsFacts:
        """What is known of all runs together."""
        return self._places.facts

    @property
    def taken(self) -> int:
        """How many of the rows are taken in."""
        return self._places.taken

    @property
    def tested(self) -> int:
        """How many of them the filter has seen."""
        return self._tested

    def passing(self, first: int, end: int) -> bytearray:
        """Return for each of the rows `[first, end)` whether the filter lets it through."""
        return self._passing[first:end]

    @property
    def unsettled(self) -> bool:
        """Whether there is something left to filter, search or sort."""
        is_behind = self.taken < len(self.rows) or self._tested < self.taken
        return is_behind or self._stale or self._places.displaced or self.searching

    @property
    def searching(self) -> bool:
        """Whether a search has not seen all runs yet."""
        return bool(self.search_text) and self._searched < self.taken

    def update(self, replaced: Iterable[int] = (), *, at_once: bool = True) -> None:
        """Take in rows that were read since, and those that were replaced.

        With `at_once` False, sorting them in is left to `advance` if it was done a moment ago.
        """
        for place in replaced:
            if place < self.taken:
                self._take_again(place)
        self._take(time.perf_counter() + FIRST_SLICE_S)
        if at_once:
            self.advance(FIRST_SLICE_S)
            self._arrange_if_needed()
        elif time.perf_counter() >= self._due:
            self._arrange_if_needed()

    def _take(self, deadline: float) -> None:
        """Take in rows that are new; those of a big file, known from before, in slices."""
        fresh = self._places.take(self.rows, deadline)
        if not fresh:
            return
        self._found.extend(bytes(len(fresh)))
        self._passing.extend(bytes([self.filter is None]) * len(fresh))
        self._took()
        if self.filter is None:
            self._tested = fresh.stop
            self._list(fresh)

    def _took(self) -> None:
        """Do what is due whenever rows were taken in and before they are listed."""

    def _take_again(self, place: int) -> None:
        self.facts.note(place, self.rows[place])
        self._stale = True
        self.rewritten += 1
        if self.filter is not None and place < self._tested:
            [self._passing[place]] = self._passing_of(range(place, place + 1))
        if self.search_text and place < self._searched:
            self._found[place] = self._is_found(place)
            self._match_count = None

    def advance(self, budget_s: float) -> bool:
        """Filter, search and sort on for about `budget_s` seconds; return whether it had to."""
        if not self.unsettled:
            return False
        deadline = time.perf_counter() + budget_s
        self._take(deadline)
        is_over = False
        while self._tested < self.taken and not is_over:
            bite = range(self._tested, min(self.taken, self._tested + ROWS_A_BITE))
            self._tested = bite.stop
            self._filter(bite)
            is_over = time.perf_counter() >= deadline
        while self.searching and not is_over:
            self._search(range(self._searched, min(self.taken, self._searched + ROWS_A_BITE)))
            is_over = time.perf_counter() >= deadline
        if time.perf_counter() >= self._due:
            self._arrange_if_needed()
        return True

    def _search(self, places: range) -> None:
        for place in places:
            self._found[place] = self._is_found(place)
        self._searched = places.stop
        self._match_count = None

    def _filter(self, places: range) -> None:
        passing = []
        for place, passes in zip(places, self._passing_of(places), strict=True):
            before, self._passing[place] = self._passing[place], passes
            if before != passes:
                if before:
                    self._stale = True
                else:
                    passing.append(place)
        self._list(passing)

    def _list(self, places: Sequence[int]) -> None:
        """Add runs to the list: at its end if they belong there, else when it is arranged next."""
        if self.sort_name != "run" or self.descending:
            self._stale = self._stale or bool(places)
            return
        order = self.order
        if isinstance(places, range) and not self._places.displaced:
            order.extend(places)
            return
        for place in places:
            if order and self._places.precedes(place, order[-1]):
                self._stale = True
            else:
                order.append(place)

    def _passing_of(self, places: range) -> list[bool]:
        """Return for each of the runs whether the filter lets it through."""
        if self.filter is None:
            return [True] * len(places)
        rows, names = self.rows[places.start : places.stop], self.filter.names
        numbers = [number + 1 for number in self._places.numbers[places.start : places.stop]]
        columns = [numbers if name == "run" else column(rows, name) for name in names]
        matches = self.filter.matches
        return [
            matches(dict(zip(names, values, strict=True)))
            for _, *values in zip(numbers, *columns, strict=True)
        ]

    # Order

    def _arrange_if_needed(self) -> None:
        if self._stale or self._places.displaced:
            self._arrange()

    def _arrange(self) -> None:
        """List the runs anew that pass the filter, sorted."""
        began = time.perf_counter()
        if self._places.displaced:
            self._renumber()
        self.order = self._sorted(self._listed())
        self._stale = False
        self.revision += 1
        now = time.perf_counter()
        self._due = now + max(ARRANGE_EVERY_S, ARRANGE_SHARE * (now - began))

    def _renumber(self) -> None:
        self._places.renumber()
        if self.filter is not None and "run" in self.filter.names:
            self._tested = 0
            self.choice += 1

    def _listed(self) -> array[int]:
        """Return the runs that pass the filter, in the order of files and runs."""
        if self.filter is None:
            return self._places.in_order[:]
        passing = self._passing
        return array("I", (place for place in self._places.in_order if passing[place]))

    def _sorted(self, places: array[int]) -> array[int]:
        """Return runs, given in their own order, sorted by the present column."""
        if self.sort_name == "run":
            return places[::-1] if self.descending else places
        values = sort_values(self.rows, self.sort_name, descending=self.descending)
        return array("I", sorted(places, key=values.__getitem__, reverse=self.descending))

    def sort_by(self, name: str, *, descending: bool | None = None) -> None:
        """Sort by a column; counts begin with the largest unless `descending` says otherwise."""
        self.sort_name = name
        self.descending = name not in UPWARDS if descending is None else descending
        self._arrange()

    def sort_by_next(self) -> None:
        """Sort by the next column."""
        self.sort_by(SORTS[(SORTS.index(self.sort_name) + 1) % len(SORTS)])

    def reverse(self) -> None:
        self.sort_by(self.sort_name, descending=not self.descending)

    # Choice

    def try_filter(self, text: str) -> str:
        """Filter by an expression, none if it is empty; return what is wrong with it, or "".

        Long lists are filtered on by `advance`.
        """
        from hermes_tui.log.expressions import ExpressionError, compile_expression

        expression = None
        if text.strip():
            try:
                expression = compile_expression(text, FIELD_NAMES)
            except ExpressionError as error:
                return str(error)
        self.filter, self.filter_text = expression, text.strip()
        self._passing = bytearray([expression is None]) * self.taken
        self._tested = 0 if expression is not None else self.taken
        self.choice += 1
        self._match_count = None
        self._arrange()
        self._due = 0.0
        self.advance(FIRST_SLICE_S)
        return ""

    def set_search(self, text: str) -> None:
        """Search for a text in all runs, upper or lower case; long lists by `advance`."""
        self.search_text = text
        self._wanted = text.casefold()
        self._found = bytearray(self.taken)
        self._searched = 0
        self._match_count = None
        self.advance(FIRST_SLICE_S)

    def _is_found(self, place: int) -> bool:
        return self._wanted in run_line(self.rows[place]).casefold()

    @property
    def matches(self) -> int:
        """How many listed runs match the search, as far as it got."""
        state = (self.revision, len(self.order))
        if self._match_count is None or self._match_count[0] != state:
            found = int.from_bytes(self._found) & int.from_bytes(self._passing)
            self._match_count = (state, found.bit_count())
        return self._match_count[1]

    def next_match(self, position: int, step: int) -> int | None:
        """Return the next match from `position` in the direction `step`, around the ends."""
        count = len(self.order) if self.matches else 0
        for distance in range(1, count + 1):
            at = (position + step * distance) % count
            if self._found[self.order[at]]:
                return at
        return None
