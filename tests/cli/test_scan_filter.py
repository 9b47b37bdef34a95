"""`scan --filter` counts only the runs for which an expression is true; rows describe a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import within
from tests.cli.scan_files import called, chat, lines, with_defect


def rows(*arguments: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in within("scan", *arguments).text.splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return lines(
        tmp_path / "runs.jsonl",
        called("a", "ls", reward=1.0),
        called("b", "sl", reward=0.0),
        chat("c", reward=0.0),
        called("d", "sl", reward=1.0),
    )


def test_only_runs_that_pass_the_filter_are_counted_and_judged(path: Path) -> None:
    done = within("scan", path, "--filter", "reward == 1 and calls > 0", "--json")
    (row,) = [json.loads(line) for line in done.text.splitlines()]
    assert (row["runs"], row["tool_calls"], row["diagnostics"]["NAME_UNKNOWN"]) == (2, 2, 1)
    assert done.code == 1
    assert done.one_line == "hermes-tui: --filter: 2 of 4 runs pass"
    assert within("scan", path, "--filter", 'id == "c"').code == 0


def test_files_without_a_run_that_passes_the_filter_have_no_line(path: Path) -> None:
    lines(path.with_name("z.jsonl"), chat("z"))
    text = within("scan", path.parent, "--filter", "reward == 1").text
    assert "runs.jsonl" in text and "z.jsonl" not in text
    assert "2 runs in 2 files, 1 with errors" in text


def test_runs_that_pass_the_filter_keep_their_places_in_the_file(path: Path) -> None:
    found = rows(path, "--filter", "errors > 0", "--runs", "--json")
    assert [(row["run"], row["id"]) for row in found] == [(2, "b"), (4, "d")]
    assert [row["findings"][0]["at"] for row in found] == ["2:2", "4:2"]
    assert " --at 2:2, 4:2\n" in within("scan", path, "--filter", "errors > 0").text


def test_the_first_defects_keep_their_places_too(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", chat("a"), with_defect("b"))
    text = within("scan", path, "--filter", "errors > 0").text
    assert "  (--at 2:1)" in text


def test_several_processes_find_the_same_as_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.cli.scan_files import many_runs

    path = many_runs(path, 60, size=400)
    monkeypatch.setattr("hermes_tui.runtime.scan.plan.RANGE", 4_000)
    options = ("--filter", '"sl" in tools', "--runs", "--json", "--ordered")
    alone = within("scan", path, *options, "--jobs", "1")
    assert alone.text.count('"id":"run-') == 9
    assert within("scan", path, *options, "--jobs", "2").text == alone.text


def test_an_unnamed_group_has_its_number_however_the_file_is_divided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [{"role": "user", "content": "x" * 400}, {"role": "assistant", "content": "done"}]
    one = {"tokens": [[1], [2]], "masks": [[1], [1]], "scores": [0, 1], "messages": [turns, turns]}
    path = lines(tmp_path / "groups.jsonl", *[one] * 20)
    monkeypatch.setattr("hermes_tui.runtime.scan.plan.RANGE", 4_000)
    for jobs in ("1", "2"):
        found = rows(path, "--runs", "--json", "--ordered", "--jobs", jobs)
        assert [row["group"] for row in found] == [f"g{1 + n // 2}" for n in range(40)]
        found = rows(path, "--runs", "--json", "--filter", 'group == "g13"', "--jobs", jobs)
        assert [row["run"] for row in found] == [25, 26]


def test_rows_have_the_end_and_the_task_of_a_run(tmp_path: Path) -> None:
    events = [
        {"kind": "RunStarted", "schema": 1, "task": "count", "model": "m", "group_id": "g"},
        {"kind": "MessageAppended", "message": {"role": "assistant", "text": "7"}},
        {
            "kind": "RunEnded",
            "status": "failed",
            "stop_reason": "max_turns",
            "reward": 0.5,
            "scores": {"exact": 1.0},
        },
    ]
    run = lines(tmp_path / "run.jsonl", *({**each, "seq": n} for n, each in enumerate(events)))
    (row,) = rows(run, "--runs", "--json")
    fields = ("group", "task", "model", "status", "stop_reason", "reward", "scores")
    assert [row[name] for name in fields] == [
        *("g", "count", "m", "failed", "max_turns", 0.5),
        {"exact": 1.0},
    ]


def test_a_state_of_a_scan_with_another_filter_is_refused(path: Path) -> None:
    state = path.with_name("state")
    assert within("scan", path, "--state", state).code == 1
    done = within("scan", path, "--state", state, "--filter", "errors == 0")
    assert done.code == 2 and "with other options" in done.one_line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("reward ==", "it ends too early"),
        ("rewrd > 1", "unknown name 'rewrd'"),
        ('kind == "call"', "kind is not a field of a single run"),
        ("run > 3", "run is not a field of a single run"),
        ("found", "found is not a field of a single run"),
    ],
)
def test_an_invalid_filter_is_one_line_and_2(path: Path, text: str, message: str) -> None:
    done = within("scan", path, "--filter", text)
    assert (done.code, done.out) == (2, b"")
    assert message in done.one_line
