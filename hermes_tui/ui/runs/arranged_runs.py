"""The list of runs with groups or a tree, the relations of runs, and the matches of a search."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import takewhile
from typing import Final, NamedTuple

from hermes_tui.runtime.opener import RunRef
from hermes_tui.ui.run_relations import Relative
from hermes_tui.ui.runs.arrangement import RunArrangement, Standing, groupings_of
from hermes_tui.ui.runs.fields import run_line
from hermes_tui.ui.runs.group_order import Order
from hermes_tui.ui.runs.grouping import GROUPINGS
from hermes_tui.ui.runs.model import RunsModel
from hermes_tui.ui.runs.steps import Steps, whole
from hermes_tui.ui.runs.table import RunRow

MAX_CHILDREN: Final = 1_000
"""How many children `relatives` returns; the tree of the list has them all."""


class Family(NamedTuple):
    """The places of the parent of a run and of its children, as far as they are among the rows."""

    parent: int | None = None
    children: tuple[int, ...] = ()


class ArrangedRuns(RunsModel):
    """Sorts runs inside their groups, and children below their parents, and finds matches."""

    def __init__(self, rows: Sequence[RunRow]) -> None:
        self.arrangement = RunArrangement()
        self._cached_relatives: tuple[object, tuple[Relative, ...]] | None = None
        super().__init__(rows)

    def _rows_added(self) -> None:
        was_plain = self.arrangement.is_plain
        self.arrangement.note(self.rows[: self.taken])
        # Runs that are listed already have to be put into the tree, too.
        self._stale |= was_plain and not self.arrangement.is_plain

    def group_by(self, field: str) -> None:
        """Group by a field, or not at all if it is empty."""
        self.arrangement.grouping = field
        self._arrange()

    def groupings(self) -> list[str]:
        """Return the fields that distinguish these runs."""
        return list(groupings_of(self.rows))

    def group_by_next(self, step: int = 1) -> None:
        """Group by the next field that distinguishes these runs; after the last, not at all."""
        fields = ("", *GROUPINGS)[::step]
        here = fields.index(
            self.arrangement.grouping if self.arrangement.grouping in fields else ""
        )
        further = takewhile(bool, (*fields[here + 1 :], *fields[: here + 1]))
        self.group_by(next(groupings_of(self.rows, further), ""))

    def toggle_tree(self) -> None:
        """Switch between children below their parents and children sorted like other runs."""
        self.arrangement.is_tree = not self.arrangement.is_tree
        self._arrange()

    def position_numbered(self, number: int) -> int | None:
        """Return the position of the run with this number, or None if it is not listed."""
        try:
            return self.position_at(self._places.numbers.index(number - 1))
        except ValueError:
            return None

    def number_in_file(self, ref: RunRef) -> int:
        """Return the number of a run in its file, from 0; -1 if the file holds no other."""
        if ref.number == 0 and self._place_of(ref._replace(number=1)) is None:
            return -1
        return ref.number

    def family(self, ref: RunRef) -> Family:
        """Return the places of the parent and the children of a run."""
        place = self._place_of(ref)
        if place is None or not self.arrangement.has_children:
            return Family()
        parents = whole(self.arrangement.parents(self.rows[: self.taken], self._file_of))
        children = (child for child, parent in parents.items() if parent == place)
        return Family(parents.get(place), tuple(sorted(children)))

    def relatives(self, ref: RunRef) -> tuple[Relative, ...]:
        """Return the parent and the children of a run as the screen shows them."""
        key = (ref, len(self.rows), self.rewritten)
        if self._cached_relatives is None or self._cached_relatives[0] != key:
            family = self.family(ref)
            kinds = [("parent", family.parent)] if family.parent is not None else []
            kinds += [("child", child) for child in family.children[:MAX_CHILDREN]]
            relatives = tuple(
                Relative(kind, at, run_line(self.rows[at]), self.rows[at].summary.run_id)
                for kind, at in kinds
            )
            self._cached_relatives = key, relatives
        return self._cached_relatives[1]

    def _update_row(self, place: int) -> None:
        super()._update_row(place)
        is_gone = place in self._gone
        self.arrangement.note_again(
            place, "" if is_gone else self.rows[place].summary.parent_run_id
        )

    def _list(self, places: Sequence[int]) -> None:
        if self.arrangement.is_plain:
            super()._list(places)
        else:
            self._stale = self._stale or bool(places)

    def _arrangement_of(self, places: array[int]) -> Steps[Standing]:
        in_order = yield from self._sorted(places)
        rows = self.rows[: self.taken]
        order = Order(self.sort_name, self.descending)
        return (yield from self.arrangement.arranged(in_order, rows, self._file_of, order))

    def _passes(self) -> int:
        return super()._passes() + self.arrangement.passes

    def _file_of(self, place: int) -> int:
        return self._places.file_of(place)

    # Matches of the search

    @property
    def _state(self) -> object:
        return (self.revision, len(self.order), self.choice)

    @property
    def matches(self) -> int:
        """How many listed runs match the search, as far as it has come."""
        return self._search.count(self._filter.passing, self._state)

    def next_match(self, position: int, step: int) -> int | None:
        """Return the next match from `position` in the direction `step`, wrapping around."""
        if not self.matches:
            return None
        return self._search.next_match(self.order, position, step, self._state)

    def reaches_match(self, position: int, step: int) -> bool:
        """Return whether the next match is known; a search of all texts continues there first."""
        return self._search.reaches_match(self.order, position, step, self.revision)

    def match_number(self, position: int) -> int | None:
        """Return the number of a listed run among the matches, from 1.

        None if it is not a match, or if not all matches are known.
        """
        if self.searched < self.taken or not self.matches:
            return None
        return self._search.number(self.order, position, self._state)
