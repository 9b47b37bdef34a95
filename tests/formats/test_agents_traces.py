"""Traces of the OpenAI Agents SDK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings

from hermes_tui.formats.reader import split_runs
from hermes_tui.formats.readers.agents_traces import FORMAT
from hermes_tui.log.summary import fold_run, summarise
from hermes_tui.model.events import SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    ended,
    format_of,
    lines,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
)

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "openai_agents" / "traces.jsonl"


def span(span_id: str, parent: str | None, kind: str, *, error: Any = None, **data: Any) -> Any:
    times = {"started_at": "2026-11-22T12:00:00+00:00", "ended_at": "2026-11-22T12:00:01+00:00"}
    known = {"object": "trace.span", "id": span_id, "trace_id": "t", "parent_id": parent, **times}
    return {**known, "span_data": {"type": kind, **data}, "error": error}


def test_each_agent_of_a_trace_is_a_run() -> None:
    data = FIXTURE.read_bytes()
    assert format_of(data) == "agents-traces"
    events = read_bytes(FORMAT, data)
    assert only(events, SourceDefect) == []
    boss, helper, closer = runs(events)
    assert [run.model for run in (boss, helper, closer)] == ["boss", "helper", "closer"]
    assert helper.parent_run_id == boss.run_id
    assert boss.details["workflow"] == "Agent workflow"
    first, second, third = split_runs(tuple(events))[1]
    assert [call.name for call in calls(list(first))] == ["ask_helper", "transfer_to_closer"]
    assert dialog(list(second))[-1] == ("assistant", "SUBANSWER 42")
    assert dialog(list(third))[-1] == ("assistant", "FINAL the answer is 42")
    row = summarise(fold_run(first)[0])
    assert (row.prompt_tokens, row.completion_tokens) == (201, 21)


def test_requests_without_content_leave_the_calls_to_the_tool_spans() -> None:
    cause = {"message": "Error in agent run", "data": {"error": "500 gone"}}
    rows = [
        {"object": "trace", "id": "t", "workflow_name": "w", "group_id": "g", "metadata": None},
        span("r1", "a", "response", response_id="resp_1", usage={"input_tokens": 3}),
        span("f1", "a", "function", name="add", input='{"a": 1}', output="2"),
        span("r2", "a", "response", response_id="resp_2", error=cause),
        span("a", None, "agent", name="clerk", tools=["add"], error=cause),
    ]
    events = read_bytes(FORMAT, lines(*rows))
    assert [call.name for call in calls(events)] == ["add"]
    assert [answer.content for answer in results(events)] == ["2"]
    assert (ended(events).status, "500 gone" in ended(events).stop_reason) == ("error", True)


@given(any_json("id", "input"), any_json("message", "output"))
@settings(max_examples=100, deadline=None)
def test_reading_never_raises(value: Any, inner: Any) -> None:
    kinds = ("agent", "generation", "response", "function", "custom")
    rows = [span(k, "p", k, input=value, output=inner, usage=inner, error=value) for k in kinds]
    trace = {"object": "trace", "id": "t", "workflow_name": value, "metadata": inner}
    for found in (value, trace, rows[0], [trace, *rows, value]):
        FORMAT.sniff(sample(found))
        read_value(FORMAT, found)
