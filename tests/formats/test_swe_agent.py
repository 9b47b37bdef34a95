"""SWE-agent files: messages from the history, times and last observations from the steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Layout
from hermes_tui.formats.readers.swe_agent import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import RunEnded, RunStarted, SourceDefect, ToolReturned
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    counts_with_errors,
    dialog,
    document,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
    sniffed,
)

HEAD = [
    {"role": "system", "content": "s", "agent": "primary"},
    {"role": "user", "content": "We solve this.\nISSUE:\nIt is broken\n", "agent": "primary"},
]
OPEN_FILE = {
    "role": "assistant",
    "content": "I open.\n```\nopen a.py\n```",
    "action": "open a.py\n",
}
OUTPUT = {"role": "user", "content": "1: x\n(Open file: a.py)"}
SUBMIT = {"role": "assistant", "content": "Done.", "action": "submit\n"}
CALL = {"id": "c1", "type": "function", "function": {"name": "bash", "arguments": "{}"}}


def step(action: str, observation: str = "", **fields: Any) -> dict[str, Any]:
    return {"action": action, "observation": observation, "response": "r", **fields}


def trajectory(
    *history: dict[str, Any], steps: list[Any] | None = None, **info: Any
) -> dict[str, Any]:
    return {
        "environment": "main",
        "trajectory": steps or [],
        "history": [*HEAD, *history],
        "info": {"exit_status": "submitted", **info},
    }


def test_an_action_of_version_0_is_a_call_and_the_next_message_its_result() -> None:
    steps = [step("open a.py\n", "1: x"), step("submit\n", "diff --git")]
    events = read_bytes(FORMAT, document(trajectory(OPEN_FILE, OUTPUT, SUBMIT, steps=steps)))
    first, last = calls(events)
    assert (first.name, first.arguments) == ("open", {"command": "open a.py"})
    assert first.span is not None
    assert messages(events)[2].text[first.span.start : first.span.end] == "open a.py"
    assert last.name == "submit"
    answers = [event.result.content for event in only(events, ToolReturned)]
    assert answers == ["1: x\n(Open file: a.py)", "diff --git"]
    assert counts(events) == (1, 5, 2), "the last observation was never sent, it is no message"
    assert runs(events)[0].task == "It is broken"


def test_native_calls_are_answered_by_id_with_the_time_of_their_step() -> None:
    reply = {**OPEN_FILE, "tool_calls": [CALL]}
    result = {"role": "tool", "content": "ok", "tool_call_ids": ["c1"]}
    steps = [step("open a.py\n", execution_time=0.5)]
    events = read_value(FORMAT, trajectory(reply, result, steps=steps))
    assert [call.id for call in calls(events)] == ["c1"]
    answer = only(events, ToolReturned)[0].result
    assert (answer.call_id, answer.content, answer.duration_s) == ("c1", "ok", 0.5)
    assert answer.raw == result


def test_one_observation_may_answer_several_calls() -> None:
    reply = {**OPEN_FILE, "tool_calls": [CALL, {**CALL, "id": "c2"}]}
    result = {"role": "tool", "content": "ok", "tool_call_ids": ["c1", "c2"]}
    events = read_value(FORMAT, trajectory(reply, result))
    assert [event.result.call_id for event in only(events, ToolReturned)] == ["c1", "c2"]
    assert messages(events)[3].results == 2


def test_steps_missing_from_the_history_are_reported_and_shift_no_times() -> None:
    steps = [
        step("refused"),
        step("open a.py\n", "1: x", execution_time=2.0),
        step("", "Exited (autosubmitted)"),
    ]
    events = read_value(FORMAT, trajectory(OPEN_FILE, OUTPUT, steps=steps))
    assert only(events, ToolReturned)[0].result.duration_s == 2.0
    end = only(events, RunEnded)[0]
    assert end.details["steps_not_in_history"] == ["/trajectory/0", "/trajectory/2"]


def test_a_demonstration_is_marked_and_has_no_calls_of_the_run() -> None:
    demo = {"role": "assistant", "content": "like so", "action": "ls", "is_demo": True}
    events = read_value(FORMAT, trajectory(demo))
    assert messages(events)[2].flags == ("demonstration",)
    assert not calls(events)


def test_thinking_blocks_are_reasoning() -> None:
    reply = {**OPEN_FILE, "thinking_blocks": [{"type": "thinking", "thinking": "hm"}]}
    events = read_value(FORMAT, trajectory(reply))
    assert [piece.text for piece in messages(events)[2].reasoning] == ["hm"]


def test_the_replay_configuration_names_run_and_model_even_as_text() -> None:
    config = {
        "agent": {"name": "a", "model": {"name": "m", "api_key": "s3cr3t"}},
        "problem_statement": {"id": "org__repo-1", "text": "long"},
    }
    for replay in (config, json.dumps(config)):
        events = read_value(FORMAT, {**trajectory(OPEN_FILE), "replay_config": replay})
        run = runs(events)[0]
        assert (run.run_id, run.task, run.model) == ("org__repo-1", "org__repo-1", "m")
        assert "s3cr3t" not in repr(run)


@pytest.mark.parametrize(
    ("exit_status", "status"),
    [
        ("submitted", "ok"),
        ("submitted (exit_cost)", "truncated"),
        ("exit_context", "truncated"),
        ("exit_format", "error"),
        ("early_exit", "failed"),
        (None, "unknown"),
    ],
)
def test_the_exit_status_determines_how_the_run_ended(exit_status: str | None, status: str) -> None:
    stats = {"instance_cost": 0.5, "tokens_sent": 10, "tokens_received": 0, "api_calls": 3}
    value = trajectory(exit_status=exit_status, model_stats=stats)
    end = only(read_value(FORMAT, value), RunEnded)[0]
    assert (end.status, end.stop_reason) == (status, exit_status or "")
    assert (end.usage.prompt_tokens, end.usage.completion_tokens) == (10, None)
    assert (end.usage.cost_usd, end.details["api_calls"]) == (0.5, 3)


def test_prompt_messages_repeated_in_a_step_are_not_shown() -> None:
    steps = [step("open a.py\n", "1: x", messages=HEAD, query=HEAD)]
    events = read_value(FORMAT, trajectory(OPEN_FILE, OUTPUT, steps=steps))
    assert [role for role, _ in dialog(events)] == ["system", "user", "assistant", "user"]


@pytest.mark.parametrize(
    "foreign",
    [
        {"trajectory": [], "info": {}},
        {"trajectory": "x", "history": [], "info": {}},
        {"history": HEAD, "mistake_step": 3},
        {"messages": HEAD},
    ],
)
def test_files_of_other_formats_are_not_claimed(foreign: dict[str, Any]) -> None:
    assert sniffed(FORMAT, foreign) == ""
    assert sniffed(FORMAT, [foreign], layout=Layout.DOCUMENT) == ""


JSON = any_json("role", "content", "action", "tool_calls", "tool_call_ids", "is_demo", "agent")


@given(JSON, JSON)
@settings(max_examples=100, deadline=None)
def test_any_value_is_read_without_an_exception(first: Any, second: Any) -> None:
    reply = {"role": "assistant", "content": second, "action": "ls", "tool_calls": first}
    result = {"role": "tool", "content": second, "tool_call_ids": first}
    for value in (
        first,
        {"trajectory": first, "history": [second, first], "info": second},
        {**trajectory(reply, result, steps=[first, second]), "replay_config": first},
        trajectory(model_stats=first, exit_status=second),
    ):
        sniffed(FORMAT, value)
        read_value(FORMAT, value)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "expected", "errors"),
    [
        ("katy", (1, 37, 18), 0),
        ("marshmallow-1867-function_calling", (1, 24, 11), 0),
        ("pydantic__pydantic.acb0f10f.pr_8316", (1, 46, 22), 1),
        # The manifest counts no errors: results are user messages here, one of them a traceback.
        ("pydicom__pydicom-1458", (1, 26, 12), 1),
    ],
)
def test_real_trajectories_match_their_manifest(
    trajectories: Path, name: str, expected: tuple[int, int, int], errors: int
) -> None:
    events = read_bytes(FORMAT, (trajectories / "06-swe-agent" / f"{name}.traj").read_bytes())
    assert counts_with_errors(events) == (*expected, errors)
    assert not only(events, SourceDefect)
    assert "steps_not_in_history" not in only(events, RunEnded)[0].details


def test_a_submission_is_kept_whole_and_huge_details_by_size() -> None:
    patch, huge = "+" * 5_000, "+" * 1_000_001
    events = read_value(FORMAT, trajectory(submission=patch, edited_files30=huge))
    assert only(events, RunEnded)[0].details["submission"] == patch
    assert only(events, RunStarted)[0].details["edited_files30"] == "(1,000,001 characters)"


@pytest.mark.parametrize(("action", "unanswered"), [("submit '7'\n", 0), ("ls\n", 1)])
def test_submitting_needs_no_result(action: str, unanswered: int) -> None:
    history = {"role": "assistant", "content": "Done.", "action": action}
    state, _ = fold_run(read_value(FORMAT, trajectory(history, steps=[step(action)])))
    assert state.codes[Code.CALL_UNANSWERED] == unanswered
