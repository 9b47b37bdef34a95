"""`open --search TEXT` on the screen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.cli.open_at import find_place
from hermes_tui.model.events import MessageAppended
from hermes_tui.runtime.config import Config
from hermes_tui.runtime.targets import expand_paths
from hermes_tui.ui.app import HermesApp
from hermes_tui.ui.runs.feed import RunsFeed
from hermes_tui.ui.screens.run import RunScreen
from hermes_tui.ui.screens.runs import RunsScreen
from hermes_tui.ui.search import compile_search
from tests.ui.opened import WIDE, run_screen, settled, shows, until
from tests.ui.screen_text import screen_lines

NEEDLE = "Permission DENIED"


def app_searching(
    *paths: Path, text: str = NEEDLE.lower(), at: str = "", follow: bool = False, **options: Any
) -> HermesApp:
    """Return the app that `open PATH… --search TEXT` runs."""
    feed = RunsFeed(expand_paths(str(path) for path in paths), follow=follow)
    search = compile_search(text, is_regex=False, case_matters=False, in_texts=True)
    place = find_place(feed, at) if at else None
    return HermesApp(feed, Config(), search=search, place=place, **options)


def run_of(*texts: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text} for text in texts]}


def write_lines(path: Path, *values: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values), "utf-8")
    return path


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a file of nine runs; the fifth and the eighth contain the needle beyond their row."""
    texts = [["task", "x" * 500, NEEDLE if n in (4, 7) else "fine"] for n in range(9)]
    return write_lines(tmp_path / "runs.jsonl", *(run_of(*each) for each in texts))


def cursor_of(app: HermesApp) -> int | None:
    screen = app.screen
    assert isinstance(screen, RunsScreen)
    return screen.runs_pane.position


def message_number(app: HermesApp) -> int | None:
    model = run_screen(app).model
    return model.timeline.message_number(model.row)


async def test_the_list_opens_on_the_first_matching_run(runs: Path) -> None:
    app = app_searching(runs)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "/permission denied: 1 of 2")
        await until(pilot, lambda: cursor_of(app) == 4)
        await pilot.press("n")
        await shows(pilot, "/permission denied: 2 of 2")
        assert cursor_of(app) == 7


async def test_a_matching_run_opens_at_the_match(runs: Path) -> None:
    app = app_searching(runs)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: cursor_of(app) == 4)
        await pilot.press("enter")
        await settled(pilot)
        model = run_screen(app).model
        event = model.timeline.event(model.row)
        assert isinstance(event, MessageAppended)
        assert event.message.text == NEEDLE


async def test_the_cursor_moves_to_a_match_in_a_file_read_late(tmp_path: Path) -> None:
    many = (run_of("task", str(n)) for n in range(3_000))
    first = write_lines(tmp_path / "a.jsonl", *many)
    app = app_searching(first, write_lines(tmp_path / "b.jsonl", run_of("task", NEEDLE)))
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: cursor_of(app) == 3_000)


async def test_no_match_is_reported_once_all_runs_are_read(runs: Path) -> None:
    app = app_searching(runs, text="nowhere")
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "no match", "/nowhere: 0")
        assert "so far" not in screen_lines(app)[-2]


async def test_the_found_filter_lists_matching_runs(runs: Path) -> None:
    app = app_searching(runs, filter_text="found and run > 5")
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "1 of 1")
        assert cursor_of(app) == 0


async def test_a_single_run_opens_at_the_first_matching_message(tmp_path: Path) -> None:
    app = app_searching(write_lines(tmp_path / "run.jsonl", run_of("a", "b", NEEDLE, "c", NEEDLE)))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert message_number(app) == 3
        await pilot.press("n")
        assert message_number(app) == 5


async def test_a_match_far_down_is_reached_while_the_run_is_read(tmp_path: Path) -> None:
    messages = ({"role": "user", "content": NEEDLE * (n == 4_000) or "x"} for n in range(5_000))
    app = app_searching(write_lines(tmp_path / "run.jsonl", *messages))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await until(pilot, lambda: message_number(app) == 4_001)


async def test_the_only_run_of_a_followed_file_opens_at_the_match(tmp_path: Path) -> None:
    app = app_searching(write_lines(tmp_path / "runs.jsonl", run_of("a", NEEDLE)), follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until(pilot, lambda: message_number(app) == 2)


async def test_a_search_with_a_place_begins_there(tmp_path: Path) -> None:
    texts = ["a", NEEDLE, "b", "c", NEEDLE]
    app = app_searching(write_lines(tmp_path / "runs.jsonl", run_of("x"), run_of(*texts)), at="2:3")
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert message_number(app) == 5
