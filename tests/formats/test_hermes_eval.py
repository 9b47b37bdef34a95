from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.hermes_eval import HermesEval
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import ToolErrorRecorded
from tests.formats.foreign import any_json, ended, messages, sample, started
from tests.formats.hermes_support import load_document, load_lines, read

EVAL = HermesEval()


def test_samples_and_dumped_results_are_recognised() -> None:
    passed, _, timed_out = load_lines("eval_samples.jsonl")
    result = load_document("agent_result.json")
    assert all(EVAL.sniff(sample(value)) for value in (passed, timed_out, result))
    assert EVAL.sniff(sample({"messages": [], "task_name": "t"})) is None


def test_a_sample_has_its_task_reward_and_outcome() -> None:
    passed, failed, _ = (read(EVAL, line) for line in load_lines("eval_samples.jsonl"))
    assert started(passed).task == "fix-import"
    assert started(passed).details["category"] == "ops"
    assert (ended(passed).status, ended(passed).reward) == ("ok", 1.0)
    assert (ended(failed).status, ended(failed).reward) == ("failed", 0.0)


def test_a_task_that_timed_out_is_a_run_with_its_error() -> None:
    events = read(EVAL, load_lines("eval_samples.jsonl")[2])
    assert ended(events).status == "error"
    assert ended(events).details["error"] == "timed out after 600 s"
    state, (finding,) = fold_run(events)
    assert finding.code is Code.RUN_ERROR
    assert state.messages == 0


def test_a_run_that_reached_its_turn_limit_has_failed() -> None:
    end = ended(read(EVAL, load_document("agent_result.json")))
    assert end.status == "failed"
    assert "turn limit" in end.stop_reason


def test_the_reasoning_of_each_turn_is_in_its_message() -> None:
    replies = [m for m in messages(read(EVAL, load_document("agent_result.json"))) if m.reasoning]
    assert [(m.reasoning[0].field, m.reasoning[0].text) for m in replies] == [
        ("reasoning_content", "Two independent look-ups: both at once."),
        ("reasoning_content", "No settings there; search the log."),
    ]


def test_reasoning_in_the_message_takes_precedence() -> None:
    value = {
        "messages": [{"role": "assistant", "content": "", "reasoning": "mine"}],
        "finished_naturally": True,
        "reasoning_per_turn": ["other"],
    }
    assert [piece.text for piece in messages(read(EVAL, value))[0].reasoning] == ["mine"]


def test_recorded_tool_errors_follow_the_messages() -> None:
    events = read(EVAL, load_document("agent_result.json"))
    (recorded,) = [event for event in events if isinstance(event, ToolErrorRecorded)]
    assert (recorded.error.turn, recorded.error.tool_name) == (2, "terminal")
    assert recorded.error.arguments == '{"command": "grep -n ERROR logs/nightly.log'
    assert recorded.at is not None
    assert recorded.at.pointer == "/tool_errors/0"


@pytest.mark.parametrize("value", [None, 7, {}, {"messages": 3}, []])
def test_a_record_that_is_not_a_result_is_a_defect(value: Any) -> None:
    assert [type(event).__name__ for event in read(EVAL, value)] == ["SourceDefect"]


@settings(max_examples=150, deadline=None)
@given(
    any_json("messages", "error", "passed", "tool_errors", "reward", "turn", "reasoning_per_turn"),
    any_json("role", "content", "turn", "reasoning"),
)
def test_reading_and_sniffing_never_raise(value: Any, items: Any) -> None:
    more = {"tool_errors": items, "reasoning_per_turn": value, "error": value, "reward": value}
    for item in (value, {"messages": items, **more}):
        EVAL.sniff(sample(item))
        read(EVAL, item)
