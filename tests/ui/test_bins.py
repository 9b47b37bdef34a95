"""The ranges of a histogram: each value is in exactly one, and their ends are round."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.ui.runs.bins import MAX_BARS, Bin, Spread


def spread(*values: float | None) -> Spread:
    made = Spread()
    for value in values:
        made.add(value)
    return made


def is_in(value: float, place: Bin) -> bool:
    """Return whether a value passes the filter that choosing the bar sets."""
    return value == place.low if place.high is None else place.low <= value < place.high


NUMBERS = st.one_of(
    st.integers(-5, 40),
    st.integers(0, 10**9),
    st.floats(0, 1),
    st.floats(-1e6, 1e6).map(lambda value: 0.0 if abs(value) < 1e-12 else value),
    st.sampled_from([0.1, 0.3, 0.29999999999999, 0.9999999999, 1 - 1e-14, 12345.6, -0.00012345]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=60))
def test_every_value_is_counted_in_exactly_one_range(values: list[float]) -> None:
    values = [0.0 if 0 < abs(value) < 1e-12 else value for value in values]
    made = spread(*values)
    bins = made.bins()
    assert 1 <= len(bins) <= MAX_BARS + 2
    for value in values:
        assert sum(is_in(value, place) for place in bins) == 1
    for place in bins:
        assert made.count_in(place) == sum(is_in(value, place) for value in values)


def test_few_numbers_have_one_bar_each_and_gaps_between_them() -> None:
    assert spread(1, 2, 2, 5).bins() == [Bin(1), Bin(2), Bin(3), Bin(4), Bin(5)]
    assert spread(0.0, 0.5, 1.0, 0.5).bins() == [Bin(0.0), Bin(0.5), Bin(1.0)]


def test_many_numbers_are_in_ranges_with_round_ends() -> None:
    assert spread(*(n / 97 for n in range(97))).bins()[:3] == [
        Bin(0.0, 0.1),
        Bin(0.1, 0.2),
        Bin(0.2, 0.3),
    ]
    assert spread(*range(200)).bins()[1] == Bin(20.0, 40.0)


def test_ranges_grow_if_there_are_outliers() -> None:
    bins = spread(*range(1, 40), 700, 5_000).bins()
    assert (bins[0], bins[-1]) == (Bin(1.0, 2.0), Bin(5_000.0, 10_000.0))


def test_values_that_are_no_finite_numbers_count_as_missing() -> None:
    made = spread(None, math.nan, math.inf, 10**400, 3)
    assert made.missing == 4
    assert made.bins() == [Bin(3)]
    assert spread(None).bins() == []


def test_the_tiniest_numbers_have_a_bar() -> None:
    made = spread(1e-17, -1e-300)
    (place,) = made.bins()
    assert made.count_in(place) == 2
    assert is_in(1e-17, place)


def test_many_values_are_stored_as_a_few_thousand_counts() -> None:
    made = spread(*(n * 1.000_01 for n in range(200_000)))
    assert len(made.counts) < 4_000
