"""`fixtures/verifiers/traces.jsonl` was written by the `Episode` and `Trace` models of verifiers
0.4.0; `eval_traces.jsonl` by its `vf-eval`, as the README there tells.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.verifiers_v1.reader import FORMAT
from hermes_tui.formats.tokens import tokens_of
from hermes_tui.model.events import RequestFailed, SourceDefect
from tests.conftest import PROJECT
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    ended,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
    started,
)

FILE = PROJECT / "tests" / "fixtures" / "verifiers" / "traces.jsonl"
EVALUATED = FILE.with_name("eval_traces.jsonl")
EPISODES: list[Any] = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]
SOLVED: dict[str, Any] = EPISODES[0]["traces"][0]


def node(role: str, parent: int | None, **more: Any) -> dict[str, Any]:
    return {"message": {"role": role, "content": role}, "parent": parent, **more}


def trace(*nodes: Any, **more: Any) -> dict[str, Any]:
    return {"id": "t", "task": {}, "agent": {}, "nodes": list(nodes), **more}


@pytest.mark.parametrize("data", [FILE.read_bytes(), lines(SOLVED)], ids=["episodes", "a trace"])
def test_episodes_and_single_traces_are_recognised(data: bytes) -> None:
    assert format_of(data) == "verifiers-v1"


def test_an_evaluation_has_its_calls_failures_usage_and_scores() -> None:
    data = EVALUATED.read_bytes()
    assert format_of(data) == "verifiers-v1"
    solved, failed, left = (read_bytes(FORMAT, line) for line in data.splitlines())
    assert [counts(events) for events in (solved, failed, left)] == [
        (1, 6, 2),
        (1, 3, 1),
        (1, 3, 1),
    ]
    assert [len(results(events)) for events in (solved, failed, left)] == [2, 0, 0]
    spent = [message.usage for message in messages(solved) if message.usage]
    # The server counted 120 and 150 tokens. verifiers subtracts the 16 of each that were cached.
    assert [(one.prompt_tokens, one.cached_tokens) for one in spent] == [(120, 16), (150, 16)]
    assert [event.status for event in failed if isinstance(event, RequestFailed)] == [500] * 3
    assert [ended(events).status for events in (solved, failed, left)] == ["ok", "error", "ok"]
    assert ended(solved).reward == 0.25
    assert ended(solved).scores == {"correct": 0, "short": 0.5, "turns": 2}
    assert found_codes(left) == ["CALL_IN_CONTENT:error"]


def test_each_trace_is_a_run_and_each_further_branch_its_child() -> None:
    events = read_bytes(FORMAT, FILE.read_bytes())
    assert [(run.run_id, run.parent_run_id, run.group_id) for run in runs(events)] == [
        ("trace-solver", "", "g1"),
        ("trace-solver/8", "trace-solver", "g1"),
        ("trace-judge", "", "g1"),
        ("episode-2", "", "g1"),
    ]
    assert counts(events) == (4, 10, 2)


def test_a_run_has_its_task_agent_environment_and_tools() -> None:
    start = started(read_value(FORMAT, EPISODES[0]))
    assert (start.task, start.model) == ("What is 1 + 1?", "m1")
    assert [tool.name for tool in start.tools] == ["add"]
    details = {key: start.details[key] for key in ("agent", "environment", "episode")}
    assert details == {
        "agent": "solver",
        "environment": "agentic-judge+add",
        "episode": "episode-1",
    }
    assert start.details["seconds"] == {"setup": 0.25, "agent": 7.75, "scoring": 1.0}


def test_arguments_stay_as_the_model_wrote_them() -> None:
    events = read_value(FORMAT, EPISODES[0])
    assert [call.arguments_text for call in calls(events)] == ['{"a": 1, "b":  1}', '{"a": 1,']
    assert [result.call_id for result in results(events)] == ["c1", "c2"]
    assert "ARGS_INVALID:error" in found_codes(events)


def test_rewards_are_weighted_and_scores_are_not() -> None:
    end = ended(read_value(FORMAT, EPISODES[0]))
    assert (end.status, end.stop_reason, end.reward) == ("ok", "agent_completed", 0.5)
    assert end.scores == {"exact": 1.0, "style": 0.0, "num_turns": 3.0}


def test_cached_tokens_count_as_prompt_tokens() -> None:
    events = read_value(FORMAT, EPISODES[0])
    reply = next(message for message in messages(events) if message.calls)
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.cached_tokens) == (25, 5)
    whole = ended(events).usage
    assert whole is not None
    assert (whole.prompt_tokens, whole.completion_tokens, whole.cost_usd) == (74, 17, 0.001)


def test_a_failed_request_comes_before_the_reply_that_followed() -> None:
    events = read_value(FORMAT, EPISODES[0])
    (failed,) = only(events, RequestFailed)
    assert (failed.message, failed.status, failed.turn) == ("ProviderError: rate limited", 429, 1)
    before = [message.role for message in messages(events[: events.index(failed)])]
    assert before == ["system", "user"]


def test_a_failed_request_with_no_reply_after_it_is_reported_too() -> None:
    value = trace(node("user", None), calls=[{"error": {"message": "down"}}, {"node": 99}])
    assert [failed.message for failed in only(read_value(FORMAT, value), RequestFailed)] == [
        "down",
        "the call has no reply",
    ]


def test_the_tokens_of_a_reply_are_kept_with_their_logprobs() -> None:
    tables = [table for event in read_value(FORMAT, EPISODES[0]) for table in tokens_of(event)]
    first = tables[0]
    assert list(first.ids or ()) == [1, 2, 3]
    assert first.trained == bytearray([0, 1, 1])
    assert list(first.logprobs)[1:] == [-0.5, -0.25]


def test_unsampled_and_compacted_messages_are_flagged() -> None:
    events = read_value(FORMAT, EPISODES[0])
    branch = events[events.index(runs(events)[1]) : events.index(runs(events)[2])]
    assert [message.flags for message in messages(branch)] == [(), ("fabricated",), ("compaction",)]


def test_an_episode_that_failed_before_any_trace_is_a_run_with_its_error() -> None:
    events = read_value(FORMAT, EPISODES[1])
    assert dialog(events) == []
    assert ended(events).status == "error"
    assert found_codes(events) == ["RUN_ERROR:error"]


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"ok": True}, "ok"),
        ({}, "unknown"),
        ({"errors": [{"type": "E", "message": "m"}]}, "error"),
        ({"stop_condition": "max_turns", "ok": True}, "truncated"),
        ({"is_timeout": True}, "truncated"),
    ],
)
def test_the_status_follows_from_the_trace(more: dict[str, Any], status: str) -> None:
    assert ended(read_value(FORMAT, trace(**more))).status == status


def test_a_branch_that_begins_with_results_repeats_their_calls() -> None:
    asked = {"role": "assistant", "tool_calls": [{"id": "c1", "name": "f", "arguments": "{}"}]}
    value = trace(
        node("user", None),
        {"message": asked, "parent": 0, "sampled": True},
        node("tool", 1, sampled=False),
        node("user", 2),
        node("tool", 1, sampled=False),
    )
    events = read_value(FORMAT, value)
    below = messages(events[events.index(runs(events)[1]) :])
    assert [(message.role, message.flags) for message in below] == [
        ("assistant", ("copied",)),
        ("tool", ()),
    ]


def test_custom_tools_accept_any_text() -> None:
    asked = [{"id": "c1", "type": "custom", "name": "patch", "arguments": "*** Begin"}]
    value = trace({"message": {"role": "assistant", "tool_calls": asked}, "sampled": True})
    events = read_value(FORMAT, value)
    assert calls(events)[0].arguments_text == "*** Begin"
    assert found_codes(events) == []


def test_prime_rl_traces_without_an_agent_have_their_step_and_group() -> None:
    """`Rollout.to_dict` of prime-rl at 004274e (`src/prime_rl/orchestrator/types.py`)."""
    nodes = [node("user", None, sampled=False), node("assistant", 0, sampled=True)]
    logged = {
        "id": "r1",
        "task": {"prompt": "user"},
        "nodes": nodes,
        "errors": None,
        "info": {},
        "rewards": {"correct": 1.0, "format": 0.5},
        "stop_condition": "agent_completed",
        "kind": "train",
        "env_name": "wiki",
        "group_id": "g7",
        "policy_version": 12,
        "off_policy_steps": 1,
        "filters": {"gibberish": False},
        "advantage": 0.25,
    }
    assert format_of(lines(logged, logged)) == "verifiers-v1"
    events = read_value(FORMAT, logged)
    [run], end = runs(events), ended(events)
    assert (run.run_id, run.group_id, run.details["env_name"]) == ("r1", "g7", "wiki")
    assert run.details["task"] == {"prompt": "user"}
    assert end.reward == 1.5
    assert end.scores == {
        "correct": 1.0,
        "format": 0.5,
        "policy_version": 12.0,
        "off_policy_steps": 1.0,
        "advantage": 0.25,
    }


@pytest.mark.parametrize("place", ["episode", "info"])
def test_prime_rl_data_on_episodes_and_traces_is_kept(place: str) -> None:
    """`Episode.to_record`, and `info.prime_rl` of the versions between."""
    stamp = {"kind": "train", "env_name": "wiki", "group_id": "g9", "policy_version": 3}
    one = trace(node("user", None), info={"prime_rl": stamp} if place == "info" else {})
    episode = {"id": "e", "env": {"id": "wiki"}, "task": {}, "traces": [one]}
    if place == "episode":
        episode["prime_rl"] = stamp
    events = read_value(FORMAT, episode)
    assert runs(events)[0].group_id == "g9"
    assert ended(events).scores == {"policy_version": 3.0}


def test_a_non_node_is_a_defect_at_its_location() -> None:
    events = read_value(FORMAT, {"traces": [trace(7, {"parent": 0}), 8]})
    assert [defect.at.pointer for defect in only(events, SourceDefect)] == [
        "/traces/0/nodes/0",
        "/traces/0/nodes/1",
        "/traces/1",
    ]


@settings(max_examples=100, deadline=None)
@given(any_json("nodes", "calls", "message", "parent", "traces", "task", "rewards", "token_ids"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    odd = {"message": value, "parent": value, "semantic_parents": value, "token_ids": value}
    more = {"calls": [value, {"node": 0, "usage": value, "error": value}], "rewards": value}
    for item in (
        value,
        {"traces": value, "task": value, "env": value},
        {"traces": [value, trace(value, odd, **more)], "group": value, "errors": value},
        trace(odd, {**odd, "sampled": True, "mask": value, "logprobs": value}, metrics=value),
        {**SOLVED, "nodes": value, "timing": value, "agent": value, "tools": value},
        {**SOLVED, "calls": value, "rewards": {"a": value}, "errors": value, "task": value},
    ):
        FORMAT.sniff(sample(item))
        read_value(FORMAT, item)
