"""The place of a run: as it is shown, and as a command for somebody else."""

from __future__ import annotations

import shlex
from pathlib import Path

from hermes_tui.log.timeline import Timeline
from hermes_tui.runtime.opener import load_run
from hermes_tui.ui.render.places import RunPlace
from tests.ui.opened import (
    MESSAGES,
    WIDE,
    answer,
    app_on,
    settled,
    shows,
    write_run,
    write_runs,
)
from tests.ui.screen_text import text_of


async def test_a_run_of_a_filtered_list_keeps_its_number_in_the_file(tmp_path: Path) -> None:
    app = app_on(write_runs(tmp_path / "runs.jsonl", 20))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await answer(pilot, "f", "run > 16")
        await settled(pilot)
        await pilot.press("enter")
        await shows(pilot, "run 17 (1 of 4)")
        await pilot.press("L", "8")
        await shows(pilot, "run 18 (2 of 4)", "run 18 · bytes")


async def test_the_only_run_of_a_file_is_numbered_by_the_list(tmp_path: Path) -> None:
    for name in "ab":
        write_run(tmp_path / f"{name}.json")
    app = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("j", "enter")
        await shows(pilot, "run 2 of 2 ")


async def test_the_command_that_opens_the_row_is_copied(tmp_path: Path) -> None:
    path = write_runs(tmp_path / "all runs.jsonl", 8)
    app = app_on(path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("G", "Y")
        command = f"hermes-tui open {shlex.quote(str(path))} --at 8"
        assert app.clipboard == command
        await shows(pilot, f"copied: {command}")
        await pilot.press("enter")
        await settled(pilot)
        await pilot.press("g", "j", "Y")
        assert app.clipboard == f"{command}:1"
        await pilot.press("]", "Y")
        assert app.clipboard == f"{command}:3"


def test_an_explicit_format_is_part_of_the_command() -> None:
    place = RunPlace("a.jsonl", 3, "generic")
    assert place.command(2) == "hermes-tui open a.jsonl --at 3:2 --format generic"


def test_message_rows_and_message_numbers_correspond(tmp_path: Path) -> None:
    app = app_on(write_run(tmp_path / "a.json"))
    while not app.feed.finished:
        app.feed.step(1.0)
    timeline = Timeline(load_run(app.feed.rows[0].ref))
    timeline.advance()
    numbers = list(map(timeline.message_number, range(len(timeline))))
    assert set(numbers) == {0, *range(1, len(MESSAGES) + 1)}
    for row, number in enumerate(numbers):
        back = timeline.message_row(number)
        assert back is None or timeline.message_number(back) == number, row


async def test_a_key_of_another_screen_shows_where_it_works(tmp_path: Path) -> None:
    app = app_on(write_runs(tmp_path / "runs.jsonl", 3))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("}")
        await shows(pilot, "next problem: in a run (Enter opens it)")
        await pilot.press("s")
        await shows(pilot, "step: only in a live run")
        await pilot.press("enter")
        await settled(pilot)
        await pilot.press("o")
        await shows(pilot, "sort: in the list of runs")


async def test_without_a_run_no_key_offers_to_open_one(tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    path.write_text('{"conversations": [{"from": "human", "value"\n')
    app = app_on(path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("}")
        await shows(pilot, "next problem: there is no run here")
        await pilot.press("s")
        await shows(pilot, "step: only in a live run")
        assert "opens it" not in text_of(app)
