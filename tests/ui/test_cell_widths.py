"""Cell widths and wrapping of texts in many scripts, computed by runs of characters."""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from hermes_tui.model.visible import visible_row
from hermes_tui.ui.render.cell_widths import ONE_CELL, TWO_CELLS, cells, edges, fits_to
from hermes_tui.ui.render.document import Document
from hermes_tui.ui.render.wrap import RowMap, row_starts
from tests.timing import Work, assert_linear, assert_takes_at_most

LETTERS = st.sampled_from([*"aé я漢字。😀\t\x1b", "\u0301", "\ufe0f", "\u200d", "\u202e"])
TEXTS = st.lists(st.tuples(LETTERS, st.integers(1, 9))).map(
    lambda runs: "".join(letter * count for letter, count in runs)
)


def width_of(character: str) -> int:
    return cell_len(visible_row(character))


@pytest.mark.parametrize(("ranges", "width"), [(ONE_CELL, 1), (TWO_CELLS, 2)])
def test_each_character_of_a_range_has_its_width(ranges: str, width: int) -> None:
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    assert {width_of(found) for found in re.findall(f"[{ranges}]", every)} == {width}


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(1, 12), st.data())
def test_widths_of_runs_are_the_sums_of_their_characters(
    text: str, width: int, data: st.DataObject
) -> None:
    each = [0, *accumulate(map(width_of, text))]
    assert list(edges(text)) == each
    assert cells(text) == each[-1]
    start = data.draw(st.integers(0, len(text)))
    assert fits_to(text, start, width) == bisect_right(each, each[start] + width) - 1


@pytest.mark.parametrize("text", ["le café est bon ", "я иду домой "])
def test_wrapping_another_alphabet_is_nearly_as_fast_as_ascii(text: str) -> None:
    other, ascii_text = (text * 20_000)[:204_000], "the quick fox is " * 12_000
    assert_takes_at_most(6, lambda: row_starts(other, 50), lambda: row_starts(ascii_text, 50))


@pytest.mark.parametrize("letter", ["\u0301", "e\u0301", "漢\u0301"])
def test_the_time_to_wrap_combining_marks_is_linear(letter: str) -> None:
    def wrapping(count: int) -> Work:
        text = f"a b {letter * count}"
        return lambda: row_starts(text, 50)

    assert_linear(wrapping, 64_000)


def test_a_very_long_line_is_wrapped_once_for_measuring_and_drawing() -> None:
    document = Document.from_text("the quick fox is " * 12_000)
    assert_takes_at_most(1.5, lambda: RowMap(document, 50).extent(7), lambda: RowMap(document, 50))
