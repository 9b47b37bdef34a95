"""Episodes that OpenEnv collects. The fixture's README explains how they were made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from hermes_tui.formats.readers.openenv import FORMAT
from hermes_tui.model.events import Event, RunEnded, SourceDefect
from hermes_tui.runtime.opener import FoundRun, open_file, read_events, survey
from tests.formats.foreign import (
    any_json,
    calls,
    codes,
    counts,
    format_of,
    only,
    read_value,
    results,
    runs,
)

PATH = Path(__file__).parents[1] / "fixtures" / "openenv" / "results.jsonl"
ROWS = [json.loads(line) for line in PATH.read_text().splitlines()]


def opened() -> list[list[Event]]:
    file = open_file(PATH)
    try:
        found = [step for step in survey(file) if isinstance(step, FoundRun)]
        return [list(read_events(run.ref)) for run in found]
    finally:
        file.close()


def test_each_episode_is_a_run_with_its_reward_and_the_model_of_the_metadata() -> None:
    assert format_of(PATH.read_bytes()) == "openenv"
    episodes = opened()
    first = runs(episodes[0])[0]
    assert (first.run_id, first.model) == ("ep-000000", "scripted")
    assert first.details["evaluation"]["env"] == "own:adding"
    assert counts(episodes[0]) == (1, 5, 2)
    assert [call.name for call in calls(episodes[0])] == ["add", "lookup"]
    ends = [only(each, RunEnded)[0] for each in episodes]
    assert [end.reward for end in ends] == [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0]
    assert ends[0].scores == {"turns": 2.0, "tool_calls": 2.0, "correct": 1.0}


def test_tool_errors_hidden_from_the_model_are_shown() -> None:
    episodes = opened()
    assert "CALL_IN_CONTENT" in codes(episodes[1])
    errors = [result.error for each in episodes[2:4] for result in results(each)]
    assert [(one.kind, one.reason) for one in errors if one] == [
        ("flag", "error: Unknown tool ad"),
        ("flag", "error: division by zero"),
    ]
    assert not codes(episodes[0])


def test_an_episode_that_hit_a_limit_is_truncated() -> None:
    value = {**ROWS[0], "metrics": {"truncated": True}}
    assert only(read_value(FORMAT, value), RunEnded)[0].status == "truncated"


def test_a_value_that_is_not_an_episode_is_a_defect() -> None:
    for value in (3, {**ROWS[0], "tool_trace": None}):
        assert len(only(read_value(FORMAT, value), SourceDefect)) == 1


JSON = any_json("role", "content", "result", "error", "metrics", "truncated")


@given(JSON, JSON)
@settings(max_examples=100, deadline=None)
def test_any_value_is_read_without_an_exception(first: Any, second: Any) -> None:
    for value in (
        first,
        {
            **ROWS[0],
            "messages": [first, {"role": "tool", "content": second}],
            "tool_trace": [first],
        },
        {**ROWS[0], "metrics": first, "verify_metrics": second, "reward": first},
        {**ROWS[2], "tool_trace": [{"result": {"error": second}}], "episode_id": first},
    ):
        read_value(FORMAT, value)
