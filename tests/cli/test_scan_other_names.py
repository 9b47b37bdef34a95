"""`scan --baseline` recognises the same run in recordings that get a new file each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import within
from tests.cli.scan_files import called, chat, lines


def recording(path: Path, run_id: str, task: str, *, fails: bool, model: str = "m") -> Path:
    """Write a recording of ours whose request may fail."""
    start = {"kind": "RunStarted", "schema": 1, "run_id": run_id, "source_format": "native"}
    turns = [{"role": "user", "text": task}, {"role": "assistant", "text": f"by {run_id}"}]
    appended = [{"kind": "MessageAppended", "message": message} for message in turns]
    failed = [{"kind": "RequestFailed", "message": "HTTP 500"}] * fails
    events: list[dict[str, Any]] = [{**start, "model": model}, *appended, *failed]
    return lines(path, *({**event, "seq": seq} for seq, event in enumerate(events)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of last night's recordings, one of which fails, next to its baseline."""
    runs = tmp_path / "runs"
    runs.mkdir()
    recording(runs / "a-1.jsonl", "4f1c", "count", fails=True)
    recording(runs / "b-1.jsonl", "5a02", "sort", fails=False)
    write_baseline(runs)
    return runs


def write_baseline(folder: Path, *options: str) -> None:
    done = within("scan", folder, *(options or ("--to", "json")))
    (folder.parent / "old.json").write_bytes(done.out)


def new_in(folder: Path) -> tuple[int, list[str]]:
    """Return the exit code against the baseline, and the files with something new."""
    old = folder.parent / "old.json"
    done = within("scan", folder, "--ordered", "--runs", "--json", "--baseline", old)
    rows = [json.loads(line) for line in done.text.splitlines()]
    return done.code, [Path(row["path"]).name for row in rows if row["new"]]


@pytest.mark.parametrize("options", [["--to", "json"], ["--runs", "--json"]], ids=" ".join)
@pytest.mark.parametrize("stays", [False, True], ids=["the old are gone", "the old are there"])
def test_the_next_recording_of_a_task_is_the_same_run(
    folder: Path, options: list[str], stays: bool
) -> None:
    write_baseline(folder, *options)
    if not stays:
        for path in list(folder.iterdir()):
            path.unlink()
    recording(folder / "a-2.jsonl", "9a02", "count", fails=True)
    recording(folder / "b-2.jsonl", "9a03", "sort", fails=False)
    assert new_in(folder) == (0, [])


def test_a_finding_that_a_task_did_not_have_is_new_in_its_next_recording(folder: Path) -> None:
    recording(folder / "a-2.jsonl", "9a02", "count", fails=True)
    recording(folder / "b-2.jsonl", "9a03", "sort", fails=True)
    recording(folder / "c-2.jsonl", "9a04", "another", fails=True)
    assert new_in(folder) == (1, ["b-2.jsonl", "c-2.jsonl"])


def test_a_task_that_fails_more_often_than_before_has_a_new_finding(folder: Path) -> None:
    recording(folder / "a-2.jsonl", "9a02", "count", fails=True)
    recording(folder / "a-3.jsonl", "9a03", "count", fails=True)
    code, files = new_in(folder)
    assert (code, len(files)) == (1, 1)


def test_findings_of_another_model_are_new(folder: Path) -> None:
    recording(folder / "a-2.jsonl", "9a02", "count", fails=True, model="other")
    assert new_in(folder) == (1, ["a-2.jsonl"])


@pytest.mark.parametrize("options", [["--to", "json"], ["--runs", "--json"]], ids=" ".join)
def test_a_finding_in_a_clean_file_is_not_excused_by_other_files(
    folder: Path, options: list[str]
) -> None:
    recording(folder / "b-1.jsonl", "5a02", "count", fails=False)
    write_baseline(folder, *options)
    recording(folder / "b-1.jsonl", "5a02", "count", fails=True)
    assert new_in(folder) == (1, ["b-1.jsonl"])


def test_runs_without_a_task_are_known_only_in_their_own_file(folder: Path) -> None:
    run = called("x", "sl")
    run["messages"] = run["messages"][1:]
    lines(folder / "x-1.jsonl", run)
    write_baseline(folder)
    assert new_in(folder) == (0, [])
    (folder / "x-1.jsonl").rename(folder / "x-2.jsonl")
    assert new_in(folder) == (1, ["x-2.jsonl"])


def test_the_changed_run_in_a_renamed_file_is_named(folder: Path) -> None:
    path = lines(folder / "runs.jsonl", chat("a"), called("b", "sl"), called("c", "ls"))
    write_baseline(folder)
    path.unlink()
    lines(folder / "runs-2.jsonl", called("c", "sl"), called("b", "sl"), chat("a"))
    old = folder.parent / "old.json"
    done = within("scan", folder, "--runs", "--json", "--baseline", old)
    rows = [json.loads(line) for line in done.text.splitlines()]
    assert [row["id"] for row in rows if row["new"]] == ["c"]
