"""`open --at` finds runs of a big file by the landmarks of a scan, never by outdated ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hermes_tui.runtime.opener import open_file, read_events
from hermes_tui.runtime.scan import landmarks, plan
from hermes_tui.runtime.scan.landmarks import find_run
from tests.cli.program import within
from tests.cli.scan_files import chat, lines

RUNS = 60


@pytest.fixture
def scanned(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file of runs that was scanned in ranges of a few runs."""
    monkeypatch.setattr(plan, "RANGE", 1_000)
    path = lines(tmp_path / "runs.jsonl", *(chat(f"r{n}") for n in range(1, RUNS + 1)))
    assert within("scan", path, "--jobs", "2").code == 0
    return path


def id_of(path: Path, number: int) -> str | None:
    """Return the id of the run found by the landmarks of a file, or None if there is none."""
    file = open_file(path)
    ref = find_run(file, number)
    file.close()
    if ref is None:
        return None
    assert ref.number == number - 1
    run_id = getattr(read_events(ref)[0], "run_id", None)
    ref.file.close()
    return run_id


def test_every_run_is_found_by_the_landmarks_of_the_scan(scanned: Path) -> None:
    assert [id_of(scanned, n) for n in range(1, RUNS + 1)] == [f"r{n}" for n in range(1, RUNS + 1)]
    assert id_of(scanned, RUNS + 1) is None


def test_only_the_range_of_the_run_is_read(scanned: Path) -> None:
    file = open_file(scanned)
    ref = find_run(file, RUNS)
    assert ref is not None
    assert len(ref.file.index) < RUNS / 2
    ref.file.close()
    file.close()


def test_the_landmarks_of_a_changed_file_are_ignored(scanned: Path) -> None:
    lines(scanned, chat("new"), *(chat(f"r{n}") for n in range(1, RUNS)))
    assert id_of(scanned, 2) is None
    done = within("open", scanned, "--at", "2")
    assert "id r1" in " ".join(done.text.splitlines()[0].split())


def test_damaged_landmarks_are_ignored(scanned: Path, own_cache: Path) -> None:
    (entry,) = (path for path in own_cache.rglob("*") if path.is_file())
    entry.write_bytes(entry.read_bytes()[:40])
    assert id_of(scanned, 2) is None


def test_a_scan_of_an_undivided_file_stores_no_landmarks(tmp_path: Path, own_cache: Path) -> None:
    path = lines(tmp_path / "small.jsonl", chat("a"), chat("b"))
    assert within("scan", path).code == 0
    assert id_of(path, 2) is None


def test_the_landmarks_of_a_file_changed_during_its_scan_are_not_stored(
    scanned: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [*own_cache.rglob("*.runs")]
    for path in before:
        path.unlink()
    store = landmarks.store_landmarks

    def change_and_store(path: Path, *known: Any) -> None:
        text = path.read_text()
        path.write_text(text.replace("r10", "x10"))
        store(path, *known)

    monkeypatch.setattr(landmarks, "store_landmarks", change_and_store)
    assert within("scan", scanned, "--jobs", "2").code == 0
    assert not [*own_cache.rglob("*.runs")]
