"""Files of lines that are renamed, replaced or cut off while they are followed on screen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runtime.test_growing import move_away_and_write, replace_file, truncate_and_write
from tests.ui.opened import WIDE, answer, app_on, run_screen, settled, shows
from tests.ui.screen_text import text_of

Change = Callable[[Path, bytes], None]


def runs_of(*names: str) -> bytes:
    runs = ({"id": name, "messages": [{"role": "user", "content": f"do {name}"}]} for name in names)
    return "".join(json.dumps(run) + "\n" for run in runs).encode()


def messages_of(*texts: str) -> bytes:
    messages = ({"role": "user", "content": text} for text in texts)
    return "".join(json.dumps(message) + "\n" for message in messages).encode()


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


async def test_runs_of_a_renamed_file_stay_listed_above_the_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_bytes(runs_of("old-1", "old-2"))
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "2 runs in 1 file")
        append(path, runs_of("late")[:-1])
        move_away_and_write(path, runs_of("new-1"))
        await shows(pilot, "4 runs in 2 files", "old-2", "late", "new-1", "runs.jsonl: renamed; ")
        append(path, runs_of("new-2"))
        await shows(pilot, "5 runs in 2 files", "new-2")
        await pilot.press("G", "enter")
        await shows(pilot, "do new-2")
        await pilot.press("q", "g", "enter")
        await shows(pilot, "do old-1")
        await pilot.press("6")
        await shows(pilot, '"content": "do old-1"')
        assert "showing what was read before" not in text_of(app)


@pytest.mark.parametrize(
    ("change", "notice"),
    [
        (replace_file, "runs.jsonl: replaced by another file; read again"),
        (truncate_and_write, "runs.jsonl: became shorter; read again"),
    ],
)
@pytest.mark.parametrize("new", [("new-1",), tuple(f"new-{number}" for number in range(1, 9))])
async def test_removed_runs_are_replaced_by_the_new_ones(
    tmp_path: Path, change: Change, notice: str, new: tuple[str, ...]
) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_bytes(runs_of("old-1", "old-2", "old-3"))
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "3 runs in 1 file")
        await answer(pilot, "f", "messages > 0")
        change(path, runs_of(*new))
        await shows(pilot, f"{len(new)} run", " in 1 file ", notice, *new)
        assert "old" not in text_of(app)
        append(path, runs_of("later"))
        await shows(pilot, f"{len(new) + 1} runs in 1 file", "later")
        await settled(pilot)
        await pilot.press("G", "enter")
        await shows(pilot, "do later")


async def test_a_run_on_screen_stays_although_its_file_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_bytes(runs_of("old-1", "old-2"))
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "2 runs in 1 file")
        await pilot.press("enter")
        await shows(pilot, "do old-1")
        truncate_and_write(path, runs_of("new"))
        await shows(pilot, "became shorter; showing what was read before", "do old-1")
        await pilot.press("6", "q")
        await shows(pilot, "1 run in 1 file", "new")


async def test_an_emptied_file_is_read_once_it_fills_again(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_bytes(runs_of("old-1", "old-2"))
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "2 runs in 1 file")
        truncate_and_write(path, b"")
        await shows(pilot, "nothing readable in it yet")
        append(path, runs_of("new"))
        await shows(pilot, "1 run in 1 file", "new")
        assert "nothing readable" not in text_of(app)


async def test_a_renamed_file_in_a_folder_is_not_listed_twice(tmp_path: Path) -> None:
    from functools import partial

    from hermes_tui.runtime.config import Config
    from hermes_tui.runtime.new_files import NewFiles
    from hermes_tui.runtime.targets import expand_paths
    from hermes_tui.ui.app import HermesApp
    from hermes_tui.ui.runs.feed import RunsFeed

    path = tmp_path / "runs.jsonl"
    path.write_bytes(runs_of("old-1", "old-2"))
    feed = RunsFeed(expand_paths([str(tmp_path)], waits=True), follow=True)
    feed.newcomers = NewFiles(partial(expand_paths, [str(tmp_path)], waits=True), feed.targets)
    app = HermesApp(feed, Config())
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "2 runs in 1 file")
        path.rename(tmp_path / "runs-1.jsonl")
        path.write_bytes(runs_of("new"))
        await shows(pilot, "3 runs in 2 files", "old-1", "old-2", "new")
        assert text_of(app).count("do old-1") == 1
    feed.close()


@pytest.mark.parametrize(
    ("change", "notice"),
    [
        (move_away_and_write, "run.jsonl: renamed; read again"),
        (replace_file, "run.jsonl: replaced by another file; read again"),
        (truncate_and_write, "run.jsonl: became shorter; read again"),
    ],
)
@pytest.mark.parametrize("in_list", [False, True], ids=["alone", "in a list"])
async def test_a_single_run_continues_with_the_new_file(
    tmp_path: Path, change: Change, notice: str, in_list: bool
) -> None:
    path, other = tmp_path / "run.jsonl", tmp_path / "runs.jsonl"
    path.write_bytes(messages_of("old one", "old two", "old three"))
    other.write_bytes(runs_of("a"))
    app = app_on(path, *[other] * in_list, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        if in_list:
            await shows(pilot, "2 runs in 2 files")
            await pilot.press("enter")
        await shows(pilot, "old three")
        await pilot.press("6")
        change(path, messages_of("new one"))
        await shows(pilot, "new one", notice)
        assert "old" not in text_of(app)
        append(path, messages_of("new two"))
        await shows(pilot, "new two")
        await pilot.press("1", "G")
        await shows(pilot, '"content": "new two"')
        if in_list:
            await pilot.press("q")
            await shows(pilot, "2 runs in 2 files", "new one", notice)


async def test_a_rewritten_run_with_more_messages_keeps_its_position(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(messages_of("one", "two"))
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "two")
        await pilot.press("g")
        replace_file(path, messages_of("one", "two", "three"))
        await shows(pilot, "three")
        assert run_screen(app).model.row == 0
        assert "read again" not in text_of(app)


async def test_a_single_run_is_kept_until_the_new_file_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(messages_of("old one", "old two"))
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "old two")
        move_away_and_write(path, b"")
        await shows(pilot, "renamed; showing what was read before", "old two")
        append(path, messages_of("new one"))
        await shows(pilot, "new one", "renamed; read again")


async def test_a_single_run_may_be_replaced_by_several(tmp_path: Path) -> None:
    path, other = tmp_path / "run.jsonl", tmp_path / "runs.jsonl"
    path.write_bytes(messages_of("old one", "old two"))
    other.write_bytes(runs_of("a"))
    app = app_on(path, other, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "2 runs in 2 files")
        replace_file(path, runs_of("new-1", "new-2", "new-3"))
        await shows(pilot, "4 runs in 2 files", "new-3")
        assert "old" not in text_of(app)
