"""Rows of very many files: packed once the files are read, with the same content as before."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermes_tui.model.events import MessageAppended
from hermes_tui.runtime.opener import OpenFile, RunRef, read_events
from hermes_tui.runtime.path_list import PathList
from hermes_tui.runtime.targets import Targets, expand_paths
from hermes_tui.ui.runs import feed_files, table
from hermes_tui.ui.runs.feed import RunsFeed
from hermes_tui.ui.runs.feed_files import FeedFiles
from hermes_tui.ui.runs.fields import FIELDS, column
from hermes_tui.ui.runs.model import RunsModel
from hermes_tui.ui.runs.table import LooseRows, PackedRows, RunRow, RunTable
from tests.ui.listed import NOTHING
from tests.ui.opened import MESSAGES, WIDE, app_on, settled, write_run, write_runs
from tests.ui.screen_text import screen_lines, text_of

FILES = 30


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat the number of files here as very many, and pack a few rows at a time."""
    monkeypatch.setattr(feed_files, "FEW_FILES", 4)
    monkeypatch.setattr(table, "ROWS", 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with files of one run, a file of several, and a broken one."""
    for number in range(FILES):
        below = tmp_path / "runs" / str(number % 3)
        below.mkdir(parents=True, exist_ok=True)
        messages = MESSAGES[: 2 + number % 6]
        write_run(below / f"{number}.json", messages, id=f"run-{number}", model=f"m{number % 4}")
    write_runs(tmp_path / "runs" / "0" / "several.jsonl", 7)
    (tmp_path / "runs" / "1" / "broken.json").write_text("{")
    return tmp_path / "runs"


@pytest.fixture
def read(folder: Path) -> Iterator[RunsFeed]:
    feed = read_to_the_end(RunsFeed(expand_paths([str(folder)])))
    yield feed
    feed.close()


def read_to_the_end(feed: RunsFeed) -> RunsFeed:
    while not feed.finished:
        feed.step(1.0)
    return feed


def packed_rows(table: RunTable) -> int:
    return sum(len(part) for _, part in table.parts(0) if isinstance(part, PackedRows))


def test_packed_rows_equal_unpacked_ones(
    folder: Path, read: RunsFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert packed_rows(read.rows) >= FILES // 2
    monkeypatch.setattr(feed_files, "FEW_FILES", 1_000)
    unpacked = read_to_the_end(RunsFeed(expand_paths([str(folder)])))
    assert packed_rows(unpacked.rows) == 0
    assert [facts_of_row(row) for row in read.rows] == [facts_of_row(row) for row in unpacked.rows]
    unpacked.close()


def facts_of_row(row: RunRow) -> tuple[object, ...]:
    ref = row.ref
    return row.summary, row.group, ref.file.label, ref[1:], row.file_name, row.file_number


def test_packed_rows_have_the_same_columns(read: RunsFeed) -> None:
    for name in FIELDS:
        assert list(column(read.rows, name)) == list(column(list(read.rows), name)), name
        if name != "run":
            part = read.rows[3:19]
            assert list(column(part, name)) == list(column(list(part), name)), name


def test_finished_files_take_no_memory(folder: Path, read: RunsFeed) -> None:
    gc.collect()
    alive = [each for each in gc.get_objects() if isinstance(each, OpenFile)]
    paths = [each.path for each in alive if each.path and folder in each.path.parents]
    assert read.files.opened == FILES + 1
    assert len(paths) <= 2 * table.ROWS + 1
    assert not read.files.kept


def test_packed_runs_are_found_sorted_filtered_and_opened(read: RunsFeed) -> None:
    model, objects = RunsModel(read.rows), RunsModel(list(read.rows))
    for one in (model, objects):
        one.update()
        one.sort_by("turns")
        one.try_filter("model == 'm1' or reward > 0.5")
        while one.unsettled:
            one.advance(1.0)
    assert list(model.order) == list(objects.order) and len(model) > 3
    for position in range(len(model)):
        row = model.row(position)
        assert model.position_of(row.ref) == position
        events = read_events(row.ref)
        assert row.summary.messages == sum(isinstance(event, MessageAppended) for event in events)


def rows_of(*files: int) -> RunTable:
    table = RunTable()
    for place, number in enumerate(files):
        ref = RunRef(None, place, place)  # type: ignore[arg-type]
        table.append(RunRow(ref, NOTHING._replace(turns=place), f"{number}.json", number))
    return table


def test_rows_after_one_that_may_change_are_not_packed() -> None:
    table, files = rows_of(0, 1, 2, 3, 4, 5, 6, 7, 8), FeedFiles(Targets(), keeps=False)
    table.pack({2}, files)
    assert packed_rows(table) == 0
    table.pack({6}, files)
    table.pack({6}, files)
    assert packed_rows(table) == 4
    table.replace(6, RunRow(table[6].ref, NOTHING._replace(turns=99), "6.json", 6))
    table.append(RunRow(table[8].ref, NOTHING._replace(turns=9), "9.json", 9))
    assert list(column(table, "turns")) == [0, 1, 2, 3, 4, 5, 99, 7, 8, 9]
    assert list(table.values("file_number")) == list(range(10))
    table.close()


def test_rows_of_followed_files_are_not_packed(folder: Path) -> None:
    feed = RunsFeed(Targets([PathList.of(sorted(folder.glob("*/*.json")))]), follow=True)
    read_to_the_end(feed)
    assert all(isinstance(part, LooseRows) for _, part in feed.rows.parts(0))
    feed.close()


async def test_a_packed_run_is_listed_and_opened(folder: Path) -> None:
    app = app_on(folder)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert packed_rows(app.feed.rows)
        assert f"{FILES + 7} runs" in screen_lines(app)[0]
        await pilot.press("enter")
        await pilot.pause()
        assert f"run 1 of {FILES + 7}" in screen_lines(app)[0]
        await pilot.press("L")
        await pilot.pause()
        assert f"run 2 of {FILES + 7}" in screen_lines(app)[0]
        assert "Fix the failing test" in text_of(app)


@pytest.mark.parametrize("as_list", [False, True])
async def test_a_file_of_one_run_is_opened_after_packing(tmp_path: Path, as_list: bool) -> None:
    for number in range(FILES):
        messages = [{**MESSAGES[0], "content": f"task {number}"}, *MESSAGES[1:]]
        text = json.dumps(messages) if as_list else "".join(json.dumps(m) + "\n" for m in messages)
        (tmp_path / f"{number:02}.jsonl").write_text(text)
    app = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert packed_rows(app.feed.rows) and not app.feed.files.kept
        gc.collect()
        await pilot.press("down", "enter")
        await settled(pilot)
        assert f"run 2 of {FILES}" in screen_lines(app)[0]
        assert "task 1" in text_of(app)
        assert len(read_events(app.feed.rows[2].ref)) > len(MESSAGES)
