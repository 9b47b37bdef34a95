"""`export --run` and `diff FILE:RUN` choose one run of a file."""

from __future__ import annotations

import json
import shlex
import zipfile
from pathlib import Path

import pytest

from hermes_tui.cli.run_choice import MAX_COUNTED_RUNS, pick_run
from hermes_tui.model.errors import UsageError
from hermes_tui.runtime.opener import open_file
from tests.cli.program import hermes_tui, within
from tests.cli.scan_files import chat, lines


def number_of(path: Path, choice: str) -> int:
    """Return the number of the chosen run, counted from 1."""
    file = open_file(path, whole=True)
    try:
        return pick_run(file, choice, spelling="--run {}").number + 1
    finally:
        file.close()


@pytest.mark.parametrize(("choice", "number"), [("2", 2), ("b", 3), ("7", 1)])
def test_a_number_is_read_as_a_place_before_an_id(tmp_path: Path, choice: str, number: int) -> None:
    path = lines(tmp_path / "runs.jsonl", chat("7"), chat("a"), chat("b"), chat("2"))
    assert number_of(path, choice) == number


def test_the_first_of_several_runs_with_one_id_is_chosen_with_a_notice(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", chat("x"), chat("a"), chat("a"), chat("b"), chat("a"))
    message = "have the id 'a'; run 2 is chosen; choose another by its number: "
    done = within("export", path, "--to", "openai", "--run", "a")
    assert done.one_line == f"hermes-tui: {path}: runs 2, 3, 5 {message}--run 3"
    done = within("diff", f"{path}:a", f"{path}:b")
    assert done.one_line == f"hermes-tui: {path}: runs 2, 3, 5 {message}FILE:3"
    assert within("export", path, "--to", "openai", "--run", "b").err == ""


def test_a_number_that_is_also_an_id_is_taken_as_a_number_with_a_notice(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", *(chat(str(n), f"text {n}") for n in (0, 3, 1, 2, 4)))
    for choice, other in (("3", 2), ("2", 4)):
        done = within("export", path, "--to", "openai", "--run", choice)
        message = f"run {choice} is chosen, by its number; run {other} has the id '{choice}'"
        assert done.one_line == f"hermes-tui: {path}: {message}: --run {other}"
    assert "text 1" in within("export", path, "--to", "openai", "--run", "3").text
    assert within("export", path, "--to", "openai", "--run", "5").err == ""


@pytest.mark.parametrize(("choice", "number"), [("g2 · rollout 1", 4), ("g1 · rollout 0", 1)])
def test_a_run_of_a_group_can_be_named_as_it_is_listed(
    tmp_path: Path, choice: str, number: int
) -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    one = {"tokens": [[1], [2]], "masks": [[1], [1]], "scores": [0, 1], "messages": [turns, turns]}
    path = lines(tmp_path / "groups.jsonl", one, one)
    assert number_of(path, choice) == number
    with pytest.raises(UsageError, match="no run 'g3"):
        number_of(path, "g3 · rollout 1")


def test_duplicate_ids_are_not_searched_for_far_after_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hermes_tui.cli.run_choice.MAX_BYTES_AFTER_MATCH", 2_000_000)
    path = lines(tmp_path / "runs.jsonl", *(chat("a", note="x" * 50_000) for _ in range(200)))
    file = open_file(path, whole=True)
    try:
        assert pick_run(file, "a", spelling="--run {}").number == 0
        assert len(file.index) < 100
    finally:
        file.close()


def test_a_run_is_found_without_reading_what_comes_after_it(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", *(chat(str(n), note="x" * 50_000) for n in range(200)))
    file = open_file(path, whole=True)
    try:
        assert pick_run(file, "3", spelling="--run {}").number == 2
        assert len(file.index) < 200
    finally:
        file.close()


def test_runs_are_not_counted_before_asking_to_choose_one(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", *(chat(str(n)) for n in range(MAX_COUNTED_RUNS + 1)))
    with pytest.raises(UsageError, match=r"more than 1,000 runs .*as in --run 1"):
        number_of(path, "")


def test_a_fork_is_chosen_by_its_own_id(tmp_path: Path) -> None:
    events = [
        {"schema": 1, "kind": "RunStarted", "run_id": "old", "source_format": "native"},
        {"kind": "MessageAppended", "message": {"role": "user", "text": "go"}},
        {"kind": "RunForked", "parent_run_id": "old", "parent_seq": 1, "run_id": "new"},
    ]
    path = tmp_path / "run.jsonl"
    path.write_text("".join(json.dumps({**e, "seq": n}) + "\n" for n, e in enumerate(events)))
    assert number_of(path, "new") == 1
    with pytest.raises(UsageError, match="no run 'old'"):
        number_of(path, "old")


@pytest.mark.parametrize("name", ["gamma.zip", "no suffix"])
def test_a_transcript_must_be_chosen_from_an_archive_of_several(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(10):
            archive.writestr(f"gamma/run {number}.json", json.dumps(chat("a", str(number))))
    for arguments in (
        ["export", path, "--to", "openai"],
        ["diff", path, path],
        ["diff", f"{path}:2", path],
    ):
        done = within(*arguments)
        assert (done.code, done.out) == (2, b"")
        message, _, hint = done.one_line.partition(" (choose one, as in ")
        assert message == f"hermes-tui: {path}: a zip archive of 10 transcripts"
        chosen, listed, _ = hint.partition("; it has gamma/run 0.json, ")
        assert listed
        assert hint.endswith(" and 2 more)")
    (member,) = shlex.split(chosen)
    assert member == f"{path}!gamma/run 0.json"
    assert (
        json.loads(within("export", member, "--to", "openai").text)["messages"][1]["content"] == "0"
    )


def test_an_archive_on_standard_input_must_be_saved_first(tmp_path: Path) -> None:
    path = tmp_path / "gamma.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a.json", "b.json"):
            archive.writestr(name, json.dumps(chat(name)))
    done = hermes_tui("export", "-", "--to", "openai", stdin=path.read_bytes())
    assert done.code == 3
    assert (
        "(save it to a file and choose one, as in 'FILE.zip!a.json'; it has a.json" in done.one_line
    )
