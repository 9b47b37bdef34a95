"""Foreign text on screen: control characters are shown, and offsets and widths are kept."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from hermes_tui.model.visible import visible, visible_line, visible_row
from hermes_tui.ui.safe_text import MAX_MARKS, TerminalFilter

BLACK = Color(0, 0, 0)
AWKWARD = (
    "\x00\x07\x1b\n\r\t\x7f\x85\x9b\xad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a"
    "\u202e\u2060\u2066\u2069\ufe0e\ufe0f\ufeff\ufffd\ud800\udfff\u20e3\u0301⚠1aé中👍👨\U0001f3fd\U000e0041"
)
ANY_TEXT = st.text(st.characters() | st.sampled_from(AWKWARD), max_size=60)


def filtered(text: str, style: Style | None = None) -> list[Segment]:
    return TerminalFilter().apply([Segment(text, style)], BLACK)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("\x1b]0;PWNED\x07", "␛]0;PWNED␇"),
        ("\x00\x7f", "␀␡"),
        ("\x9b31m\x85", "�31m�"),
        ("\u202eevil\u2066\u200f", "�evil��"),
        ("a\u2028b\ufeffc\u200bd", "a�b�c�d"),
        ("\ud83d lone", "� lone"),
        ("two\nlines\r", "two\nlines␍"),
        ("a\tb", "a    b"),
        ("naïve 中文 👍", "naïve 中文 👍"),
        ("soft\u00adhyphen", "soft-hyphen"),
        ("می\u200cشود", "می·شود"),
    ],
)
def test_invisible_characters_are_made_visible(raw: str, shown: str) -> None:
    assert visible(raw) == shown


@pytest.mark.parametrize(
    ("raw", "cells"), [("⚠️", 1), ("👍🏽", 2), ("1️⃣", 1), ("👨\u200d👩", 5), ("a\u200db", 3)]
)
def test_sequences_of_ambiguous_width_get_a_definite_one(raw: str, cells: int) -> None:
    shown = visible(raw)
    assert cell_len(shown) == cells
    assert cell_len(shown) == sum(map(cell_len, shown))


def test_excessive_combining_marks_are_cut_and_normal_ones_kept() -> None:
    (drawn,) = filtered("e" + "\u0301" * 10_000 + " end")
    assert drawn.text == "e" + "\u0301" * MAX_MARKS + " end"
    needed = "a\u0301\u0323\u0308 שָּׁ֖"
    assert filtered(needed) == [Segment(needed, None)]


@settings(max_examples=150)
@given(ANY_TEXT)
def test_visible_keeps_offsets_except_tabs_and_is_idempotent(text: str) -> None:
    shown = visible(text)
    assert len(shown) == len(text) + 3 * text.count("\t")
    assert visible(shown) == shown
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in visible_row(text))
    shown.encode()


@settings(max_examples=150)
@given(ANY_TEXT, st.integers(0, 40))
def test_a_summary_is_one_line_within_its_limit(text: str, limit: int) -> None:
    line = visible_line(text, limit)
    assert len(line) <= limit
    assert "\n" not in line


def test_a_cut_summary_ends_with_an_ellipsis() -> None:
    assert visible_line("first\nsecond", 40) == "first⏎second"
    assert visible_line("x" * 5_000_000, 4) == "xxx…"


@settings(max_examples=300)
@given(ANY_TEXT)
def test_the_filter_removes_control_characters_and_keeps_the_width(text: str) -> None:
    [segment] = filtered(text)
    assert cell_len(segment.text) == cell_len(text)
    assert not any(
        ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2066\u2028\ufe0f\U0001f3fd"
        for c in segment.text
    )
    segment.text.encode()


def test_the_filter_drops_links_and_keeps_the_rest_of_the_style() -> None:
    [segment] = filtered("click", Style(bold=True, link="https://example.com/\x1b]0;x\x07"))
    assert segment.style is not None
    assert segment.style.link is None
    assert segment.style.bold


def test_the_filter_returns_harmless_lines_unchanged() -> None:
    segments = [Segment("plain", None), Segment("中文", Style(bold=True))]
    assert TerminalFilter().apply(segments, BLACK) is segments


def test_making_text_visible_does_not_import_textual() -> None:
    code = "import sys, hermes_tui.model.visible; print('textual' in sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "False"
