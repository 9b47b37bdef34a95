"""The position of each run among all: in the order of files, and of runs in their files.

A run is identified by its place in the rows, which never changes. Takes a few bytes per run, since
there may be millions.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Sequence

from hermes_tui.runtime.opener import RunRef
from hermes_tui.ui.runs.facts import RunsFacts
from hermes_tui.ui.runs.steps import Steps, pieces, sorted_in_steps
from hermes_tui.ui.runs.table import RunRow, RunTable, StoredRows

FILE_BITS = 40


class RunPlaces:
    """The runs added so far. `displaced`: some of them were added after runs that they precede."""

    def __init__(self) -> None:
        self.facts = RunsFacts()
        self.taken = 0
        self.in_order = array("I")
        """The places of all runs, in the order of files and runs."""
        self.numbers = array("I")
        """The position of each run in that order, by its place."""
        self._keys = array("Q")
        """The sort key for that order, by place."""
        self._breaks = array("I")
        """Positions in that order of runs that precede the one before them."""

    @property
    def displaced(self) -> bool:
        return bool(self._breaks)

    def take(self, rows: Sequence[RunRow], deadline: float) -> range:
        """Add new rows, and return which; stored ones only until the deadline."""
        first = self.taken
        if isinstance(rows, RunTable):
            self._add_parts(rows, deadline)
        else:
            for place in range(first, len(rows)):
                self._add_row(place, rows[place])
        return range(first, self.taken)

    def _add_parts(self, table: RunTable, deadline: float) -> None:
        for start, part in table.parts(self.taken):
            if isinstance(part, StoredRows):
                if start < self.taken:
                    continue
                self._add_block(part)
                if time.perf_counter() >= deadline:
                    break
            else:
                for place in range(max(start, self.taken), start + len(part)):
                    self._add_row(place, part.row(place - start))

    def _add_block(self, block: StoredRows) -> None:
        owner, facts = block.owner, block.facts()
        self.facts.note_block(facts)
        self.facts.note_file(owner.number, owner.name)
        self._number_new(len(block), (owner.number << FILE_BITS) + block.first)

    def _add_row(self, place: int, row: RunRow) -> None:
        self.facts.note(place, row)
        self._number_new(1, (row.file_number << FILE_BITS) + row.ref.number)

    def _number_new(self, rows: int, key: int) -> None:
        """Add `rows` new runs that follow one another in their file; `key` is that of the first."""
        if self.in_order and key < self._keys[self.in_order[-1]]:
            self._breaks.append(len(self.in_order))
        places = range(self.taken, self.taken + rows)
        self._keys.extend(range(key, key + rows))
        self.numbers.extend(places)
        self.in_order.extend(places)
        self.taken += rows

    def renumber(self) -> Steps[None]:
        """Put all runs into their order; those added meanwhile follow after them."""
        count, key = self.taken, self._keys.__getitem__
        lowest = min(key(self.in_order[position]) for position in self._breaks)
        first = bisect_left(self.in_order, lowest, 0, self._breaks[0], key=key)
        in_order = yield from sorted_in_steps(self.in_order[first:count], self._keys)
        numbers = self.numbers[:]
        for piece in pieces(len(in_order)):
            for number in piece:
                numbers[in_order[number]] = first + number
            yield len(piece)
        numbers.extend(self.numbers[len(numbers) :])
        self.numbers = numbers
        self.in_order[first:count] = in_order
        later = (position for position in self._breaks if position > count)
        is_sorted = count == self.taken or key(self.in_order[count]) > key(in_order[-1])
        self._breaks = array("I", (*(() if is_sorted else (count,)), *later))

    def inserted(self, places: array[int], place: int) -> array[int]:
        """Return places, given in the order of files and runs, with one more among them."""
        at = bisect_left(places, self._keys[place], key=self._keys.__getitem__)
        return places[:at] + array("I", (place,)) + places[at:]

    def precedes(self, place: int, other: int) -> bool:
        """Return whether a run comes before another in the order of files and runs."""
        return self._keys[place] < self._keys[other]

    def file_of(self, place: int) -> int:
        """Return the number of the file of a run."""
        return self._keys[place] >> FILE_BITS

    def place_of(self, ref: RunRef) -> int | None:
        """Return the place of the row of a run, or None if there is none; not while `displaced`."""
        sought = (ref.file.number << FILE_BITS) + ref.number
        key = self._keys.__getitem__
        index = bisect_left(self.in_order, sought, key=key)
        is_there = index < len(self.in_order) and key(self.in_order[index]) == sought
        return self.in_order[index] if is_there else None
