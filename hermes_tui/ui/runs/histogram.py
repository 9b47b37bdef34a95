"""The histogram of the runs: how many have how many turns, tokens, seconds, what reward or other
score …"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import repeat
from keyword import iskeyword
from typing import Final, NamedTuple

from hermes_tui.model.visible import visible_line
from hermes_tui.ui.runs.bins import Bin, Spread
from hermes_tui.ui.runs.counts import Bar, Counts, Values
from hermes_tui.ui.runs.filter_terms import quoted


class Quantity(NamedTuple):
    """A numeric field as expressions name it, and its displayed name."""

    name: str
    heading: str
    score: str = ""
    """The name of the score that it is, if it is one."""

    def of(self, values: Values) -> Iterable[float | None]:
        """Return its value in each of the runs with these values."""
        if not self.score:
            return values(self.name)
        return (scores.get(self.score) for scores in values("scores"))

    @property
    def absence(self) -> str:
        """The expression that is true of runs without a value."""
        return f"{quoted(self.score)} not in scores" if self.score else f"{self.name} is None"


QUANTITIES: Final = (
    Quantity("turns", "turns"),
    Quantity("messages", "messages"),
    Quantity("calls", "calls"),
    Quantity("tool_errors", "tool errors"),
    Quantity("reward", "reward"),
    Quantity("tokens_in", "tokens in"),
    Quantity("tokens_out", "tokens out"),
    Quantity("duration", "duration, s"),
    Quantity("latency", "latency of a reply, s"),
    Quantity("cost", "cost, $"),
    Quantity("size", "characters"),
)
REWARD: Final = "reward"
UNKNOWN: Final = "unknown"
_LONGEST_HEADING: Final = 40
_PLAIN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_MIN_SHORTENED: Final = 10_000
"""Smaller numbers are written with all their digits."""


class HistogramCounts(Counts):
    """Counts runs by ranges of one quantity."""

    def __init__(self, quantity: Quantity) -> None:
        self.quantity = quantity
        self._all = Spread()
        self._chosen = Spread()

    def add(self, values: Values, runs: int) -> None:
        _add(self._all, self.quantity, values)

    def choose(self, values: Values) -> None:
        _add(self._chosen, self.quantity, values)

    def forget_choice(self) -> None:
        self._chosen = Spread()

    def bars(self) -> list[Bar]:
        """Return a bar per range, and one for the runs without a value."""
        name = self.quantity.name
        bars = [
            Bar(_label(place, is_whole=self._all.is_whole), _term(place, name), name,
                self._all.count_in(place), self._chosen.count_in(place),
                rewards=self._mean_rewards(place))
            for place in self._all.bins()
        ]  # fmt: skip
        if bars and self._all.missing:
            counts = self._all.missing, self._chosen.missing
            rewards = self._mean_rewards(None)
            bars.append(Bar(UNKNOWN, self.quantity.absence, name, *counts, rewards=rewards))
        return bars

    def _mean_rewards(self, place: Bin | None) -> tuple[float | None, float | None]:
        return self._all.mean_reward(place), self._chosen.mean_reward(place)


def _add(spread: Spread, quantity: Quantity, values: Values) -> None:
    numbers = quantity.of(values)
    rewards = repeat(None) if quantity.name == REWARD else values(REWARD)
    for number, reward in zip(numbers, rewards, strict=False):
        spread.add(number, reward)


def next_with_values(after: Quantity, values: Values) -> Quantity:
    """Return the next quantity that is not the same in all runs, given the values of some.

    The scores follow the reward.
    """
    names = sorted({name for scores in values("scores") for name in scores})
    scores = [
        Quantity(_score_term(name), visible_line(name, _LONGEST_HEADING), name) for name in names
    ]
    reward = next(n for n, each in enumerate(QUANTITIES, 1) if each.name == REWARD)
    quantities = [*QUANTITIES[:reward], *scores, *QUANTITIES[reward:]]
    here = quantities.index(after) + 1 if after in quantities else 0
    for quantity in (*quantities[here:], *quantities[:here]):
        if len(set(quantity.of(values))) > 1:
            return quantity
    return after


def _score_term(name: str) -> str:
    is_plain = _PLAIN_NAME.fullmatch(name) and not iskeyword(name)
    return f"scores.{name}" if is_plain else f"scores[{quoted(name)}]"


def _term(place: Bin, name: str) -> str:
    if place.high is None:
        return f"{name} == {_exact(place.low)}"
    return f"{_exact(place.low)} <= {name} < {_exact(place.high)}"


def _exact(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _label(place: Bin, *, is_whole: bool) -> str:
    if place.high is None:
        return _short(place.low)
    if not is_whole or place.high > _MIN_SHORTENED:
        # The upper end belongs to the next range.
        return f"{_short(place.low)} – <{_short(place.high)}"
    last = place.high - 1
    return _short(place.low) if last <= place.low else f"{_short(place.low)} – {_short(last)}"


def _short(value: float) -> str:
    if abs(value) < _MIN_SHORTENED:
        return f"{value:,.5g}"
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{unit}"
    return f"{value:g}"
