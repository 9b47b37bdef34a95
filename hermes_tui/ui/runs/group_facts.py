"""Aggregates over the runs of a group: how many fail, and means of what can be counted."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hermes_tui.log.run_fields import has_failed
from hermes_tui.ui.runs.fields import column_in_steps
from hermes_tui.ui.runs.steps import FEW_RUNS, Steps, Underway, pieces, whole
from hermes_tui.ui.runs.task_texts import task_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hermes_tui.ui.runs.arranged_runs import ArrangedRuns
    from hermes_tui.ui.runs.arrangement import Group

MAX_NAMESAKES: Final = 64
"""How many tasks with the same title are distinguished by their texts."""
_SPARSE: Final = ("reward", "tokens_in", "tokens_out", "cost", "duration")
_SUMMED: Final = (*_SPARSE, "turns", "calls")
"""The first is the reward, which also decides which runs failed."""


class GroupFacts(NamedTuple):
    """Shares and means over the runs of a group, or None if no run has a value."""

    with_errors: float
    failed: int
    """How many of the `outcomes` failed; those cut off by a limit count as failed."""
    outcomes: int
    """How many runs record how they ended."""
    reward: float | None
    rewarded: int
    """How many runs have a reward."""
    turns: float
    calls: float
    tokens_in: float | None = None
    """The mean over the runs that have a value; the same for the next ones."""
    tokens_out: float | None = None
    cost: float | None = None
    duration: float | None = None
    rewards: tuple[float, float] | None = None
    """The lowest and the highest, if several runs have one."""
    task: str = ""
    """The whole text of the task, on one line, if other groups have the same title."""


class _Sum:
    """A sum over the known values of a group."""

    def __init__(self) -> None:
        self.total, self.known = 0.0, 0
        self.lowest, self.highest = math.inf, -math.inf

    def add(self, values: Iterable[float | None]) -> None:
        finite = [value for value in values if value is not None and math.isfinite(value)]
        try:
            self.total = math.fsum((self.total, *finite))
        except OverflowError:
            self.total = sum(finite, self.total)
        self.known += len(finite)
        self.lowest, self.highest = min((self.lowest, *finite)), max((self.highest, *finite))

    @property
    def mean(self) -> float | None:
        return self.total / self.known if self.known else None


class FactsOfGroups:
    """Computes the facts of the groups that are drawn; for a long list in small steps."""

    def __init__(self, model: ArrangedRuns) -> None:
        self._model = model
        self._revision = -1
        self._columns: dict[str, Sequence[Any]] = {}
        self._facts: dict[str, GroupFacts] = {}
        self._before: dict[str, GroupFacts] = {}
        """The facts of the previous list, shown until there are newer ones."""
        self._texts: dict[str, tuple[str, ...]] = {}
        """The whole texts of tasks that share a title."""
        self._requested: dict[str, Group] = {}
        self._underway: Underway[GroupFacts] | None = None

    def of(self, group: Group) -> GroupFacts | None:
        """Return the facts of a group of the model, or None until they have been computed."""
        self._sync()
        key = group.key
        if key not in self._facts:
            # No file is read while a heading is drawn.
            must_read = group.has_namesakes and not self._known_task(group)
            if must_read or len(self._model) > FEW_RUNS:
                self._requested[key] = group
            else:
                self._store(group, whole(self._compute(group)))
        return self._facts.get(key) or self._before.get(key)

    def namesakes(self, group: Group) -> tuple[str, ...]:
        """Return the texts of the tasks with this title, as far as they are known."""
        return self._texts.get(group.title, ()) if group.has_namesakes else ()

    def _store(self, group: Group, facts: GroupFacts) -> None:
        self._facts[group.key] = facts
        texts = self._texts.get(group.title, ())
        if facts.task and facts.task not in texts and len(texts) < MAX_NAMESAKES:
            self._texts[group.title] = (*texts, facts.task)

    def _sync(self) -> None:
        if self._revision != self._model.revision:
            self._revision = self._model.revision
            self._before |= self._facts
            self._columns, self._facts, self._requested = {}, {}, {}
            self._underway = None

    @property
    def unsettled(self) -> bool:
        """Whether a group is drawn whose facts are not known yet."""
        return bool(self._requested)

    def advance(self, budget_s: float) -> bool:
        """Continue for about `budget_s` seconds; return whether there is anything new to draw."""
        self._sync()
        if not self._requested:
            return False
        key, group = next(iter(self._requested.items()))
        if self._underway is None:
            self._underway = Underway(self._compute(group), group.end - group.start)
        facts = self._underway.advance(budget_s)
        if facts is None:
            return False
        self._underway = None
        self._store(group, facts)
        del self._requested[key]
        return True

    def _compute(self, group: Group) -> Steps[GroupFacts]:
        sums = {name: _Sum() for name in _SUMMED}
        outcomes = _Sum()
        without_errors = 0
        columns = yield from self._read("status", "errors", *_SUMMED)
        places = self._model.order[group.start : group.end]
        for piece in pieces(len(places)):
            some = places[piece.start : piece.stop]
            status, errors, *rest = (list(map(values.__getitem__, some)) for values in columns)
            outcomes.add(map(has_failed, status, rest[0]))
            without_errors += errors.count(0)
            for field_sum, values in zip(sums.values(), rest, strict=True):
                field_sum.add(values)
            yield len(piece)
        means = {name: field_sum.mean for name, field_sum in sums.items()}
        rewards = sums["reward"]
        return GroupFacts(
            with_errors=1 - without_errors / len(places),
            failed=round(outcomes.total),
            outcomes=outcomes.known,
            rewarded=rewards.known,
            rewards=(rewards.lowest, rewards.highest) if rewards.known > 1 else None,
            task=self._task_of(group, places[0]) if group.has_namesakes else "",
            turns=means["turns"] or 0.0,
            calls=means["calls"] or 0.0,
            **{name: means[name] for name in _SPARSE},
        )

    def _known_task(self, group: Group) -> str:
        before = self._before.get(group.key)
        return before.task if before is not None else ""

    def _task_of(self, group: Group, place: int) -> str:
        """Return the text that distinguishes a task from others with its title.

        If that cannot be read, return the title with an id. It is read only once, from the file of
        the run at `place`; the key of the group identifies it.
        """
        if known := self._known_task(group):
            return known
        row = self._model.rows[place]
        text = task_text(row.ref)
        if group.title.removesuffix("…") in text:
            return text
        return f"{group.title} · {row.summary.group_id or row.summary.task_digest}"

    def _read(self, *names: str) -> Steps[list[Sequence[Any]]]:
        """Return columns of all runs; they are kept until the list changes."""
        for name in names:
            if name not in self._columns:
                rows = self._model.rows[: self._model.taken]
                self._columns[name] = yield from column_in_steps(rows, name)
        return [self._columns[name] for name in names]
