"""Counts over all runs of the list, and over those that pass its filter; made in slices of a few
milliseconds while runs are still being read. No widgets."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import partial
from itertools import compress
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from hermes_tui.ui.runs.fields import column

if TYPE_CHECKING:
    from hermes_tui.ui.runs.model import RunsModel

ROWS_PER_STEP = 128


class Bar(NamedTuple):
    """One value of a field, or a range of values, and how many runs have it.

    `term` is the expression that these runs match, `name` the field in it; `is_alternative` says
    that a run has only one value of that field. `rewards` are the mean rewards of all these runs
    and of the chosen ones, None if unknown.
    """

    label: str
    term: str
    name: str
    total: int
    chosen: int
    is_alternative: bool = True
    rewards: tuple[float | None, float | None] = (None, None)


Values = Callable[[str], Iterable[Any]]
"""Returns the values of some runs in a field."""


class Counts(ABC):
    """A kind of counts. Both methods receive each run once, but not all at the same time."""

    @abstractmethod
    def add(self, values: Values, runs: int) -> None:
        """Count these among all runs."""

    @abstractmethod
    def choose(self, values: Values) -> None:
        """Count these among the runs that pass the filter."""

    @abstractmethod
    def forget_choice(self) -> None:
        """Start again with the count of the chosen runs."""


Kind = TypeVar("Kind", bound=Counts)


class RunCounts(Generic[Kind]):
    """Keeps counts up to date with a list that grows, changes and is filtered.

    When rows are replaced everything is counted again; the old counts are shown until then.
    """

    def __init__(self, model: RunsModel, make: Callable[[], Kind]) -> None:
        self.model = model
        self._make = make
        self.begin_anew(make())

    def begin_anew(self, shown: Kind) -> None:
        """Count from the first run on, and show `shown` from now on."""
        self.shown = self._counting = shown
        self._start()

    def _start(self) -> None:
        self._added = self._chosen = 0
        self._choice, self._rewritten = self.model.choice, self.model.rewritten

    @property
    def is_narrowed(self) -> bool:
        """Whether there is a filter; otherwise all runs are chosen."""
        return self.model.filter is not None

    @property
    def unsettled(self) -> bool:
        """Whether some runs are not counted yet."""
        model = self.model
        if (self._choice, self._rewritten) != (model.choice, model.rewritten):
            return True
        return self._added < model.taken or (self.is_narrowed and self._chosen < model.tested)

    def advance(self, budget_s: float) -> bool:
        """Continue counting for about `budget_s` seconds; return whether there was work."""
        if not self.unsettled:
            return False
        self._sync()
        deadline = time.perf_counter() + budget_s
        while time.perf_counter() < deadline:
            if self._added < self.model.taken:
                self._add()
            elif self.is_narrowed and self._chosen < self.model.tested:
                self._choose()
            else:
                self.shown = self._counting
                break
        return True

    def _sync(self) -> None:
        model = self.model
        if self._rewritten != model.rewritten:
            self._counting = self._make()
            self._start()
        elif self._choice != model.choice:
            self._choice, self._chosen = model.choice, 0
            self._counting.forget_choice()

    def _add(self) -> None:
        first, self._added = self._added, min(self._added + ROWS_PER_STEP, self.model.taken)
        rows = self.model.rows[first : self._added]
        exists = self.model.there(first, self._added)
        if exists is None:
            self._counting.add(partial(column, rows), len(rows))
        else:
            self._counting.add(lambda name: compress(column(rows, name), exists), sum(exists))

    def _choose(self) -> None:
        first, self._chosen = self._chosen, min(self._chosen + ROWS_PER_STEP, self.model.tested)
        rows = self.model.rows[first : self._chosen]
        passing = self.model.passing(first, self._chosen)
        self._counting.choose(lambda name: compress(column(rows, name), passing))
