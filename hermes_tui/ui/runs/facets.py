"""The facets of the runs: how many runs have which diagnostic, tool, model, status …"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from heapq import nsmallest
from itertools import chain
from typing import Final, NamedTuple

from hermes_tui.ui.runs.counts import Bar, Counts, Values
from hermes_tui.ui.runs.filter_terms import quoted

MOST_VALUES: Final = 2_048
"""A field with more values than that is none to choose from."""
SHOWN: Final = 10
"""Values of a field that are shown at first; the others on request."""
NOTHING: Final = "(none)"
_TELL_NOTHING: Final = {"", "unknown"}


class _Field(NamedTuple):
    name: str
    heading: str
    has_several: bool = False
    """A run may have several values."""
    least_values: int = 1
    is_repeated: bool = False
    """Only worth a look where values come again: else each run has its own."""


_FIELDS: Final = (
    _Field("codes", "diagnostics", has_several=True),
    _Field("tools", "tools called", has_several=True),
    _Field("failed_tools", "tools that failed", has_several=True),
    _Field("model", "model"),
    _Field("status", "status"),
    _Field("parser", "parser", least_values=2),
    _Field("format", "format", least_values=2),
    _Field("group", "group", least_values=2, is_repeated=True),
    _Field("task", "task", least_values=2, is_repeated=True),
    _Field("file", "file", least_values=2, is_repeated=True),
)


class Facet(NamedTuple):
    """Values of one field, those of most runs first. `values` is how many there are in all."""

    name: str
    heading: str
    values: int
    bars: tuple[Bar, ...]


class FacetCounts(Counts):
    """Counts runs by the values of their fields."""

    def __init__(self) -> None:
        self._all: dict[str, Counter[str]] = {field.name: Counter() for field in _FIELDS}
        self._chosen: dict[str, Counter[str]] = {}
        self._runs = 0
        self.forget_choice()

    def add(self, values: Values, runs: int) -> None:
        self._runs += runs
        _count(values, self._all)
        for name in [name for name, counts in self._all.items() if len(counts) > MOST_VALUES]:
            del self._all[name]

    def choose(self, values: Values) -> None:
        _count(values, {name: self._chosen[name] for name in self._all})

    def forget_choice(self) -> None:
        self._chosen = {field.name: Counter() for field in _FIELDS}

    def facets(self, *, whole: Collection[str] = (), picked: Collection[str] = ()) -> list[Facet]:
        """Return what there is to choose from; fields that tell nothing apart are left out.

        Of a field that is not in `whole`, only the values of most runs, and those whose terms are
        `picked`.
        """
        facets = []
        for field in _FIELDS:
            if field.name in self._all and self._is_worth_a_look(field):
                values = self._ranked(field.name, everything=field.name in whole)
                if picked and len(values) < len(self._all[field.name]):
                    rest = self._all[field.name].keys() - set(values)
                    values += sorted(value for value in rest if _term(field, value) in picked)
                bars = tuple(self._bar(field, value) for value in values)
                facets.append(Facet(field.name, field.heading, len(self._all[field.name]), bars))
        return facets

    def _ranked(self, name: str, *, everything: bool) -> list[str]:
        counts = self._all[name]
        most = len(counts) if everything else SHOWN
        return nsmallest(most, counts, key=lambda value: (-counts[value], value))

    def _is_worth_a_look(self, field: _Field) -> bool:
        counts = self._all[field.name]
        if len(counts) < field.least_values or counts.keys() <= _TELL_NOTHING:
            return False
        return not field.is_repeated or 2 * len(counts) <= self._runs

    def _bar(self, field: _Field, value: str) -> Bar:
        return Bar(
            value or NOTHING,
            _term(field, value),
            field.name,
            self._all[field.name][value],
            self._chosen[field.name][value],
            is_alternative=not field.has_several,
        )


def _count(values: Values, counts: Mapping[str, Counter[str]]) -> None:
    for field in _FIELDS:
        if field.name in counts:
            found = values(field.name)
            counts[field.name].update(chain.from_iterable(found) if field.has_several else found)


def _term(field: _Field, value: str) -> str:
    operator = "in" if field.has_several else "=="
    pair = (quoted(value), field.name)
    left, right = pair if field.has_several else pair[::-1]
    return f"{left} {operator} {right}"
