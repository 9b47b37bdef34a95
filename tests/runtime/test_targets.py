"""Paths, folders and patterns are expanded to the files that they stand for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.path_list import PathList
from hermes_tui.runtime.targets import Target, Targets, expand_paths


def names(*patterns: str) -> list[str]:
    return [target.path.name if target.path else "-" for target in expand_paths(patterns)]


def test_folders_are_walked_in_order_for_possible_transcripts(tmp_path: Path) -> None:
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


def test_a_folder_that_only_hides_transcripts_names_the_hidden_folders(tmp_path: Path) -> None:
    for name in (".codex/a.json", ".claude/b.json", ".profile"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    with pytest.raises(SourceError, match="no transcripts in this folder") as caught:
        expand_paths([str(tmp_path)])
    hint = "hidden folders are only read if named: .claude .codex; looked for .json "
    assert caught.value.hint.startswith(hint)


def test_files_and_folders_are_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("a.json", "a/z.json", "a0.json", "b/c/d.json", "b/c.json", "b.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / "link.json").symlink_to(tmp_path / "b")
    found = [target.path for target in expand_paths([str(tmp_path)])]
    assert found == sorted(path for path in tmp_path.rglob("*.json") if path.is_file())


@pytest.mark.parametrize("pattern", ["", "/*", "/**/*.jsonl"])
def test_files_of_numbered_steps_are_in_the_order_of_their_numbers(
    tmp_path: Path, pattern: str
) -> None:
    numbers = ["1", "2", "9", "10", "20", "100", "1" * 30, "2" * 30]
    for number in reversed(numbers):
        (tmp_path / f"step_{number}.jsonl").write_text("{}")
    assert names(f"{tmp_path}{pattern}") == [f"step_{number}.jsonl" for number in numbers]


def test_a_link_to_a_file_of_the_same_folder_does_not_list_it_twice(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "step-1.jsonl").write_text("{}")
    (tmp_path / "a" / "latest.jsonl").symlink_to("step-1.jsonl")
    (tmp_path / "a" / "newest.jsonl").symlink_to("./latest.jsonl")
    assert names(str(tmp_path)) == ["step-1.jsonl"]
    assert names(str(tmp_path / "a" / "latest.jsonl")) == ["latest.jsonl"]


def test_links_to_a_file_of_another_folder_do_not_list_it_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("b", "links", ".cache"):
        Path(folder).mkdir()
    Path("b/run.json").write_text("{}")
    Path("b/other.json").write_text("{}")
    Path(".cache/1").write_text("{}")
    Path("links/run.json").symlink_to("../b/run.json")
    Path("links/twice.json").symlink_to("run.json")
    Path("links/cached.json").symlink_to("../.cache/1")
    Path("same.json").symlink_to(Path(".cache/1").absolute())

    def listed(*patterns: str) -> list[str]:
        return [target.label for target in expand_paths(patterns)]

    whole = ["b/other.json", "b/run.json", "links/cached.json"]
    assert listed(".") == whole
    assert listed("*/*.json") == whole
    assert listed("b", "links") == listed("b", "links", "same.json") == whole
    assert listed("links", "b") == ["links/cached.json", *whole[:2]]
    assert listed("links/run.json", "b/run.json") == ["b/run.json"]
    assert listed("links/run.json", "b") == whole[:2]
    # Without their file, the first link stays.
    assert listed("links/run.json", "links/twice.json") == ["links/run.json"]
    assert listed("links") == ["links/cached.json", "links/run.json"]
    assert [target.named for target in expand_paths(["same.json"])] == [True]


def test_links_that_are_the_only_way_to_a_file_or_lead_nowhere_are_listed(tmp_path: Path) -> None:
    (tmp_path / ".objects").mkdir()
    (tmp_path / ".objects" / "1.json").write_text("{}")
    (tmp_path / "1.data").write_text("{}")
    for name, target in {
        "annexed.json": ".objects/1.json",
        "data.json": "1.data",
        "gone.json": "missing.json",
        "loop.json": "pool.json",
        "pool.json": "loop.json",
    }.items():
        (tmp_path / name).symlink_to(target)
    found = names(str(tmp_path))
    assert found == ["annexed.json", "data.json", "gone.json", "loop.json", "pool.json"]


def test_the_number_of_found_files_is_reported_meanwhile(tmp_path: Path) -> None:
    for number in range(2_500):
        (tmp_path / f"{number}.json").touch()
    counts: list[int] = []
    assert len(expand_paths([str(tmp_path)], tell=counts.append)) == 2_500
    assert counts == [1_000, 2_000]


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


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a/1.json", "a/b/2.json", "a/b/3.json", "a0/4.json", "c/5.json", "6.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["c", "a"], "5 1 2 3"),
        (["a", "a/b", "a"], "1 2 3"),
        (["a/b", "a"], "2 3 1"),
        (["a", "a0", "a/b/2.json"], "1 2 3 4"),
        (["a/b/2.json", "a", "6.json", "6.json"], "2 1 3 6"),
        (["6.json", "c", "6.json"], "6 5"),
        ([".", "c"], "6 1 2 3 4 5"),
        (["-", "c", "-", "a0/*.json"], "- 5 4"),
    ],
)
def test_several_paths_are_opened_in_their_order_and_each_file_once(
    folders: Path, patterns: list[str], found: str
) -> None:
    assert " ".join(name.removesuffix(".json") for name in names(*patterns)) == found


def test_a_file_named_first_counts_as_named_even_if_its_folder_follows(folders: Path) -> None:
    targets = expand_paths(["a/1.json", "a"])
    assert [target.path.name for target in targets.named if target.path] == ["1.json"]


@pytest.mark.parametrize(
    ("patterns", "folder"),
    [(["a"], "a/"), (["a/b"], "a/b/"), (["a", "c"], ""), (["a/b", "a/1.json"], "a/"), (["-"], "")],
)
def test_the_common_folder_of_all_files_is_known(
    folders: Path, patterns: list[str], folder: str
) -> None:
    assert expand_paths(patterns).common_folder() == folder
    full = [pattern if pattern == "-" else str(folders / pattern) for pattern in patterns]
    all_in = f"{folders}/{folder}" if patterns != ["-"] else ""
    assert expand_paths(full).common_folder() == all_in


def test_an_unreadable_folder_is_listed_among_the_files(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def refuse(path: str) -> Iterator[os.DirEntry[str]]:
        if path == "a/b/":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert names("a") == ["1.json", "b"]


PARTS = st.lists(
    st.lists(st.sampled_from("abcdef"), max_size=3).flatmap(
        lambda found: st.sampled_from(
            [PathList.of(map(Path, found)), [Target(Path(name)) for name in found]]
        )
    ),
    max_size=5,
)


@settings(max_examples=100, deadline=None)
@given(PARTS, st.integers(0, 20), st.integers(0, 20))
def test_targets_are_those_of_their_parts_in_order(
    parts: list[PathList | list[Target]], start: int, end: int
) -> None:
    each = [item if isinstance(item, Target) else Target(item, False) for p in parts for item in p]
    targets = Targets(parts)
    assert list(targets) == each and len(targets) == len(each)
    assert [targets.label(place) for place in range(len(each))] == [str(t.path) for t in each]
    assert targets[start:end] == each[start:end]
    assert [targets[-place] for place in range(1, len(each) + 1)] == each[::-1]
    targets.extend([Target(None)])
    assert list(targets) == [*each, Target(None)] and targets.reads_stdin


def test_no_file_is_needed_if_files_are_awaited(tmp_path: Path) -> None:
    patterns = [str(tmp_path), str(tmp_path / "*.jsonl")]
    for pattern in patterns:
        with pytest.raises(SourceError):
            expand_paths([pattern])
    assert len(expand_paths(patterns, waits=True)) == 0
