"""Paths become the files that they stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.targets import expand_paths


def names(*patterns: str) -> list[str]:
    return [target.path.name if target.path else "-" for target in expand_paths(patterns)]


def test_folders_are_walked_in_order_for_what_may_be_a_transcript(tmp_path: Path) -> None:
    for name in (
        "b.jsonl",
        "a.json.gz",
        "c.txt",
        "sub/d.ndjson.zst",
        ".hidden.json",
        ".git/e.json",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert names(str(tmp_path)) == ["a.json.gz", "b.jsonl", "d.ndjson.zst"]


def test_files_and_folders_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("a.json", "a/z.json", "a0.json", "b/c/d.json", "b/c.json", "b.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / "link.json").symlink_to(tmp_path / "b")
    found = [target.path for target in expand_paths([str(tmp_path)])]
    assert found == sorted(path for path in tmp_path.rglob("*.json") if path.is_file())


def test_how_many_files_were_found_is_told_on_the_way(tmp_path: Path) -> None:
    for number in range(2_500):
        (tmp_path / f"{number}.json").touch()
    told: list[int] = []
    assert len(expand_paths([str(tmp_path)], tell=told.append)) == 2_500
    assert told == [1_000, 2_000]


def test_globs_match_files_only_and_each_file_comes_once(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.json").write_text("{}")
    (tmp_path / "c.json").mkdir()
    assert names(str(tmp_path / "*.json"), str(tmp_path / "a.json")) == ["a.json", "b.json"]


def test_a_name_with_glob_characters_that_exists_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "run[1].json").write_text("{}")
    (tmp_path / "run1.json").write_text("{}")
    assert names(str(tmp_path / "run[1].json")) == ["run[1].json"]


def test_a_dash_is_standard_input() -> None:
    assert names("-") == ["-"]


def test_a_folder_or_pattern_without_files_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no transcripts in this folder"):
        expand_paths([str(tmp_path)])
    with pytest.raises(SourceError, match="no file matches"):
        expand_paths([str(tmp_path / "*.json")])


def test_only_named_files_must_be_transcripts(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    assert [t.named for t in expand_paths([str(tmp_path)])] == [False]
    assert [t.named for t in expand_paths([str(tmp_path / "a.json")])] == [True]
