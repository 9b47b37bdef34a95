"""Lines drawn by the fast path look like those drawn by Textual."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.filter import Monochrome
from textual.geometry import Region
from textual.strip import Strip

from hermes_tui.ui.render.document import Document, Line
from hermes_tui.ui.widgets.quick_lines import QuickLines, QuickScrollBar
from hermes_tui.ui.widgets.row_list import Row, RowList
from hermes_tui.ui.widgets.text_view import TextView

AROUND = {
    "nothing around": "",
    "a border": "RowList, TextView { border: round red 60%; border-title-color: green; }",
    "all around": "RowList { border: heavy red; padding: 1 2; } TextView { border-left: tall; }",
    "half seen": "RowList { opacity: 50%; border: solid red; }",
    "no room": "RowList { height: 2; border: solid red; } TextView { border: solid red; }",
}


class Names:
    def __len__(self) -> int:
        return 40

    def row(self, index: int, width: int) -> Row:
        return [(f"row {index} ", "key"), ("漢字 é" * (index % 7), "")]


class Both(App[None]):
    ENABLE_COMMAND_PALETTE = False

    def compose(self) -> ComposeResult:
        rows = RowList(Names())
        rows.border_title = "Rows"
        yield rows
        yield TextView(Document([Line(f"{number} 漢字 " * number) for number in range(30)]))


async def drawn(css: str, *, usual: bool, monochrome: bool) -> list[Strip]:
    """Return the lines of the screen after some moves."""
    app = Both()
    app.CSS = css
    if monochrome:
        app._filters.append(Monochrome())
    async with app.run_test(size=(50, 24)) as pilot:
        app.query_one(TextView).page(1)
        app.query_one(RowList).page(2)
        await pilot.pause()
        with pytest.MonkeyPatch.context() as patch:
            if usual:
                patch.delattr(QuickLines, "render_lines")
                patch.delattr(QuickScrollBar, "render_lines")
            return app.screen._compositor.render_strips()


@pytest.mark.parametrize("css", AROUND.values(), ids=AROUND)
async def test_more_lines_than_the_region_has_can_be_drawn(css: str) -> None:
    app = Both()
    app.CSS = css
    async with app.run_test(size=(50, 24)):
        for pane in (app.query_one(RowList), app.query_one(TextView)):
            width, height = pane.region.size
            strips = pane.render_lines(Region(0, 0, width, height + 2))
            assert [strip.cell_length for strip in strips] == [width] * (height + 2)
            assert strips[: height - 1] == pane.render_lines(Region(0, 0, width, height - 1))


@pytest.mark.parametrize("monochrome", [False, True], ids=["colours", "one colour"])
@pytest.mark.parametrize("css", AROUND.values(), ids=AROUND)
async def test_quick_lines_equal_those_of_textual(css: str, monochrome: bool) -> None:
    quick = await drawn(css, usual=False, monochrome=monochrome)
    usual = await drawn(css, usual=True, monochrome=monochrome)
    assert [list(Segment.simplify(strip)) for strip in quick] == [
        list(Segment.simplify(strip)) for strip in usual
    ]
    assert any("漢字" in strip.text for strip in quick)


async def test_unchanged_lines_are_not_drawn_again() -> None:
    app = Both()
    async with app.run_test(size=(50, 24)) as pilot:
        rows = app.query_one(RowList)
        before = rows.render_lines(rows.region.reset_offset)
        rows.go(3)
        after = rows.render_lines(rows.region.reset_offset)
        changed = [y for y, line in enumerate(after) if line is not before[y]]
        assert changed == [0, 3]
        rows.styles.background = "blue"
        await pilot.pause()
        coloured = rows.render_lines(rows.region.reset_offset)
        assert all(line != after[y] for y, line in enumerate(coloured))


async def test_blank_lines_share_one_strip() -> None:
    app = Both()
    async with app.run_test(size=(50, 24)):
        view = app.query_one(TextView)
        view.set_document(Document([Line("one line")]))
        first, *others = view.render_lines(view.region.reset_offset)
        assert "one line" in first.text and len(others) > 5
        assert all(line is others[0] for line in others)
