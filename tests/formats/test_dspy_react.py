"""Trajectories of DSPy's ReAct."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.dspy_react import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import RunEnded, ToolReturned
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    document,
    format_of,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "dspy"
PREDICTIONS = [json.loads(line) for line in (FOLDER / "predictions.jsonl").read_text().splitlines()]
TRAJECTORY = json.loads((FOLDER / "trajectory.json").read_text())


@pytest.mark.parametrize("value", [*PREDICTIONS, TRAJECTORY])
def test_each_step_is_a_call_with_its_result(value: Any) -> None:
    assert format_of(document(value)) == "dspy"
    events = read_bytes(FORMAT, document(value))
    kept = value.get("trajectory", value)
    asked = [(kept[f"tool_name_{n}"], kept[f"tool_args_{n}"]) for n in range(3)]
    assert [(call.name, call.arguments) for call in calls(events)] == asked
    results = [event.result for event in only(events, ToolReturned)]
    assert [result.call_id for result in results] == [call.id for call in calls(events)]
    assert [bool(result.error) for result in results] == [False, True, False]
    state, found = fold_run(events)
    assert (state.calls, state.results, state.tool_errors) == (3, 3, 1)
    assert {str(finding.code) for finding in found} <= {"TOOL_ERROR"}


def test_the_question_and_the_answer_surround_the_steps() -> None:
    events = read_bytes(FORMAT, lines(*PREDICTIONS))
    assert counts(events) == (2, 15, 6)
    first, second = runs(events)
    assert (first.task, second.task) == ("", "Look at a and the disk.")
    last = messages(events)[-1]
    assert (last.text, last.reasoning[0].text) == ("a is there.", "Both were looked at.")
    assert dialog(events)[7] == ("user", "Look at a and the disk.")


def test_a_trajectory_that_lost_its_first_steps_begins_with_the_next() -> None:
    rest = {key: item for key, item in TRAJECTORY.items() if not key.endswith("_0")}
    assert [call.name for call in calls(read_bytes(FORMAT, document(rest)))] == ["fail", "finish"]


def test_an_incomplete_step_keeps_its_call() -> None:
    torn = {**TRAJECTORY, "thought_3": "And now?", "tool_name_3": "look"}
    events = read_bytes(FORMAT, document(torn))
    assert (len(calls(events)), len(only(events, ToolReturned))) == (4, 3)


def test_steps_are_ordered_by_number() -> None:
    many = {}
    for number in reversed(range(12)):
        many |= {f"tool_name_{number}": f"t{number}", f"tool_args_{number}": {}}
    names = [call.name for call in calls(read_bytes(FORMAT, document(many)))]
    assert names == [f"t{number}" for number in range(12)]


def test_other_members_are_shown_and_an_outcome_ends_the_run() -> None:
    events = read_bytes(FORMAT, document({**PREDICTIONS[0], "id": "p1", "score": 0.5}))
    assert runs(events)[0].run_id == "p1"
    assert len(only(events, RunEnded)) <= 1
    assert "0.5" in dialog(events)[-1][1]
    events = read_bytes(FORMAT, document({**TRAJECTORY, "note": "kept"}))
    assert ("environment", "kept") in dialog(events)


@given(any_json("trajectory", "thought_0", "tool_name_0", "tool_args_0", "observation_0"))
@settings(max_examples=80)
def test_no_value_raises(value: Any) -> None:
    for trajectory in (value, {"trajectory": value}, {"tool_name_0": value, "tool_args_0": value}):
        read_value(FORMAT, trajectory, Unit.RUNS)
