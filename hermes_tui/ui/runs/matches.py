"""The list of runs with the matches of its search: how many there are, and where the next is."""

from __future__ import annotations

from hermes_tui.ui.runs.model import RunsModel


class MatchedRuns(RunsModel):
    """Goes from match to match in the order of the list."""

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
