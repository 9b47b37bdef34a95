from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.hermes_sharegpt import HermesBatch, HermesSharegpt
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.events import ToolCallProposed
from hermes_tui.model.messages import Origin
from tests.formats.foreign import any_json, calls, codes, ended, messages, results, sample, started
from tests.formats.hermes_support import load_lines, read

SHAREGPT, BATCH = HermesSharegpt(), HermesBatch()
CORPUS = Path(__file__).resolve().parents[2] / "../shared/corpus/trajectories/02-hermes-sharegpt"


@pytest.fixture(name="done")
def _done() -> Any:
    return load_lines("trajectory_samples.jsonl")[0]


@pytest.fixture(name="failed")
def _failed() -> Any:
    return load_lines("trajectory_samples.jsonl")[1]


def row_of(*turns: tuple[str, str], **more: Any) -> dict[str, Any]:
    rows = [{"from": speaker, "value": text} for speaker, text in turns]
    return {"conversations": rows, "timestamp": "2026-01-02T03:04:05", "completed": True, **more}


def test_samples_and_batch_lines_are_distinguished_by_their_fields(done: Any) -> None:
    batch = load_lines("batch_0.jsonl")[0]
    assert SHAREGPT.sniff(sample(done)) is not None
    assert BATCH.sniff(sample(done)) is None
    own, other = BATCH.sniff(sample(batch)), SHAREGPT.sniff(sample(batch))
    assert own is not None
    assert other is None or other.score < own.score


def test_a_dataset_without_signs_of_hermes_is_not_claimed() -> None:
    plain = {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hi"}]}
    assert SHAREGPT.sniff(sample(plain)) is None
    plain["conversations"].append({"from": "gpt", "value": "<tool_call>\n{}\n</tool_call>"})
    assert SHAREGPT.sniff(sample(plain)) is not None


def test_calls_and_results_are_parsed_from_the_text_and_paired_by_order(failed: Any) -> None:
    events = read(SHAREGPT, failed)
    assert [call.name for call in calls(events)] == [
        "terminal",
        "read_file",
        "terminal",
        "todo",
        "read_file",
    ]
    assert {call.origin for call in calls(events)} == {Origin.TEXT}
    assert [result.call_id for result in results(events)] == [
        "call_a1",
        "call_a2",
        "call_b1",
        "call_c1",
    ]
    state, findings = fold_run(events)
    assert [found.code for found in findings].count(Code.CALL_UNANSWERED) == 1
    assert Code.RESULT_ORPHAN not in state.codes


def test_an_unanswered_call_at_the_end_is_reported(failed: Any) -> None:
    _, findings = fold_run(read(SHAREGPT, failed))
    (unanswered,) = [found for found in findings if found.code is Code.CALL_UNANSWERED]
    assert "read_file" in unanswered.message


def test_arguments_that_the_exporter_lost_are_reported(failed: Any) -> None:
    found = {
        event.call.name: event.diagnostics
        for event in read(SHAREGPT, failed)
        if isinstance(event, ToolCallProposed) and event.call.arguments == {}
    }
    lost = [item for item in found["terminal"] if item.code is Code.ARGS_INVALID]
    assert [item.severity for item in lost] == [Severity.WARNING]
    assert "command" in lost[0].message
    assert Code.ARGS_INVALID not in [item.code for item in found["todo"]]


def test_tools_are_those_of_the_exporters_prompt(done: Any) -> None:
    start = started(read(SHAREGPT, done))
    assert start.tools_declared
    assert [tool.name for tool in start.tools] == ["terminal", "read_file", "todo"]
    assert messages(read(SHAREGPT, done))[0].flags == ("exporter's prompt",)


def test_tools_may_be_listed_one_per_line() -> None:
    prompt = 'Use <tools></tools>.\n<tools>\n{"name": "a"}\n{"name": "b"}\n</tools>'
    start = started(read(SHAREGPT, row_of(("system", prompt), ("human", "hi"))))
    assert [tool.name for tool in start.tools] == ["a", "b"]


def test_the_example_call_in_the_system_prompt_is_not_a_call(done: Any) -> None:
    assert [call.name for call in calls(read(SHAREGPT, done))] == ["terminal"]


def test_a_closing_tag_inside_a_result_does_not_end_it(done: Any) -> None:
    (result,) = results(read(SHAREGPT, done))
    assert "disk full </tool_response>" in result.content


def test_reasoning_is_read_and_its_empty_placeholder_is_ignored(done: Any) -> None:
    replies = [message for message in messages(read(SHAREGPT, done)) if message.role == "assistant"]
    assert [[piece.text.strip() for piece in message.reasoning] for message in replies] == [
        ["One look."],
        [],
    ]


def test_the_status_follows_the_completed_field(done: Any, failed: Any) -> None:
    assert ended(read(SHAREGPT, done)).status == "ok"
    assert ended(read(SHAREGPT, failed)).status == "failed"


def test_summaries_of_earlier_turns_and_doubled_questions_are_marked() -> None:
    row = row_of(
        ("human", "go"),
        ("human", "go"),
        ("human", "[CONTEXT SUMMARY]: we looked at the log"),
        ("gpt", "[CONTEXT COMPACTION] we looked at the log"),
    )
    assert [message.flags for message in messages(read(SHAREGPT, row))] == [
        (),
        ("doubled",),
        ("compaction",),
        ("compaction",),
    ]


def test_cleared_tool_output_is_a_compaction() -> None:
    body = {
        "tool_call_id": "c",
        "name": "f",
        "content": "[Old tool output cleared to save context space]",
    }
    text = f"<tool_response>\n{json.dumps(body)}\n</tool_response>"
    assert "compaction" in messages(read(SHAREGPT, row_of(("tool", text))))[0].flags


def test_a_batch_line_keeps_its_statistics_without_the_zeros() -> None:
    done, failed = (read(BATCH, line) for line in load_lines("batch_0.jsonl"))
    details = started(failed).details
    assert sorted(details["tool_stats"]) == ["read_file", "terminal", "todo"]
    assert details["tool_error_counts"] == {"read_file": 1, "terminal": 1}
    assert "reasoning" in details["not_in_this_file"]
    assert started(done).details["tool_error_counts"] == {}
    assert started(done).model == "example/hermes-4-14b"
    assert started(done).run_id == "prompt 0"


def test_a_partial_batch_run_has_a_warning() -> None:
    done, failed = (read(BATCH, line) for line in load_lines("batch_0.jsonl"))
    assert [(item.code, item.severity) for item in started(failed).diagnostics] == [
        (Code.TRUNCATED, Severity.WARNING)
    ]
    assert started(done).diagnostics == ()
    assert ended(failed).stop_reason == "given up (partial)"


def test_requests_without_a_reply_in_a_batch_run_are_reported() -> None:
    row = row_of(("human", "hi"), ("gpt", "<think>\nplan\n</think>"), api_calls=6, tool_stats={})
    (found,) = started(read(BATCH, row)).diagnostics
    assert found.message.startswith("5 of 6 requests counted by hermes-agent left no message")
    summary = ("human", "[CONTEXT COMPACTION — REFERENCE ONLY] it was said")
    compacted = row_of(summary, ("gpt", "ok"), api_calls=6, tool_stats={})
    assert started(read(BATCH, compacted)).diagnostics == ()


def test_a_truncated_reply_is_reported_if_hermes_agent_requests_the_rest() -> None:
    rest = "[System: Your previous response was truncated by the output length limit. …]"
    row = row_of(("human", "hi"), ("gpt", "This ends in the mid"), ("human", rest), ("gpt", "dle."))
    events = read(BATCH, {**row, "tool_stats": {}})
    assert messages(events)[2].flags == ("injected",)
    assert dict(fold_run(events)[0].codes) == {Code.TRUNCATED: 1}


def test_a_compressed_line_has_its_compression_metrics() -> None:
    metrics = {"original_tokens": 9000, "compressed_tokens": 900, "was_compressed": True}
    row = row_of(("human", "hi"), compression_metrics=metrics)
    assert BATCH.sniff(sample(row)) is not None
    assert started(read(BATCH, row)).details["compression_metrics"] == metrics


@pytest.mark.parametrize("value", [None, 5, [], {}, {"conversations": 7}, "[" * 50])
def test_a_record_that_is_not_a_sample_is_a_defect(value: Any) -> None:
    (defect,) = read(SHAREGPT, value)
    assert "conversations" in getattr(defect, "message", "")


@settings(max_examples=150, deadline=None)
@given(
    any_json("conversations", "from", "value", "completed", "tool_stats", "tools", "metadata"),
    any_json("from", "value"),
)
def test_reading_and_sniffing_never_raise(value: Any, turns: Any) -> None:
    for item in (value, {"conversations": turns, "tools": value, "tool_stats": value}):
        for reader in (SHAREGPT, BATCH):
            reader.sniff(sample(item))
            events = read(reader, item)
            assert [event.seq for event in events] == list(range(len(events)))


@pytest.mark.shared
def test_real_samples_match_their_manifest() -> None:
    path = CORPUS / "hermeswith-trajectory_samples.jsonl"
    if not path.exists():
        pytest.skip("the corpus is not here")
    runs = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert SHAREGPT.sniff(sample(*runs)) is not None
    read_runs = [read(SHAREGPT, run) for run in runs]
    assert len(read_runs) == 13
    assert sum(len(messages(events)) for events in read_runs) == 39
    assert sum(len(calls(events)) for events in read_runs) == 0
    assert all(messages(events)[2].reasoning for events in read_runs)
    assert not any(codes(events) for events in read_runs)
