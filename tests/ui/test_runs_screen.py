"""What the list of runs shows, and what its keys do."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.cells import cell_len

from hermes_tui.log.summary import summarise
from hermes_tui.model.events import Event
from hermes_tui.runtime import reread_run
from hermes_tui.runtime.config import Config
from hermes_tui.runtime.opener import RunRef, open_file, read_events
from hermes_tui.runtime.targets import expand_paths
from hermes_tui.ui.app import HermesApp
from hermes_tui.ui.commands import BY_ID
from hermes_tui.ui.panes.runs import RunRows, RunsPane, file_cell
from hermes_tui.ui.render import comparison
from hermes_tui.ui.render.comparison import Comparison, run_comparison
from hermes_tui.ui.render.document import Document
from hermes_tui.ui.render.titles import reading_segments
from hermes_tui.ui.run_feed import RunFeed
from hermes_tui.ui.runs import model as runs_model
from hermes_tui.ui.runs.arranged_runs import ArrangedRuns
from hermes_tui.ui.runs.columns import columns_for, heading_of
from hermes_tui.ui.runs.feed import RunsFeed
from hermes_tui.ui.runs.feed_files import FEW_FILES
from hermes_tui.ui.runs.model import RunsModel
from hermes_tui.ui.runs.search import LOOKED_AT, RunSearch
from hermes_tui.ui.runs.table import RunRow
from hermes_tui.ui.screens.runs import RunsScreen
from hermes_tui.ui.screens.runs_finding import NO_MATCH_SO_FAR
from hermes_tui.ui.search import compile_search
from tests.ui.listed import NOTHING, runs_of, settle_list
from tests.ui.opened import (
    MESSAGES,
    NARROW,
    WIDE,
    answer,
    app_on,
    press_until,
    run_screen,
    settled,
    shows,
    until,
    write_run,
    write_runs,
)
from tests.ui.screen_text import screen_lines, text_of


@pytest.fixture
def runs_file(tmp_path: Path) -> Path:
    return write_runs(tmp_path / "runs.jsonl", 30)


def first_row(app: object) -> str:
    return screen_lines(app)[2]  # type: ignore[arg-type]


@pytest.mark.parametrize(("follow", "expected"), [(False, "no runs"), (True, "no runs yet")])
async def test_an_empty_list_shows_whether_runs_may_still_arrive(
    tmp_path: Path, follow: bool, expected: str
) -> None:
    path = tmp_path / "none.jsonl"
    path.write_text('{"conversations": [{"from": "human", "value"\n' * 2)
    app = app_on(path, follow=follow)
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, lambda: first_row(app).strip() == expected)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("t", "no tree: no run was started by another"),
        ("space", "nothing to fold here"),
        ("n", "no search: / begins one"),
        ("u", "there is no filter"),
        ("ctrl+x", "all is read already"),
    ],
)
async def test_an_inapplicable_key_shows_the_reason(runs_file: Path, key: str, reason: str) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press(key)
        await pilot.pause()
        assert reason in screen_lines(app)[-2]
        await pilot.press("j")
        await pilot.pause()
        assert reason not in screen_lines(app)[-2]


@pytest.mark.parametrize("size", [NARROW, WIDE, (60, 12)])
async def test_the_list_shows_the_problems_of_each_run(
    runs_file: Path, size: tuple[int, int]
) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert "30 runs in 1 file" in text_of(app)
        assert "✗" in text_of(app)


async def test_sorting_puts_the_worst_first_and_keeps_the_cursor_on_its_run(
    runs_file: Path,
) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert " 1     1     2" in first_row(app)
        await pilot.press("o")
        await shows(pilot, "sorted by err ▼")
        assert "✗2" in first_row(app)
        await pilot.press("O")
        await pilot.pause()
        assert "✗" not in first_row(app)


async def test_runs_are_filtered_by_expression(runs_file: Path) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await answer(pilot, "f", "reward >= 0.9 and codes.CALL_IN_CONTENT > 0")
        assert " of 1 " in text_of(app).replace("·", "")
        assert "run-29" in text_of(app)
        await pilot.press("f", "ctrl+u", *"rewrd > 1", "enter")
        await shows(pilot, "did you mean 'reward'", " filter rewrd > 1")
        await pilot.press("escape", "u")
        await shows(pilot, " of 30")


async def test_colon_jumps_to_a_run_by_its_number(runs_file: Path) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, " of 30")
        await pilot.press("O")
        await answer(pilot, "colon", "7")
        await shows(pilot, " 24 of 30")
        pane = app.screen.query_one(RunsPane)
        assert pane.position is not None
        assert app.screen.model.row(pane.position).summary.run_id == "run-6"
        await answer(pilot, "colon", "50%")
        await shows(pilot, " 15 of 30")
        await answer(pilot, "colon", "31")
        await shows(pilot, "there is no run 31; the last is 30")
        await answer(pilot, "colon", "x")
        await shows(pilot, "a run's number, or 50%")
        await answer(pilot, "f", 'id == "run-6"')
        await answer(pilot, "colon", "8")
        await shows(pilot, "run 8 does not pass the filter; u drops it")


async def test_the_command_line_filter_applies_to_the_list_only(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_bytes(lines_of({"id": "a", "messages": MESSAGES}, {"id": "b", "messages": []}))
    app = HermesApp(app_on(path).feed, Config(), filter_text="messages > 1")
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert "1 of 1 · sorted by run ▲ · filter messages > 1" in text_of(app)
        await pilot.press("enter")
        assert run_screen(app).model.filter is None


async def test_a_list_filter_on_a_single_run_is_reported(tmp_path: Path) -> None:
    app = HermesApp(
        app_on(write_run(tmp_path / "run.json")).feed, Config(), filter_text="errors > 0"
    )
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert "--filter, for a run: unknown name 'errors'" in text_of(app)


async def test_search_moves_to_the_matching_run(runs_file: Path) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await answer(pilot, "slash", "run-17")
        await pilot.press("enter")
        await shows(pilot, "run 18 of 30")


async def test_without_a_match_n_reports_it_and_is_not_in_the_key_bar(
    runs_file: Path,
) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await answer(pilot, "slash", "nowhere")
        await shows(pilot, "/nowhere: 0", "no match (F4 at / searches all texts)")
        assert "Next match" not in screen_lines(app)[-1]
        await pilot.press("j")
        assert "no match" not in text_of(app)
        await pilot.press("n")
        await shows(pilot, "no match (F4 at / searches all texts)")
        await answer(pilot, "slash", "run-17")
        await shows(pilot, "18 of 30", "n Next match")


async def test_no_match_so_far_becomes_final_once_the_search_is_complete(runs_file: Path) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        screen = app.screen
        assert isinstance(screen, RunsScreen)
        await answer(pilot, "slash", "nowhere")
        await settled(pilot)
        screen.say(NO_MATCH_SO_FAR)
        await shows(pilot, "no match (F4")


async def test_the_list_search_supports_regex_and_case(
    runs_file: Path,
) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press("slash")
        await shows(pilot, "F2 regex off · F3 case off · F4 texts off", LOOKED_AT[:25])
        await pilot.press("escape")
        await answer(pilot, "slash", "RUN-2[05]", "f2")
        await shows(pilot, "21 of 30", "/RUN-2[05]: 1 of 2")
        await answer(pilot, "slash", "", "f3")
        await shows(pilot, "/RUN-2[05]: 0", "no match (F4")
        await answer(pilot, "slash", "(", "ctrl+u")
        await shows(pilot, "not a regular expression", "case on", "texts off (")


def write_replies(path: Path, *replies: str) -> Path:
    """Write one run for each reply, with ids `run-0`, `run-1` and so on."""
    runs = [
        {"id": f"run-{n}", "messages": [*MESSAGES[:2], {"role": "assistant", "content": text}]}
        for n, text in enumerate(replies)
    ]
    path.write_text("".join(json.dumps(run) + "\n" for run in runs))
    return path


async def test_f4_searches_the_texts_of_the_runs(tmp_path: Path) -> None:
    replies = [f"{'a NEEDLE' if n in (3, 17) else 'hay'} {n}" for n in range(20)]
    app = app_on(write_replies(tmp_path / "runs.jsonl", *replies))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await answer(pilot, "slash", "needle")
        await shows(pilot, "/needle: 0", "no match (F4 at / searches all texts)")
        await answer(pilot, "slash", "", "f4")
        await shows(pilot, " 4 of 20", "/needle: 1 of 2")
        await answer(pilot, "slash", "")
        await shows(pilot, " 4 of 20")
        await pilot.press("n")
        await shows(pilot, " 18 of 20", "/needle: 2 of 2")
        await answer(pilot, "f", "found")
        await settled(pilot)
        await pilot.press("enter")
        await shows(pilot, "a NEEDLE 17", "/needle: 1 of 1")
        await pilot.press("H")
        await shows(pilot, "a NEEDLE 3", "/needle: 1 of 1")
        await pilot.press("q", "u", "slash")
        await shows(pilot, "F4 texts on")
        await pilot.press("f4")
        await shows(pilot, "F4 texts off")


async def test_the_found_filter_lists_the_matches_of_the_search(tmp_path: Path) -> None:
    replies = [f"{'needle' if n % 50 == 7 else 'hay'} {n}" for n in range(300)]
    app = app_on(write_replies(tmp_path / "runs.jsonl", *replies))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await answer(pilot, "f", "found")
        await shows(pilot, " 0 runs · ", "filter found", "nothing was searched")
        await answer(pilot, "slash", "needle", "f4")
        await settled(pilot)
        await shows(pilot, " of 6", "/needle: 1 of 6")
        await answer(pilot, "f", ' and id != "run-7"')
        await settled(pilot)
        await shows(pilot, " of 5", "/needle: 1 of 5")
        await answer(pilot, "slash", " 57", "end")
        await settled(pilot)
        await shows(pilot, " of 1", "/needle 57: 1 of 1")
        await pilot.press("escape")
        await shows(pilot, " 0 runs · found: nothing was searched")


async def test_grouping_runs_without_a_distinguishing_field_is_explained(tmp_path: Path) -> None:
    app = app_on(write_replies(tmp_path / "runs.jsonl", "a", "b"))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("b")
        await shows(pilot, "nothing to group by: no field tells runs apart")


async def test_a_message_is_not_cut_off_by_a_long_status_line(tmp_path: Path) -> None:
    app = app_on(write_runs(tmp_path / "runs.jsonl", 30))
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press("d")
        await answer(pilot, "f", 'turns > 0 and status != "never" and errors >= 0')
        await answer(pilot, "slash", "run-1 and more than that")
        await answer(pilot, "f", " and foo")
        await shows(pilot, "unknown name 'foo'")


async def test_a_long_search_shows_its_first_matches_and_can_be_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text((json.dumps({"role": "user", "content": "ab" * 50_000}) + "\n") * 400)
    app = app_on(write_replies(tmp_path / "first.jsonl", "aabbaabbaac"), path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await answer(pilot, "slash", "(a|b)*a(a|b){8}c", "f2", "f4")
        await shows(pilot, "1 of 1 searched …")
        await pilot.press("ctrl+x")
        await shows(pilot, "1 of 1 searched, stopped", "stopped searching")
        await pilot.press("escape")
        await until(pilot, lambda: "searched" not in text_of(app))


def listed_runs(*states: str) -> list[RunRow]:
    """Return rows of runs with these statuses."""
    file = SimpleNamespace(number=0)
    return [
        RunRow(RunRef(file, n, n), NOTHING._replace(run_id=f"run-{n}", status=state), "a")  # type: ignore[arg-type]
        for n, state in enumerate(states)
    ]


def test_the_found_filter_follows_changes_of_a_run() -> None:
    rows = listed_runs("ok", "ok")
    model = RunsModel(rows)
    model.update()
    assert not model.try_filter("found")
    model.set_search(compile_search("crashed", is_regex=False, case_matters=False))
    for state, listed in (("crashed", [1]), ("ok", [])):
        rows[1] = listed_runs("ok", state)[1]
        model.update([1])
        settle_list(model)
        assert list(model.order) == listed


@pytest.mark.parametrize("searched", [0, 1], ids=["for the first time", "again"])
def test_a_run_that_grows_during_a_search_is_searched_again(tmp_path: Path, searched: int) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("".join(json.dumps(message) + "\n" for message in MESSAGES[:3]))
    file = open_file(path, follow=True)
    search = RunSearch([RunRow(RunRef(file, 0), NOTHING, "a")])
    query = compile_search("needle", is_regex=False, case_matters=False, in_texts=True)
    search.begin(query, 1)
    while search.searched < searched:
        search.advance(0)
    search.search_again(0)
    search.advance(0)
    with path.open("a") as more:
        more.write(json.dumps({"role": "assistant", "content": "a needle"}) + "\n")
    file.source.refresh()
    search.search_again(0)
    while search.is_going_on:
        search.advance(0)
    assert search.found(range(1)) == b"\1"
    file.close()


async def test_new_text_of_a_followed_run_is_searched(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("".join(json.dumps(message) + "\n" for message in MESSAGES[:2]))
    other = write_replies(tmp_path / "other.jsonl", "hay")
    app = app_on(path, other, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await answer(pilot, "slash", "needle", "f4")
        await shows(pilot, "/needle: 0", "no match")
        with path.open("a") as file:
            file.write(json.dumps({"role": "assistant", "content": "a needle"}) + "\n")
        await shows(pilot, "/needle: 1")


def test_the_help_names_the_searched_columns() -> None:
    assert LOOKED_AT in BY_ID["search"].help


async def test_enter_opens_a_run_and_q_returns_to_its_row(runs_file: Path) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("j", "j", "enter")
        await shows(pilot, "run 3 of 30")
        await pilot.press("L", "q")
        await shows(pilot, " 4 of 30")


async def test_unreadable_files_are_reported_alongside_readable_ones(tmp_path: Path) -> None:
    good = write_run(tmp_path / "good.json")
    bad = tmp_path / "bad.json"
    bad.write_bytes(b"\0\1binary")
    app = app_on(good, bad)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert "bad.json: binary data" in text_of(app)
        assert "Fix the failing" in text_of(app)


@pytest.mark.parametrize("good", [1, 2])
async def test_the_reason_for_a_skipped_file_fits_a_narrow_screen(
    tmp_path: Path, good: int
) -> None:
    folder = tmp_path / ("a-long-name-" * 8)
    folder.mkdir()
    write_runs(folder / "good.jsonl", good)
    for name in ("one.json", "two.json"):
        (folder / name).write_bytes(b"\0\1binary")
    app = app_on(folder)
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        assert "+1 more, see ? · skipped two.json: binary" in text_of(app)


async def test_skipped_files_become_a_count_after_the_first_key(
    tmp_path: Path,
) -> None:
    write_runs(tmp_path / "good.jsonl", 30)
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_bytes(b"\0\1binary")
    app = app_on(tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press("j")
        await shows(pilot, "2 skipped, see ?")
        assert "binary" not in text_of(app)
        await answer(pilot, "f", "turns > 0")
        await shows(pilot, "sorted by run ▲ · filter turns > 0 · 2 skipped, see ?")
        await pilot.press("question_mark")
        await shows(pilot, "two.json")


async def test_reading_can_be_stopped(tmp_path: Path) -> None:
    app = app_on(write_runs(tmp_path / "many.jsonl", 20_000))
    async with app.run_test(size=WIDE) as pilot:
        assert "reading" in text_of(app)
        await pilot.press("ctrl+x")
        await shows(pilot, "stopped reading")
        read = len(app.feed.rows)
        await pilot.pause(0.1)
        assert len(app.feed.rows) == read < 20_000


async def test_the_position_of_stopped_reading_stays_on_screen(tmp_path: Path) -> None:
    app = app_on(write_runs(tmp_path / "many.jsonl", 20_000))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("ctrl+x", "j", "k")
        await shows(pilot, "stopped at ")
        assert "100%" not in text_of(app)
        assert "stopped reading" not in text_of(app)


def test_decoding_a_document_is_not_reported_as_reading() -> None:
    text_shown = "".join(
        text for text, _ in reading_segments((9_000_000, 9_000_000), None, "0 MB/s")
    )
    assert "decoding 9 MB" in text_shown
    assert "%" not in text_shown
    assert "MB/s" not in text_shown


def test_the_pace_of_reading_is_separated_from_its_share() -> None:
    parts = reading_segments((5_000_000, 9_000_000), None, "3 MB/s 0:07 left")
    assert "3 MB/s 0:07 left · reading █████░░░░░  56% " in "".join(text for text, _ in parts)


async def test_the_list_grows_with_its_file(tmp_path: Path) -> None:
    path = write_runs(tmp_path / "grow.jsonl", 2)
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "2 runs" in text_of(app))
        more = write_runs(tmp_path / "more.jsonl", 3).read_bytes()
        with path.open("ab") as stream:
            stream.write(more)
        await until(pilot, lambda: "5 runs" in text_of(app))
        assert "5 runs in 1 file" in text_of(app)


async def test_a_cursor_at_the_end_of_a_followed_list_stays_at_the_end(tmp_path: Path) -> None:
    path = write_runs(tmp_path / "grow.jsonl", 9)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]))
    app = app_on(path, follow=True)
    async with app.run_test(size=NARROW) as pilot:
        await shows(pilot, "1 of 3")
        await pilot.press("G")
        append(path, lines[3:5])
        await shows(pilot, "5 of 5")
        await pilot.press("O")
        await shows(pilot, "5 of 5", "sorted by run ▼")
        await pilot.press("O", "k")
        append(path, lines[5:7])
        await shows(pilot, "4 of 7")
        await pilot.press("G", "enter")
        await shows(pilot, "run 7 of 7")
        append(path, lines[7:])
        await pilot.press("q")
        await shows(pilot, "7 of 9")


async def test_a_cursor_at_the_end_stays_there_until_reading_is_finished(
    tmp_path: Path,
) -> None:
    app = app_on(write_runs(tmp_path / "many.jsonl", 3_000))
    async with app.run_test(size=NARROW) as pilot:
        assert "reading" in text_of(app)
        await pilot.press("G")
        await settled(pilot)
        await shows(pilot, "3,000 of 3,000")
        await pilot.press("O")
        await shows(pilot, "1 of 3,000")


# Several files, growing files


def lines_of(*messages: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def append(path: Path, lines: list[bytes]) -> None:
    with path.open("ab") as stream:
        stream.writelines(lines)


def feed_on(*paths: Path, follow: bool = False) -> RunsFeed:
    return RunsFeed(expand_paths(str(path) for path in paths), follow=follow)


def read_all(feed: RunsFeed) -> RunsFeed:
    feed.poll()
    while not feed.finished:
        feed.step(1.0)
    return feed


def grow(path: Path, *messages: dict[str, Any]) -> None:
    append(path, [lines_of(*messages)])


def model_on(feed: RunsFeed) -> RunsModel:
    model = RunsModel(feed.rows)
    model.update()
    return model


def listed(model: RunsModel) -> list[int]:
    return [model.number(position) for position in range(len(model))]


def test_files_growing_in_parallel_keep_their_own_rows(tmp_path: Path) -> None:
    a, b = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    for path in (a, b):
        path.write_bytes(lines_of(*MESSAGES[:3]))
    feed = read_all(feed_on(a, b, follow=True))
    for path in (b, a, b):
        grow(path, *MESSAGES[1:3])
        read_all(feed)
    assert [(row.file_name, row.summary.turns) for row in feed.rows] == [
        ("a.jsonl", 2),
        ("b.jsonl", 3),
    ]
    feed.close()


def test_a_growing_run_is_read_incrementally(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(lines_of(*MESSAGES[:3] * 200))
    feed = feed_on(path, follow=True)
    turns = []
    while not feed.finished:
        feed.step(0.0)
        turns.append(feed.rows[0].summary.turns if feed.rows else 0)
    for _ in range(3):
        grow(path, *MESSAGES[:3])
        feed.poll()
        while not feed.finished:
            feed.step(0.0)
            turns.append(feed.rows[0].summary.turns)
    assert turns == sorted(turns)
    assert turns[-1] == 203
    feed.close()


def test_pending_calls_of_a_growing_run_are_not_reported_as_unanswered(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(lines_of(*MESSAGES[:3]))
    feed = read_all(feed_on(path, follow=True))
    assert "CALL_UNANSWERED" not in dict(feed.rows[0].summary.codes)
    feed.close()
    feed = read_all(feed_on(path))
    assert "CALL_UNANSWERED" in dict(feed.rows[0].summary.codes)
    feed.close()


def test_a_run_that_comes_to_match_the_filter_is_listed(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.jsonl" for name in "abc"]
    for path in paths:
        path.write_bytes(lines_of(*MESSAGES[:3]))
    feed = read_all(feed_on(*paths, follow=True))
    model = model_on(feed)
    assert model.try_filter("turns >= 2") == ""
    assert listed(model) == []
    grow(paths[1], *MESSAGES[3:6])
    read_all(feed)
    model.update(feed.take_replaced())
    assert listed(model) == [2]
    feed.close()


def test_a_growing_run_is_sorted_again(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.jsonl" for name in "abc"]
    for path in paths:
        path.write_bytes(lines_of(*MESSAGES[:3]))
    feed = read_all(feed_on(*paths, follow=True))
    model = model_on(feed)
    model.sort_by("turns")
    assert listed(model) == [1, 2, 3]
    grow(paths[2], *MESSAGES[3:6])
    read_all(feed)
    model.update(feed.take_replaced())
    assert listed(model) == [3, 1, 2]
    feed.close()


async def test_a_row_on_screen_changes_when_its_run_grows(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.jsonl" for name in "ab"]
    for path in paths:
        path.write_bytes(lines_of(*MESSAGES[:3]))
    app = app_on(*paths, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert "     1     1     2" in first_row(app)
        grow(paths[0], *MESSAGES[3:6])
        await until(pilot, lambda: "     1     2     3" in first_row(app))
        assert "     1     2     3" in first_row(app)


def test_growth_reaches_both_the_list_and_the_open_run(tmp_path: Path) -> None:
    path, other = tmp_path / "run.jsonl", tmp_path / "other.jsonl"
    for each in (path, other):
        each.write_bytes(lines_of(*MESSAGES[:3]))
    feed = read_all(feed_on(path, other, follow=True))
    run = RunFeed(feed.rows[0].ref, follow=True)
    while run.step(0.01):
        pass
    for polls in ((run, feed), (feed, run)):
        before = len(run.model.timeline)
        grow(path, *MESSAGES[1:3])
        assert [each.poll() for each in polls] == [True, True]
        while run.step(0.01):
            pass
        while not feed.finished:
            feed.step(0.01)
        assert len(run.model.timeline) > before
    assert feed.rows[0].summary.turns == 3
    feed.close()


async def test_a_file_that_fills_up_is_no_longer_reported_as_empty(tmp_path: Path) -> None:
    empty, full = tmp_path / "empty.jsonl", write_runs(tmp_path / "full.jsonl", 2)
    empty.write_bytes(b"")
    app = app_on(empty, full, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert "nothing readable in it yet" in text_of(app)
        grow(empty, *MESSAGES[:3])
        await until(pilot, lambda: "3 runs" in text_of(app))
        assert "nothing readable in it yet" not in text_of(app)
        assert "empty" in first_row(app)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_bytes(b""), "became shorter"),
        (lambda path: path.with_suffix(".new").rename(path), "replaced by another file"),
    ],
)
async def test_changes_to_a_followed_file_are_reported(
    tmp_path: Path, change: Any, expected: str
) -> None:
    paths = [tmp_path / f"{name}.jsonl" for name in "ab"]
    for path in (*paths, paths[0].with_suffix(".new")):
        path.write_bytes(lines_of(*MESSAGES[:3]))
    paths[0].with_suffix(".new").write_bytes(b"not yet a run")
    app = app_on(*paths, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        change(paths[0])
        await until(pilot, lambda: expected in text_of(app))
        assert expected in text_of(app)
        assert "2 runs in 2 files" in text_of(app)


def test_a_big_file_does_not_delay_small_ones(tmp_path: Path) -> None:
    big = write_runs(tmp_path / "a-big.jsonl", 3_000)
    for name in "bcdefghijklmn":
        write_run(tmp_path / f"{name}.json")
    feed = feed_on(tmp_path)
    while len({row.file_label for row in feed.rows}) < 14:
        feed.step(0.0)
    assert sum(row.file_label == str(big) for row in feed.rows) < 1_000
    read_all(feed)
    model = model_on(feed)
    names = [model.row(position).file_name for position in range(len(model))]
    assert names == sorted(names)
    assert listed(model) == list(range(1, 3_014))
    feed.close()


def test_progress_counts_the_bytes_of_all_files(tmp_path: Path) -> None:
    big = write_runs(tmp_path / "a-big.jsonl", 500)
    small = write_run(tmp_path / "b.json")
    feed = feed_on(tmp_path)
    shares = []
    while not feed.finished:
        progress = feed.progress()
        assert progress is not None
        shares.append(progress[0])
        assert progress[1] == big.stat().st_size + small.stat().st_size
        feed.step(0.0)
    assert shares == sorted(shares)
    assert feed.progress() is None
    feed.close()


def test_many_files_need_few_descriptors(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    count = FEW_FILES * 4
    for number in range(count):
        write_run(tmp_path / f"{number:04}.json", MESSAGES[:2], id=f"run-{number}")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_FILES * 2 + 40, limits[1]))
    try:
        feed = read_all(feed_on(tmp_path))
        model = model_on(feed)
        assert (len(model), feed.complaints) == (count, [])
        for position in (0, count // 2, count - 1, 1):
            assert len(read_events(model.row(position).ref)) > 2
        feed.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_file_changed_since_it_was_read_is_detected(tmp_path: Path) -> None:
    for number in range(FEW_FILES + 1):
        write_run(tmp_path / f"{number:04}.json", MESSAGES[:2])
    feed = read_all(feed_on(tmp_path))
    first = model_on(feed).row(0).ref
    write_run(tmp_path / "0000.json", MESSAGES[:1])
    for row in feed.rows:
        row.ref.file.source.read(0, 1)
    assert "changed since it was read" in first.file.source.failure
    feed.close()


# Columns


def heading(app: object) -> str:
    return screen_lines(app)[1]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("width", "shown", "left_out"),
    [
        (80, ["run", "turns", "calls", "err", "file", "task"], ["model", "diagnostics"]),
        (120, ["file", "id", "task", "model", "diagnostics"], ["size"]),
        (160, ["size", "file", "id", "task", "model", "diagnostics"], []),
        (200, ["size", "file", "id", "task", "model", "diagnostics"], []),
    ],
)
async def test_wider_terminals_show_more_columns(
    tmp_path: Path, width: int, shown: list[str], left_out: list[str]
) -> None:
    for name in "ab":
        write_run(tmp_path / f"{name}.json", id=f"run-{name}", model="hermes-4-70b")
    app = app_on(tmp_path)
    async with app.run_test(size=(width, 24)) as pilot:
        await settled(pilot)
        words = heading(app).replace("▲", " ").split()
        assert [word for word in words if word in shown] == shown
        assert not set(words) & set(left_out)


SHORT_TEXTS = {"task": 19, "model": 12, "codes": 30, "id": 6, "reward": 1, "tool_errors": 1}


@pytest.mark.parametrize(
    ("width", "task", "put_back"),
    [
        (78, 19, {"codes", "id"}),
        (78, 40, set()),
        (98, 19, {"codes", "id", "tool_errors"}),
        (78, 60, set()),
        (78, 0, set()),
    ],
)
def test_short_tasks_leave_room_for_further_columns(
    width: int, task: int, put_back: set[str]
) -> None:
    columns = columns_for(width, {**SHORT_TEXTS, "task": task}, 20)
    widths = {column.name: column.width for column in columns}
    gaps = sum(column.gap for column in columns)
    always = {"run", "turns", "calls", "errors", "reward", "task"}
    always |= {"warnings"} if width > 90 else set()
    assert widths.keys() - always == put_back
    assert sum(widths.values()) + gaps == width
    assert widths["task"] >= min(task, 40)


@pytest.mark.parametrize("width", [78, 118])
def test_the_status_column_is_shown_if_no_run_has_a_reward(width: int) -> None:
    texts = {"task": 300, "model": 20, "codes": 60, "id": 32, "tool_errors": 1, "file": 30}
    with_status = {column.name for column in columns_for(width, {**texts, "status": 7}, 20)}
    with_both = {
        column.name for column in columns_for(width, {**texts, "status": 7, "reward": 4}, 20)
    }
    assert ("status" in with_status, "reward" in with_both) == (True, True)
    assert "status" not in with_both


@pytest.mark.parametrize("width", [15, 25, 40, 58, 78, 98, 118, 158, 198])
def test_columns_are_aligned_with_any_content(tmp_path: Path, width: int) -> None:
    task = "試験が失敗する 🧪 " * 20
    for number, who in enumerate(("", "名前" * 30, "a\x1b[31m\n\tb")):
        messages = [{"role": "user", "content": task[number:]}, *MESSAGES[2:]]
        write_run(tmp_path / f"{number}試.json", messages, id=who, model=who, reward=-1.23456e99)
    feed = read_all(feed_on(tmp_path))
    model = ArrangedRuns(feed.rows)
    model.update()
    rows = RunRows(model)
    [header] = rows.header(width)
    widths = [cell_len(text) for text, _ in header]
    assert sum(widths) <= width
    for position in range(len(model)):
        assert [cell_len(text) for text, _ in rows.row(position, width)] == widths
    feed.close()


@pytest.mark.parametrize("width", [40, 80, 120, 200])
async def test_text_columns_are_separated_from_the_number_before_them(
    transcripts: Path, width: int
) -> None:
    app = app_on(transcripts / "atropos-group.jsonl")
    async with app.run_test(size=(width, 24)) as pilot:
        await settled(pilot)
        heads = screen_lines(app)[1]
        texts = min(heads.index(head) for head in ("status", "id", "task") if f" {head}" in heads)
        assert {line[texts - 2 : texts] for line in screen_lines(app)[1:6]} == {"  "}


def test_ids_after_which_their_files_are_named_have_no_column(tmp_path: Path) -> None:
    def headings() -> list[str]:
        feed = read_all(feed_on(tmp_path))
        model = ArrangedRuns(feed.rows)
        model.update()
        [header] = RunRows(model).header(150)
        feed.close()
        return "".join(text for text, _ in header).split()

    for number in range(2):
        session = f"019a085e-04c1-7d{number}"
        write_run(tmp_path / f"rollout-2025-10-21-{session}.json", id=session)
    assert "file" in headings() and "id" not in headings()
    write_run(tmp_path / "other.json", id="019a085e-04c1-7d3")
    assert {"file", "id"} <= {*headings()}


def test_a_long_path_is_cut_at_its_start() -> None:
    assert file_cell("groups/of/humor_3.jsonl", 30).rstrip() == "groups/of/humor_3.jsonl"
    assert file_cell("groups/of/humor_3.jsonl", 10) == "…f/humor_3"
    assert file_cell("a/試験試験試験", 8) == "…験試験 "


async def test_a_bare_list_of_messages_is_titled_by_its_user_message(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(json.dumps(MESSAGES))
    app = app_on(tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        assert "Fix the failing test in parser.py" in first_row(app)


async def test_a_path_shown_as_the_task_is_cut_at_its_start(tmp_path: Path) -> None:
    folder = tmp_path / ("a-long-name-" * 8)
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.json").write_text('[{"role": "assistant", "content": "done"}]')
    app = app_on(folder)
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        assert "-name-/one.json" in first_row(app)


async def test_rollouts_are_shown_with_their_group(transcripts: Path) -> None:
    app = app_on(transcripts / "atropos-group.jsonl")
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        assert "g1 · rollout 0" in first_row(app)


async def test_the_sorted_column_is_marked_in_its_heading(runs_file: Path) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        assert "▲run" in heading(app)
        await pilot.press("o")
        await pilot.pause()
        assert "▼err" in heading(app)
        assert "▲" not in heading(app)
        await pilot.press("O")
        await pilot.pause()
        assert "▲err" in heading(app)


async def test_clicking_a_heading_sorts_by_its_column(runs_file: Path) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        place = heading(app).index("turns")
        await pilot.click(RunsPane, offset=(place, 0))
        await shows(pilot, "sorted by turns ▼")
        await pilot.click(RunsPane, offset=(place, 0))
        await shows(pilot, "sorted by turns ▲")


# Long lists, lists that change while a run is open


def long_model(count: int) -> ArrangedRuns:
    from hermes_tui.log.fold import RunState
    from hermes_tui.ui.runs.table import RunRow

    file: Any = SimpleNamespace(number=0)
    summaries = [
        summarise(RunState(run_id=f"run-{n}", turn=n, status="ok", reward=n / 4)) for n in range(4)
    ]
    return ArrangedRuns([RunRow(RunRef(file, n, n), summaries[n % 4], "a") for n in range(count)])


def test_long_lists_are_filtered_and_searched_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_model, "FIRST_SLICE_S", 0.0)
    model = long_model(1_000)
    model.update()
    model.try_filter("turns == 3")
    assert 0 < len(model) < 50
    model.set_search(compile_search("RUN-3", is_regex=False, case_matters=False))
    while model.unsettled:
        before = len(model)
        model.advance(0.0)
        assert len(model) - before < 50
    assert (len(model), model.matches) == (250, 250)


def test_a_filling_list_is_sorted_at_most_a_few_times_a_second() -> None:
    model = long_model(2_000)
    rows, model.rows = model.rows, []
    model.sort_by("turns")
    began, before = time.perf_counter(), model.revision
    for number in range(0, 2_000, 20):
        model.rows.extend(rows[number : number + 20])
        model.update(at_once=False)
    took = time.perf_counter() - began
    assert model.revision - before <= 1 + took / runs_model.ARRANGE_EVERY_S
    model.update()
    assert [model.row(n).summary.turns for n in (0, 499, 500, 1_999)] == [3, 3, 2, 0]
    assert listed(model)[:2] == [4, 8]


async def test_the_title_shows_the_mean_reward_and_its_number_of_runs(tmp_path: Path) -> None:
    write_runs(tmp_path / "rewarded.jsonl", 4)
    write_run(tmp_path / "not.json")
    app = app_on(tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        assert "mean reward 0.375 of 4 runs · 2 with errors" in screen_lines(app)[0]


def test_the_mean_reward_follows_changed_and_removed_runs() -> None:
    model = runs_of({"reward": 1.0}, {"reward": 0.0}, {})
    assert (model.facts.rewarded, model.facts.mean_reward) == (2, 0.5)
    row = model.row(2)
    model.facts.note(2, replace(row, summary=row.summary._replace(reward=2.0)))
    assert (model.facts.rewarded, model.facts.mean_reward) == (3, 1.0)
    model.facts.drop(0)
    assert (model.facts.rewarded, model.facts.mean_reward) == (2, 1.0)
    model.facts.drop(1)
    model.facts.drop(2)
    assert (model.facts.rewarded, model.facts.mean_reward) == (0, None)


def test_runs_without_reward_come_last_in_both_directions(tmp_path: Path) -> None:
    for name, reward in {"a": None, "b": 0.5, "c": float("nan"), "d": -1.0}.items():
        write_run(tmp_path / f"{name}.json", MESSAGES[:3], reward=reward)
    feed = read_all(feed_on(tmp_path))
    model = model_on(feed)
    model.sort_by("reward")
    assert listed(model) == [4, 2, 1, 3]
    model.reverse()
    assert listed(model) == [2, 4, 1, 3]
    feed.close()


@pytest.mark.parametrize(("rewards", "presses"), [((0.5, -1.0, 1.0), 2), ((None,), 0)])
def test_reward_is_among_the_first_sort_columns_if_there_are_any(
    rewards: tuple[float | None, ...], presses: int
) -> None:
    model = runs_of(*({"reward": reward} for reward in rewards))
    assert ("reward" in model.sorts()) == bool(presses)
    for _ in range(presses):
        model.sort_by_next()
    if presses:
        assert model.sort_name == "reward"
        assert [model.row(n).summary.reward for n in range(3)] == [-1.0, 0.5, 1.0]


def test_runs_sort_by_their_most_frequent_code_with_clean_ones_last() -> None:
    codes = [
        (),
        (("TRUNCATED", 1),),
        (("ARGS_INVALID", 1), ("TOOL_ERROR", 3)),
        (("BAD_QUOTES", 1),),
    ]
    model = runs_of(*({"codes": each} for each in codes))
    model.sort_by("codes")
    assert listed(model) == [4, 3, 2, 1]
    model.reverse()
    assert listed(model) == [2, 3, 4, 1]


async def test_ctrl_c_shows_how_to_quit(runs_file: Path) -> None:
    app = app_on(runs_file, keys={"back": "x"})
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+c")
        await shows(pilot, "x goes back, ctrl+q quits")
        assert "Do you want to quit" not in text_of(app)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: not app.is_running)


async def test_fields_without_a_column_are_shown_for_the_selected_run(transcripts: Path) -> None:
    app = app_on(transcripts / "ids.json", transcripts / "unknown-tool.json")
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        assert not {"model", "diagnostics"} & set(heading(app).split())
        await shows(pilot, "ID_DUPLICATE×2 ID_MISSING×2 · model hermes-4")
        await pilot.press("j")
        await shows(pilot, "NAME_UNKNOWN×2 TOOL_ERROR×2 · model hermes-4")
        await pilot.press("right")
        await shows(pilot, "o sorts by the next column, and shows it")
        await press_until(pilot, "o", lambda: "model" in heading(app))


def test_the_next_run_is_relative_to_the_current_position() -> None:
    model = long_model(8)
    model.update()
    ref = model.row(2).ref
    assert (model.position_of(ref), model.neighbour(ref, 1), model.neighbour(ref, -1)) == (2, 3, 1)
    model.sort_by("turns")
    assert model.position_of(ref) == 2
    assert [model.neighbour(model.row(n).ref, step) for n, step in ((0, -1), (7, 1))] == [None] * 2
    model.sort_by("run", descending=True)
    assert (model.position_of(ref), model.neighbour(ref, 1)) == (5, 6)


def test_a_filtered_out_run_still_has_neighbours() -> None:
    model = long_model(8)
    model.update()
    ref = model.row(2).ref
    model.try_filter("turns != 2")
    assert model.position_of(ref) is None
    after, before = model.neighbour(ref, 1), model.neighbour(ref, -1)
    assert after is not None and before is not None
    assert (model.number(before), model.number(after)) == (2, 4)
    assert model.neighbour(RunRef(ref.file, 99), 1) is None


async def test_the_cursor_returns_to_the_opened_run_after_resorting(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.jsonl" for name in "abc"]
    for number, path in enumerate(paths):
        path.write_bytes(lines_of(*MESSAGES[: 3 + 3 * number]))
    app = app_on(*paths, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("o", "o", "o", "o", "j", "enter")
        await until(pilot, lambda: "run 2 of 3" in text_of(app))
        opened = run_screen(app).feed.label
        grow(Path(opened), *MESSAGES[2:] * 3)
        await until(pilot, lambda: len(run_screen(app).model.timeline) > 20)
        await pilot.press("q")
        await until(pilot, lambda: "1 of 3" in text_of(app))
        assert Path(opened).stem in first_row(app)


# Comparing


async def test_two_runs_are_compared_by_pressing_d_on_each(
    runs_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs_file.parent)
    app = app_on(Path(runs_file.name))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("d")
        await shows(pilot, "d compares with run 1 of runs.jsonl")
        await pilot.press("j", "d")
        await shows(pilot, "diverge at", "- A  + B:", "PgDn Page down  G Bottom")
        await pilot.press("escape")
        await shows(pilot, "30 runs in 1 file")


async def test_pressing_d_twice_on_a_run_drops_the_choice(runs_file: Path) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("d", "d")
        await shows(pilot, "no run is chosen")


async def test_the_run_chosen_for_comparison_is_named_until_esc_drops_it(tmp_path: Path) -> None:
    folder = tmp_path / ("a-long-name-" * 8)
    folder.mkdir()
    app = app_on(write_runs(folder / "runs.jsonl", 30))
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press("d", "j")
        await shows(pilot, "d compares with run 1 of runs.jsonl, Esc drops it")
        await pilot.press("enter")
        await shows(pilot, "d compares with run 1 of runs.jsonl, Esc drops it")
        await pilot.press("escape")
        await shows(pilot, "no run is chosen")
        await pilot.press("q")
        await shows(pilot, "30 runs in 1 file")
        assert "d compares" not in text_of(app)


async def test_a_finished_comparison_waits_until_the_prompt_is_closed(
    runs_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, may_continue = threading.Event(), threading.Event()

    def slow_comparison(*args: object, **options: object) -> Comparison:
        may_continue.wait(30)
        read.set()
        return Comparison(Document.from_text("what differs"), ())

    monkeypatch.setattr(comparison, "run_comparison", slow_comparison)
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("d", "j", "d", "slash", "x")
        may_continue.set()
        await until(pilot, read.is_set)
        await pilot.press("y")
        assert "what differs" not in text_of(app)
        await pilot.press("escape")
        await shows(pilot, "what differs")


@pytest.mark.parametrize("task", ["修正失败的测试" * 3, "fix 🐛🐛 it"])
def test_the_facts_of_two_runs_are_aligned_in_any_script(task: str) -> None:
    first = NOTHING._replace(task=task, model="l")
    other = first._replace(task="B" * 60, model="M")
    page = run_comparison([], ("a", "b"), (first, other), width=160)
    lines = [line.text for line in page.document.lines]
    facts = {line.split()[0]: line for line in lines if line}
    column = cell_len(facts["model"].partition("M")[0])
    assert cell_len(facts["task"].partition("B")[0]) == column
    assert facts["task"].endswith("B" * 60)


async def test_an_opened_run_is_compared_with_the_one_chosen_in_the_list(runs_file: Path) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("d", "j", "enter")
        await settled(pilot)
        await pilot.press("d")
        await until(pilot, lambda: "diverge at" in text_of(app))
        assert "run 2 of" in text_of(app)


async def test_comparing_with_a_deleted_file_is_reported(runs_file: Path) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("d", "j")
        runs_file.unlink()
        await pilot.press("d")
        await until(pilot, lambda: "no such file" in text_of(app))


async def test_a_slow_comparison_does_not_delay_quitting(
    runs_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, may_continue, is_read = threading.Event(), threading.Event(), threading.Event()

    def slow_reading(ref: RunRef) -> list[Event]:
        reading.set()
        may_continue.wait(30)
        is_read.set()
        return []

    monkeypatch.setattr(reread_run, "reread_run", slow_reading)
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("d", "j", "d")
        await until(pilot, reading.is_set)
        await pilot.press("q")
    assert not app.is_running
    assert not is_read.is_set()
    may_continue.set()


@pytest.mark.parametrize("is_shared", [True, False])
async def test_runs_of_the_same_task_show_their_ids_on_a_narrow_list(
    tmp_path: Path, is_shared: bool
) -> None:
    task = "Work out what the flag of this machine is, and submit it in its usual form. "
    runs = [
        {"id": f"sample-{n}", "messages": [{"role": "user", "content": task[n % 2 * is_shared :]}]}
        if is_shared
        else {"id": f"sample-{n}", "messages": [{"role": "user", "content": f"{n} {task}"}]}
        for n in range(8)
    ]
    path = tmp_path / "runs.jsonl"
    path.write_text("\n".join(map(json.dumps, runs)))
    app = app_on(path)
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await shows(pilot, "sample-0" if is_shared else "0 Work out")
        listed = "\n".join(screen_lines(app)[2:-2])
        assert ("sample-7" in listed) == is_shared


async def test_the_sort_mark_is_separated_from_the_previous_heading(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    write_runs(path, 9)
    app = app_on(path)
    async with app.run_test(size=(200, 30)) as pilot:
        await settled(pilot)
        screen = app.screen
        assert isinstance(screen, RunsScreen)
        for name in ("duration", "tokens_out", "turns"):
            await press_until(pilot, "o", lambda name=name: screen.model.sort_name == name)
            assert f" ▼{heading_of(name)}" in screen_lines(app)[1]
