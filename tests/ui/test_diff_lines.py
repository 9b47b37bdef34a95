"""The common beginning of two texts, found about as fast as comparing them."""

from __future__ import annotations

from itertools import takewhile
from operator import eq

from hypothesis import given
from hypothesis import strategies as st

from hermes_tui.ui.render.diff import common_length, diff_lines
from tests.timing import assert_takes_at_most

TEXTS = st.lists(st.sampled_from(["a", "b", "a" * 200, "ab" * 70])).map("".join)


@given(TEXTS, TEXTS)
def test_the_common_length_of_texts_is_that_of_their_characters(old: str, new: str) -> None:
    same = sum(1 for _ in takewhile(bool, map(eq, old, new)))
    assert common_length(old, new) == common_length(list(old), list(new)) == same


def test_the_difference_of_long_texts_is_found_quickly() -> None:
    text = "The quick brown fox. " * 200_000
    other = text[:3_000_000] + "X" + text[3_000_000:]
    assert common_length(text, other) == 3_000_000
    assert_takes_at_most(20, lambda: common_length(text, other), lambda: text == text[:-1] + "Y")
    _, added = diff_lines(text, other)
    assert added.spans[-1] == (3_000_002, 3_000_003, "added")
