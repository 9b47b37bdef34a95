"""The facets of the runs: how many runs have which diagnostic, tool, model, status …, and their
mean rewards."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from heapq import nsmallest
from itertools import chain
from math import isfinite
from typing import Any, Final, NamedTuple

from hermes_tui.ui.runs.counts import Bar, Counts, Values
from hermes_tui.ui.runs.filter_terms import quoted

MAX_VALUES: Final = 2_048
"""A field with more values is not offered as a facet."""
SHOWN: Final = 10
"""How many values of a field are shown at first; the others on request."""
NOTHING: Final = "(none)"
MAX_TERM_VALUE: Final = 300
"""The characters of a value that a term may contain, so that a filter takes several terms: a longer
value is reduced to its beginning, a path to its end."""
_NONE: Final = ("", "")
_UNINFORMATIVE: Final = {"", "unknown", _NONE}


Value = str | tuple[str, str]
"""A value of a field, or a pair with the value that distinguishes it from others like it."""


class _Field(NamedTuple):
    name: str
    heading: str
    has_several: bool = False
    """Whether a run may have several values."""
    least_values: int = 1
    is_repeated: bool = False
    """Whether the field is useful only if its values recur: else each run has its own."""
    distinguished_by: str = ""
    """Another field, which distinguishes equal values."""


_FIELDS: Final = (
    _Field("codes", "diagnostics", has_several=True),
    _Field("tools", "tools called", has_several=True),
    _Field("failed_tools", "tools that failed", has_several=True),
    _Field("model", "model"),
    _Field("status", "status"),
    _Field("stop_reason", "stop reason"),
    _Field("parser", "parser", least_values=2),
    _Field("format", "format", least_values=2),
    _Field("group", "group", least_values=2, is_repeated=True, distinguished_by="format"),
    _Field("task", "task", least_values=2, is_repeated=True, distinguished_by="task_digest"),
    _Field("file", "file", least_values=2, is_repeated=True),
)


FACET_NAMES: Final = frozenset(field.name for field in _FIELDS)


class Facet(NamedTuple):
    """Values of one field, the most frequent first. `values` is how many there are in all."""

    name: str
    heading: str
    values: int
    bars: tuple[Bar, ...]


class _ValueCounts(Counter[Value]):
    """How many runs have each value of a field, how many of these have a reward, and the sum."""

    def __init__(self) -> None:
        super().__init__()
        self.rewarded = Counter[Value]()
        self.rewards: defaultdict[Value, float] = defaultdict(float)

    def mean_reward(self, value: Value) -> float | None:
        known = self.rewarded[value]
        return self.rewards[value] / known if known else None


class FacetCounts(Counts):
    """Counts runs by the values of their fields."""

    def __init__(self) -> None:
        self._all = {field.name: _ValueCounts() for field in _FIELDS}
        self._chosen: dict[str, _ValueCounts] = {}
        self._values: dict[str, Counter[str]] = {}
        """For fields with `distinguished_by`: how many pairs have each value."""
        self._runs = 0
        self.forget_choice()

    def add(self, values: Values, runs: int) -> None:
        self._runs += runs
        self._values = {}
        _count(values, self._all)
        for name in [name for name, counts in self._all.items() if len(counts) > MAX_VALUES]:
            del self._all[name]

    def choose(self, values: Values) -> None:
        _count(values, {name: self._chosen[name] for name in self._all})

    def forget_choice(self) -> None:
        self._chosen = {field.name: _ValueCounts() for field in _FIELDS}

    def facets(self, *, whole: Collection[str] = (), picked: Collection[str] = ()) -> list[Facet]:
        """Return the fields to choose from; fields that distinguish nothing are omitted.

        A field that is not in `whole` has only its most frequent values, and those whose terms are
        `picked`.
        """
        facets = []
        for field in _FIELDS:
            if field.name in self._all and self._is_useful(field):
                values = self._ranked(field.name, everything=field.name in whole)
                if picked and len(values) < len(self._all[field.name]):
                    rest = self._all[field.name].keys() - set(values)
                    values += sorted(value for value in rest if self._term(field, value) in picked)
                bars = tuple(self._bar(field, value) for value in values)
                facets.append(Facet(field.name, field.heading, len(self._all[field.name]), bars))
        return facets

    def _ranked(self, name: str, *, everything: bool) -> list[Value]:
        counts = self._all[name]
        count = len(counts) if everything else SHOWN
        return nsmallest(count, counts, key=lambda value: (-counts[value], value))

    def _is_useful(self, field: _Field) -> bool:
        counts = self._all[field.name]
        if len(counts) < field.least_values or counts.keys() <= _UNINFORMATIVE:
            return False
        return not field.is_repeated or 2 * len(counts) <= self._runs

    def _is_shared(self, name: str, value: tuple[str, str]) -> bool:
        """Return whether several pairs have the same value, and differ only in the other field."""
        if name not in self._values:
            self._values[name] = Counter(each[0] for each in self._all[name])
        return self._values[name][value[0]] > 1

    def _term(self, field: _Field, value: Value) -> str:
        if isinstance(value, str):
            return _term(field, value)
        if self._is_shared(field.name, value):
            return f"[{field.name}, {field.distinguished_by}] == [{', '.join(map(quoted, value))}]"
        return _term(field, value[0])

    def _label(self, field: _Field, value: Value) -> str:
        if isinstance(value, str):
            return value or NOTHING
        return " · ".join(value) if self._is_shared(field.name, value) else value[0] or NOTHING

    def _bar(self, field: _Field, value: Value) -> Bar:
        return Bar(
            self._label(field, value),
            self._term(field, value),
            field.name,
            self._all[field.name][value],
            self._chosen[field.name][value],
            is_alternative=not field.has_several,
            rewards=(
                self._all[field.name].mean_reward(value),
                self._chosen[field.name].mean_reward(value),
            ),
        )


def _count(values: Values, counts: Mapping[str, _ValueCounts]) -> None:
    rewards = [one if one is not None and isfinite(one) else None for one in values("reward")]
    has_rewards = any(one is not None for one in rewards)
    for field in _FIELDS:
        if field.name in counts:
            found: Iterable[Any] = values(field.name)
            if field.distinguished_by:
                pairs = zip(found, values(field.distinguished_by), strict=True)
                found = (pair if pair[0] else _NONE for pair in pairs)
            found = list(found)
            counted = counts[field.name]
            counted.update(chain.from_iterable(found) if field.has_several else found)
            if not has_rewards:
                continue
            each = found if field.has_several else ((value,) for value in found)
            for several, reward in zip(each, rewards, strict=True):
                if reward is not None:
                    for value in several:
                        counted.rewarded[value] += 1
                        counted.rewards[value] += reward


def _term(field: _Field, value: str) -> str:
    if len(value) > MAX_TERM_VALUE and not field.has_several:
        if field.name == "file":
            return f"{field.name}.endswith({quoted(value[-MAX_TERM_VALUE:])})"
        return f"{field.name}.startswith({quoted(value[:MAX_TERM_VALUE])})"
    operator = "in" if field.has_several else "=="
    pair = (quoted(value), field.name)
    left, right = pair if field.has_several else pair[::-1]
    return f"{left} {operator} {right}"
