"""Each new file of a followed folder is found once, even if the folder goes and comes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.new_files import NewFiles
from hermes_tui.runtime.targets import Target, Targets, expand_paths


@pytest.fixture(autouse=True)
def _poll_without_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hermes_tui.runtime.new_files.EVERY_S", 0.0)
    monkeypatch.setattr("hermes_tui.runtime.new_files.REST", 0)


def found(new: NewFiles, enough: Callable[[list[Target]], bool]) -> list[str]:
    """Poll until `enough` is true of the found targets; return their names."""
    all_found: list[Target] = []
    deadline = time.monotonic() + 30
    while not enough(all_found):
        assert time.monotonic() < deadline
        all_found += new.poll()
    return [target.path.name for target in all_found if target.path is not None]


def test_a_new_file_in_a_folder_is_found_once(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")
    looks = 0

    def look() -> Targets:
        nonlocal looks
        looks += 1
        return expand_paths([str(tmp_path)])

    new = NewFiles(look, look())
    (tmp_path / "b.jsonl").write_text("{}\n")
    (tmp_path / "notes.txt").write_text("none of ours")
    assert found(new, lambda targets: bool(targets)) == ["b.jsonl"]
    before = looks
    assert found(new, lambda targets: looks > before + 2) == []


def test_a_folder_that_is_missing_for_a_while_is_searched_again(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")
    failures = [SourceError("folder", "no such file"), PermissionError(13, "not now")]

    def look() -> Targets:
        if failures:
            raise failures.pop()
        return expand_paths([str(tmp_path / "*.jsonl")])

    new = NewFiles(look, Targets())
    assert found(new, lambda targets: bool(targets)) == ["a.jsonl"]
    assert not failures


def test_a_file_that_is_missing_for_a_while_is_not_found_again(tmp_path: Path) -> None:
    first, other = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    for path in (first, other):
        path.write_text("{}\n")
    looks = 0

    def look() -> Targets:
        nonlocal looks
        looks += 1
        return expand_paths([str(tmp_path)])

    new = NewFiles(look, look())
    for change in (first.unlink, first.touch):
        change()
        before = looks
        assert found(new, lambda targets, before=before: looks > before + 2) == []  # type: ignore[misc]
    (tmp_path / "c.jsonl").write_text("{}\n")
    assert found(new, lambda targets: bool(targets)) == ["c.jsonl"]
