from __future__ import annotations

import pytest

from hermes_tui.model.messages import Usage
from hermes_tui.parsers.measures import timestamp, total_usage, usage


@pytest.mark.parametrize(
    "value",
    [
        1767323045,
        1767323045.0,
        1767323045000,
        1767323045000000,
        "1767323045",
        "1767323045000000000",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05Z",
        "2026-01-02T05:04:05+02:00",
    ],
)
def test_every_spelling_of_a_time_is_the_same_second(value):
    assert timestamp(value) == 1767323045.0


@pytest.mark.parametrize(
    "value", [None, True, 3.5, -1, "soon", "", {}, float("nan"), float("inf"), 10**400, "0" * 50]
)
def test_a_value_that_is_not_a_time_gives_none(value):
    assert timestamp(value) is None


def test_openai_usage_is_read():
    raw = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
        "cost": 0.25,
    }
    assert usage(raw) == Usage(10, 5, 4, 2, 0.25)


def test_anthropic_usage_counts_the_cached_input_too():
    raw = {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 7,
    }
    assert usage(raw) == Usage(117, 5, 100)


def test_a_value_that_is_not_usage_gives_none():
    assert usage(None) is None
    assert usage({}) is None
    assert usage({"prompt_tokens": None}) is None


@pytest.mark.parametrize("tokens", [1e308, 10**400, -1e30])
def test_impossible_token_counts_are_ignored(tokens):
    assert usage({"prompt_tokens": tokens, "completion_tokens": 5}) == Usage(None, 5)


def test_the_usage_of_several_requests_is_summed_where_it_is_reported():
    usages = [Usage(10, 5), None, Usage(prompt_tokens=1, cost_usd=0.5)]
    assert total_usage(usages) == Usage(11, 5, cost_usd=0.5)
    assert total_usage([None, None]) is None
