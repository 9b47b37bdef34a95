"""Edits between two texts."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.parsers.compare import edits_between
from hermes_tui.parsers.edits import apply_edits

TEXTS = st.lists(
    st.sampled_from(
        ["<a>", "</a>", '"', "'", "words", "wor", " ", "\n", "{", "}", "1", "é", "\ud83e"]
    ),
    max_size=30,
).map("".join)


def pieces(old: str, new: str) -> list[tuple[str, str]]:
    return [(old[edit.start : edit.end], edit.text) for edit in edits_between(old, new)]


def test_a_word_is_replaced_as_a_whole() -> None:
    assert pieces('{"args": 1}', '{"arguments": 1}') == [("args", "arguments")]
    assert pieces("get_wether", "get_weather") == [("wether", "weather")]


def test_a_tag_is_inserted_as_a_whole() -> None:
    old = "x\n</function>\n</tool_call>"
    assert pieces(old, old.replace("\n</f", "\n</parameter>\n</f")) == [("", "\n</parameter>")]


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS)
def test_the_edits_turn_one_text_into_the_other(old: str, new: str) -> None:
    edits = edits_between(old, new)
    assert apply_edits(old, edits) == new
    assert all(one.end <= other.start for one, other in pairwise(edits))


@settings(max_examples=25, deadline=None)
@given(TEXTS, TEXTS, st.integers(1, 40))
def test_the_edits_turn_long_texts_into_each_other(old: str, new: str, n: int) -> None:
    filling = "".join(f"line {i} of {i % 7}\n" for i in range(150))
    before, after = (filling + old * n) * 3, (filling + new * n) * 3
    assert apply_edits(before, edits_between(before, after)) == after
