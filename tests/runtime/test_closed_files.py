"""Closed files are rebuilt when they are needed, and read as before."""

from __future__ import annotations

import gc
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.model.events import Event, SourceDefect
from hermes_tui.runtime.closed_files import ClosedFiles
from hermes_tui.runtime.opener import FoundRun, RunRef, open_file, read_events, survey
from hermes_tui.runtime.source_pool import SourcePool

CHAT = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
RUNS = [{"messages": CHAT, "id": name} for name in "abc"]


def lines(values: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(value) + "\n" for value in values).encode()


Runs = list[tuple[int, int, int, list[Event]]]


@pytest.fixture
def pool() -> Iterator[SourcePool]:
    pool = SourcePool(1)
    yield pool
    pool.close()


def read_and_close(path: Path, pool: SourcePool, number: int = 3) -> tuple[ClosedFiles, Runs]:
    """Read a file, close it and drop it; return it with the places and events of its runs."""
    file = open_file(path)
    file.number, file.source = number, pool.keep(path, file.source)
    found = [step.ref for step in survey(file) if isinstance(step, FoundRun) and step.final]
    closed = ClosedFiles(lambda asked: path if asked == number else None, pool)
    runs = [(*ref[1:], read_events(ref)) for ref in found]
    assert closed.put(file)
    file.close()
    del file, found
    gc.collect()
    return closed, runs


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(RUNS[0]).encode(),
        lines(RUNS),
        json.dumps(RUNS).encode(),
        gzip.compress(lines(RUNS)),
        lines(CHAT),
        json.dumps(CHAT).encode(),
    ],
    ids=["document", "lines", "array", "packed", "one run", "one run in an array"],
)
def test_a_closed_file_reads_as_before(tmp_path: Path, pool: SourcePool, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    closed, runs = read_and_close(path, pool)
    assert runs and 3 in closed and 2 not in closed and 4 not in closed
    for number, record, nth, events in reversed(runs):
        file = closed[3]
        assert (file.path, file.number) == (path, 3)
        assert read_events(RunRef(file, number, record, nth)) == events


def test_a_rebuilt_file_is_one_object_as_long_as_it_is_used(
    tmp_path: Path, pool: SourcePool
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines(RUNS))
    closed, _ = read_and_close(path, pool)
    file = closed[3]
    assert closed[3] is file


def test_a_file_that_lost_runs_is_reported(tmp_path: Path, pool: SourcePool) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines(RUNS))
    closed, _ = read_and_close(path, pool)
    path.write_bytes(lines(RUNS[:1]))
    file = closed[3]
    (defect,) = read_events(RunRef(file, 2, 2, 0))
    assert isinstance(defect, SourceDefect) and "shorter" in defect.message
    assert "changed since it was read" in file.source.failure


def test_a_missing_file_is_reported(tmp_path: Path, pool: SourcePool) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines(RUNS))
    closed, _ = read_and_close(path, pool)
    path.unlink()
    file = closed[3]
    (defect,) = read_events(RunRef(file, 2, 2, 0))
    assert isinstance(defect, SourceDefect)
    assert "no such file" in file.source.failure


def test_a_file_that_cannot_be_rebuilt_is_not_closed(tmp_path: Path, pool: SourcePool) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines(RUNS))
    closed = ClosedFiles(lambda number: path, pool)
    unpooled, diagnosed = open_file(path), open_file(path, parser="guess")
    diagnosed.source = pool.keep(path, diagnosed.source)
    for file in (unpooled, diagnosed):
        file.number = 0
        assert not closed.put(file)
        file.close()
