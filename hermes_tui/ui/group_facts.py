"""What the runs of a group have in common: how many fail, and means of what can be counted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hermes_tui.ui.run_fields import column

if TYPE_CHECKING:
    from hermes_tui.ui.run_shape import Group
    from hermes_tui.ui.shaped_runs import ShapedRuns

FAILED: Final = frozenset({"failed", "error"})


class GroupFacts(NamedTuple):
    """Shares and means over the runs of a group; None where no run says anything."""

    runs: int
    with_errors: float
    failed: float | None
    """Of the runs whose outcome is known."""
    reward: float | None
    turns: float
    calls: float


class FactsOfGroups:
    """Works out the facts of a group when they are drawn first."""

    def __init__(self, model: ShapedRuns) -> None:
        self._model = model
        self._revision = -1
        self._columns: dict[str, Sequence[Any]] = {}
        self._facts: dict[str, GroupFacts] = {}

    def of(self, group: Group) -> GroupFacts:
        """Return the facts of a group of the model."""
        if self._revision != self._model.revision:
            self._revision = self._model.revision
            self._columns, self._facts = {}, {}
        facts = self._facts.get(group.key)
        if facts is None:
            facts = self._facts[group.key] = self._work_out(group)
        return facts

    def _work_out(self, group: Group) -> GroupFacts:
        runs = group.end - group.start
        outcomes = Counter(self._values("status", group))
        known = runs - outcomes["unknown"] - outcomes[""]
        rewards = [reward for reward in self._values("reward", group) if reward is not None]
        finite = [*filter(math.isfinite, rewards)]
        return GroupFacts(
            runs=runs,
            with_errors=1 - self._values("errors", group).count(0) / runs,
            failed=sum(outcomes[status] for status in FAILED) / known if known else None,
            reward=math.fsum(finite) / len(finite) if finite else None,
            turns=sum(self._values("turns", group)) / runs,
            calls=sum(self._values("calls", group)) / runs,
        )

    def _values(self, name: str, group: Group) -> list[Any]:
        if name not in self._columns:
            self._columns[name] = column(self._model.rows, name)
        values = self._columns[name]
        return [*map(values.__getitem__, self._model.order[group.start : group.end])]
