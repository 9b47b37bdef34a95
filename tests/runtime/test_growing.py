"""Followed files may be renamed, replaced or truncated by their writer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hermes_tui.runtime.growing import SAMPLE, FileChange, GrowingSource

BEFORE = b"one\n" * SAMPLE


def move_away_and_write(path: Path, data: bytes) -> None:
    path.rename(path.with_suffix(".1"))
    path.write_bytes(data)


def replace_file(path: Path, data: bytes) -> None:
    replacement = path.with_suffix(".new")
    replacement.write_bytes(data)
    replacement.replace(path)


def truncate_and_write(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(data)


@pytest.fixture
def source(tmp_path: Path) -> GrowingSource:
    path = tmp_path / "run.jsonl"
    path.write_bytes(BEFORE)
    return GrowingSource(path)


@pytest.mark.parametrize("data", [b"", b"two\n", b"two\n" * 2 * SAMPLE])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (move_away_and_write, FileChange.RENAMED),
        (replace_file, FileChange.REPLACED),
        (truncate_and_write, FileChange.CUT),
    ],
)
def test_the_change_of_a_followed_file_is_reported(
    source: GrowingSource, change: Callable[[Path, bytes], None], expected: FileChange, data: bytes
) -> None:
    change(source.path, data)
    assert source.refresh()
    assert source.change is expected
    assert source.failure == f"{source.path}: {expected.value}; showing what was read before"
    assert not source.refresh()
    source.close()


@pytest.mark.parametrize("change", [move_away_and_write, replace_file])
def test_a_new_file_that_begins_with_the_read_bytes_is_followed(
    source: GrowingSource, change: Callable[[Path, bytes], None]
) -> None:
    change(source.path, BEFORE + b"two\n")
    assert source.refresh()
    assert (source.change, source.failure) == (None, "")
    assert source.read(len(BEFORE), 10) == b"two\n"
    with source.path.open("ab") as file:
        file.write(b"three\n")
    assert source.refresh()
    assert source.read(len(BEFORE), 10) == b"two\nthree\n"
    source.close()


def test_bytes_written_before_a_rename_are_read_first(source: GrowingSource) -> None:
    with source.path.open("ab") as file:
        file.write(b"the last line")
    move_away_and_write(source.path, b"new\n")
    assert source.refresh()
    assert (source.change, source.complete) == (None, False)
    assert source.read(len(BEFORE), 100) == b"the last line"
    assert source.refresh() or source.change
    assert (source.change, source.complete) == (FileChange.RENAMED, True)
    source.close()


def test_a_file_that_is_missing_for_a_while_is_followed_when_it_is_back(
    source: GrowingSource, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    source.path.rename(elsewhere)
    assert source.refresh()
    assert "No such file" in source.failure
    elsewhere.rename(source.path)
    with source.path.open("ab") as file:
        file.write(b"two\n")
    assert source.refresh()
    assert (source.change, source.failure) == (None, "")
    assert source.read(len(BEFORE), 10) == b"two\n"
    source.close()


def test_a_file_that_is_missing_before_another_appears_is_reported_as_renamed(
    source: GrowingSource, tmp_path: Path
) -> None:
    source.path.rename(tmp_path / "elsewhere")
    assert source.refresh()
    source.path.write_bytes(b"two\n")
    assert source.refresh()
    assert source.change is FileChange.RENAMED
    source.close()


def test_a_closed_source_does_not_read_from_another_file(
    source: GrowingSource, tmp_path: Path
) -> None:
    source.close()
    with (tmp_path / "other").open("w+b") as other:
        other.write(b"secret")
        other.flush()
        assert source.read(0, 6) == b""
    source.close()
