"""A sidecar, the file next to a transcript that describes it, is read with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from hermes_tui.formats import tau2, verifiers
from hermes_tui.formats.base import Format
from hermes_tui.model.events import RunStarted
from hermes_tui.runtime.opener import FoundRun, open_file, read_events, survey
from hermes_tui.runtime.remote import RemotePath
from hermes_tui.runtime.sidecars import MAX_SIDECAR, read_sidecars
from hermes_tui.runtime.targets import expand_paths

ROLLOUT = {"example_id": 1, "prompt": "Hi", "completion": "Hello", "reward": 1.0}


def started(path: Path) -> RunStarted:
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


def test_the_file_beside_it_says_which_model_answered(results: Path) -> None:
    (results.parent / "metadata.json").write_text('{"model": "m1", "env": "echo"}')
    assert started(results).model == "m1"
    assert started(results).details["evaluation"]["env"] == "echo"


def test_without_it_the_rest_is_read_all_the_same(results: Path) -> None:
    assert started(results).model == ""
    assert "evaluation" not in started(results).details


def test_it_is_read_anew_once_it_has_changed(results: Path) -> None:
    beside = results.parent / "metadata.json"
    beside.write_text('{"model": "m1"}')
    assert started(results).model == "m1"
    beside.write_text('{"model": "another"}')
    assert started(results).model == "another"


@pytest.mark.parametrize("content", ["", "oops", "{"])
def test_a_broken_one_is_said_and_stops_nothing(results: Path, content: str) -> None:
    (results.parent / "metadata.json").write_text(content)
    told = started(results).details["evaluation"]
    assert told == {} or str(told).startswith("cannot be read")


def test_one_that_is_too_large_is_not_read(results: Path) -> None:
    with (results.parent / "metadata.json").open("wb") as beside:
        beside.truncate(MAX_SIDECAR + 1)
    assert "too many" in started(results).details["evaluation"]


def test_a_split_simulation_finds_its_task_one_folder_up(tmp_path: Path) -> None:
    simulation = {"id": "s", "task_id": "7", "termination_reason": "user_stop", "messages": []}
    info = {"agent_info": {"llm": "m1"}}
    tasks = [{"id": "7", "description": {"purpose": "A refund."}}]
    (tmp_path / "results.json").write_text(json.dumps({"info": info, "tasks": tasks}))
    (tmp_path / "simulations").mkdir()
    path = tmp_path / "simulations" / "s.json"
    path.write_text(json.dumps(simulation, indent=1))
    assert (started(path).task, started(path).model) == ("A refund.", "m1")


@pytest.mark.parametrize(
    ("found", "name", "beside"),
    [
        (verifiers.FORMAT, "results.jsonl", "metadata.json"),
        (tau2.FORMAT, "simulations/s.json", "results.json"),
    ],
)
def test_it_is_found_where_the_file_is_elsewhere(found: Format, name: str, beside: str) -> None:
    files = pytest.importorskip("fsspec").filesystem("memory")
    files.pipe({f"/beside/{name}": b"{}", f"/beside/{beside}": b'{"model": "m1"}'})
    values = read_sidecars(found, cast("Path", RemotePath(f"memory://beside/{name}")))
    assert list(values.values()) == [{"model": "m1"}]


def listed(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")
    targets = expand_paths([str(folder)])
    return [str(target.path)[len(str(folder)) + 1 :] for target in targets]


@pytest.mark.parametrize(
    ("described", "beside"),
    [
        ("results.jsonl", "metadata.json"),
        ("results.jsonl.gz", "metadata.json"),
        ("simulations/s.json", "results.json"),
    ],
)
def test_a_folder_does_not_list_it_beside_what_it_describes(
    tmp_path: Path, described: str, beside: str
) -> None:
    assert listed(tmp_path, described, beside) == [described]


def test_a_folder_lists_a_file_of_that_name_that_describes_nothing(tmp_path: Path) -> None:
    names = ["metadata.json", "other/results.jsonl", "results.json"]
    assert listed(tmp_path, *names) == names


def test_it_is_opened_where_it_is_named(results: Path) -> None:
    beside = results.parent / "metadata.json"
    beside.write_text("{}")
    assert [target.path for target in expand_paths([str(beside)])] == [beside]


def test_a_glob_does_not_list_it_in_a_folder_with_a_mark_in_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "wow!"
    listed(folder, "results.jsonl", "metadata.json")
    found = expand_paths([str(folder / "*.json*")])
    assert [target.path for target in found] == [folder / "results.jsonl"]
