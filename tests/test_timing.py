"""The judgement of the time that work takes, on work whose growth is known."""

from __future__ import annotations

from functools import cache

import pytest

from tests.timing import Work, assert_linear, assert_takes_at_most


def linear(count: int) -> None:
    for _ in range(count):
        pass


def quadratic(count: int) -> None:
    for _ in range(count):
        linear(count)


def test_work_in_linear_time_passes() -> None:
    assert_linear(lambda count: lambda: linear(count), 400_000)


def test_work_in_quadratic_time_fails() -> None:
    with pytest.raises(AssertionError, match="8 times as much takes"):
        assert_linear(lambda count: lambda: quadratic(count), 1_200)


def test_quadratic_work_whose_results_are_cached_fails() -> None:
    cached = cache(quadratic)
    with pytest.raises(AssertionError, match="8 times as much takes"):
        assert_linear(lambda count: lambda: cached(count), 1_200)


def test_work_may_consume_its_input() -> None:
    def consuming(count: int) -> Work:
        pieces = iter(range(count))

        def work() -> None:
            assert sum(1 for _ in pieces) == count

        return work

    assert_linear(consuming, 400_000)


def test_work_that_takes_longer_than_allowed_fails() -> None:
    with pytest.raises(AssertionError, match="not 2"):
        assert_takes_at_most(2, lambda: linear(40_000), lambda: linear(10_000))
    assert_takes_at_most(6, lambda: linear(40_000), lambda: linear(10_000))
