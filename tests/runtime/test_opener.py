"""Paths become files, files become runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.model.events import MessageAppended
from hermes_tui.runtime.opener import (
    FoundDefect,
    FoundRun,
    check_format,
    expand_paths,
    load_run,
    open_file,
    read_events,
    survey,
)

CHAT = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]


def write_lines(path: Path, *values: object) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


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


def test_every_run_of_a_file_is_found_with_its_place(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "runs.jsonl", {"messages": CHAT, "id": "a"}, {"messages": CHAT})
    file = open_file(path)
    runs = [step for step in survey(file) if isinstance(step, FoundRun)]
    assert [(run.ref.number, run.ref.record, run.final) for run in runs] == [
        (0, 0, True),
        (1, 1, True),
    ]
    assert runs[0].state.run_id == "a"
    assert [event.seq for event in read_events(runs[1].ref)] == [0, 1, 2]
    assert load_run(runs[1].ref).complete
    file.close()


def test_a_long_run_is_found_while_it_is_read_and_last_of_all_whole(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "run.jsonl", *CHAT * 100)
    file = open_file(path)
    runs = [step for step in survey(file) if isinstance(step, FoundRun)]
    assert [run.final for run in runs] == [False] * 3 + [True]
    assert runs[-1].state.messages == 200
    file.close()


def test_a_record_between_runs_that_is_no_run_is_a_defect_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    run = json.dumps({"messages": CHAT})
    path.write_text(f"{run}\n{{torn\n{run}\n")
    file = open_file(path)
    steps = list(survey(file))
    assert sum(isinstance(step, FoundRun) for step in steps) == 2
    defects = [step.defect.message for step in steps if isinstance(step, FoundDefect)]
    assert f"byte {len(run) + 2} of the file" in defects[0]
    file.close()


def test_a_recording_of_a_newer_version_asks_for_an_update(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    path.write_text('{"schema":99,"kind":"RunStarted","seq":0}\n')
    with pytest.raises(SourceError, match=r"schema 99.*update hermes-tui"):
        open_file(path)


def test_an_unknown_format_names_the_nearest() -> None:
    check_format("openai-messages")
    with pytest.raises(UsageError, match="did you mean openai-messages"):
        check_format("openai-message")


def test_a_forced_format_is_used(tmp_path: Path) -> None:
    file = open_file(write_lines(tmp_path / "run.jsonl", *CHAT), wanted_format="generic")
    assert file.reader.name == "generic"
    assert any(
        isinstance(event, MessageAppended)
        for step in survey(file)
        if isinstance(step, FoundRun)
        for event in read_events(step.ref)
    )
    file.close()
