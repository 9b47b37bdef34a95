"""How often runs fail, by code, tool, model and parser, with a few examples.

A rate is a ratio of runs. For a code, it is the runs that have it as an error or warning among all
runs, or those with a note if there are no others; for a tool, the runs in which it or a call of it
failed among those that call it; for a model or a parser, the runs with errors among its own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hermes_tui.log.findings import Finding
from hermes_tui.log.fold import RunState
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.runtime.scan.outcomes import Outcomes, Rewards

GROUPS: Final = ("code", "tool", "model", "parser")
EXAMPLES: Final = 3
MAX_NAMES: Final = 1_000
"""How many names are distinguished in a group; the rest count as `OTHERS`."""
OTHERS: Final = "(others)"
_NOTES: Final = "note"
"""The group of the codes of runs that have them only as notes."""
LONGEST_NAME: Final = 120
_RESULT_CODES: Final = (Code.RESULT_ORPHAN, Code.TOOL_ERROR)

Example = tuple[int, int, int]
"""The numbers of the file among those given (from 0), of the run in it and of the message in that
(both from 1; message 0 means that the run has none)."""


@dataclass(slots=True)
class Rate:
    """How many runs there are, how many of them failed, and the first places of failures."""

    runs: int = 0
    failed: int = 0
    places: list[Example] = field(default_factory=list)
    rewards: Rewards = field(default_factory=Rewards)
    """The rewards of those that failed."""

    @property
    def share(self) -> float:
        return self.failed / self.runs if self.runs else 0.0

    def count(self, *, failed: bool, place: Example, reward: float | None) -> None:
        self.runs += 1
        if failed:
            self.failed += 1
            self.rewards.count(reward)
            if len(self.places) < EXAMPLES:
                self.places.append(place)

    def merge(self, other: Rate, file: int, offset: int) -> None:
        """Add a rate over runs of a file, whose numbers are shifted by `offset`."""
        self.runs += other.runs
        self.failed += other.failed
        self.rewards.merge(other.rewards)
        moved = [(file, run + offset, message) for _, run, message in other.places]
        # Always the first ones of all, so that the result does not depend on the order of parts.
        self.places = sorted([*self.places, *moved])[:EXAMPLES]


@dataclass(slots=True)
class Rates:
    """The rates of all groups, and of all runs."""

    all: Rate = field(default_factory=Rate)
    groups: dict[str, dict[str, Rate]] = field(default_factory=dict)
    by_model: dict[str, Outcomes] = field(default_factory=dict)
    """The outcomes of the runs of each model, as far as they are known."""

    @property
    def outcomes(self) -> Outcomes:
        """The outcomes of all runs."""
        whole = Outcomes()
        for outcomes in self.by_model.values():
            whole.merge(outcomes)
        return whole

    def add(self, state: RunState, findings: list[Finding], *, run: int, parser: str = "") -> None:
        """Count run number `run` as `parser` reads it; `merge` adds the number of its file."""
        errors = [item for item in findings if item.severity is Severity.ERROR]
        self._outcomes(state.model).count(state, has_errors=bool(errors))

        def count(rate: Rate, first: Finding | None, *, failed: bool) -> None:
            place = (0, run, _message_number(first, state))
            rate.count(failed=failed, place=place, reward=state.reward)

        first_error = next(iter(errors), None)
        for rate in (
            self.all,
            self._rate("model", state.model),
            self._rate("parser", parser or state.parser),
        ):
            count(rate, first_error, failed=bool(errors))
        for code in state.codes:
            found = [item for item in findings if item.code == code]
            severe = [item for item in found if item.severity is not Severity.NOTE]
            group = "code" if severe else _NOTES
            count(self._rate(group, code), next(iter(severe or found), None), failed=True)
        for tool, (_, failures) in state.tally.tools.items():
            of_tool = [item for item in findings if _is_about(item, tool, state)]
            wrong = [item for item in of_tool if item.severity is Severity.ERROR]
            relevant = (
                wrong or [item for item in of_tool if item.code is Code.TOOL_ERROR] or of_tool
            )
            count(
                self._rate("tool", tool),
                next(iter(relevant), None),
                failed=bool(wrong or failures),
            )

    def of_group(self, group: str) -> dict[str, Rate]:
        """Return the rates of one of `GROUPS` by name."""
        if group != "code":
            return self.groups.get(group, {})
        # Every run could have had a code.
        either = {**self.groups.get(_NOTES, {}), **self.groups.get("code", {})}
        return {name: replace(rate, runs=self.all.runs) for name, rate in either.items()}

    def _rate(self, group: str, name: str) -> Rate:
        rates = self.groups.setdefault(group, {})
        return rates.setdefault(_key(name, rates), Rate())

    def _outcomes(self, model: str) -> Outcomes:
        return self.by_model.setdefault(_key(model, self.by_model), Outcomes())

    def merge(self, other: Rates, file: int, offset: int) -> None:
        """Add the rates of a part of a file, whose run numbers are shifted by `offset`."""
        self.all.merge(other.all, file, offset)
        for group, rates in other.groups.items():
            for name, rate in rates.items():
                self._rate(group, name).merge(rate, file, offset)
        for name, outcomes in other.by_model.items():
            self._outcomes(name).merge(outcomes)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Rates:
        """Return rates that were written as JSON."""
        groups = {
            group: {name: _rate_from_json(rate) for name, rate in rates.items()}
            for group, rates in value["groups"].items()
        }
        by_model = {name: Outcomes.from_json(each) for name, each in value["by_model"].items()}
        return cls(_rate_from_json(value["all"]), groups, by_model)


def _key(name: str, known: Collection[str]) -> str:
    """Return the name that runs are counted under, given the names so far."""
    key = name[:LONGEST_NAME]
    return key if key in known or len(known) < MAX_NAMES else OTHERS


def _is_about(finding: Finding, tool: str, state: RunState) -> bool:
    """Return whether a finding is about a tool, by the name under which its calls are counted.

    A result that answers no call counts as that of a call without a name.
    """
    is_of_call = bool(finding.tool) or finding.call_index is not None
    is_of_call |= finding.code in _RESULT_CODES
    return is_of_call and state.tally.key(finding.tool) == tool


def _message_number(finding: Finding | None, state: RunState) -> int:
    """Return the number of the message to look at, within those that the run has.

    A result may have come without the message that contains it.
    """
    number = finding.number if finding is not None else 1
    return min(max(number, 1), state.appended)


def _rate_from_json(value: dict[str, Any]) -> Rate:
    places = [(file, run, message) for file, run, message in value["places"]]
    return Rate(value["runs"], value["failed"], places, Rewards(**value["rewards"]))
