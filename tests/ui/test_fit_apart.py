"""Texts cut to one width so that they can be told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_tui.ui.render.facets import bar_columns, bar_lines, line_row
from hermes_tui.ui.render.fit_apart import fit_apart
from hermes_tui.ui.render.wrap import cells, fit
from hermes_tui.ui.runs.counts import Bar

PARTS = [
    f"Count the lines of the file data/part-{number:02}.csv and submit" for number in range(12)
]
TEXTS = st.lists(st.text("ab c日\u0301\x1b\n", max_size=40), max_size=6)


@pytest.mark.parametrize("width", [12, 17, 24, 40])
def test_texts_with_a_common_beginning_differ_after_cutting(width: int) -> None:
    shown = fit_apart(PARTS, width)
    assert len(set(shown.values())) == len(PARTS)
    assert all(text[:3] == "Cou" for text in shown.values())


def test_texts_with_different_common_beginnings_differ_after_cutting() -> None:
    texts = [*PARTS[:2], "Count the lines of the file README and submit", "Count the lines twice"]
    shown = fit_apart(texts, 20)
    assert len(set(shown.values())) == 4
    assert "…README" in shown[texts[2]]


def test_texts_that_differ_anyway_are_only_fitted() -> None:
    texts = ["one", "two words", "three words that are long"]
    assert fit_apart(texts, 10) == {text: fit(text, 10) for text in texts}


@given(TEXTS, st.integers(1, 30))
def test_every_text_has_the_requested_width(texts: list[str], width: int) -> None:
    assert {cells(text) for text in fit_apart(texts, width).values()} <= {width}


def test_bars_of_one_field_can_be_told_apart() -> None:
    bars = [Bar(text, f'task == "{text}"', "task", 1, 1) for text in PARTS]
    lines = bar_lines(bars, largest=1)
    columns = bar_columns(lines, 40, is_narrowed=False)
    rows = [line_row(line, columns, is_narrowed=False, is_picked=False) for line in lines]
    assert len({row[0][0] for row in rows}) == len(PARTS)
