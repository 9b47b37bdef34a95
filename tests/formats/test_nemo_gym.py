"""Rollouts that NeMo Gym collects. The fixture's README names the code that writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from hermes_tui.formats.reader import split_runs
from hermes_tui.formats.readers.nemo_gym import FORMAT
from hermes_tui.model.events import RunEnded, SourceDefect, ToolReturned
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

DATA = (Path(__file__).parents[1] / "fixtures" / "nemo_gym" / "rollouts.jsonl").read_bytes()
ROWS = [json.loads(line) for line in DATA.splitlines()]
ASK = "Is it raining in Paris?"


def test_each_line_is_a_rollout_of_its_task() -> None:
    assert format_of(DATA) == "nemo-gym"
    starts = runs(read_bytes(FORMAT, DATA))
    assert [run.run_id for run in starts] == ["4-0", "4-1", "4-2", "4-3"]
    assert {(run.group_id, run.task) for run in starts} == {("task 4", ASK)}
    assert [run.model for run in starts] == ["policy"] * 3 + [""]
    assert {tool.name for run in starts for tool in run.tools} == {"get_weather"}
    assert starts[0].details["agent_ref"]["name"] == "simple_agent"


def test_the_output_contains_calls_and_tool_results() -> None:
    good = [*split_runs(tuple(read_bytes(FORMAT, DATA)))[1][0]]
    assert [role for role, _ in dialog(good)] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    assert [(call.name, call.arguments) for call in calls(good)] == [
        ("get_weather", {"city": "Paris"})
    ]
    [answer] = only(good, ToolReturned)
    assert answer.result.content == '{"rain": true}'
    assert messages(good)[2].reasoning and found_codes(good) == []


def test_a_call_that_the_server_left_in_the_text_is_reported() -> None:
    lost = [*split_runs(tuple(read_bytes(FORMAT, DATA)))[1][1]]
    assert any(code.startswith("CALL_IN_CONTENT") for code in found_codes(lost))


def test_items_repeated_in_cumulative_agent_states_appear_once() -> None:
    ask = {"role": "user", "content": ASK, "type": "message"}
    called = {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c1", "output": "rain"}
    answer = {"role": "assistant", "content": "Yes.", "type": "message"}
    states = [[ask, called, result], [ask, called, result, answer]]
    response = {**ROWS[0]["response"], "output": states}
    events = read_value(FORMAT, {**ROWS[0], "response": response})
    roles = [role for role, _ in dialog(events)]
    assert roles[-4:] == ["user", "assistant", "tool", "assistant"]
    assert len(calls(events)) == len(only(events, ToolReturned)) == 1
    assert messages(events)[-1].text == "Yes."
    assert found_codes(events) == []
    response = {**response, "output": [states[0], [ask, answer]]}
    events = read_value(FORMAT, {**ROWS[0], "response": response})
    assert dialog(events)[-1] == ("assistant", "Yes."), (
        "a state that omits items continues the conversation"
    )


def test_rewards_and_the_reason_a_rollout_was_cut_or_failed_are_kept() -> None:
    ends = only(read_bytes(FORMAT, DATA), RunEnded)
    assert [(end.reward, end.status, end.stop_reason) for end in ends] == [
        (1.0, "unknown", ""),
        (0.0, "unknown", ""),
        (0.0, "truncated", "max_output_tokens"),
        (0.0, "error", "agent_error"),
    ]
    assert ends[0].scores == {"city_reward": 1.0}
    codes = [found_codes(list(events)) for events in split_runs(tuple(read_bytes(FORMAT, DATA)))[1]]
    assert ["TRUNCATED:error" in found for found in codes] == [False, False, True, False]


def test_rows_without_their_request_keep_calls_and_rewards() -> None:
    request = "responses_create_params"
    bare = lines(*({key: row[key] for key in row if key != request} for row in ROWS))
    assert format_of(bare) == "nemo-gym"
    events, whole = read_bytes(FORMAT, bare), read_bytes(FORMAT, DATA)
    assert [run.run_id for run in runs(events)] == ["4-0", "4-1", "4-2", "4-3"]
    assert [(call.id, call.name) for call in calls(events)] == [
        (call.id, call.name) for call in calls(whole)
    ]
    outcomes = [(end.reward, end.status) for end in only(events, RunEnded)]
    assert outcomes == [(end.reward, end.status) for end in only(whole, RunEnded)]
    assert only(events, SourceDefect) == []


def test_inputs_without_a_reply_are_prompts() -> None:
    inputs = [
        {key: row[key] for key in ("responses_create_params", "agent_ref")} for row in ROWS[:2]
    ]
    assert format_of(lines(*inputs)) == "nemo-gym"
    events = read_bytes(FORMAT, lines(*inputs))
    assert [role for role, _ in dialog(events)] == ["system", "user"] * 2
    assert only(events, RunEnded) == []


def test_an_input_may_be_a_string() -> None:
    row = {**ROWS[0], "responses_create_params": {"input": ASK}}
    assert dialog(read_value(FORMAT, row))[0] == ("user", ASK)


@given(any_json("responses_create_params", "response", "input", "output", "reward"))
@settings(max_examples=60, deadline=None)
def test_any_value_is_read_without_an_exception(value: Any) -> None:
    assert only(read_value(FORMAT, value), SourceDefect) or runs(read_value(FORMAT, value))
    for key in ("response", "reward", "_ng_task_index", "_ng_failure_class"):
        read_value(FORMAT, {**ROWS[0], key: value})
    read_value(FORMAT, {"responses_create_params": {"input": value, "tools": value}})
