"""A sidecar, the file next to a transcript that describes it, is read with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from hermes_tui.formats.base import Format
from hermes_tui.formats.readers import verifiers
from hermes_tui.formats.readers.tau2 import reader as tau2
from hermes_tui.model.events import RunStarted
from hermes_tui.runtime.opener import FoundRun, open_file, read_events, survey
from hermes_tui.runtime.remote import RemotePath
from hermes_tui.runtime.sidecars import MAX_SIDECAR, read_sidecars
from hermes_tui.runtime.targets import expand_paths

ROLLOUT = {"example_id": 1, "prompt": "Hi", "completion": "Hello", "reward": 1.0}


def run_started(path: Path) -> RunStarted:
    file = open_file(path)
    try:
        run = next(step for step in survey(file) if isinstance(step, FoundRun))
        first = read_events(run.ref)[0]
        assert isinstance(first, RunStarted)
        return first
    finally:
        file.close()


@pytest.fixture
def results(tmp_path: Path) -> Path:
    path = tmp_path / "results.jsonl"
    path.write_text(json.dumps(ROLLOUT) + "\n")
    return path


def test_the_model_is_read_from_the_sidecar(results: Path) -> None:
    (results.parent / "metadata.json").write_text('{"model": "m1", "env": "echo"}')
    assert run_started(results).model == "m1"
    assert run_started(results).details["evaluation"]["env"] == "echo"


def test_a_transcript_without_its_sidecar_is_read(results: Path) -> None:
    assert run_started(results).model == ""
    assert "evaluation" not in run_started(results).details


def test_a_changed_sidecar_is_read_again(results: Path) -> None:
    sidecar = results.parent / "metadata.json"
    sidecar.write_text('{"model": "m1"}')
    assert run_started(results).model == "m1"
    sidecar.write_text('{"model": "another"}')
    assert run_started(results).model == "another"


@pytest.mark.parametrize("content", ["", "oops", "{"])
def test_a_broken_sidecar_is_reported_and_the_run_is_read(results: Path, content: str) -> None:
    (results.parent / "metadata.json").write_text(content)
    evaluation = run_started(results).details["evaluation"]
    assert evaluation == {} or str(evaluation).startswith("cannot be read")


def test_a_sidecar_that_is_too_large_is_not_read(results: Path) -> None:
    with (results.parent / "metadata.json").open("wb") as sidecar:
        sidecar.truncate(MAX_SIDECAR + 1)
    assert "too many" in run_started(results).details["evaluation"]


def test_a_split_simulation_finds_its_task_one_folder_up(tmp_path: Path) -> None:
    simulation = {"id": "s", "task_id": "7", "termination_reason": "user_stop", "messages": []}
    info = {"agent_info": {"llm": "m1"}}
    tasks = [{"id": "7", "description": {"purpose": "A refund."}}]
    (tmp_path / "results.json").write_text(json.dumps({"info": info, "tasks": tasks}))
    (tmp_path / "simulations").mkdir()
    path = tmp_path / "simulations" / "s.json"
    path.write_text(json.dumps(simulation, indent=1))
    assert (run_started(path).task, run_started(path).model) == ("A refund.", "m1")


@pytest.mark.parametrize(
    ("file_format", "name", "sidecar"),
    [
        (verifiers.FORMAT, "results.jsonl", "metadata.json"),
        (tau2.FORMAT, "simulations/s.json", "results.json"),
    ],
)
def test_the_sidecar_of_a_remote_file_is_found(
    file_format: Format, name: str, sidecar: str
) -> None:
    files = pytest.importorskip("fsspec").filesystem("memory")
    files.pipe({f"/beside/{name}": b"{}", f"/beside/{sidecar}": b'{"model": "m1"}'})
    values = read_sidecars(file_format, cast("Path", RemotePath(f"memory://beside/{name}")))
    assert list(values.values()) == [{"model": "m1"}]


def listed(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")
    targets = expand_paths([str(folder)])
    return [str(target.path)[len(str(folder)) + 1 :] for target in targets]


@pytest.mark.parametrize(
    ("described", "sidecar"),
    [
        ("results.jsonl", "metadata.json"),
        ("results.jsonl.gz", "metadata.json"),
        ("simulations/s.json", "results.json"),
    ],
)
def test_a_folder_does_not_list_a_sidecar_with_its_transcript(
    tmp_path: Path, described: str, sidecar: str
) -> None:
    assert listed(tmp_path, described, sidecar) == [described]


def test_a_folder_lists_a_sidecar_that_describes_nothing(tmp_path: Path) -> None:
    names = ["metadata.json", "other/results.jsonl", "results.json"]
    assert listed(tmp_path, *names) == names


def test_a_sidecar_is_opened_if_it_is_named(results: Path) -> None:
    sidecar = results.parent / "metadata.json"
    sidecar.write_text("{}")
    assert [target.path for target in expand_paths([str(sidecar)])] == [sidecar]


def test_a_glob_lists_no_sidecar_in_a_folder_with_an_exclamation_mark(tmp_path: Path) -> None:
    folder = tmp_path / "wow!"
    listed(folder, "results.jsonl", "metadata.json")
    found = expand_paths([str(folder / "*.json*")])
    assert [target.path for target in found] == [folder / "results.jsonl"]


VIBE = Path(__file__).parents[1] / "fixtures" / "vibe"


def found_below(folder: Path) -> list[str]:
    found = (target.path for target in expand_paths([str(folder)]))
    return [path.relative_to(folder).as_posix() for path in found if isinstance(path, Path)]


def test_a_session_of_vibe_is_its_journal_not_the_snapshots_next_to_it(tmp_path: Path) -> None:
    session = tmp_path / "unified" / "s"
    for name in ("journal/1.jsonl", "chunks/a.json", "generations/1/checkpoint.json"):
        (session / name).parent.mkdir(parents=True)
        (session / name).write_bytes((VIBE / "journal.jsonl").read_bytes())
    assert len(found_below(session)) == 3
    (session / "scheduled-loops.json").write_text("{}")
    assert found_below(session) == ["journal/1.jsonl", "scheduled-loops.json"]
    assert found_below(session / "chunks") == ["a.json"]


def test_the_file_above_a_journal_names_its_model() -> None:
    assert run_started(VIBE / "session" / "journal" / "continued.jsonl").model == "scripted"
    assert run_started(VIBE / "version_2" / "messages.jsonl").model == "scripted"
