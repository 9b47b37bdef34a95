from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.detect import detect
from hermes_tui.formats.readers.verifiers import FORMAT
from hermes_tui.formats.registry import formats
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.summary import fold_run, summarise
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import SourceDefect
from hermes_tui.model.spans import ByteRange
from tests.bytes_source import BytesSource
from tests.formats.foreign import (
    any_json,
    calls,
    counts_with_errors,
    dialog,
    ended,
    format_of,
    found_codes,
    lines,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
    started,
)

CALL = {"id": "c1", "function": {"arguments": '{"x": 1}', "name": "add"}, "type": "function"}
ROLLOUT: dict[str, Any] = {
    "example_id": 4,
    "prompt": [{"role": "user", "content": "Add one to one."}],
    "completion": [
        {"role": "assistant", "content": "", "tool_calls": [json.dumps(CALL)]},
        {"role": "tool", "content": "2", "tool_calls": None},
        {"role": "assistant", "content": "two", "tool_calls": None},
    ],
    "task": "default",
    "answer": "2",
    "reward": 0.5,
    "generation_ms": 12.5,
    "info": {"oai_tools": [{"type": "function", "function": {"name": "add"}}], "level": "easy"},
    "judge_reward_func": 0.25,
}


def test_tools_that_only_the_system_prompt_names_are_declared() -> None:
    system = {"role": "system", "content": '<tools>\n{"name": "multiply"}\n</tools>'}
    value = {**ROLLOUT, "prompt": [system, *ROLLOUT["prompt"]], "info": {"level": "easy"}}
    assert [tool.name for tool in started(read_value(FORMAT, value)).tools] == ["multiply"]


def test_prompt_and_completion_are_one_run() -> None:
    events = read_bytes(FORMAT, lines(ROLLOUT, ROLLOUT))
    assert len(runs(events)) == 2
    assert dialog(events)[:4] == [
        ("user", "Add one to one."),
        ("assistant", ""),
        ("tool", "2"),
        ("assistant", "two"),
    ]


def test_a_rollout_is_not_taken_for_another_format() -> None:
    reader = detect(BytesSource(lines(ROLLOUT)), formats()).reader
    assert reader is not None
    assert reader.name == "verifiers"


def test_prompts_with_completions_only_are_a_dataset_and_not_rollouts() -> None:
    rows = {key: ROLLOUT[key] for key in ("prompt", "completion")}
    reader = detect(BytesSource(lines(rows)), formats()).reader
    assert reader is not None
    assert reader.name == "openai-messages"


def test_calls_kept_as_json_text_pair_with_results_by_order() -> None:
    events = read_value(FORMAT, ROLLOUT)
    assert [(call.name, call.id, call.arguments) for call in calls(events)] == [
        ("add", "c1", {"x": 1})
    ]
    assert [result.content for result in results(events)] == ["2"]
    codes = fold_run(events)[0].codes
    assert Code.CALL_UNANSWERED not in codes
    assert Code.RESULT_ORPHAN not in codes


def test_rollouts_of_an_example_form_a_group_with_tools_rewards_and_times() -> None:
    events = read_value(FORMAT, ROLLOUT)
    start, end = started(events), ended(events)
    assert (start.group_id, start.task) == ("4", "Add one to one.")
    assert [tool.name for tool in start.tools] == ["add"]
    assert start.details["generation_ms"] == 12.5
    assert start.details["level"] == "easy"
    assert (end.reward, end.scores) == (0.5, {"judge_reward_func": 0.25})


def test_later_files_give_the_stop_reason_and_cost_of_a_rollout() -> None:
    later = {
        **ROLLOUT,
        "metrics": {"turns": 2},
        "is_truncated": True,
        "stop_condition": "max_turns_reached",
        "token_usage": {"input_tokens": 7, "output_tokens": 3},
    }
    end = ended(read_value(FORMAT, later))
    assert (end.status, end.stop_reason) == ("truncated", "max_turns_reached")
    assert end.scores["turns"] == 2
    assert end.usage is not None
    assert (end.usage.prompt_tokens, end.usage.completion_tokens) == (7, 3)


def test_an_error_is_reported_with_its_cause() -> None:
    # As verifiers 0.1.14 wrote it when the server answered with 500.
    chain = "ModelError() -> InternalServerError(\"Error code: 500 - {'error': …}\")"
    error = {"error": "ModelError", "error_chain_repr": chain, "error_chain_str": "ModelError -> …"}
    for row in ({"error": error}, {"error": "ModelError", "error_chain": chain}):
        start = started(read_value(FORMAT, {**ROLLOUT, **row}))
        assert [found.message for found in start.diagnostics] == [chain]


def test_a_rollout_that_broke_off_is_an_error() -> None:
    events = read_value(FORMAT, {**ROLLOUT, "error": {"error": "ModelError", "message": "boom"}})
    assert ended(events).status == "error"
    assert found_codes(events)[0] == "RUN_ERROR:error"


def test_texts_and_empty_completions_are_read() -> None:
    events = read_value(FORMAT, {"prompt": "2+2=", "completion": "4", "reward": 1})
    assert dialog(events) == [("user", "2+2="), ("assistant", "4")]
    assert dialog(read_value(FORMAT, {**ROLLOUT, "completion": []})) == [
        ("user", "Add one to one.")
    ]


def test_a_non_message_is_a_defect_at_its_location() -> None:
    events = read_value(FORMAT, {**ROLLOUT, "completion": [7]})
    (defect,) = only(events, SourceDefect)
    assert defect.at is not None
    assert defect.at.pointer == "/completion/0"
    assert only(read_value(FORMAT, 7), SourceDefect)


@settings(max_examples=100, deadline=None)
@given(any_json("prompt", "completion", "role", "content", "tool_calls", "info", "reward"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    for item in (value, {"prompt": value, "completion": value, "info": value, "reward": value}):
        FORMAT.sniff(sample(item))
        read_value(FORMAT, item)
    read_value(FORMAT, {**ROLLOUT, "error": value, "metrics": value, "token_usage": value})


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mcp-env--gpt-4.1-mini__fdac998f", (3, 12, 3, 0)),
        ("arc-agi-3--gpt-4.1-mini__1c109c41", (3, 516, 0, 0)),
        ("math-python--gpt-4.1-mini__578769a7", (15, 105, 30, 15)),
        ("wiki-search--qwen--qwen3-4b-instruct-2507__e762fd98", (100, 846, 273, 0)),
        ("tool-test--gpt-4.1-mini__5cde0948", (15, 15, 0, 0)),
    ],
)
def test_real_files_match_their_manifest(
    name: str, expected: tuple[int, ...], trajectories: Path
) -> None:
    data = (trajectories / "05-verifiers" / name / "results.jsonl").read_bytes()
    assert format_of(data) == "verifiers"
    events = read_bytes(FORMAT, data)
    assert counts_with_errors(events) == expected


def test_the_metadata_next_to_the_file_names_model_and_environment() -> None:
    about = {"model": "m1", "env": "wordle", "avg_reward": 0.5}
    build = RunBuilder(ByteRange(0, 1), sidecars={"metadata.json": about})
    FORMAT.read({"prompt": "Hi", "completion": "Hello", "reward": 1.0}, build)
    start = started(build.events)
    assert start.model == "m1"
    assert start.details["evaluation"] == about


@pytest.mark.parametrize("about", ["cannot be read: not JSON", [1], 7])
def test_invalid_metadata_does_not_stop_reading(about: object) -> None:
    build = RunBuilder(ByteRange(0, 1), sidecars={"metadata.json": about})
    FORMAT.read({"prompt": "Hi", "completion": "Hello", "reward": 1.0}, build)
    assert started(build.events).details["evaluation"] == about


@pytest.mark.parametrize(
    ("timing", "seconds"),
    [({"generation_ms": 1500, "total_ms": 2000}, 2.0), ({"generation_ms": 1500}, 1.5)],
)
def test_the_time_of_a_rollout_is_its_duration(timing: dict[str, int], seconds: float) -> None:
    value = {key: item for key, item in ROLLOUT.items() if not key.endswith("_ms")}
    state, _ = fold_run(read_value(FORMAT, {**value, **timing}))
    assert summarise(state).duration_s == seconds
