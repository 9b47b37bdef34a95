"""The text view: wrapping, scrolling, searching and drawing of long texts."""

import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from textual.app import App, ComposeResult

from hermes_tui.model.visible import visible_row
from hermes_tui.ui import search as search_module
from hermes_tui.ui.render.document import (
    Document,
    Line,
    Match,
    StyledSpan,
    TextLines,
    is_plain_ascii,
    pieces,
)
from hermes_tui.ui.render.page import Page
from hermes_tui.ui.render.wrap import RowMap, cells, fit, row_starts
from hermes_tui.ui.search import Search, compile_search, matches_in
from hermes_tui.ui.widgets.text_view import TextView
from tests.ui.screen_text import screen_lines

TEXTS = st.text(st.sampled_from("ab  \t\x1b中👍\u0301\u200d\u202eé-"), max_size=50)


class Reader(App[None]):
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, document: Document, empty: str = "") -> None:
        super().__init__()
        self.view = TextView(document, empty=empty, resolve=lambda name: Style(bold=True))

    def compose(self) -> ComposeResult:
        yield self.view


def numbered(count: int, words: str = "") -> Document:
    return Document.from_text("\n".join(f"line {number}{words}" for number in range(count)))


@settings(max_examples=200)
@given(TEXTS, st.integers(1, 12))
def test_rows_contain_the_whole_text_and_fit_the_width(text: str, width: int) -> None:
    starts = [*row_starts(text, width), len(text)]
    assert starts[0] == 0
    assert starts == sorted(starts)
    rows = [text[start:end] for start, end in pairwise(starts)]
    assert "".join(rows) == text
    for row in rows:
        hanging = row.removesuffix(" ")
        assert cells(hanging) <= width or len(hanging.rstrip("\u0301")) == 1


@settings(max_examples=150)
@given(TEXTS)
def test_the_counted_width_is_the_drawn_width(text: str) -> None:
    assert cells(text) == cell_len(visible_row(text))


@settings(max_examples=150)
@given(TEXTS, st.integers(0, 20))
def test_a_fitted_cell_has_exactly_its_width(text: str, width: int) -> None:
    assert cell_len(fit(text, width)) == width


@settings(max_examples=100)
@given(st.lists(TEXTS, max_size=8), st.integers(1, 12), st.integers(0, 4))
def test_rows_and_text_positions_correspond(texts: list[str], width: int, indent: int) -> None:
    for document in (
        Document([Line(text, indent=indent) for text in texts]),
        Document([Line(text, label=indent) for text in texts]),
        Document.from_text("\n".join(texts)),
        Document.of_sections([[Line("a b" * 5)], Document.from_text("\n".join(texts)).lines]),
    ):
        row_map = RowMap(document, width)
        for row in range(row_map.rows):
            extent = row_map.extent(row)
            assert row_map.row_of(extent.line, extent.start) == row
        with pytest.raises(IndexError):
            row_map.extent(row_map.rows)


@settings(max_examples=100)
@given(st.lists(TEXTS, min_size=1, max_size=8), st.integers(1, 12), st.integers(0, 8))
def test_lazy_lines_are_wrapped_like_separate_lines(
    texts: list[str], width: int, indent: int
) -> None:
    plain_ascii = is_plain_ascii("".join(texts))
    lazy = Document(TextLines(texts, plain_ascii=plain_ascii, indent=indent))
    made = Document([Line(text, indent=indent) for text in texts])
    one, other = RowMap(lazy, width), RowMap(made, width)
    assert [*map(one.extent, range(one.rows))] == [*map(other.extent, range(other.rows))]
    assert one.widest() == other.widest()


@settings(max_examples=100)
@given(TEXTS, st.integers(1, 12), st.integers(0, 30))
def test_an_unwrapped_line_shows_a_window_of_its_cells(text: str, width: int, left: int) -> None:
    document = Document([Line(text)])
    extent = RowMap(document, width, wrap=False).extent(0, left)
    assert extent.lead + cells(text[extent.start : extent.end]) <= width
    assert extent.start == extent.end or cells(text[: extent.start]) == left + extent.lead


def test_words_stay_whole_and_long_ones_break() -> None:
    assert list(row_starts("one two three", 8)) == [0, 8]
    assert list(row_starts("seven x", 5)) == [0, 6]
    assert list(row_starts("x" * 10, 4)) == [0, 4, 8]
    assert list(row_starts("    " + "x" * 6, 6)) == [0, 6]
    assert list(row_starts("ab " + "x" * 6, 6)) == [0, 3]


def test_a_word_longer_than_a_row_begins_on_the_current_row() -> None:
    assert list(row_starts("ab " + "x" * 7, 6)) == [0, 6]
    assert list(row_starts("ab " + "漢" * 5, 6)) == [0, 4, 7]


@pytest.mark.parametrize(
    ("label", "width", "rows"),
    [
        ("id   ", 14, ["  id   one two", "       three"]),
        ("id   ", 13, ["  id   one", "  two three"]),
        ("漢   ", 14, ["  漢   one two", "       three"]),
    ],
)
def test_the_rows_of_a_value_are_aligned_if_its_label_leaves_half_a_row(
    label: str, width: int, rows: list[str]
) -> None:
    line = Line(f"{label}one two three", (), 2, label=len(label))
    row_map = RowMap(Document([line]), width)
    extents = [row_map.extent(row) for row in range(row_map.rows)]
    drawn = [" " * row.lead + line.text[row.start : row.end].rstrip() for row in extents]
    assert drawn == rows
    assert row_map.row_of(0, len(line.text)) == len(rows) - 1


def test_pieces_are_cut_where_styles_change() -> None:
    line = Line("0123456789", (StyledSpan(0, 4, "key"), StyledSpan(4, 9, "string")))
    marks = [StyledSpan(3, 5, "match")]
    assert list(pieces(line, 2, 10, marks)) == [
        ("2", ("key",)),
        ("3", ("key", "match")),
        ("4", ("string", "match")),
        ("5678", ("string",)),
        ("9", ()),
    ]


def literally(text: str) -> Search:
    return compile_search(text, is_regex=False, case_matters=True)


def test_search_is_capped_and_literal_for_plain_strings(monkeypatch: pytest.MonkeyPatch) -> None:
    document = Document.from_text("a.b a.b\nacb\na.b")
    found = [Match(0, 0, 3), Match(0, 4, 7), Match(2, 0, 3)]
    assert matches_in(document, literally("a.b")) == found
    monkeypatch.setattr(search_module, "MAX_MATCHES", 2)
    assert matches_in(document, literally("a.b")) == found[:2]


async def test_control_characters_and_markup_are_shown_as_text() -> None:
    document = Document.from_text("\x1b]0;PWNED\x07\n[/] [@click=app.bell()]x[/]\n中文\tend\u202e")
    async with Reader(document).run_test(size=(40, 5)) as pilot:
        assert screen_lines(pilot.app)[:3] == [
            "␛]0;PWNED␇",
            "[/] [@click=app.bell()]x[/]",
            "中文    end�",
        ]


async def test_paging_walks_through_a_wrapped_text() -> None:
    app = Reader(numbered(100, " and some words that need a second row"))
    async with app.run_test(size=(30, 10)) as pilot:
        assert screen_lines(app)[:2] == ["line 0 and some words that", "need a second row"]
        app.view.page(1)
        await pilot.pause()
        # The scrollbar may follow them.
        rows = [line[:28].rstrip() for line in screen_lines(app)[:2]]
        assert rows == ["need a second row", "line 5 and some words that"]
        app.view.to_bottom()
        await pilot.pause()
        assert screen_lines(app)[-2:] == ["line 99 and some words that", "need a second row"]
        app.view.to_top()
        app.view.move(2)
        await pilot.pause()
        assert screen_lines(app)[0] == "line 1 and some words that"


async def test_the_mouse_wheel_scrolls() -> None:
    app = Reader(numbered(100))
    async with app.run_test(size=(30, 10)) as pilot:
        await pilot._post_mouse_events([_wheel()], app.view, offset=(2, 2))
        await pilot.pause()
        assert app.view.top_line > 0


def _wheel() -> type:
    from textual.events import MouseScrollDown

    return MouseScrollDown


async def test_the_top_line_stays_when_the_width_or_the_wrapping_changes() -> None:
    app = Reader(numbered(200, " with words enough to wrap when it is narrow"))
    async with app.run_test(size=(60, 10)) as pilot:
        app.view.scroll_to_line(50)
        for width in (20, 33, 80, 60):
            await pilot.resize_terminal(width, 10)
            await pilot.pause()
            assert screen_lines(app)[0].startswith("line 50")
        app.view.wrap = False
        await pilot.pause()
        assert app.view.top_line == 50
        assert screen_lines(app)[1].startswith("line 51")


async def test_a_text_that_fits_has_no_scrollbar_after_shrinking_the_view() -> None:
    app = Reader(numbered(3))
    async with app.run_test(size=(30, 20)) as pilot:
        await pilot.resize_terminal(30, 8)
        await pilot.pause()
        bar = app.view.vertical_scrollbar
        assert bar.window_virtual_size == bar.window_size == 8
        await pilot.resize_terminal(30, 2)
        await pilot.pause()
        assert (bar.window_virtual_size, bar.window_size) == (3, 2)


async def test_a_shortened_text_is_shown_to_its_end() -> None:
    app = Reader(numbered(100))
    async with app.run_test(size=(30, 10)) as pilot:
        app.view.to_bottom()
        await pilot.pause()
        app.view.set_document(numbered(95), keep_position=True)
        await pilot.pause()
        lines = screen_lines(app)
        assert lines[0].startswith("line 85") and lines[9].startswith("line 94")


async def test_unwrapped_lines_scroll_sideways() -> None:
    app = Reader(Document.from_text("x" * 30 + "END\n" + "中" * 30))
    async with app.run_test(size=(21, 4)) as pilot:
        app.view.wrap = False
        await pilot.pause()
        app.view.scroll_relative(x=17, animate=False)
        await pilot.pause()
        assert screen_lines(app)[0] == "x" * 13 + "END"
        assert screen_lines(app)[1].strip() == "中" * 9
        app.view.reveal(0, 0)
        await pilot.pause()
        assert screen_lines(app)[0] == "x" * 20


async def test_a_cut_unwrappable_line_ends_with_an_ellipsis() -> None:
    document = Document([Line("0123456789" * 3, wrap=False), Line("indented text", indent=4)])
    app = Reader(document)
    async with app.run_test(size=(13, 6)):
        assert screen_lines(app)[:3] == ["01234567890…", "    indented", "    text"]


async def test_a_new_document_starts_at_its_top_unless_the_position_is_kept() -> None:
    app = Reader(numbered(100))
    async with app.run_test(size=(30, 10)) as pilot:
        app.view.scroll_to_line(40)
        app.view.set_document(numbered(120), keep_position=True)
        await pilot.pause()
        assert screen_lines(app)[0] == "line 40"
        app.view.set_document(numbered(90))
        await pilot.pause()
        assert screen_lines(app)[0] == "line 0"


async def test_the_current_match_comes_into_view_and_looks_different() -> None:
    app = Reader(numbered(500))
    app.view.set_resolve(lambda name: Style(reverse=name == "match", underline="current" in name))
    async with app.run_test(size=(30, 9)) as pilot:
        matches = matches_in(app.view.document, literally("line 30"))
        app.view.set_matches(matches, current=1)
        await pilot.pause()
        assert "line 300" in screen_lines(app)
        row = screen_lines(app).index("line 300")
        strip = app.view.render_line(row)
        [current] = [segment for segment in strip if segment.text == "line 30"]
        assert current.style is not None
        assert current.style.underline


async def test_an_empty_document_shows_a_placeholder() -> None:
    app = Reader(Document.from_text(""), empty="No reasoning in this message")
    async with app.run_test(size=(40, 4)) as pilot:
        assert screen_lines(app)[0] == "No reasoning in this message"
        app.view.set_document(Document.from_text("here"))
        await pilot.pause()
        assert screen_lines(app)[0] == "here"


async def test_scrolling_before_the_first_paint_takes_effect() -> None:
    app = Reader(numbered(100))
    app.view.scroll_to_line(42)
    async with app.run_test(size=(30, 10)):
        assert screen_lines(app)[0] == "line 42"


@pytest.mark.parametrize(
    "text", ["x" * 1_000_000, "中👍" * 250_000, "word " * 200_000], ids=["ascii", "wide", "words"]
)
async def test_a_line_of_a_megabyte_can_be_read_to_its_end(text: str) -> None:
    app = Reader(Document.from_text(text + "END"))
    async with app.run_test(size=(80, 24)) as pilot:
        app.view.to_bottom()
        await pilot.pause()
        assert screen_lines(app)[-1].endswith("END")


def test_a_document_of_five_megabytes_is_lazy() -> None:
    document = Document.from_text("abc\n" * 1_250_000, style="dim")
    assert len(document) == 1_250_001
    assert document.lines[7] == Line("abc", (StyledSpan(0, 3, "dim"),))
    assert RowMap(document, 80).rows == 1_250_001


def test_a_long_text_below_a_heading_is_lazy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = Page()
    page.heading("a heading")
    page.text("abc\n" * 10_000)
    monkeypatch.delattr(TextLines, "line")
    document = page.document()
    assert RowMap(document, 80).rows == 10_002
    assert RowMap(document, 80, wrap=False).widest() == 9
    assert [match.line for match in matches_in(document, literally("abc"))][:2] == [1, 2]


def test_text_view_and_row_list_import_no_textual_widget() -> None:
    code = (
        "import sys, hermes_tui.ui.widgets.text_view, hermes_tui.ui.widgets.row_list;"
        "print([m for m in sys.modules if m.startswith(('textual.widgets.', 'rich.markdown'))])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "[]"
