"""Trajectories that ART logs. The fixtures' README names the code that writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.art.reader import FORMAT
from hermes_tui.model.events import RunEnded, SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
)

FILES = Path(__file__).parents[1] / "fixtures" / "art"
GROUPS, ROWS = ((FILES / name).read_bytes() for name in ("0001.jsonl", "rows.jsonl"))
GROUP = json.loads(GROUPS)
TURNS = ["user", "assistant", "tool", "assistant"]


@pytest.mark.parametrize("data", [GROUPS, ROWS])
def test_trajectories_have_their_turns_calls_tools_and_rewards(data: bytes) -> None:
    assert format_of(data) == "art"
    events = read_bytes(FORMAT, data)
    assert [role for role, _ in dialog(events)][:4] == TURNS
    assert [(call.name, call.arguments, call.id) for call in calls(events)][:1] == [
        ("get_weather", {"city": "Paris"}, "c1")
    ]
    ends = only(events, RunEnded)
    assert [(end.reward, end.duration_s) for end in ends] == [(1.0, 2.5), (0.0, 2.5)]
    assert [end.scores for end in ends] == [{"correct": 1.0}, {"correct": 0.0}]
    first = runs(events)[0]
    assert first.task == "Is it raining in Paris?" and first.details["logs"] == ["looked"]
    assert [tool.name for tool in first.tools] == ["get_weather"]
    assert first.details["metadata"] == {"scenario_id": 3}
    codes = found_codes(events)
    assert [code for code in codes if code.startswith("SOURCE_DEFECT")] == []
    assert any(code.startswith("CALL_IN_CONTENT") for code in codes)


@pytest.mark.parametrize("name", ["rows_v2.jsonl", "exchanges.jsonl"])
def test_a_row_that_stores_its_trajectory_as_text_is_read_completely(name: str) -> None:
    """As ART 0.5.23 writes it: thoughts, ends and further histories are in the text alone."""
    data = (FILES / name).read_bytes()
    assert format_of(data) == "art"
    events = read_bytes(FORMAT, data)
    assert [role for role, _ in dialog(events)] == [
        *TURNS,
        "user",
        "assistant",
        "user",
        "assistant",
    ]
    assert [(call.name, call.id) for call in calls(events)][:1] == [("get_weather", "c1")]
    replies = [one for one in messages(events) if one.role == "assistant"]
    assert [one.finish_reason for one in replies] == ["tool_calls", "stop", "stop", "length"]
    assert [len(one.reasoning) for one in replies] == [1, 0, 0, 0]
    first, history, second = runs(events)
    name_of_first = "group 0 · rollout 1"
    assert (first.run_id, second.run_id) == (name_of_first, "group 0 · rollout 2")
    assert history.parent_run_id == name_of_first and history.details == {}
    assert {run.group_id for run in runs(events)} == {"group 0"}
    assert [tool.name for tool in first.tools] == ["get_weather"]
    assert first.details["metadata"] == {"scenario_id": 3} and first.details["logs"] == ["looked"]
    assert [(one.reward, one.duration_s) for one in only(events, RunEnded)] == [
        (1.0, 2.5),
        (0.0, 2.5),
    ]
    assert only(events, SourceDefect) == []


def test_trajectories_of_a_scenario_are_a_group() -> None:
    assert {run.group_id for run in runs(read_bytes(FORMAT, ROWS))} == {"group 4"}
    starts = runs(read_bytes(FORMAT, GROUPS))
    assert len({run.group_id for run in starts}) == 1 and starts[0].group_id
    other = json.loads(GROUPS.replace(b"in Paris?", b"in Rome?"))
    assert len({run.group_id for run in runs(read_bytes(FORMAT, lines(GROUP, other)))}) == 2
    of_none = {**json.loads(ROWS.splitlines()[0]), "group_index": None}
    assert {run.group_id for run in runs(read_value(FORMAT, of_none))} == {""}


def test_a_further_history_is_a_run_below_its_trajectory() -> None:
    events = read_bytes(FORMAT, GROUPS)
    assert [(run.run_id, run.parent_run_id) for run in runs(events)] == [
        ("rollout 1", ""),
        ("rollout 1 · history 2", "rollout 1"),
        ("rollout 2", ""),
    ]
    assert dialog(events)[4:6] == [("user", "Sum up."), ("assistant", "It rains.")]


def test_a_choice_has_its_finish_reason() -> None:
    replies = [one for one in messages(read_bytes(FORMAT, GROUPS)) if one.role == "assistant"]
    assert [one.finish_reason for one in replies] == ["tool_calls", "stop", "stop", "stop"]


def test_an_element_that_is_not_a_trajectory_is_reported() -> None:
    group = {"trajectories": [*GROUP["trajectories"] * 2, 7]}
    defects = only(read_value(FORMAT, group), SourceDefect)
    assert [(one.message, one.at.pointer) for one in defects] == [
        ("not a trajectory", "/trajectories/4")
    ]


def test_trajectories_of_other_formats_are_not_claimed() -> None:
    others: list[Any] = [{"trajectories": [{"steps": []}]}, {"group_index": 0, "messages": []}]
    assert [format_of(lines(other, other)) for other in others].count("art") == 0


@given(any_json("trajectories", "messages_and_choices", "message", "metrics", "reward", "tools"))
@settings(max_examples=60, deadline=None)
def test_any_value_is_read_without_an_exception(value: Any) -> None:
    read_value(FORMAT, value)
    first = GROUP["trajectories"][0]
    for key in first:
        read_value(FORMAT, {"trajectories": [{**first, key: value}]})
        read_value(FORMAT, {**json.loads(ROWS.splitlines()[0]), key: value})
    exchange = {"request": {"messages": value}, "response": {"choices": value}}
    for one in (value, {"messages_and_choices": [value], "additional_histories": [value]}):
        read_value(FORMAT, {"group_index": 0, "trajectory_json": json.dumps(one)})
    for listed in (value, [value], [exchange, exchange]):
        kept = {"exchanges": {"chat_completions": listed}}
        read_value(FORMAT, {"group_index": 0, "trajectory_json": json.dumps(kept)})
