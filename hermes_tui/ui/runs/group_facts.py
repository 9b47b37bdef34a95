"""What the runs of a group have in common: how many fail, and means of what can be counted."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hermes_tui.ui.runs.fields import column_in_steps
from hermes_tui.ui.runs.steps import FEW_RUNS, Steps, Underway, pieces, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hermes_tui.ui.runs.shape import Group
    from hermes_tui.ui.runs.shaped import ShapedRuns

FAILED: Final = frozenset({"failed", "error"})


class GroupFacts(NamedTuple):
    """Shares and means over the runs of a group; None where no run says anything."""

    with_errors: float
    failed: float | None
    """Of the runs whose outcome is known."""
    reward: float | None
    turns: float
    calls: float
    rewards: tuple[float, float] | None = None
    """The lowest and the highest, where several runs have one."""


class FactsOfGroups:
    """Works out the facts of the groups that are drawn: of a long list bit by bit."""

    def __init__(self, model: ShapedRuns) -> None:
        self._model = model
        self._revision = -1
        self._columns: dict[str, Sequence[Any]] = {}
        self._facts: dict[str, GroupFacts] = {}
        self._before: dict[str, GroupFacts] = {}
        """Those of the list as it stood before, shown until there are newer ones."""
        self._wanted: dict[str, Group] = {}
        self._underway: Underway[GroupFacts] | None = None

    def of(self, group: Group) -> GroupFacts | None:
        """Return the facts of a group of the model; None until they are worked out first."""
        self._keep_up()
        key = group.key
        if key not in self._facts and len(self._model) <= FEW_RUNS:
            self._facts[key] = whole(self._work_out(group))
        elif key not in self._facts:
            self._wanted[key] = group
        return self._facts.get(key) or self._before.get(key)

    def _keep_up(self) -> None:
        if self._revision != self._model.revision:
            self._revision = self._model.revision
            self._before |= self._facts
            self._columns, self._facts, self._wanted = {}, {}, {}
            self._underway = None

    @property
    def unsettled(self) -> bool:
        """Whether a group is drawn whose facts are not known yet."""
        return bool(self._wanted)

    def advance(self, budget_s: float) -> bool:
        """Work on for about `budget_s` seconds; return whether there is anything new to draw."""
        self._keep_up()
        if not self._wanted:
            return False
        key, group = next(iter(self._wanted.items()))
        if self._underway is None:
            self._underway = Underway(self._work_out(group), group.end - group.start)
        facts = self._underway.advance(budget_s)
        if facts is None:
            return False
        self._underway = None
        self._facts[key] = facts
        del self._wanted[key]
        return True

    def _work_out(self, group: Group) -> Steps[GroupFacts]:
        outcomes: Counter[str] = Counter()
        turns = calls = sound = rewarded = 0
        reward, lowest, highest = 0.0, math.inf, -math.inf
        columns = yield from self._read("status", "errors", "reward", "turns", "calls")
        places = self._model.order[group.start : group.end]
        for piece in pieces(len(places)):
            some = places[piece.start : piece.stop]
            status, errors, rewards, *counts = (
                list(map(values.__getitem__, some)) for values in columns
            )
            outcomes.update(status)
            sound += errors.count(0)
            finite = [value for value in rewards if value is not None and math.isfinite(value)]
            reward, rewarded = math.fsum((reward, *finite)), rewarded + len(finite)
            lowest, highest = min((lowest, *finite)), max((highest, *finite))
            turns, calls = turns + sum(counts[0]), calls + sum(counts[1])
            yield len(piece)
        runs = len(places)
        known = runs - outcomes["unknown"] - outcomes[""]
        return GroupFacts(
            with_errors=1 - sound / runs,
            failed=sum(outcomes[status] for status in FAILED) / known if known else None,
            reward=reward / rewarded if rewarded else None,
            turns=turns / runs,
            calls=calls / runs,
            rewards=(lowest, highest) if rewarded > 1 else None,
        )

    def _read(self, *names: str) -> Steps[list[Sequence[Any]]]:
        """Return columns of all runs; they are kept while the list stands."""
        for name in names:
            if name not in self._columns:
                rows = self._model.rows[: self._model.taken]
                self._columns[name] = yield from column_in_steps(rows, name)
        return [self._columns[name] for name in names]
