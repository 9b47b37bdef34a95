"""What all screens have in common: paging, the help, Esc, and messages about keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from hermes_tui.ui.screens.base import CommandScreen
from hermes_tui.ui.screens.help import HelpScreen, help_document
from hermes_tui.ui.widgets.status_line import StatusLine
from hermes_tui.ui.widgets.text_view import TextView
from tests.ui.opened import NARROW, WIDE, app_on, shows, until, write_run
from tests.ui.screen_text import screen_lines, text_of


@pytest.mark.parametrize("keys", [("ctrl+d", "ctrl+u"), ("ctrl+f", "ctrl+b"), ("space", "pageup")])
async def test_the_help_scrolls_with_the_keys_of_pagers(
    tmp_path: Path, keys: tuple[str, str]
) -> None:
    app = app_on(write_run(tmp_path / "run.json"))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("question_mark", keys[0])
        view = app.screen.query_one(TextView)
        await until(pilot, lambda: view.scroll_offset.y > 10)
        await pilot.press(keys[1])
        await until(pilot, lambda: view.scroll_offset.y == 0)


@pytest.mark.parametrize("key", ["question_mark", "f1", "q", "escape"])
async def test_the_key_that_opens_the_help_closes_it(tmp_path: Path, key: str) -> None:
    app = app_on(write_run(tmp_path / "run.json"))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press(key)
        await until(pilot, lambda: not isinstance(app.screen, HelpScreen))


async def test_the_help_can_be_searched(tmp_path: Path) -> None:
    app = app_on(write_run(tmp_path / "run.json"))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("question_mark", "slash", *"config.toml", "enter")
        await shows(pilot, "match 1 of 1")
        assert any("config.toml" in line for line in screen_lines(app))
        await pilot.press("slash", *"nowhere at all", "enter")
        await shows(pilot, "no match")
        await pilot.press("escape")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, HelpScreen))


def test_a_complaint_takes_one_line_of_the_help_for_any_file_name() -> None:
    lines = [line.text for line in help_document({}, ["a\nMove\n.json: torn"], width=100).lines]
    assert "  a⏎Move⏎.json: torn" in lines


def test_action_ids_are_dimmed_in_the_help() -> None:
    for width in (100, 40):
        lines = [line for line in help_document({}, [], width=width).lines if "[pair]" in line.text]
        [span] = [span for span in lines[0].spans if span.style_name == "dim"]
        assert lines[0].text[span.start : span.end] == "[pair]"


def test_the_help_of_a_key_has_line_breaks_of_its_own_only_where_they_fit() -> None:
    rows = {
        76: "case); in the list of runs: file, id, task, model, status, codes; F4: ",
        96: "in the list of runs: file, id, task, model, status, codes; F4: all their texts;",
    }
    for width, row in rows.items():
        assert row in [line.text.lstrip() for line in help_document({}, [], width=width).lines]


def test_keys_of_a_single_screen_have_a_heading_that_names_it() -> None:
    lines = [line.text for line in help_document({}, [], width=100).lines]
    assert {"In a live run", "In the parser lab", "In the list of runs: find"} <= set(lines)


def test_the_help_begins_with_the_keys_of_the_current_screen() -> None:
    def headings(place: str) -> list[str]:
        lines = help_document({}, [], place=place).lines
        return [line.text for line in lines if line.text and not line.text.startswith(" ")]

    runs = headings("runs")
    assert runs.index("Find") < runs.index("In a run: move")
    text = "\n".join(line.text for line in help_document({}, [], place="runs").lines)
    assert text.index("[sort]") < text.index("In a run:") < text.index("[next-call]")
    assert headings("live")[0] == "Debugging a live run"
    assert headings("lab").index("The parser lab") < headings("lab").index("In a run: move")
    for place in ("run", "runs", "live", "lab"):
        whole = "\n".join(line.text for line in help_document({}, [], place=place).lines)
        assert whole.count("[sort]") == whole.count("[next-call]") == whole.count("[lab-step]") == 1


async def test_esc_with_nothing_to_drop_names_the_key_that_goes_back(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name) for name in ("a.json", "b.json")]
    app = app_on(*runs)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "2 runs")
        await pilot.press("escape")
        await shows(pilot, "nothing to drop: q goes back")
        await pilot.press("j")
        await until(pilot, lambda: "nothing to drop" not in text_of(app))
        await pilot.press("enter", "escape")
        await shows(pilot, "row 1", "nothing to drop: q goes back")


async def test_a_message_about_a_key_disappears_with_the_next_key(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name) for name in ("a.json", "b.json")]
    app = app_on(*runs)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "2 runs")
        await pilot.press("m")
        await shows(pilot, "mark: in a run (Enter opens it)")
        await pilot.press("9")
        await until(pilot, lambda: "mark: in a run" not in text_of(app))


async def test_a_message_too_long_for_one_row_takes_two(tmp_path: Path) -> None:
    app = app_on(write_run(tmp_path / "run.json"))
    async with app.run_test(size=NARROW) as pilot:
        await shows(pilot, "row 1 of")
        screen = app.screen
        assert isinstance(screen, CommandScreen)
        message = "recorded in /" + "a-folder/" * 12 + "THE-END"
        screen.say(message)
        await shows(pilot, "row 1 of", "THE-END")
        whole = "".join(line.strip() for line in screen_lines(app))
        assert message.replace(" ", "") in whole.replace(" ", "")
        line = screen.query_one("#status", StatusLine)
        assert line.size.height == 2
        await pilot.press("j")
        await until(pilot, lambda: line.size.height == 1)
