from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.tau_bench import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import RunStarted, SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    counts_with_errors,
    dialog,
    document,
    ended,
    format_of,
    found_codes,
    lines,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
    started,
)

CALL = {"id": "c1", "type": "function", "function": {"name": "get_user", "arguments": "{}"}}
TRIAL: dict[str, Any] = {
    "task_id": 3,
    "reward": 0.0,
    "info": {
        "task": {
            "user_id": "u9",
            "instruction": "You are u9. You want a refund.",
            "actions": [{"name": "refund", "kwargs": {"order": "7"}}],
            "outputs": [],
        },
        "source": "user",
        "user_cost": 0.25,
        "reward_info": {"reward": 0.0, "info": {"r_actions": 0.0, "gt_data_hash": "ab"}},
    },
    "traj": [
        {"role": "user", "content": "Refund me."},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "name": "get_user", "content": "Error: no user"},
    ],
    "trial": 2,
}


@pytest.mark.parametrize("data", [document([TRIAL, TRIAL]), lines(TRIAL, TRIAL), document(TRIAL)])
def test_lists_lines_and_single_trials_are_recognised(data: bytes) -> None:
    assert format_of(data) == "tau-bench"
    assert dialog(read_bytes(FORMAT, data))[0] == ("user", "Refund me.")


def test_calls_pair_with_results_and_errors_are_recognised() -> None:
    events = read_value(FORMAT, TRIAL)
    assert [call.name for call in calls(events)] == ["get_user"]
    assert results(events)[0].error is not None
    assert Code.CALL_UNANSWERED not in fold_run(events)[0].codes


def test_trials_of_a_task_form_a_group_with_the_expected_actions() -> None:
    events = read_value(FORMAT, TRIAL)
    start, end = started(events), ended(events)
    assert (start.run_id, start.group_id) == ("3-2", "3")
    assert start.task == "You are u9. You want a refund."
    assert start.details["gold_actions"] == [{"name": "refund", "kwargs": {"order": "7"}}]
    assert start.details["user_cost"] == 0.25
    assert (end.status, end.reward, end.scores) == ("failed", 0.0, {"r_actions": 0.0})


def test_a_trial_with_the_full_reward_is_ok() -> None:
    assert ended(read_value(FORMAT, {**TRIAL, "reward": 1.0})).status == "ok"


def test_a_trial_that_raised_is_an_error_with_its_traceback() -> None:
    info = {"error": "RateLimitError: slow down", "traceback": "Traceback …"}
    events = read_value(FORMAT, {**TRIAL, "info": info, "traj": []})
    assert ended(events).status == "error"
    assert started(events).details["traceback"] == "Traceback …"
    assert found_codes(events) == ["RUN_ERROR:error"]


def test_a_few_shot_example_is_shown_whole_with_a_note() -> None:
    row = {"messages_display": "user: Hi\nassistant: None\ntool: Error: user not found"}
    events = read_bytes(FORMAT, lines(row, row))
    assert len(runs(events)) == 2
    assert started(events).task == "Hi"
    assert dialog(events)[0] == ("user", row["messages_display"])
    assert found_codes(events)[0] == "SOURCE_DEFECT:note"


def test_a_non_message_is_a_defect_at_its_location() -> None:
    (defect,) = only(read_value(FORMAT, {**TRIAL, "traj": [7]}), SourceDefect)
    assert defect.at is not None
    assert defect.at.pointer == "/traj/0"
    assert only(read_value(FORMAT, [TRIAL]), SourceDefect)


@settings(max_examples=100, deadline=None)
@given(any_json("traj", "info", "task", "reward_info", "role", "content", "messages_display"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    for item in (value, {"traj": value, "task_id": value, "info": value, "reward": value}):
        FORMAT.sniff(sample(item))
        read_value(FORMAT, item)
    read_value(FORMAT, {**TRIAL, "info": {"task": value, "error": value, "reward_info": value}})
    read_value(FORMAT, {"messages_display": value})


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gpt-4o-airline.json", (200, 5308, 1164, 73)),
        ("MockAirlineDomainEnv-few_shot.jsonl", (19, 19, 0, 0)),
    ],
)
def test_real_files_match_their_manifest(
    name: str, expected: tuple[int, ...], trajectories: Path
) -> None:
    data = (trajectories / "15-tau-bench" / name).read_bytes()
    assert format_of(data) == "tau-bench"
    events = read_bytes(FORMAT, data)
    assert counts_with_errors(events) == expected


def test_a_truncated_trial_is_one_run_with_one_defect() -> None:
    talk = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "x"}] * 3
    data = json.dumps([{**TRIAL, "traj": talk}] * 2).encode()
    for end in (b'{"role": "user", "content": "h', b'"traj": ['):
        events = read_bytes(FORMAT, data[: data.rindex(end) + len(end)])
        assert len(only(events, RunStarted)) == 2
        assert len(only(events, SourceDefect)) == 1
