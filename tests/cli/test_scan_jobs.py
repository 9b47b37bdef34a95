"""`scan --jobs` gives the same result with any number of processes, and leaves none behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.runtime.scan import plan as scan_plan
from hermes_tui.runtime.scan import pool as scan_pool
from hermes_tui.runtime.scan.collect import Collector, ScannedFile
from hermes_tui.runtime.scan.plan import choose_jobs, line_start, units
from hermes_tui.runtime.scan.pool import WorkerPool
from hermes_tui.runtime.scan.results import Counts, Part, Row
from hermes_tui.runtime.scan.work import ScanOptions, ScanUnit, scan_unit
from hermes_tui.runtime.targets import Target
from tests.bytes_source import BytesSource
from tests.cli.program import PROJECT, within
from tests.cli.scan_files import CHAT, called, chat, lines, many_runs

pytestmark = pytest.mark.usefixtures("own_cache")
ALL = ScanOptions(rows="all")
SMALL = 3_000
"""Bytes of a range in most tests."""


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_plan, "RANGE", SMALL)


class CollectedOutput:
    """Keeps the output of a scan."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.failures: list[str] = []
        self.files: list[Row] = []

    def began(self, file: ScannedFile, rivals: tuple[str, ...]) -> None: ...

    def refused(self, file: ScannedFile) -> None:
        self.failures.append(file.failure)

    def counted(self, file: ScannedFile, counts: Counts) -> None: ...

    def defect(self, file: ScannedFile, message: str) -> None: ...

    def run(self, file: ScannedFile, row: Row) -> None:
        self.rows.append(row)

    def ended(self, file: ScannedFile) -> None:
        self.files.append(file.counts.row(file.label, file.format))
        self.failures += [file.failure] if file.failure else []


def planned(path: Path, collector: Collector) -> Iterator[ScanUnit]:
    for unit in units([Target(path)], wanted_format="", ranges=True):
        collector.expect(unit)
        yield unit


def in_ranges(path: Path) -> CollectedOutput:
    """Scan a file range by range in this process."""
    collected = CollectedOutput()
    collector = Collector([Target(path)], collected)
    for unit in planned(path, collector):
        collector.take(unit, scan_unit(unit, ALL))
    return collected


def as_whole(path: Path) -> CollectedOutput:
    collected = CollectedOutput()
    collector = Collector([Target(path)], collected)
    unit = ScanUnit(0, 0, str(path))
    collector.expect(unit)
    collector.take(unit, scan_unit(unit, ALL))
    return collected


def scanned_with(
    path: Path, disturb: Callable[[WorkerPool, ScanUnit, Part], None]
) -> CollectedOutput:
    """Scan a file in two processes; `disturb` is called with the pool at every part."""
    collected = CollectedOutput()
    collector = Collector([Target(path)], collected)
    pool = WorkerPool(2, ALL)
    try:
        todo = planned(path, collector)
        for unit, part in pool.scan(todo, is_next=collector.is_next, held=lambda: collector.held):
            collector.take(unit, (part,))
            disturb(pool, unit, part)
    finally:
        pool.close()
    assert collector.held == 0
    return collected


# Ranges


@given(st.binary(max_size=300).map(lambda data: data.replace(b"\1", b"\n")), st.integers(0, 320))
@settings(max_examples=60, deadline=None)
def test_a_line_starts_after_a_newline_or_at_an_end(data: bytes, position: int) -> None:
    start = line_start(BytesSource(data), position)
    assert start == len(data) or start == 0 or data[start - 1 : start] == b"\n"
    assert start >= min(position, len(data))
    assert b"\n" not in data[max(0, position - 1) : start][:-1]


LINES = st.lists(
    st.sampled_from(
        [
            json.dumps(chat("a")),
            json.dumps(called("b", "sl")),
            json.dumps(chat("", "x" * 700)),
            "{broken",
            "",
            "  \r",
            '{"loss": 1}',
        ]
    ),
    min_size=20,
    max_size=60,
)


@given(LINES, st.sampled_from(["\n", "\r\n"]), st.booleans())
@settings(max_examples=25, deadline=None)
def test_ranges_add_up_to_the_whole_file(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], newline: str, ends: bool
) -> None:
    path = tmp_path_factory.mktemp("ranges") / "runs.jsonl"
    first = json.dumps(chat("first"))
    path.write_text(newline.join([first, *texts]) + (newline if ends else ""), newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan_plan, "RANGE", 400)
        parts, whole = in_ranges(path), as_whole(path)
    assert (parts.rows, parts.files) == (whole.rows, whole.files)


def test_ranges_cover_a_file_without_gaps(tmp_path: Path, small_ranges: None) -> None:
    path = many_runs(tmp_path / "runs.jsonl", 60)
    found = list(units([Target(path)], wanted_format="", ranges=True))
    assert len(found) > 4
    assert (found[0].start, found[-1].end) == (0, path.stat().st_size)
    assert all(before.end == after.start for before, after in pairwise(found))
    assert [unit.ends_file for unit in found] == [*[False] * (len(found) - 1), True]


def test_only_files_with_a_run_per_line_are_divided(
    tmp_path: Path, small_ranges: None, transcripts: Path
) -> None:
    messages = lines(tmp_path / "run.jsonl", *CHAT * 300)
    array = lines(tmp_path / "array.json", [called(str(n), "ls") for n in range(60)])
    for path in (messages, array, transcripts / "clean-run.json"):
        (unit,) = units([Target(path)], wanted_format="", ranges=True)
        assert unit.reader is None


def test_several_processes_are_used_if_that_saves_time() -> None:
    assert choose_jobs(None, 1000, reads_stdin=False) == 1
    assert choose_jobs(None, 1 << 30, reads_stdin=False) >= 1
    assert choose_jobs(3, 1000, reads_stdin=False) == 3
    assert choose_jobs(3, 1 << 30, reads_stdin=True) == 1


# Processes


@pytest.mark.parametrize("options", [["--runs", "--json"], ["--to", "json"], []], ids=" ".join)
def test_several_processes_print_the_same_as_one(
    tmp_path: Path, small_ranges: None, options: list[str]
) -> None:
    many_runs(tmp_path / "a.jsonl", 60)
    lines(tmp_path / "b.json", CHAT)
    lines(tmp_path / "c.json", {"loss": 1})
    many_runs(tmp_path / "d.jsonl", 40)
    one = within("scan", tmp_path, *options, "--jobs", "1")
    two = within("scan", tmp_path, *options, "--jobs", "2", "--ordered")
    assert (two.code, two.text, two.err) == (one.code, one.text, one.err)
    assert one.code == 1


def test_the_runs_of_each_file_stay_in_order_even_if_files_do_not(
    tmp_path: Path, small_ranges: None
) -> None:
    for name in ("a", "b"):
        many_runs(tmp_path / f"{name}.jsonl", 50)
    done = within("scan", tmp_path, "--runs", "--json", "--jobs", "3")
    rows = [json.loads(line) for line in done.text.splitlines()]
    for name in ("a", "b"):
        numbers = [row["run"] for row in rows if row["path"].endswith(f"{name}.jsonl")]
        assert numbers == list(range(1, 51))


@pytest.mark.parametrize("order", [[], ["--ordered"]], ids=["as they come", "ordered"])
def test_a_small_limit_on_held_results_loses_nothing(
    tmp_path: Path, small_ranges: None, monkeypatch: pytest.MonkeyPatch, order: list[str]
) -> None:
    monkeypatch.setattr(scan_pool, "MAX_HELD_PARTS", 1)
    for name in ("a", "b"):
        many_runs(tmp_path / f"{name}.jsonl", 150)
    for number in range(40):
        lines(tmp_path / f"c{number}.json", CHAT)
    done = within("scan", tmp_path, "--runs", "--json", "--jobs", "3", *order)
    rows = [(row["path"], row["run"]) for row in map(json.loads, done.text.splitlines())]
    one = within("scan", tmp_path, "--runs", "--json", "--jobs", "1")
    expected = [(row["path"], row["run"]) for row in map(json.loads, one.text.splitlines())]
    assert sorted(rows) == sorted(expected)
    assert not order or rows == expected


def test_places_in_the_summary_are_those_of_the_whole_file(
    tmp_path: Path, small_ranges: None
) -> None:
    path = lines(tmp_path / "runs.jsonl", *[chat(str(n)) for n in range(90)], called("x", "sl"))
    found = json.loads(within("scan", path, "--to", "json", "--jobs", "2").text)
    (place,) = found["summary"]["by_code"]["NAME_UNKNOWN"]["examples"]
    assert place == {"path": str(path), "at": "91:2"}


def test_a_killed_process_is_replaced_and_nothing_is_lost_or_doubled(
    tmp_path: Path,
) -> None:
    path = many_runs(tmp_path / "runs.jsonl", 4_000)
    killed: list[int] = []

    def kill_once(pool: WorkerPool, unit: ScanUnit, part: Part) -> None:
        if part.rows and not killed:
            killed.extend(pool.pids)
            for pid in pool.pids:
                os.kill(pid, signal.SIGKILL)

    found = scanned_with(path, kill_once)
    assert killed
    assert [row["run"] for row in found.rows] == list(range(1, 4_001))
    assert found.failures == []


def test_a_range_that_kills_every_process_is_reported_in_one_line(tmp_path: Path) -> None:
    path = many_runs(tmp_path / "runs.jsonl", 4_000)

    def kill_always(pool: WorkerPool, unit: ScanUnit, part: Part) -> None:
        for pid in pool.pids if part.rows else ():
            os.kill(pid, signal.SIGKILL)

    (failure,) = scanned_with(path, kill_always).failures
    assert failure == (
        f"{path}: the process that read it ended with SIGKILL, and so did its replacement"
    )


def test_ranges_after_one_that_kills_its_process_are_still_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_plan, "RANGE", 400_000)
    path = many_runs(tmp_path / "runs.jsonl", 4_000)
    killed: list[int] = []

    def kill_the_first(pool: WorkerPool, unit: ScanUnit, part: Part) -> None:
        if unit.number == 0 and part.rows and not part.is_last:
            # The process that reads the first range: the one that was started last, or first.
            for pid in pool.pids if len(killed) < 6 else ():
                killed.append(pid)
                os.kill(pid, signal.SIGKILL)

    found = scanned_with(path, kill_the_first)
    assert all("are left out" in failure for failure in found.failures)
    assert found.rows[-1]["id"] == "run-3999"


def test_the_scan_runs_in_this_process_if_no_other_can_be_started(
    tmp_path: Path, small_ranges: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = many_runs(tmp_path / "runs.jsonl", 60)

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("hermes_tui.runtime.scan.pool.subprocess.Popen", refuse)
    found = scanned_with(path, lambda pool, unit, part: None)
    assert [row["run"] for row in found.rows] == list(range(1, 61))


def test_processes_load_nothing_from_their_working_folder(
    tmp_path: Path, small_ranges: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = many_runs(tmp_path / "runs.jsonl", 60)
    (tmp_path / "orjson.py").write_text("open('was here', 'w')\nraise SystemExit(9)\n")
    monkeypatch.chdir(tmp_path)
    found = scanned_with(path, lambda pool, unit, part: None)
    assert (len(found.rows), found.failures) == (60, [])
    assert not (tmp_path / "was here").exists()


# Interruption


def children_of(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts processes under /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_ends_all_processes_and_prints_results_and_how_to_continue(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    path = many_runs(tmp_path / "runs.jsonl", 12_000)
    with subprocess.Popen(
        [sys.executable, "-m", "hermes_tui", "scan", str(path), "--to", "json", "--runs", "--jobs",
         "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=PROJECT, bufsize=0,
    ) as scan:  # fmt: skip
        assert scan.stdout is not None
        # As long as its output is not read, it waits halfway through.
        head = b""
        while len(head) < 4_000:
            head += scan.stdout.read(4_000)
        workers = children_of(scan.pid)
        scan.send_signal(number)
        rest, err = scan.communicate(timeout=120)
    assert scan.returncode == code
    assert workers
    assert not any(map(is_there, workers))
    found = json.loads(head + rest)
    assert found["complete"] is False
    assert found["files"][0]["complete"] is False
    assert 0 < len(found["results"]) < 12_000
    assert found["files"][0]["runs"] == found["summary"]["runs"] > 0
    (line,) = err.decode().splitlines()
    assert line.startswith("hermes-tui: interrupted after ")
    assert line.endswith("(add --state FILE to be able to resume)")
