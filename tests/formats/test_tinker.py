"""Rollouts of the Tinker cookbook. The fixtures' README names the code that writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.reader import split_runs
from hermes_tui.formats.readers.tinker import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import Event, RunEnded, SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "tinker"
STORED = (FOLDER / "trajectories.jsonl").read_bytes()
SUMMARIES = (FOLDER / "train_rollout_summaries.jsonl").read_bytes()
ROW = json.loads(STORED.splitlines()[0])
SUMMARY = json.loads(SUMMARIES.splitlines()[0])


def runs_of(data: bytes) -> list[list[Event]]:
    return [[*run] for run in split_runs(tuple(read_bytes(FORMAT, data)))[1]]


def all_codes(run: list[Event]) -> set[Code]:
    return {one.code for one in fold_run(run)[1]}


def test_the_conversation_repeated_in_each_observation_appears_once() -> None:
    assert format_of(STORED) == "tinker"
    first = runs_of(STORED)[0]
    assert [role for role, _ in dialog(first)] == [
        *("system", "user", "assistant", "tool", "assistant")
    ]
    assert [(call.name, call.arguments) for call in calls(first)] == [
        ("add", {"a": 2, "b": 3}),
        ("divide", {"a": 1, "b": 0}),
    ]
    assert [result.content for result in results(first)] == [
        '{"sum": 5}',
        '{"error": "Tool execution failed: division by zero"}',
    ]
    assert messages(first)[2].reasoning
    assert [tool.name for tool in runs(first)[0].tools] == ["add", "divide"]
    assert all_codes(first) == {Code.TOOL_ERROR}


def test_a_trajectory_has_its_reward_tokens_and_stop_reason() -> None:
    first, second = runs_of(STORED)[:2]
    end = only(first, RunEnded)[0]
    assert (end.reward, end.scores, end.stop_reason) == (1.0, {"correct": 1.0}, "completed")
    assert end.duration_s == 1.5
    used = messages(first)[2].usage
    assert used is not None
    assert (used.prompt_tokens, used.completion_tokens) == (855, 151)
    run = runs(first)[0]
    assert (run.run_id, run.group_id, run.task) == ("adding 0", "adding-0", "What is 2 + 3?")
    assert only(second, RunEnded)[0].stop_reason == "parse_error"


def test_calls_that_the_trainer_did_not_parse_or_know_are_found() -> None:
    _, comma, unknown, none, failed = runs_of(STORED)
    assert {Code.TRAILING_COMMA, Code.CALL_UNANSWERED} <= all_codes(comma)
    assert Code.NAME_UNKNOWN in all_codes(unknown)
    assert not all_codes(none)
    assert found_codes(failed) == ["RUN_ERROR:error"]
    assert only(failed, RunEnded)[0].status == "error"


def test_an_observation_of_new_text_is_an_environment_message() -> None:
    turns = [
        {**ROW["turns"][1], "content": "go left"},
        {"role": "environment", "content": "A wall"},
    ]
    value = {**ROW, "turns": [{"role": "user", "content": "A maze."}, *turns, *turns[:1]]}
    events = read_value(FORMAT, value)
    assert dialog(events) == [
        ("user", "A maze."),
        ("assistant", "go left"),
        ("environment", "A wall"),
        ("assistant", "go left"),
    ]


def test_a_summary_contains_the_log_of_each_step() -> None:
    assert format_of(SUMMARIES) == "tinker"
    first, unread, unknown, _ = runs_of(SUMMARIES)
    assert counts(first) == (1, 4, 2)
    assert [(call.name, call.arguments_text) for call in calls(first)] == [
        ("add", '{"a": 2, "b": 3}'),
        ("divide", '{"a": 1, "b": 0}'),
    ]
    assert len(results(first)) == 2
    assert all_codes(first) == {Code.TOOL_ERROR}
    end = only(first, RunEnded)[0]
    assert (end.reward, end.scores) == (1.0, {"correct": 1.0, "step": 3.0})
    assert runs(first)[0].group_id == "train 3 · group 0"
    assert found_codes(unread) == ["REPLY_SHAPE:error"]
    assert calls(unknown)[0].name == "ad"


@pytest.mark.parametrize(
    ("reason", "status"), [("max_turns", "truncated"), ("tool_stopped", "unknown")]
)
def test_an_episode_that_hit_a_limit_is_truncated(reason: str, status: str) -> None:
    step = {**SUMMARY["steps"][0], "metrics": {f"stop/{reason}": 1.0}}
    end = only(read_value(FORMAT, {**SUMMARY, "steps": [step]}), RunEnded)[0]
    assert (end.status, end.stop_reason) == (status, reason)


def test_a_call_in_no_known_form_is_kept() -> None:
    step = {**SUMMARY["steps"][0], "logs": {"tool_call_0": "?!", "tool_call_1": "f(1)(2)"}}
    events = read_value(FORMAT, {**SUMMARY, "steps": [step]})
    assert [(call.name, call.raw) for call in calls(events)] == [(None, "?!"), ("f", "f(1)(2)")]


def test_summaries_without_text_are_not_claimed() -> None:
    silent = {**SUMMARY, "steps": [{**step, "logs": {}} for step in SUMMARY["steps"]]}
    assert format_of(lines(silent, silent)) != "tinker"


def test_a_value_that_is_not_a_turn_or_step_is_a_defect() -> None:
    for value in ({**ROW, "turns": [3]}, {**SUMMARY, "steps": [3]}, 3):
        assert len(only(read_value(FORMAT, value), SourceDefect)) == 1


JSON = any_json("role", "content", "token_count", "logs", "tool_call_0", "tool_result_0", "metrics")


@given(JSON, JSON)
@settings(max_examples=100, deadline=None)
def test_any_value_is_read_without_an_exception(first: Any, second: Any) -> None:
    turn = {"role": "assistant", "content": second, "token_count": first}
    step = {"logs": first, "metrics": second, "ob_len": first}
    for value in (
        first,
        {**ROW, "turns": [first, turn, {"role": first, "content": second}], "metrics": second},
        {**ROW, "turns": first, "error": second, "time_seconds": first},
        {**SUMMARY, "steps": [first, step, {"logs": {"tool_call_0": first, "parse_errors": 1}}]},
        {**SUMMARY, "steps": [], "trajectory_metrics": first, "iteration": second},
    ):
        read_value(FORMAT, value)
