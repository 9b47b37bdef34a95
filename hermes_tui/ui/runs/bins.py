"""Ranges of a number for a histogram: counts by three digits, from which bars with round ends are
made. A pass over a million values keeps some thousand counts, whatever the values are."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from itertools import pairwise
from typing import NamedTuple

MAX_SINGLE_VALUES = 12
"""Up to this many different values have a bar each."""
MAX_BARS = 14
LONG_TAIL = 25
"""If the largest value is more than this many times the median, ranges grow by factors."""
_DIGITS = 3
_LARGEST, _SMALLEST = 10**15, 1e-15
_ROUND = (1.0, 2.0, 5.0, 10.0, 20.0)


class Bin(NamedTuple):
    """Values from `low` to below `high`; only the value `low` if `high` is None."""

    low: float
    high: float | None = None


class _Rewards(NamedTuple):
    """The sum of some rewards, and how many there are."""

    total: float = 0.0
    known: int = 0


class Spread:
    """The distribution of the values added so far, to three digits."""

    def __init__(self) -> None:
        self.counts: Counter[float] = Counter()
        self.missing = 0
        self._is_exact = True
        """Whether every value had at most three significant digits."""
        self.is_whole = True
        self._rewards: dict[float | None, _Rewards] = {}
        """The rewards of the runs with each value, and under None of those whose value is
        missing."""

    def add(self, value: float | None, reward: float | None = None) -> None:
        """Count the value of a run, and its reward.

        None, NaN and values that are too large count as missing.
        """
        short = None if value is None or not abs(value) < _LARGEST else cut(value)
        if reward is not None and math.isfinite(reward):
            so_far = self._rewards.get(short, _Rewards())
            self._rewards[short] = _Rewards(so_far.total + reward, so_far.known + 1)
        if value is None or short is None:
            self.missing += 1
            return
        self.counts[short] += 1
        self._is_exact = self._is_exact and short == value
        self.is_whole = self.is_whole and value == int(value)

    def bins(self) -> list[Bin]:
        """Return ranges that hold all values, in ascending order; none is empty at either end."""
        values = sorted(self.counts)
        if not values:
            return []
        low, high = values[0], values[-1]
        if self._is_exact and self.is_whole and high - low < MAX_SINGLE_VALUES:
            return [Bin(low + step) for step in range(int(high - low) + 1)]
        if self._is_exact and len(values) <= MAX_SINGLE_VALUES:
            return [Bin(value) for value in values]
        if low == high == 0:
            return [Bin(-_SMALLEST, _SMALLEST)]
        median = self._median(values)
        if low >= 0 and high > LONG_TAIL * max(median, cut(high / 1e6)):
            edges = _factor_edges(next(value for value in values if value > 0), high)
            edges = [0.0, *edges] if low < edges[0] else edges
        else:
            edges = _step_edges(low, high, is_whole=self.is_whole)
        return [Bin(*pair) for pair in pairwise(edges)]

    def count_in(self, place: Bin) -> int:
        """Return how many values are in a range of `bins`. O(different values)."""
        if place.high is None:
            return self.counts[place.low]
        low, high = place.low, place.high
        return sum(count for value, count in self.counts.items() if low <= value < high)

    def mean_reward(self, place: Bin | None) -> float | None:
        """Return the mean reward of the runs in a range of `bins`, or without a value if `place` is
        None. None if no such run has a reward."""
        found = [each for value, each in self._rewards.items() if _is_in(value, place)]
        known = sum(each.known for each in found)
        return sum(each.total for each in found) / known if known else None

    def _median(self, values: list[float]) -> float:
        rest = self.counts.total() // 2
        for value in values:
            rest -= self.counts[value]
            if rest <= 0:
                return value
        return values[-1]


def _is_in(value: float | None, place: Bin | None) -> bool:
    if value is None or place is None:
        return value is None and place is None
    return place.low <= value < place.high if place.high is not None else value == place.low


def cut(value: float) -> float:
    """Return the largest number of three digits that is not above `value`; 0 for the tiniest."""
    if abs(value) < _SMALLEST:
        return 0.0
    if value == int(value) and abs(value) < 10**_DIGITS:
        return float(value)
    mantissa, _, exponent = f"{value:.12e}".partition("e")
    short = float(f"{mantissa[: _DIGITS + 1 + (value < 0)]}e{exponent}")
    return short if short <= value else _next_below(short, int(exponent))


def _next_below(short: float, exponent: int) -> float:
    """Return the next smaller number of three digits; `short` has this exponent of ten."""
    unit = 10.0 ** (exponent - _DIGITS + (abs(short) != 10.0**exponent or short < 0))
    return float(f"{short - unit:.{_DIGITS}g}")


def _step_edges(low: float, high: float, *, is_whole: bool) -> list[float]:
    """Return the edges of equal ranges around `[low, high]`."""
    span = max(high - low, max(abs(low), abs(high)) * 1e-3)
    power = 10.0 ** math.floor(math.log10(span / MAX_BARS))
    step = next(power * factor for factor in _ROUND if span / (power * factor) < MAX_BARS - 1)
    step = max(step, 10.0 ** (math.floor(math.log10(max(abs(low), abs(high)))) - _DIGITS + 1))
    step = max(step, 1.0) if is_whole else step
    # A quotient may be off by one, since a step such as 0.1 has no exact representation.
    first, last = math.floor(low / step) - 1, math.floor(high / step) + 2
    edges = [_tidy(number * step) for number in range(first, last + 1)]
    return edges[bisect_right(edges, low) - 1 : bisect_right(edges, high) + 1]


def _factor_edges(low: float, high: float) -> list[float]:
    """Return edges such as 1, 2, 5, 10 … around `[low, high]`, `low` > 0."""
    first = math.floor(math.log10(low))
    last = math.floor(math.log10(high))
    factors = _ROUND[:3] if 3 * (last - first + 1) <= MAX_BARS + 2 else _ROUND[:1]
    edges = [_tidy(f * 10.0**power) for power in range(first, last + 2) for f in factors]
    begin = max((n for n, edge in enumerate(edges) if edge <= low), default=0)
    end = next(n for n, edge in enumerate(edges) if edge > high)
    return edges[begin : end + 1][-MAX_BARS - 1 :] if end > begin else edges[begin : begin + 2]


def _tidy(value: float) -> float:
    return float(f"{value:.10g}")
