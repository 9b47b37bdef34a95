"""`open FILE --at RUN:MESSAGE` opens a run at the place that `scan` names."""

from __future__ import annotations

import json
import shlex
from itertools import accumulate
from pathlib import Path

import pytest

from hermes_tui.model.events import (
    Event,
    MessageAppended,
    ResponseReceived,
    ToolFailed,
    ToolReturned,
)
from hermes_tui.runtime.opener import FoundRun, open_file, read_events, survey
from tests.cli.program import within
from tests.cli.scan_files import CHAT, called, chat, lines


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return lines(tmp_path / "runs.jsonl", chat("a"), called("b:c", "sl"), chat("7", "one", "two"))


def first_line(path: Path, at: str) -> str:
    done = within("open", path, "--at", at)
    assert (done.code, done.err) == (0, "")
    return " ".join(done.text.splitlines()[0].split())


def test_a_run_is_named_by_its_number_or_its_id(runs: Path) -> None:
    assert "id b:c" in first_line(runs, "2")
    assert "id b:c" in first_line(runs, "b:c")
    assert "id 7" in first_line(runs, "7")


def test_the_first_of_several_runs_with_one_id_is_shown_with_a_notice(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", chat("b"), chat("a", "one"), chat("a", "two"))
    done = within("open", path, "--at", "a:2")
    message = f"hermes-tui: {path}: runs 2, 3 have the id 'a'; run 2 is chosen"
    assert (done.code, done.one_line) == (0, f"{message}; choose another by its number: --at 3:2")
    assert done.text.split()[-1] == "one"


def test_a_message_is_named_by_its_number(runs: Path) -> None:
    assert first_line(runs, "3:1").startswith("1 user 6 task 7")
    assert first_line(runs, "3:3").endswith("assistant 3 two")
    assert "assistant" in first_line(runs, "b:c:2")
    assert "← result" in first_line(runs, "2:3")


def place_of(run: int, events: list[Event], seq: int) -> str:
    """Return a run and the message that event `seq` belongs to, counted in the events, if any."""
    numbers = list(accumulate(isinstance(event, MessageAppended) for event in events))
    comes_before = isinstance(events[seq], (ResponseReceived, ToolReturned, ToolFailed))
    message = min(max(numbers[seq] + comes_before, 1), numbers[-1])
    return f"{run}:{message}" if message else f"{run}"


def test_every_finding_of_the_samples_names_its_message(transcripts: Path) -> None:
    rows = map(json.loads, within("scan", transcripts, "--runs", "--json").text.splitlines())
    named = {(row["path"], row["run"]): row["findings"] for row in rows}
    looked_at = 0
    for path in {path for path, _ in named}:
        file = open_file(Path(path), whole=True)
        for step in survey(file):
            if not isinstance(step, FoundRun) or not step.final:
                continue
            run, events = step.ref.number + 1, read_events(step.ref)
            expected = [place_of(run, events, item.seq) for item in step.findings]
            assert [finding["at"] for finding in named[path, run]] == expected
            looked_at += len(expected)
        file.close()
    assert looked_at > 50


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("4", ["no such run", "it has 3"]),
        ("0", ["no such run"]),
        ("x:1", ["no such run"]),
        ("3:4", ["no such message", "it has 3 messages"]),
        ("3:0", ["no such message"]),
        (":1", ["no such run"]),
        ("3:-1", ["no such run"]),
        ("9" * 5000, ["no such run"]),
    ],
    ids=lambda value: value[:8] if isinstance(value, str) else "",
)
def test_a_missing_place_is_one_line_and_2(runs: Path, at: str, words: list[str]) -> None:
    done = within("open", runs, "--at", at)
    assert (done.code, done.out) == (2, b"")
    for word in words:
        assert word in done.one_line


def test_a_place_requires_a_single_file(runs: Path, tmp_path: Path) -> None:
    other = lines(tmp_path / "other.json", CHAT)
    done = within("open", runs, other, "--at", "1")
    assert (done.code, done.out) == (2, b"")
    message, _, command = done.one_line.partition(
        " (name the one that the run is in, as in `hermes-tui "
    )
    assert message == "hermes-tui: --at 1: there are 2 files"
    assert within(*shlex.split(command.removesuffix("`)"))).code == 0


def test_a_number_that_is_also_an_id_is_taken_as_a_number_with_a_notice(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", chat("0", "one"), chat("1", "two"), chat("2", "three"))
    done = within("open", path, "--at", "2:2")
    message = f"{path}: run 2 is chosen, by its number; run 3 has the id '2': --at 3:2"
    assert (done.code, done.one_line) == (0, f"hermes-tui: {message}")
    assert done.text.split()[-1] == "two"
    assert within("open", path, "--at", "3").err == ""


def test_a_run_of_a_group_can_be_named_as_it_is_listed(transcripts: Path) -> None:
    path = transcripts / "atropos-group.jsonl"
    listed = [line.split("  ")[0] for line in within("open", path).text.splitlines()]
    assert any(" run 2 g1 · rollout 1 " in line for line in listed)
    line = first_line(path, "g1 · rollout 1:2")
    assert line == first_line(path, "2:2")
    assert within("open", path, "--at", "g9 · rollout 1").code == 2


def test_an_unreadable_file_is_still_reported(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("hello")
    assert within("open", tmp_path / "run.json", "--at", "1").code == 3


def test_a_filter_narrows_the_rows_printed_after_the_place(runs: Path) -> None:
    done = within("open", runs, "--at", "3:2", "--filter", 'kind == "message"')
    assert len(done.text.splitlines()) == 2
