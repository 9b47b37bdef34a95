"""The order and selection of the runs on the runs screen, kept up to date in slices.

A run is identified by its place in `rows`, which never changes. The natural order is that of files
and runs; `order` holds the places of the listed runs in the present order.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from hermes_tui.runtime.opener import RunRef
from hermes_tui.ui.runs.arrangement import Standing
from hermes_tui.ui.runs.facts import RunsFacts
from hermes_tui.ui.runs.fields import (
    ASCENDING_COLUMNS,
    OPTIONAL_COLUMNS,
    SORTS,
    run_line,
    sort_keys,
)
from hermes_tui.ui.runs.filter import RunFilter
from hermes_tui.ui.runs.places import RunPlaces
from hermes_tui.ui.runs.search import RunSearch
from hermes_tui.ui.runs.steps import FEW_RUNS, Steps, Underway, sorted_in_steps, whole
from hermes_tui.ui.runs.table import RunRow, gone_places

if TYPE_CHECKING:
    from hermes_tui.log.expressions import Expression
    from hermes_tui.ui.search import Search

ARRANGE_EVERY_S = 0.2
ARRANGE_SHARE = 10
"""Arranging takes at most this fraction of the time (1 / N) if it takes long."""
FIRST_SLICE_S = 0.02


class RunsModel:
    """Which runs are listed, and in what order."""

    def __init__(self, rows: Sequence[RunRow]) -> None:
        self.rows = rows
        self._gone = gone_places(rows)
        self.standing = Standing(array("I"))
        """The arrangement of the listed runs."""
        self.sort_name = "run"
        self.descending = False
        self.revision = 0
        """Grows whenever rows that were listed before may have moved or changed."""
        self.choice = 0
        """Grows whenever another selection of runs is to be listed."""
        self.rewritten = 0
        """Grows whenever a run that was added before has changed."""
        self._places = RunPlaces()
        self._stale = False
        self._next_arrange_at = 0.0
        self._arranging: Underway[Standing] | None = None
        self._search = RunSearch(rows)
        self._filter = RunFilter(rows, self._places, self._search)
        self._kept: int | None = None
        self._kept_at = 0

    def __len__(self) -> int:
        return len(self.order)

    @property
    def order(self) -> array[int]:
        """The places of the listed runs, in the present order."""
        return self.standing.order

    def row(self, position: int) -> RunRow:
        return self.rows[self.order[position]]

    def number(self, position: int) -> int:
        """Return the 1-based number of a listed run among all."""
        return self._places.numbers[self.order[position]] + 1

    def line(self, position: int) -> str:
        """Return a run as one line of text."""
        return run_line(self.row(position)) if position < len(self.order) else ""

    # Positions of runs

    def keep(self, position: int) -> None:
        """Remember the run under the cursor, so that sorting does not lose it."""
        self._kept = self.order[position] if position < len(self.order) else None
        self._kept_at = position

    def kept_position(self) -> int | None:
        """Return the position of the remembered run. O(1) unless it has moved."""
        if self._kept is None:
            return None
        if not (self._kept_at < len(self.order) and self.order[self._kept_at] == self._kept):
            position = self.position_at(self._kept)
            if position is None:
                return None
            self._kept_at = position
        return self._kept_at

    def position_of(self, ref: RunRef) -> int | None:
        """Return the position of a run in the list, or None if it is not listed. O(listed runs)."""
        place = self._place_of(ref)
        return self.position_at(place) if place is not None else None

    def position_at(self, place: int) -> int | None:
        """Return the position of the run in a row, or None if it is not listed. O(listed runs)."""
        try:
            return self.order.index(place)
        except ValueError:
            return None

    def _place_of(self, ref: RunRef) -> int | None:
        """Return the place of the row of a run, or None if there is none."""
        if self._places.displaced:
            self._arranging = None
            whole(self._renumber())
            self._stale = True
        return self._places.place_of(ref)

    def neighbour(self, ref: RunRef, step: int) -> int | None:
        """Return the position `step` runs after that of `ref`, or None beyond the ends.

        For a run that is not listed (any more), count from where it would be. O(listed runs).
        """
        target = self.position_of(ref)
        if target is not None:
            target += step
        else:
            place = self._place_of(ref)
            if place is None:
                return None
            listed = self._places.inserted(whole(self._filter.listed()), place)
            target = whole(self._arrangement_of(listed)).order.index(place) + step - (step > 0)
        return target if 0 <= target < len(self.order) else None

    # Keeping up

    @property
    def facts(self) -> RunsFacts:
        """The facts about all runs together."""
        return self._places.facts

    @property
    def taken(self) -> int:
        """How many of the rows have been added."""
        return self._places.taken

    @property
    def unsettled(self) -> bool:
        """Whether there is something left to filter, search or sort."""
        is_behind = self.taken < len(self.rows) or self._filter.has_more or self.searching
        return is_behind or self._stale or self._places.displaced or self._arranging is not None

    @property
    def arranged_share(self) -> float | None:
        """How much of the current sorting is done, from 0 to 1; None if none is in progress."""
        return self._arranging.share if self._arranging is not None else None

    def update(self, replaced: Iterable[int] = (), *, at_once: bool = True) -> None:
        """Add rows that were read since the last call, and update replaced ones.

        With `at_once` False, sorting them in is left to `advance` if it was done a moment ago.
        """
        for place in replaced:
            if place < self.taken:
                self._update_row(place)
        self._add_rows(time.perf_counter() + FIRST_SLICE_S)
        if at_once:
            self.advance(FIRST_SLICE_S)
            self._arrange_if_needed()
        elif time.perf_counter() >= self._next_arrange_at:
            self._arrange_if_needed()

    def _add_rows(self, deadline: float) -> None:
        """Add new rows; those of a big file with a cached index, in slices."""
        fresh = self._places.take(self.rows, deadline)
        if not fresh:
            return
        self._search.take(len(fresh))
        self._filter.take(fresh)
        self._rows_added()
        if self.filter is None:
            self._list(fresh)
        for place in self._gone:
            if place in fresh:
                self._update_row(place)

    def _rows_added(self) -> None:
        """Hook for subclasses: called after rows were added and before they are listed."""

    def _update_row(self, place: int) -> None:
        if place in self._gone:
            self.facts.drop(place)
        else:
            self.facts.note(place, self.rows[place])
        self._stale = True
        self.rewritten += 1
        self._search.search_again(place)
        self._filter.test_again(place)

    def advance(self, budget_s: float) -> bool:
        """Filter, search and sort for about `budget_s` seconds; return whether it had to."""
        if not self.unsettled:
            return False
        deadline = time.perf_counter() + budget_s
        self._add_rows(deadline)
        if self._arranging is not None:
            self._continue_arranging(budget_s)
        is_over = False
        if self._filter.is_by_search:
            # What passes depends on what is found.
            self._continue_search(deadline)
        while self._filter.has_more and not is_over:
            new_passing, has_dropped = self._filter.test_next()
            self._stale = self._stale or has_dropped
            self._list(new_passing)
            is_over = time.perf_counter() >= deadline
        if not is_over:
            self._continue_search(deadline)
        if time.perf_counter() >= self._next_arrange_at:
            self._arrange_if_needed()
        return True

    def _continue_search(self, deadline: float) -> None:
        tested = self.tested
        for place in self._search.advance(deadline):
            if place < tested and self._filter.is_by_search:
                self._filter.test_again(place)
                self._stale = True

    def _list(self, places: Sequence[int]) -> None:
        """List more runs: append them if they belong at the end, else rearrange the list later."""
        if self.sort_name != "run" or self.descending or self._arranging is not None:
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

    # Order

    def _arrange_if_needed(self) -> None:
        if self._arranging is None and (self._stale or self._places.displaced):
            self._arrange()

    def _arrange(self) -> None:
        """Begin to arrange the runs that pass the filter; the old list is shown until then."""
        self._arranging = Underway(self._arranged(), self._passes() * self.taken)
        self._stale = False
        self._continue_arranging(FIRST_SLICE_S if self.taken > FEW_RUNS else math.inf)

    def _continue_arranging(self, budget_s: float) -> None:
        arranging = self._arranging
        standing = arranging.advance(budget_s) if arranging is not None else None
        if arranging is not None and standing is not None:
            self._arranging = None
            self._show(standing)
            rest_s = max(ARRANGE_EVERY_S, ARRANGE_SHARE * arranging.spent_s)
            self._next_arrange_at = time.perf_counter() + rest_s

    def _show(self, standing: Standing) -> None:
        self.standing = standing
        self.revision += 1

    def _arranged(self) -> Steps[Standing]:
        if self._places.displaced:
            yield from self._renumber()
        listed = yield from self._filter.listed()
        return (yield from self._arrangement_of(listed))

    def _passes(self) -> int:
        """Return how often arranging will go over each run."""
        return 3 * (self.sort_name != "run") + (self.filter is not None)

    def _renumber(self) -> Steps[None]:
        yield from self._places.renumber()
        if self._filter.is_by_number:
            self._filter.tested = 0
            self.choice += 1

    def _arrangement_of(self, places: array[int]) -> Steps[Standing]:
        """Return the arrangement of runs, which are given in their natural order."""
        return Standing((yield from self._sorted(places)))

    def _sorted(self, places: array[int]) -> Steps[array[int]]:
        """Return runs, given in their natural order, sorted by the current column."""
        descending = self.descending
        if self.sort_name == "run":
            return places[::-1] if descending else places
        keys = yield from sort_keys(self.rows[: self.taken], self.sort_name, descending=descending)
        return (yield from sorted_in_steps(places, keys, descending=descending))

    def sort_by(self, name: str, *, descending: bool | None = None) -> None:
        """Sort by a column; the worst comes first unless `descending` is given."""
        self.sort_name = name
        self.descending = name not in ASCENDING_COLUMNS if descending is None else descending
        self._arrange()

    def sorts(self) -> list[str]:
        """Return the columns to sort by, in order; times and rewards only if there are any."""
        blank = OPTIONAL_COLUMNS - self.facts.longest.keys() - {self.sort_name}
        return [name for name in SORTS if name not in blank]

    def sort_by_next(self) -> None:
        """Sort by the next of the `sorts`."""
        names = self.sorts()
        self.sort_by(names[(names.index(self.sort_name) + 1) % len(names)])

    def reverse(self) -> None:
        self.sort_by(self.sort_name, descending=not self.descending)

    # Selection

    @property
    def filter(self) -> Expression | None:
        return self._filter.expression

    @property
    def filter_text(self) -> str:
        return self._filter.text

    @property
    def waits_for_search(self) -> bool:
        """Whether the filter reads the result of a search, and there is no search."""
        return self._filter.is_by_search and self.search is None

    @property
    def tested(self) -> int:
        """How many of the runs the filter has tested."""
        return self._filter.tested

    def there(self, first: int, end: int) -> list[bool] | None:
        """Return for each of the rows `[first, end)` whether its run exists; None if all do."""
        gone = self._gone
        return [place not in gone for place in range(first, end)] if gone else None

    def passing(self, first: int, end: int) -> bytearray:
        """Return for each of the rows `[first, end)` whether it passes the filter."""
        return self._filter.passing[first:end]

    def try_filter(self, text: str) -> str:
        """Filter by an expression, or not if it is empty; return an error message, or "".

        For a long list, `advance` continues the filtering.
        """
        wrong = self._filter.begin(text)
        if wrong:
            return wrong
        self.choice += 1
        if self.filter is None:
            self._arrange()
        else:
            self._arranging, self._stale = None, False
            self._show(Standing(array("I")))
        self._next_arrange_at = 0.0
        self.advance(FIRST_SLICE_S)
        return ""

    # Search

    @property
    def search(self) -> Search | None:
        return self._search.wanted

    def set_search(self, search: Search | None) -> None:
        """Search the lines of all runs, or all their texts; `advance` continues if that is much."""
        self._search.begin(search, self.taken)
        if self._filter.is_by_search:
            self.try_filter(self.filter_text)
        else:
            self.advance(FIRST_SLICE_S)

    def stop_search(self) -> None:
        """Stop a search, and keep what it has found."""
        self._search.stop()
        self.advance(FIRST_SLICE_S)

    @property
    def searching(self) -> bool:
        """Whether a search has not seen all runs yet."""
        return self._search.is_going_on

    @property
    def searched(self) -> int:
        """How many of the runs the search has seen."""
        return self._search.searched
