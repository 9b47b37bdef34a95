from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.tau2.reader import FORMAT, USERS_TOOL
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import SourceDefect
from hermes_tui.model.spans import ByteRange
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    counts_with_errors,
    dialog,
    document,
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

SENT = {"id": "c1", "type": "function", "function": {"name": "cancel", "arguments": '{"id":  7}'}}


def call(name: str, requestor: str = "assistant", **arguments: Any) -> dict[str, Any]:
    return {"id": "c1", "name": name, "arguments": arguments, "requestor": requestor}


CONVERSATION: list[dict[str, Any]] = [
    {"role": "user", "content": "Cancel order 7.", "cost": 0.5},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [call("cancel", id=7)],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2},
        "raw_data": {"finish_reason": "tool_calls", "message": {"tool_calls": [SENT]}},
    },
    {
        "role": "tool",
        "id": "c1",
        "content": "no such order",
        "error": True,
        "requestor": "assistant",
    },
    {"role": "assistant", "content": "Not found.", "errors": ["agent retried"]},
]
SIMULATION: dict[str, Any] = {
    "id": "s1",
    "task_id": "t1",
    "trial": 0,
    "start_time": "2026-01-02T03:04:05",
    "termination_reason": "user_stop",
    "agent_cost": 0.25,
    "reward_info": {
        "reward": 0.0,
        "db_check": {"db_match": False, "db_reward": 0.0},
        "reward_breakdown": {"DB": 0.0},
    },
    "messages": CONVERSATION,
}
RESULTS: dict[str, Any] = {
    "info": {
        "agent_info": {"llm": "m1"},
        "user_info": {"llm": "m2"},
        "environment_info": {"domain_name": "shop", "tool_defs": None},
    },
    "tasks": [
        {
            "id": "t1",
            "user_scenario": {"instructions": {"reason_for_call": "You want a refund."}},
            "evaluation_criteria": {"actions": [{"name": "refund"}]},
        }
    ],
    "simulations": [SIMULATION, {**SIMULATION, "id": "s2", "trial": 1}],
}


@pytest.mark.parametrize(
    ("data", "number"),
    [(document(RESULTS), 2), (document(SIMULATION), 1), (lines(SIMULATION, SIMULATION), 2)],
    ids=["results", "a simulation", "lines"],
)
def test_results_and_single_simulations_are_recognised(data: bytes, number: int) -> None:
    assert format_of(data) == "tau2"
    assert counts(read_bytes(FORMAT, data)) == (number, 4 * number, number)


def test_a_run_has_its_task_models_and_expected_actions() -> None:
    events = read_value(FORMAT, RESULTS)
    start = started(events)
    assert (start.run_id, start.group_id, start.model) == ("s1", "t1", "m1")
    assert start.task == "You want a refund."
    assert start.details["gold_actions"] == [{"name": "refund"}]
    assert (start.details["domain"], start.details["user_model"]) == ("shop", "m2")


def test_arguments_are_kept_as_the_model_sent_them() -> None:
    (found,) = calls(read_value(FORMAT, SIMULATION))
    assert (found.arguments_text, found.arguments) == ('{"id":  7}', {"id": 7})
    assert found.raw == CONVERSATION[1]["tool_calls"][0]


def test_a_result_pairs_by_its_id_and_its_error_is_flagged() -> None:
    events = read_value(FORMAT, SIMULATION)
    (result,) = results(events)
    assert result.error is not None
    assert (result.call_id, result.error.kind) == ("c1", "flag")
    assert found_codes(events) == ["TOOL_ERROR:error", "REPLY_SHAPE:error"]


def test_the_users_own_tool_calls_are_marked_and_answered() -> None:
    talk = [
        {"role": "user", "content": None, "tool_calls": [call("toggle", "user")]},
        {
            "role": "tool",
            "tool_messages": [{"role": "tool", "id": "c1", "content": "on", "requestor": "user"}],
        },
    ]
    events = read_value(FORMAT, {**SIMULATION, "messages": talk})
    assert [message.flags for message in messages(events)] == [(USERS_TOOL,), (USERS_TOOL,)]
    assert not fold_run(events)[0].codes


@pytest.mark.parametrize(
    ("reason", "reward", "status"),
    [
        ("user_stop", 1.0, "ok"),
        ("user_stop", 0.0, "failed"),
        ("agent_stop", None, "unknown"),
        ("max_steps", 0.0, "truncated"),
        ("agent_error", None, "error"),
    ],
)
def test_the_status_follows_from_the_reason_and_the_reward(
    reason: str, reward: float | None, status: str
) -> None:
    value = {**SIMULATION, "termination_reason": reason, "reward_info": {"reward": reward}}
    assert ended(read_value(FORMAT, value)).status == status


def test_scores_and_cost_are_kept() -> None:
    end = ended(read_value(FORMAT, SIMULATION))
    assert (end.reward, end.scores) == (0.0, {"DB": 0.0, "db": 0.0})
    assert end.usage is not None
    assert end.usage.cost_usd == 0.25


def test_results_without_their_simulations_say_where_to_find_them() -> None:
    entry = {"id": "s1", "task_id": "t1", "reward": 1.0, "termination_reason": "user_stop"}
    value = {**RESULTS, "simulations": [], "simulation_index": [entry]}
    events = read_value(FORMAT, value)
    assert len(runs(events)) == 1
    assert "simulations/s1.json" in started(events).diagnostics[0].message
    assert ended(events).status == "ok"


def test_a_separate_simulation_takes_its_task_from_the_results_file() -> None:
    build = RunBuilder(ByteRange(0, 1), sidecars={"../results.json": RESULTS})
    FORMAT.read(SIMULATION, build)
    assert started(build.events).task == "You want a refund."


def test_each_stretch_of_speech_ticks_is_a_message() -> None:
    def tick(agent: bool, user: str | None, **more: Any) -> dict[str, Any]:
        chunks = {
            "agent_chunk": {"contains_speech": agent},
            "user_chunk": {"contains_speech": bool(user), "content": user},
        }
        return {**chunks, **more}

    answer = {"role": "tool", "id": "c1", "content": "done", "error": False}
    ticks = [
        tick(False, "Hel"),
        tick(True, "lo"),
        tick(True, None, agent_tool_calls=[call("cancel")], agent_tool_results=[answer]),
    ]
    value = {**SIMULATION, "messages": None, "ticks": ticks}
    events = read_value(FORMAT, value)
    assert [role for role, _ in dialog(events)] == ["user", "assistant", "assistant", "tool"]
    assert dialog(events)[0] == ("user", "Hello")
    assert messages(events)[1].parts[0].text == "[audio ticks 1 to 2]"
    assert [found.name for found in calls(events)] == ["cancel"]


def test_a_non_message_is_a_defect_at_its_location() -> None:
    talk = [7, {"role": "tool", "tool_messages": [8]}]
    events = read_value(FORMAT, {**RESULTS, "simulations": [{**SIMULATION, "messages": talk}, 9]})
    assert [defect.at.pointer for defect in only(events, SourceDefect)] == [
        "/simulations/0/messages/0",
        "/simulations/0/messages/1/tool_messages/0",
        "/simulations/1",
    ]


@settings(max_examples=100, deadline=None)
@given(any_json("messages", "ticks", "role", "content", "tool_calls", "raw_data", "tool_messages"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    fields = {"reward_info": value, "termination_reason": value, "start_time": value}
    odd = {"role": value, "content": value, "tool_calls": value, "raw_data": value}
    for item in (
        value,
        {**SIMULATION, **fields, "messages": [value, odd, {"tool_messages": [value, odd]}]},
        {**SIMULATION, "messages": value},
        {**SIMULATION, "messages": None, "ticks": [value, {"user_chunk": value}]},
        {**RESULTS, "info": value, "tasks": [value]},
        {"info": {"agent_info": value}, "tasks": value, "simulation_index": [value]},
    ):
        FORMAT.sniff(sample(item))
        read_value(FORMAT, item)


def test_results_without_any_simulation_are_reported() -> None:
    (defect,) = read_value(FORMAT, {"info": {}, "tasks": [], "simulations": []})
    assert "no simulation" in defect.message


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tau2-gpt-4.1-airline.json", (20, 510, 148, 1)),
        # The manifest counts no messages for files of ticks only; 26 stretches have speech.
        ("tau2-voice-49b22f0c.json", (1, 26, 0, 0)),
    ],
)
def test_real_files_match_their_manifest(
    name: str, expected: tuple[int, ...], trajectories: Path
) -> None:
    data = (trajectories / "15-tau-bench" / name).read_bytes()
    assert format_of(data) == "tau2"
    events = read_bytes(FORMAT, data)
    assert counts_with_errors(events) == expected


def test_tokens_of_the_simulated_user_are_not_the_agents() -> None:
    spent = {"usage": {"prompt_tokens": 100, "completion_tokens": 20}, "cost": 0.5}
    events = read_value(
        FORMAT, {**SIMULATION, "messages": [{**CONVERSATION[0], **spent}, *CONVERSATION[1:]]}
    )
    end = ended(events)
    assert end.usage is not None
    assert (end.usage.prompt_tokens, end.usage.completion_tokens) == (10, 2)
    assert end.usage.cost_usd == SIMULATION["agent_cost"]
    assert end.details == {"user_prompt_tokens": 100, "user_completion_tokens": 20}
    state, _ = fold_run(events)
    assert (state.tally.prompt_tokens, state.tally.completion_tokens) == (10, 2)


def test_a_call_has_the_origin_and_arguments_state_of_the_file() -> None:
    (found,) = calls(read_value(FORMAT, SIMULATION))
    assert (str(found.origin), str(found.arguments_state)) == ("flat-dict", "object")


def test_an_agent_error_shows_its_reason_and_keeps_the_traceback() -> None:
    error = "Traceback (most recent call last):\n  …\nValueError: bad\nAgentError: no such tool"
    events = read_value(
        FORMAT, {**SIMULATION, "messages": [{**CONVERSATION[3], "errors": [error]}]}
    )
    (found,) = [one for event in events for one in event.diagnostics]
    assert (found.message, found.hint) == ("no such tool", error)
