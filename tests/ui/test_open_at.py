"""`open FILE --at RUN:MESSAGE` on the screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hermes_tui.cli.open_at import find_place
from hermes_tui.model.events import MessageAppended
from hermes_tui.runtime.config import Config
from hermes_tui.runtime.targets import expand_paths
from hermes_tui.ui.app import SHORT_FILE, HermesApp
from hermes_tui.ui.runs.feed import RunsFeed
from tests.ui.opened import WIDE, run_screen, settled, shows, until, write_runs
from tests.ui.screen_text import screen_lines, text_of


def app_at(path: Path, text: str, *, follow: bool = False) -> HermesApp:
    feed = RunsFeed(expand_paths([str(path)]), follow=follow)
    return HermesApp(feed, Config(), place=find_place(feed, text))


async def test_the_run_opens_with_the_cursor_on_the_message(tmp_path: Path) -> None:
    app = app_at(write_runs(tmp_path / "runs.jsonl", 9), "6:4")
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        model = run_screen(app).model
        assert model.timeline.state.run_id == "run-5"
        assert model.timeline.finding(model.row) is None
        assert "def parse" in text_of(app)


async def test_a_message_far_down_is_reached_while_the_run_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    messages = ({"role": "user", "content": f"message {n}"} for n in range(1, 5_001))
    path.write_text("".join(json.dumps(message) + "\n" for message in messages))
    app = app_at(path, "1:4321")
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        model = run_screen(app).model
        await until(pilot, lambda: not model.target_message)
        event = model.timeline.event(model.row)
        assert isinstance(event, MessageAppended)
        assert event.message.text == "message 4321"


async def test_a_missing_message_is_reported(tmp_path: Path) -> None:
    path = write_runs(tmp_path / "runs.jsonl", 2)
    feed = RunsFeed(expand_paths([str(path)]))
    ref, _ = find_place(feed, "1")
    app = HermesApp(feed, Config(), place=(ref, 99))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert "there is no message 99 in this run" in text_of(app)


async def test_an_ambiguous_run_id_is_reported(tmp_path: Path) -> None:
    run = {"id": "a", "messages": [{"role": "user", "content": "hi"}]}
    path = tmp_path / "runs.jsonl"
    path.write_text((json.dumps(run) + "\n") * 3)
    app = app_at(path, "a")
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert "runs 1, 2, 3 have the id 'a'; run 1 is chosen" in screen_lines(app)[-2]


async def test_the_title_shows_the_number_of_the_run_and_the_count(tmp_path: Path) -> None:
    app = app_at(write_runs(tmp_path / "runs.jsonl", 9), "6:4")
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert " run 6 of 9 " in screen_lines(app)[0]


async def test_the_title_has_no_count_if_the_file_is_not_read_to_its_end(
    tmp_path: Path,
) -> None:
    path = write_runs(tmp_path / "runs.jsonl", 2_000)
    assert path.stat().st_size > 2 * SHORT_FILE
    ref, _ = find_place(RunsFeed(expand_paths([str(path)])), "6")
    unread = RunsFeed(expand_paths([str(path)]))
    unread.open_first()
    app = HermesApp(unread, Config(), place=(ref, 0))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert " run 6  " in screen_lines(app)[0]


async def test_the_title_has_no_count_for_a_followed_file(
    tmp_path: Path,
) -> None:
    app = app_at(write_runs(tmp_path / "runs.jsonl", 9), "6", follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert " run 6  " in screen_lines(app)[0]


@pytest.mark.parametrize("key", ["L", "H", "d"])
async def test_the_lack_of_other_runs_is_explained(tmp_path: Path, key: str) -> None:
    app = app_at(write_runs(tmp_path / "runs.jsonl", 9), "6")
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press(key)
        await shows(pilot, "opened alone by --at; open the file without it for the list")
        assert run_screen(app).model.timeline.state.run_id == "run-5"


async def test_the_only_run_of_a_file_is_not_reported_as_opened_alone(tmp_path: Path) -> None:
    app = app_at(write_runs(tmp_path / "runs.jsonl", 1), "1:2")
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("L")
        await shows(pilot, "there is no other run")
        assert " run 1" not in screen_lines(app)[0]
