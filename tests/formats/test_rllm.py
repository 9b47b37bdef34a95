"""Episodes that rLLM logs. The fixture's README names the code that writes them."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.rllm import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import MessageAppended, RunEnded, SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    document,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
)

DATA = (Path(__file__).parents[1] / "fixtures" / "rllm" / "episode.json").read_bytes()
EPISODE = json.loads(DATA)
STEPS = EPISODE["trajectories"][0]["steps"]
ASK = "Is it raining in Paris?"


def with_steps(*completions: list[Any], **more: Any) -> dict[str, Any]:
    steps = [{**STEPS[0], "chat_completions": each} for each in completions]
    return {**EPISODE, **more, "trajectories": [{**EPISODE["trajectories"][0], "steps": steps}]}


def test_the_steps_of_a_trajectory_are_one_run_without_repeated_messages() -> None:
    assert format_of(DATA) == format_of(lines(EPISODE, EPISODE)) == "rllm"
    events = read_bytes(FORMAT, DATA)
    assert [role for role, _ in dialog(events)] == ["user", "assistant", "tool", "assistant"]
    assert [(call.name, call.arguments) for call in calls(events)] == [
        ("get_weather", {"city": "Paris"})
    ]
    assert messages(events)[1].reasoning and found_codes(events) == []
    assert [event.at.pointer for event in only(events, MessageAppended)][1:3] == [
        "/trajectories/0/steps/0/chat_completions/1",
        "/trajectories/0/steps/1/chat_completions/2",
    ]
    assert [message.reward for message in messages(events)] == [None, None, None, 1.0]


def test_rollouts_of_a_task_form_a_group_with_their_step_and_scores() -> None:
    events = read_bytes(FORMAT, document(EPISODE))
    [run], [end] = runs(events), only(events, RunEnded)
    assert (run.run_id, run.group_id, run.task) == ("weather-7:1", "weather-7", ASK)
    assert (end.reward, end.status, end.stop_reason) == (1.0, "ok", "env_done")
    assert end.scores == {"solver_acc": 1.0, "training_step": 12.0}
    assert run.details["task"]["ground_truth"] == "yes"


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("env_done", "failed"),
        ("max_turns_exceeded", "truncated"),
        ("timeout", "truncated"),
        ("error", "error"),
    ],
)
def test_an_incorrect_episode_gives_the_reason_it_ended(reason: str, status: str) -> None:
    episode = {**EPISODE, "is_correct": False, "termination_reason": reason}
    [end] = only(read_value(FORMAT, episode), RunEnded)
    assert (end.status, end.stop_reason) == (status, reason)


def test_a_call_that_the_agent_did_not_parse_is_unanswered() -> None:
    lost = deepcopy(STEPS[0]["chat_completions"])
    lost[1]["content"] = lost[1]["content"].replace('"Paris"}', '"Paris",}')
    events = read_value(FORMAT, with_steps(lost))
    found = {one.code for one in fold_run(events)[1]}
    assert {Code.TRAILING_COMMA, Code.CALL_UNANSWERED} <= found


def test_messages_after_an_agent_dropped_earlier_ones_are_a_child_run() -> None:
    again = [{"role": "user", "content": "Sum up."}, {"role": "assistant", "content": "Rain."}]
    events = read_value(FORMAT, with_steps(STEPS[0]["chat_completions"], again))
    assert [(run.run_id, run.parent_run_id) for run in runs(events)] == [
        ("weather-7:1", ""),
        ("weather-7:1 · part 2", "weather-7:1"),
    ]
    assert dialog(events)[-2:] == [("user", "Sum up."), ("assistant", "Rain.")]


def test_trajectories_of_several_agents_are_runs_named_after_them() -> None:
    one = EPISODE["trajectories"][0]
    several = {**EPISODE, "trajectories": [one, {**one, "name": "judge"}]}
    assert [(run.run_id, run.group_id) for run in runs(read_value(FORMAT, several))] == [
        ("weather-7:1:solver", "weather-7:solver"),
        ("weather-7:1:judge", "weather-7:judge"),
    ]


def test_values_that_are_not_trajectories_or_messages_are_reported() -> None:
    one = EPISODE["trajectories"][0]
    read = read_value(FORMAT, {**EPISODE, "trajectories": [one, one, one, one, 7]})
    assert [defect.message for defect in only(read, SourceDefect)] == ["not a trajectory"]
    read = read_value(FORMAT, with_steps([3, *STEPS[0]["chat_completions"]]))
    assert [defect.message for defect in only(read, SourceDefect)] == ["not a message"]


@pytest.mark.parametrize(("odd", "defects"), [(7, 1), ({"chat_completions": []}, 0)])
def test_a_step_without_messages_does_not_split_the_run(odd: Any, defects: int) -> None:
    one = {**EPISODE["trajectories"][0], "steps": [STEPS[0], odd, *STEPS[1:]]}
    events = read_value(FORMAT, {**EPISODE, "trajectories": [one]})
    assert dialog(events) == dialog(read_value(FORMAT, EPISODE)) and len(runs(events)) == 1
    assert [defect.at.pointer for defect in only(events, SourceDefect)] == [
        "/trajectories/0/steps/1"
    ] * defects


@given(any_json("trajectories", "steps", "chat_completions", "reward", "task"))
@settings(max_examples=60, deadline=None)
def test_any_value_is_read_without_an_exception(value: Any) -> None:
    read_value(FORMAT, value)
    for key in EPISODE:
        read_value(FORMAT, {**EPISODE, key: value})
    read_value(FORMAT, with_steps([value], value if isinstance(value, list) else [value]))
    for key in STEPS[0]:
        one = {**EPISODE["trajectories"][0], "steps": [{**STEPS[0], key: value}, value]}
        read_value(FORMAT, {**EPISODE, "trajectories": [one, value]})
