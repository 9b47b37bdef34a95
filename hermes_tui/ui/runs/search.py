"""The search over the list of runs: which of them match, examined in small steps."""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import chain, islice, repeat
from typing import Final

from hermes_tui.ui.runs.fields import run_line
from hermes_tui.ui.runs.table import RunRow
from hermes_tui.ui.search import Search

LOOKED_AT: Final = "file, id, task, model, status, codes"
"""The fields in the line of a run, which is searched."""
ROWS_PER_STEP: Final = 64
SKIPPED_PER_STEP: Final = 4_096
"""How many known runs are skipped before the clock is checked."""


class RunSearch:
    """Searches the lines of runs, or all their texts. Runs are identified by place."""

    def __init__(self, rows: Sequence[RunRow]) -> None:
        self.wanted: Search | None = None
        self.searched = 0
        """How many of the runs have been searched."""
        self.is_stopped = False
        """Whether the user stopped the search before it had seen all runs."""
        self._rows = rows
        self._found = bytearray()
        self._known = bytearray()
        """For each run, whether it has been searched."""
        self._known_to = 0
        """At least the runs before this place have all been searched."""
        self._walk = _Walk()
        self._cached_count: tuple[object, int] | None = None
        self._cached_matches: tuple[object, bytes] | None = None
        self._may_hold: Callable[[bytes], bool] = lambda data: True
        self._changed_places: deque[int] = deque()
        """Runs that have changed since they were searched."""
        self._current: tuple[int, Generator[int, None, bool]] | None = None
        """The run that is being searched."""

    def begin(self, search: Search | None, runs: int) -> None:
        """Search for something else, or for nothing, in the `runs` that there are so far."""
        self.wanted = search
        self._found, self._known = bytearray(runs), bytearray(runs)
        self.searched = self._known_to = 0
        self.is_stopped = False
        self._cached_count = self._cached_matches = self._current = None
        self._walk = _Walk()
        self._changed_places.clear()
        if search is not None and search.in_texts:
            self._may_hold = _sieve_for(search)

    def take(self, runs: int) -> None:
        """Add this many further runs."""
        self._found.extend(bytes(runs))
        self._known.extend(bytes(runs))

    @property
    def searched_to(self) -> int:
        """How many runs were searched before the first that was not."""
        unknown = self._known.find(0, self._known_to)
        self._known_to = unknown if unknown >= 0 else len(self._known)
        return self._known_to

    @property
    def is_going_on(self) -> bool:
        """Whether there are runs left to search."""
        if self.wanted is None or self.is_stopped:
            return False
        is_behind = self.searched < len(self._found)
        return is_behind or self._current is not None or bool(self._changed_places)

    def stop(self) -> None:
        """Stop, and keep what has been found."""
        self.is_stopped = True
        self._current = None

    def found(self, places: range) -> bytearray:
        """Return for each of the runs whether it matches, as far as that is known."""
        return self._found[places.start : places.stop]

    def advance(self, deadline: float) -> list[int]:
        """Continue until about `deadline`; return the runs whose result is new."""
        if self.wanted is None:
            return []
        new_places: list[int] = []
        while self.is_going_on:
            new_places += self._search_texts() if self.wanted.in_texts else self._search_lines()
            if time.perf_counter() >= deadline:
                break
        self._cached_count = self._cached_matches = None
        return new_places

    def _search_lines(self) -> range:
        end = min(len(self._found), self.searched + ROWS_PER_STEP)
        places = range(self.searched, end)
        for place in places:
            self._found[place] = self._is_in_line(place)
        self._known[places.start : end] = b"\1" * len(places)
        self.searched = end
        return places

    def _search_texts(self) -> list[int]:
        """Search some of the texts of a run; return the run once its result is known."""
        if self._current is None:
            place = self._next_place()
            if place is None:
                return []
            self._current = place, self._text_search(place)
        place, current = self._current
        try:
            next(current)
            return []
        except StopIteration as ended:
            self._found[place] = ended.value
        self._current = None
        self.searched += not self._known[place]
        self._known[place] = True
        self._walk.note_result(place, is_match=bool(self._found[place]))
        return [place]

    def _next_place(self) -> int | None:
        """Return the run to search next; None if enough known ones have been skipped for now."""
        place = self._walk.next_unknown(self._known, self._found)
        if place is not None or not self._walk.is_at_end:
            return place
        unknown = self.searched_to
        return unknown if unknown < len(self._known) else self._changed_places.popleft()

    def reaches_match(self, order: array[int], position: int, step: int, state: object) -> bool:
        """Return whether the next match in an order is known; runs up to it are searched first.

        It is not known while a run before it has not been searched, which may match as well. While
        `state` is the same, the order has at most grown at its end.
        """
        key = (position, step, state)
        if self._walk.key != key:
            self._walk = _Walk(key, _places_from(order, position, step))
        return self._walk.has_match

    def _text_search(self, place: int) -> Generator[int, None, bool]:
        from hermes_tui.runtime.run_texts import search_run

        assert self.wanted is not None
        if self._is_in_line(place):
            return True
        ref = self._rows[place].ref
        return (yield from search_run(ref, self.wanted.found_in, self._may_hold))

    def search_again(self, place: int) -> None:
        """Search a run again that has changed."""
        is_current = self._current is not None and self._current[0] == place
        if self.wanted is None or not (self._known[place] or is_current):
            return
        if not self.wanted.in_texts:
            self._found[place] = self._is_in_line(place)
            self._cached_count = self._cached_matches = None
        elif place not in self._changed_places:
            self._changed_places.append(place)

    def _is_in_line(self, place: int) -> bool:
        return self.wanted is not None and self.wanted.found_in(run_line(self._rows[place]))

    def count(self, passing: bytearray, state: object) -> int:
        """Return how many of the runs that pass match; cached while `state` is the same."""
        if self._cached_count is None or self._cached_count[0] != state:
            found = int.from_bytes(self._found) & int.from_bytes(passing)
            self._cached_count = (state, found.bit_count())
        return self._cached_count[1]

    def next_match(self, order: array[int], position: int, step: int, state: object) -> int | None:
        """Return the next match in an order from `position` in a direction, wrapping around."""
        found = self._matches_in(order, state)
        if step > 0:
            at = found.find(1, position + 1)
            at = at if at >= 0 else found.find(1)
        else:
            at = found.rfind(1, 0, position)
            at = at if at >= 0 else found.rfind(1)
        return at if at >= 0 else None

    def number(self, order: array[int], position: int, state: object) -> int | None:
        """Return the number, from 1, of the match at `position` in an order; None if it is none."""
        found = self._matches_in(order, state)
        is_match = position < len(found) and found[position]
        return found.count(1, 0, position + 1) if is_match else None

    def _matches_in(self, order: array[int], state: object) -> bytes:
        """Return for each run of an order whether it is a match."""
        if self._cached_matches is None or self._cached_matches[0] != state:
            self._cached_matches = state, bytes(map(self._found.__getitem__, order))
        return self._cached_matches[1]


class _Walk:
    """Follows an order of runs to the next match: past known runs, but not past an unknown one."""

    def __init__(self, key: object = None, places: Iterator[int | None] | None = None) -> None:
        self.key = key
        self.has_match = False
        """Whether it has reached a match; no run before that is unknown."""
        self.is_at_end = False
        """Whether there was no further run at the last call."""
        self._places = places if places is not None else repeat(None)
        self._at: int | None = None

    def next_unknown(self, known: bytearray, found: bytearray) -> int | None:
        """Return the next run that is not known; None at the end, or after many known ones."""
        for place in islice(self._places, SKIPPED_PER_STEP):
            self._at, self.is_at_end = place, place is None
            if place is None or not known[place]:
                return place
            self.has_match = self.has_match or bool(found[place])
        return None

    def note_result(self, place: int, *, is_match: bool) -> None:
        """Note the result of a run that it may have reached."""
        self.has_match = self.has_match or (is_match and place == self._at)


def _places_from(order: array[int], position: int, step: int) -> Iterator[int | None]:
    """Yield the runs of an order from `position` in a direction, wrapping around; then None.

    If the order has grown by then, its new runs come first.
    """
    seen_to = len(order)
    if step > 0:
        ahead = chain(range(position + 1, seen_to), range(min(position + 1, seen_to)))
    else:
        ahead = chain(
            range(min(position, seen_to) - 1, -1, -1), range(seen_to - 1, max(-1, position - 1), -1)
        )
    yield from map(order.__getitem__, ahead)
    while True:
        if seen_to < len(order):
            yield order[seen_to]
            seen_to += 1
        else:
            yield None


def _sieve_for(search: Search) -> Callable[[bytes], bool]:
    from hermes_tui.runtime.run_texts import sieve

    return sieve("" if search.is_regex else search.text, case_matters=search.case_matters)
