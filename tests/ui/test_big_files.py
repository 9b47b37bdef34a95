"""Big files: read by a separate process, indexed in the cache, and read again if they changed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.runtime.config import Config
from hermes_tui.runtime.index import blocks, cache, run_index
from hermes_tui.runtime.index.cache import indexes_dir
from hermes_tui.runtime.opener import read_events
from hermes_tui.runtime.targets import expand_paths
from hermes_tui.ui.app import HermesApp
from hermes_tui.ui.runs import fields as run_fields_module
from hermes_tui.ui.runs.feed import RunsFeed
from hermes_tui.ui.runs.fields import FIELDS, column
from hermes_tui.ui.runs.model import RunsModel
from hermes_tui.ui.runs.table import RunRow
from hermes_tui.ui.search import compile_search
from tests.conftest import PROJECT
from tests.ui.opened import WIDE, answer, until, write_run, write_runs
from tests.ui.screen_text import screen_lines, text_of

RUNS = 300


@pytest.fixture(autouse=True)
def small_files_are_big(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Treat files of 16 KB as big, and keep their indexes in the test's folder."""
    for module in (blocks, run_index):
        monkeypatch.setattr(module, "BIG", 1 << 14)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def big(tmp_path: Path) -> Path:
    return write_runs(tmp_path / "big.jsonl", RUNS)


@pytest.fixture
def feeds() -> Iterator[list[RunsFeed]]:
    """Yield a list for feeds, which are closed when the test ends."""
    opened: list[RunsFeed] = []
    yield opened
    for feed in opened:
        feed.close()


class Opening:
    """Files opened as `hermes-tui open` opens them on a terminal."""

    def __init__(self, feeds: list[RunsFeed], *paths: Path, **options: Any) -> None:
        feed_options: dict[str, Any] = {"apart": True, "keeps": True, **options}
        self.feed = RunsFeed(expand_paths(map(str, paths)), **feed_options)
        self._feeds = feeds
        feeds.append(self.feed)
        self.feed.open_first()
        self.known_at_once = len(self.feed.rows)
        self.feed.step(0.01, stop_at_runs=2)

    def read_on(self, runs: int = 1 << 60) -> Opening:
        deadline = time.monotonic() + 120
        while not self.feed.finished and len(self.feed.rows) < runs:
            assert time.monotonic() < deadline, self.feed.complaints
            self.feed.poll()
            self.feed.step(0.01)
        return self

    def close(self) -> None:
        self._feeds.remove(self.feed)
        self.feed.close()


def listed_facts(rows: list[RunRow] | RunsFeed) -> list[tuple[object, ...]]:
    listed = rows.rows if isinstance(rows, RunsFeed) else rows
    listed = sorted(listed, key=lambda row: row.ref.number)
    return [(row.ref.number, row.file_label, row.group, row.summary) for row in listed]


def facts_read_in_place(path: Path, parser: str = "") -> list[tuple[object, ...]]:
    """Return the listed facts of a file's runs, read without a separate process or a cache."""
    feed = RunsFeed(expand_paths([str(path)]), parser=parser)
    while not feed.finished:
        feed.step(1.0)
    found = listed_facts(feed)
    feed.close()
    return found


def processes() -> list[int]:
    """Return the ids of this process's children."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    if not children.exists():
        pytest.skip("this system does not list the children of a process")
    return [int(child) for child in children.read_text().split()]


def kept_indexes() -> list[Path]:
    return list(indexes_dir().glob("*")) if indexes_dir().is_dir() else []


def open_parts() -> list[str]:
    """Return the unfinished indexes that this process has open, including deleted ones."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("this system does not list the files of a process")
    targets = [str(item.readlink()) for item in descriptors.iterdir() if item.is_symlink()]
    return [target for target in targets if cache.PART in target]


# The process


def test_a_process_finds_the_same_runs(big: Path, feeds: list[RunsFeed]) -> None:
    opening = Opening(feeds, big).read_on()
    assert listed_facts(opening.feed) == facts_read_in_place(big)
    assert opening.feed.complaints == []
    row = opening.feed.rows[RUNS - 1]
    assert row.summary.run_id == f"run-{RUNS - 1}"
    assert len(read_events(row.ref)) == read_events(row.ref)[-1].seq + 1 > 3


def test_rollouts_keep_their_groups_and_broken_lines_are_reported(
    transcripts: Path, tmp_path: Path, feeds: list[RunsFeed]
) -> None:
    groups = (transcripts / "atropos-group.jsonl").read_bytes()
    path = tmp_path / "groups.jsonl"
    path.write_bytes(groups * (2 + (1 << 15) // len(groups)) + b"{broken\n" + groups)
    opening = Opening(feeds, path).read_on()
    assert listed_facts(opening.feed) == facts_read_in_place(path)
    assert len({row.group for row in opening.feed.rows}) > 2
    assert any("not JSON" in complaint for complaint in opening.feed.complaints)


@pytest.mark.parametrize("frame", ["[%s]", "[\n %s\n]\n", '{"runs": [%s], "n": 1}'])
def test_runs_in_one_json_value_are_found_and_indexed_like_lines(
    tmp_path: Path, feeds: list[RunsFeed], frame: str
) -> None:
    lines = write_runs(tmp_path / "lines.jsonl", 200).read_text().splitlines()
    path = tmp_path / "one.json"
    path.write_text(frame % ", ".join(lines))
    opening = Opening(feeds, path).read_on()
    assert listed_facts(opening.feed) == facts_read_in_place(path)
    assert len(opening.feed.rows) == 200
    assert opening.feed.complaints == []
    opening.close()
    again = Opening(feeds, path)
    assert again.known_at_once in (0, 200)
    assert listed_facts(again.read_on().feed) == facts_read_in_place(path)


def test_long_records_are_left_to_the_process(tmp_path: Path, feeds: list[RunsFeed]) -> None:
    messages = [{"role": "user", "content": "x" * 600_000}, {"role": "assistant", "content": "y"}]
    path = tmp_path / "long.jsonl"
    path.write_text("".join(json.dumps({"id": n, "messages": messages}) + "\n" for n in range(4)))
    opening = Opening(feeds, path)
    assert len(opening.feed.rows) == 0
    assert listed_facts(opening.read_on().feed) == facts_read_in_place(path)


def test_several_big_files_are_read_in_parallel(tmp_path: Path, feeds: list[RunsFeed]) -> None:
    paths = [write_runs(tmp_path / f"{name}.jsonl", RUNS) for name in "abc"]
    feed = Opening(feeds, *paths).read_on().feed
    for number, path in enumerate(paths):
        assert listed_facts(
            [row for row in feed.rows if row.file_number == number]
        ) == facts_read_in_place(path)


def test_a_process_diagnoses_with_the_requested_parser(big: Path, feeds: list[RunsFeed]) -> None:
    asked = Opening(feeds, big, parser="vllm/mistral").read_on()
    assert (
        listed_facts(asked.feed)
        == facts_read_in_place(big, parser="vllm/mistral")
        != facts_read_in_place(big)
    )
    asked.close()
    assert Opening(feeds, big).known_at_once == 0
    assert Opening(feeds, big, parser="vllm/mistral").known_at_once == RUNS


def test_no_run_is_lost_if_the_process_is_killed(big: Path, feeds: list[RunsFeed]) -> None:
    opening = Opening(feeds, big)
    while not processes():
        opening.feed.step(0.01)
    os.kill(processes()[0], signal.SIGKILL)
    opening.read_on()
    assert listed_facts(opening.feed) == facts_read_in_place(big)
    assert any("was killed (signal 9)" in complaint for complaint in opening.feed.complaints)


def test_stopping_ends_the_process_and_reopening_continues_from_there(
    big: Path, feeds: list[RunsFeed]
) -> None:
    opening = Opening(feeds, big).read_on(128)
    opening.feed.cancelled = True
    opening.feed.poll()
    assert processes() == []
    read = len(opening.feed.rows)
    again = Opening(feeds, big)
    assert again.known_at_once == read < RUNS
    assert listed_facts(again.read_on().feed) == facts_read_in_place(big)


# The cache


def test_a_reopened_file_is_listed_at_once(big: Path, feeds: list[RunsFeed]) -> None:
    Opening(feeds, big).read_on().close()
    again = Opening(feeds, big)
    assert again.known_at_once == RUNS
    assert listed_facts(again.feed) == facts_read_in_place(big)
    assert len(read_events(again.feed.rows[7].ref)) > 3
    again.read_on()
    assert len(again.feed.rows) == RUNS


def test_without_a_cache_nothing_is_written(big: Path, feeds: list[RunsFeed]) -> None:
    Opening(feeds, big, keeps=False).read_on().close()
    assert kept_indexes() == []


@pytest.mark.parametrize("tail", [b"", b'{"id": "torn", "messages": [{"role": "user"'])
def test_only_the_new_part_of_a_grown_file_is_read(
    big: Path, feeds: list[RunsFeed], tmp_path: Path, tail: bytes
) -> None:
    with big.open("ab") as stream:
        stream.write(tail)
    Opening(feeds, big).read_on().close()
    more = write_runs(tmp_path / "more.jsonl", 300).read_bytes()
    with big.open("ab") as stream:
        stream.write(more if not tail else b', "content": "a"}]}\n' + more)
    again = Opening(feeds, big)
    assert RUNS - 128 <= again.known_at_once < RUNS + 1
    again.read_on()
    assert listed_facts(again.feed) == facts_read_in_place(big)
    again.close()
    assert Opening(feeds, big).known_at_once == len(facts_read_in_place(big))


def test_a_grown_file_with_overwritten_parts_is_read_again(
    big: Path, feeds: list[RunsFeed], tmp_path: Path
) -> None:
    big.write_bytes(big.read_bytes() * 4)
    Opening(feeds, big).read_on().close()
    data = big.read_bytes()
    middle = len(data) // 2
    changed = data[middle:-70_000].replace(b"Fix the failing", b"Fix the shining")
    more = write_runs(tmp_path / "more.jsonl", 3).read_bytes()
    big.write_bytes(data[:middle] + changed + data[-70_000:] + more)
    again = Opening(feeds, big).read_on()
    assert listed_facts(again.feed) == facts_read_in_place(big)


def test_a_followed_indexed_file_is_listed_at_once_and_read_further(
    big: Path, feeds: list[RunsFeed], tmp_path: Path
) -> None:
    Opening(feeds, big).read_on().close()
    again = Opening(feeds, big, follow=True)
    assert again.known_at_once >= RUNS - 128
    again.read_on()
    with big.open("ab") as stream:
        stream.write(write_runs(tmp_path / "more.jsonl", 200).read_bytes())
    again.feed.poll()
    assert listed_facts(again.read_on().feed) == facts_read_in_place(big)


def rewritten(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data.replace(b"Fix the failing", b"Fix the shining"))


def shortened(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 3 * path.stat().st_size // 4])


def replaced(path: Path) -> None:
    old = path.read_bytes()
    path.unlink()
    path.write_bytes(old.replace(b"run-1", b"RUN-1") + old)


@pytest.mark.parametrize("change", [rewritten, shortened, replaced])
def test_the_index_of_a_changed_file_is_not_used(
    big: Path, feeds: list[RunsFeed], change: object
) -> None:
    Opening(feeds, big).read_on().close()
    assert callable(change)
    change(big)
    again = Opening(feeds, big)
    assert again.known_at_once == 0
    assert listed_facts(again.read_on().feed) == facts_read_in_place(big)


def test_an_index_of_another_version_is_rebuilt(
    big: Path, feeds: list[RunsFeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    Opening(feeds, big).read_on().close()
    monkeypatch.setattr(cache, "__version__", "0.0.0")
    again = Opening(feeds, big)
    assert again.known_at_once == 0
    again.read_on().close()
    assert Opening(feeds, big).known_at_once == RUNS


@pytest.mark.parametrize("share", [0.3, 0.999])
def test_a_truncated_index_is_rebuilt(big: Path, feeds: list[RunsFeed], share: float) -> None:
    Opening(feeds, big).read_on().close()
    [index] = kept_indexes()
    data = index.read_bytes()
    index.write_bytes(data[: int(len(data) * share)])
    again = Opening(feeds, big)
    assert again.known_at_once == 0
    assert listed_facts(again.read_on().feed) == facts_read_in_place(big)


def test_a_damaged_block_loses_only_its_own_rows(big: Path, feeds: list[RunsFeed]) -> None:
    Opening(feeds, big).read_on().close()
    [index] = kept_indexes()
    data = bytearray(index.read_bytes())
    data[200:2000] = bytes(1800)
    index.write_bytes(data)
    again = Opening(feeds, big)
    model = RunsModel(again.feed.rows)
    model.update()
    assert len([model.line(position) for position in range(len(model))]) == RUNS
    assert model.row(RUNS - 1).summary.run_id == f"run-{RUNS - 1}"


def test_a_file_grown_after_a_damaged_block_is_read_again(big: Path, feeds: list[RunsFeed]) -> None:
    Opening(feeds, big).read_on().close()
    [index] = kept_indexes()
    data = index.read_bytes()
    # The summary of the last block contains the names of its columns.
    index.write_bytes(b"\0\0\0\0\0".join(data.rsplit(b"\xa4task", 1)))
    with big.open("ab") as stream:
        stream.write(b'{"messages": [{"role": "user", "content": "one more"}]}\n')
    again = Opening(feeds, big)
    assert again.known_at_once == 0
    assert listed_facts(again.read_on().feed) == facts_read_in_place(big)


def test_concurrent_builds_of_an_index_do_not_interfere(big: Path, feeds: list[RunsFeed]) -> None:
    first, second = Opening(feeds, big), Opening(feeds, big)
    while not (first.feed.finished and second.feed.finished):
        first.feed.step(0.005)
        second.feed.step(0.005)
    first.close()
    second.close()
    assert len(kept_indexes()) == 1
    again = Opening(feeds, big)
    assert again.known_at_once == RUNS
    assert listed_facts(again.feed) == facts_read_in_place(big)


def test_an_unwritable_cache_is_reported_in_one_line(
    big: Path, feeds: list[RunsFeed], tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    opening = Opening(feeds, big).read_on()
    assert listed_facts(opening.feed) == facts_read_in_place(big)
    assert [line for line in opening.feed.complaints if "no index is kept" in line] == (
        opening.feed.complaints
    )
    assert len(opening.feed.complaints) == 1


def test_without_a_temporary_folder_a_file_is_read_in_memory(
    big: Path, feeds: list[RunsFeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nowhere"])
    opening = Opening(feeds, big, keeps=False).read_on()
    assert listed_facts(opening.feed) == facts_read_in_place(big)


def test_a_full_disk_is_reported_in_one_line(big: Path, feeds: list[RunsFeed]) -> None:
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        opening = Opening(feeds, big).read_on()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [line.split(": ")[1] for line in opening.feed.complaints] == ["no index is kept"]
    assert (kept_indexes(), open_parts()) == ([], [])
    assert listed_facts(opening.feed) == facts_read_in_place(big)
    opening.close()
    assert kept_indexes() == []


def test_no_partial_index_stays_on_a_full_disk(big: Path, feeds: list[RunsFeed]) -> None:
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    Opening(feeds, big).read_on().close()
    [index] = kept_indexes()
    with big.open("a") as file:
        file.write(big.read_text())
    resource.setrlimit(resource.RLIMIT_FSIZE, (index.stat().st_size, limits[1]))
    try:
        opening = Opening(feeds, big).read_on()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (kept_indexes(), open_parts()) == ([index], [])
    assert listed_facts(opening.feed) == facts_read_in_place(big)


def test_leftovers_of_a_killed_process_are_removed(big: Path, feeds: list[RunsFeed]) -> None:
    indexes_dir().mkdir(parents=True)
    left = indexes_dir() / f"0000.1-0{cache.PART}"
    left.write_bytes(b"some")
    Opening(feeds, big).read_on().close()
    assert not left.exists()
    assert len(kept_indexes()) == 1


def test_the_cache_is_bounded_and_the_oldest_index_is_removed_first(
    tmp_path: Path, feeds: list[RunsFeed]
) -> None:
    paths = [write_runs(tmp_path / f"{name}.jsonl", RUNS) for name in "ab"]
    for age, path in enumerate(paths):
        Opening(feeds, path).read_on().close()
        newest = max(kept_indexes(), key=lambda found: found.stat().st_ctime_ns)
        os.utime(newest, (1_000 + age, 1_000 + age))
    cache.prune(most_bytes=max(found.stat().st_size for found in kept_indexes()) + 1)
    assert [Opening(feeds, path).known_at_once for path in paths] == [0, RUNS]


# The list


def test_every_field_has_the_same_values_in_blocks_and_rows(
    big: Path, feeds: list[RunsFeed]
) -> None:
    rows = Opening(feeds, big).read_on().feed.rows
    for name in FIELDS:
        assert list(column(rows, name)) == list(column(list(rows), name)), name
        part = rows[100:300]
        if name != "run":
            assert list(column(part, name)) == list(column(list(part), name)), name


def test_indexed_runs_are_sorted_and_filtered_like_others(big: Path, feeds: list[RunsFeed]) -> None:
    table = Opening(feeds, big).read_on().feed.rows
    stored, loose = models = [RunsModel(table), RunsModel(list(table))]
    for name in ("errors", "reward", "id", "size", "status"):
        for model in models:
            model.update()
            model.sort_by(name)
            model.try_filter("reward > 0.25 and turns > 0 and run != 200")
            while model.unsettled:
                model.advance(0.01)
        assert list(stored.order) == list(loose.order)
        assert len(stored) == 3 * RUNS // 4 - 2
    assert stored.facts.longest == loose.facts.longest
    assert stored.facts.runs_with_errors == loose.facts.runs_with_errors
    assert stored.facts.rewarded == loose.facts.rewarded == RUNS
    assert stored.facts.mean_reward == pytest.approx(loose.facts.mean_reward)


def test_equal_long_texts_are_adjacent_in_a_very_long_list(
    tmp_path: Path, feeds: list[RunsFeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_fields_module, "MANY_ROWS", 10)
    tasks = [f"{word} {'x' * 100} {number % 3}" for number in range(60) for word in ("b", "a")]
    lines = (json.dumps({"messages": [{"role": "user", "content": task}] * 2}) for task in tasks)
    path = tmp_path / "tasks.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    model = RunsModel(Opening(feeds, path).read_on().feed.rows)
    model.update()
    model.sort_by("task")
    found = [model.row(position).summary.task for position in range(len(model))]
    assert [task[0] for task in found] == ["a"] * 60 + ["b"] * 60
    assert len([task for task, before in pairwise(found) if task != before]) == 5


# The screen


def app_on_big(path: Path, feeds: list[RunsFeed]) -> HermesApp:
    return HermesApp(Opening(feeds, path).feed, Config())


async def test_keys_work_while_a_process_reads_and_all_runs_get_listed(
    big: Path, feeds: list[RunsFeed]
) -> None:
    app = app_on_big(big, feeds)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("o", "j", "j")
        await until(pilot, lambda: "300 runs in 1 file" in screen_lines(app)[0])
        await until(pilot, lambda: "reading" not in screen_lines(app)[-2])
        await pilot.press("O", "g", "enter")
        await until(pilot, lambda: "run 1 of 300" in screen_lines(app)[0])
        assert "Fix the failing test" in text_of(app)


async def test_an_indexed_list_stops_showing_that_it_is_read(
    big: Path, feeds: list[RunsFeed]
) -> None:
    Opening(feeds, big).read_on().close()
    app = app_on_big(big, feeds)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "300 runs in 1 file" in screen_lines(app)[0])
        await until(pilot, lambda: "reading" not in screen_lines(app)[-2])


async def test_the_cursor_moves_to_a_late_match_before_the_first_one(
    big: Path, feeds: list[RunsFeed], tmp_path: Path
) -> None:
    small = write_run(tmp_path / "small.json", [{"role": "user", "content": "as in run-250"}])
    search = compile_search("run-250", is_regex=False, case_matters=False, in_texts=True)
    app = HermesApp(Opening(feeds, big, small).feed, Config(), search=search)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "/run-250: 1 of 2" in screen_lines(app)[-2])
        await until(pilot, lambda: f" 251 of {RUNS + 1}" in screen_lines(app)[-2])
        await pilot.press("n")
        await until(pilot, lambda: f" {RUNS + 1} of {RUNS + 1}" in screen_lines(app)[-2])


async def test_an_indexed_list_is_filtered_and_searched(big: Path, feeds: list[RunsFeed]) -> None:
    Opening(feeds, big).read_on().close()
    app = app_on_big(big, feeds)
    async with app.run_test(size=WIDE) as pilot:
        await answer(pilot, "f", "reward >= 0.5")
        await until(pilot, lambda: " of 150" in screen_lines(app)[-2])
        await answer(pilot, "slash", "run-233")
        await until(pilot, lambda: "/run-233: 1" in screen_lines(app)[-2])
        assert "84 of 150" in screen_lines(app)[-2]


def test_opening_a_small_file_imports_nothing_for_big_ones() -> None:
    code = (
        "import sys; from hermes_tui.ui.runs.feed import RunsFeed\n"
        "from hermes_tui.runtime.targets import expand_paths\n"
        "feed = RunsFeed(expand_paths(['transcripts/clean-run.json']), apart=True, keeps=True)\n"
        "while not feed.finished: feed.step(1.0)\n"
        "feed.close(); print(len(feed.rows), *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=True
    )
    rows, *loaded = done.stdout.split()
    assert rows == "1"
    assert not {"hermes_tui.runtime.index.run_index", "subprocess", "hashlib"} & set(loaded)
