"""`scan --baseline` recognises the same rollouts among many groups in one file."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.cli.scan_baseline import Baseline
from tests.cli.program import within
from tests.cli.scan_files import called, lines

Messages = list[dict[str, Any]]


def rollout(task: str, text: str, *, broken: bool = False) -> Messages:
    """Return a rollout; if it is `broken`, its call is left in the text."""
    call = '<tool_call>\n{"name": "ls", "arguments": {},}\n</tool_call>'
    return [
        {"role": "user", "content": task},
        {"role": "assistant", "content": f"{text} {call if broken else ''}".strip()},
    ]


def group(*rollouts: Messages, **more: Any) -> dict[str, Any]:
    """Return a line of Atropos with the rollouts of one task."""
    tokens = [[1, 2]] * len(rollouts)
    return {
        "tokens": tokens,
        "masks": tokens,
        "scores": [float(len(each[-1]["content"]) % 2) for each in rollouts],
        "messages": list(rollouts),
        **more,
    }


def groups(broken: Sequence[int]) -> list[list[Messages]]:
    """Return 4 groups of 3 different rollouts, some of them broken."""
    return [
        [
            rollout(f"task {at}", "x" * (3 * at + nth), broken=3 * at + nth in broken)
            for nth in range(3)
        ]
        for at in range(4)
    ]


def write_groups(path: Path, grouped: list[list[Messages]]) -> Path:
    return lines(path, *(group(*rollouts) for rollouts in grouped))


def baseline_of(path: Path) -> Path:
    """Return a file with the result of a scan of `path`."""
    old = path.with_name("old.json")
    old.write_bytes(within("scan", path, "--to", "json").out)
    return old


def new_runs(path: Path, old: Path) -> tuple[int, list[int]]:
    """Return the exit code against a baseline, and the runs that have something new."""
    done = within("scan", path, "--runs", "--json", "--baseline", old)
    rows = [json.loads(line) for line in done.text.splitlines()]
    return done.code, [row["run"] for row in rows if row["new"]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_groups(tmp_path / "groups.jsonl", groups([0, 4, 5]))


def test_a_repaired_rollout_of_another_group_does_not_excuse_a_new_finding(path: Path) -> None:
    old = baseline_of(path)
    # The second rollout of the third group in place of that of the second group.
    write_groups(path, groups([0, 7, 5]))
    assert new_runs(path, old) == (1, [8])


def test_a_repaired_rollout_of_the_same_group_does_not_excuse_a_new_finding(path: Path) -> None:
    old = baseline_of(path)
    write_groups(path, groups([0, 3, 5]))
    assert new_runs(path, old) == (1, [4])


@pytest.mark.parametrize("changed", [0, 1])
def test_any_of_several_equal_rollouts_may_change(tmp_path: Path, changed: int) -> None:
    alike = [rollout("task", "x", broken=True), rollout("task", "x", broken=True)]
    path = write_groups(tmp_path / "groups.jsonl", [alike])
    old = baseline_of(path)
    alike[changed] = rollout("task", "other words", broken=True)
    write_groups(path, [alike])
    assert new_runs(path, old) == (0, [])


def test_rollouts_may_be_rescored_and_change_places(path: Path) -> None:
    old = baseline_of(path)
    lines(path, *(group(*each[::-1]) | {"scores": [0.5] * 3} for each in groups([0, 4, 5])))
    assert new_runs(path, old) == (0, [])


def test_rollouts_may_change_places_within_their_groups(path: Path) -> None:
    old = baseline_of(path)
    write_groups(path, [rollouts[::-1] for rollouts in groups([0, 4, 5])])
    assert new_runs(path, old) == (0, [])


def test_the_broken_one_of_rollouts_that_changed_places_is_named(path: Path) -> None:
    old = baseline_of(path)
    # The fourth run is now the sixth.
    write_groups(path, [rollouts[::-1] for rollouts in groups([0, 3, 4, 5])])
    assert new_runs(path, old) == (1, [6])


def test_groups_may_move_and_be_added(path: Path) -> None:
    old = baseline_of(path)
    came = [rollout("another task", "y"), rollout("another task", "yes", broken=True)]
    write_groups(path, [came, *groups([0, 4, 5])[::-1]])
    assert new_runs(path, old) == (1, [2])


def sampled(*broken: bool) -> list[dict[str, Any]]:
    """Return several rollouts of one example, all with its id, each with a different text."""
    return [
        {"id": "7", "messages": rollout("count", "x" * (nth + 1), broken=each)}
        for nth, each in enumerate(broken)
    ]


def test_the_broken_one_of_several_runs_with_one_id_is_named(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", *sampled(False, True))
    old = baseline_of(path)
    lines(path, *sampled(True, True))
    assert new_runs(path, old) == (1, [1])


def test_as_many_changed_runs_with_one_id_are_known_as_had_the_finding(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", *sampled(False, True))
    old = baseline_of(path)
    again = sampled(True, True)
    for run in again:
        run["messages"][1]["content"] += " again"
    lines(path, *again)
    # At its own place it is the same as before.
    assert new_runs(path, old) == (1, [1])


def test_a_repeated_recording_is_the_same_run(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    def record(run_id: str, text: str) -> None:
        start = {"kind": "RunStarted", "schema": 1, "run_id": run_id, "source_format": "native"}
        path.write_text(
            json.dumps({**start, "seq": 0})
            + "\n"
            + "".join(
                json.dumps({"kind": "MessageAppended", "seq": seq, "message": message}) + "\n"
                for seq, message in enumerate(
                    [{"role": "user", "text": "count"}, {"role": "assistant", "text": text}], 1
                )
            )
            + json.dumps({"kind": "RequestFailed", "seq": 3, "message": "HTTP 500"})
            + "\n"
        )

    record("4f1c", "one")
    old = baseline_of(path)
    record("9a02", "two, said otherwise")
    assert new_runs(path, old) == (0, [])


def test_sarif_distinguishes_rollouts_of_several_groups_and_of_one_id(path: Path) -> None:
    more = lines(path.with_name("more.jsonl"), *sampled(True, True))
    report = json.loads(within("scan", path, more, "--to", "sarif").text)
    results = [each for each in report["runs"][0]["results"] if each["ruleId"] == "TRAILING_COMMA"]
    assert len(results) == 5
    assert len({json.dumps(result["partialFingerprints"]) for result in results}) == 5


@pytest.mark.parametrize("head", ["", "results"])
def test_a_baseline_of_rollouts_from_an_older_version_is_refused(path: Path, head: str) -> None:
    row = {"path": str(path), "run": 1, "id": "rollout 0", "findings": [], "fingerprint": "ab"}
    old = lines(path.with_name("old.json"), {head: [row]} if head else row)
    done = within("scan", path, "--baseline", old)
    assert (done.code, done.out) == (2, b"")
    assert "from an older version" in done.one_line and "(write it again" in done.one_line


def begins_alike(name: str, run: dict[str, Any]) -> dict[str, Any]:
    """Return a run whose task has the same first line as others."""
    messages = [{"role": "user", "content": f"<files>\n{name}"}, *run["messages"][1:]]
    return {**run, "messages": messages}


@pytest.mark.parametrize("is_old", [False, True])
def test_tasks_with_the_same_beginning_are_distinguished_by_newer_baselines(
    tmp_path: Path, is_old: bool
) -> None:
    wrong, sound = called("", "sl"), called("", "ls")
    path = lines(tmp_path / "runs.jsonl", begins_alike("x", wrong), begins_alike("y", sound))
    rows = json.loads(within("scan", path, "--to", "json", "--runs").text)
    for row in rows["results"] if is_old else ():
        del row["task_digest"]
    old = tmp_path / "old.json"
    old.write_text(json.dumps(rows))
    assert within("scan", path, "--baseline", old).code == 0
    longer = {**wrong, "messages": [*wrong["messages"], {"role": "user", "content": "on"}]}
    changed = [*(begins_alike("x", sound), begins_alike("y", longer))]
    lines(path, *changed)
    assert within("scan", path, "--baseline", old).code == (0 if is_old else 1)


@pytest.mark.parametrize("options", [("--to", "json"), ("--runs", "--json")], ids=str)
def test_a_baseline_takes_little_memory(tmp_path: Path, options: tuple[str, ...]) -> None:
    count, old = 1_000, tmp_path / "old.json"
    runs = (called(str(number), "sl", result="Error: no") for number in range(count))
    path = lines(tmp_path / "runs.jsonl", *runs)
    old.write_bytes(within("scan", path, *options).out)
    tracemalloc.start()
    try:
        baseline = Baseline.load(str(old))
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert baseline.is_new_defect(str(path))
    assert (kept < 1_500 * count, peak < 5_000 * count) == (True, True), (kept, peak)
