"""Files next to a transcript in an archive are read with it, as those in a folder are."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hermes_tui.runtime import sidecars
from hermes_tui.runtime.opener import FoundRun, open_file, survey
from hermes_tui.runtime.targets import expand_paths
from tests.cli.program import within
from tests.conftest import PROJECT

FIXTURES = PROJECT / "tests" / "fixtures"
ROLLOUT = {"example_id": 1, "prompt": "Hi", "completion": "Hello", "reward": 1.0}
RESULTS = json.dumps(ROLLOUT).encode()
METADATA = b'{"model": "m1"}'
Pack = Callable[[Path, dict[str, bytes]], None]


def pack_zip(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def pack_tar(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


EACH_KIND = pytest.mark.parametrize("pack", [pack_zip, pack_tar], ids=["zip", "tar"])


def names_in(path: Path) -> list[str]:
    return [target.label.removeprefix(f"{path}!") for target in expand_paths([str(path)])]


def run_of(path: Path) -> FoundRun:
    file = open_file(path, whole=True)
    [run] = [step for step in survey(file) if isinstance(step, FoundRun)]
    file.close()
    return run


def scanned(path: Path) -> list[dict[str, object]]:
    """Return what a scan reports of each run but its place."""
    lines = within("scan", "--json", "--runs", "--ordered", path).text.splitlines()
    return [json.loads(line) | {"path": "", "offset": 0} for line in lines]


@EACH_KIND
@pytest.mark.parametrize("name", ["harbor", "openenv", "openhands", "strands"])
def test_a_folder_in_an_archive_is_read_as_it_would_be_outside(
    tmp_path: Path, pack: Pack, name: str
) -> None:
    folder, path = FIXTURES / name, tmp_path / "packed"
    files = [file for file in folder.rglob("*") if file.is_file()]
    pack(path, {f"{name}/{file.relative_to(folder)}": file.read_bytes() for file in files})
    assert scanned(path) == scanned(folder)


@EACH_KIND
def test_the_metadata_next_to_a_member_is_not_a_transcript_but_part_of_it(
    tmp_path: Path, pack: Pack
) -> None:
    path = tmp_path / "a"
    members = {"results.jsonl": RESULTS, "metadata.json": METADATA}
    pack(path, members)
    assert names_in(path) == [str(path)]
    assert run_of(path).state.model == "m1"
    pack(path, {**members, "b/results.jsonl": RESULTS, "c/metadata.json": METADATA})
    assert names_in(path) == ["b/results.jsonl", "c/metadata.json", "results.jsonl"]
    assert run_of(Path(f"{path}!results.jsonl")).state.model == "m1"
    assert run_of(Path(f"{path}!b/results.jsonl")).state.model == ""


@EACH_KIND
def test_an_archive_lists_the_same_files_as_a_folder(tmp_path: Path, pack: Pack) -> None:
    names = (
        *("a/chunks/1.jsonl", "a/scheduled-loops.json", "b/chunks/1.jsonl"),
        *("c/multi_agents/d/1.json", "c/session.json", "d/session.json"),
        *("e/simulations/1.json", "e/results.json", "f/results.json", "f/simulations.json"),
        *("g/events/1.json", "g/base_state.json", "g/event_cache/1.json"),
        *("h/events/event-1-a.json", "h/base_state.json", "h/event_cache/1.json"),
    )
    for name in names:
        (tmp_path / "runs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "runs" / name).write_bytes(RESULTS)
    folder = [target.label for target in expand_paths([str(tmp_path / "runs")])]
    pack(tmp_path / "a", dict.fromkeys(names, RESULTS))
    assert names_in(tmp_path / "a") == sorted(
        label.removeprefix(f"{tmp_path / 'runs'}/") for label in folder
    )


@EACH_KIND
def test_a_file_next_to_an_archive_is_not_part_of_its_members(tmp_path: Path, pack: Pack) -> None:
    (tmp_path / "metadata.json").write_bytes(METADATA)
    path = tmp_path / "a"
    pack(path, {"results.jsonl": RESULTS})
    assert run_of(path).state.model == ""
    assert run_of(Path(f"{path}!results.jsonl")).state.model == ""


@EACH_KIND
def test_a_sidecar_in_an_archive_that_cannot_be_read_is_reported(
    tmp_path: Path, pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sidecars, "MAX_SIDECAR", 100)
    path = tmp_path / "a"
    for metadata, reason in ((b"oops", "not JSON"), (b" " * 2000, "too many")):
        pack(path, {"results.jsonl": RESULTS, "metadata.json": metadata})
        evaluation = str(run_of(path).state.details["evaluation"])
        assert evaluation.startswith("cannot be read") and reason in evaluation
