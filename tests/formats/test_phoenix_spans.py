"""Spans from Phoenix, nested or flat, in lists, data frames and its own store."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.detect import detect
from hermes_tui.formats.readers import otlp
from hermes_tui.formats.readers.phoenix_spans.reader import FORMAT
from hermes_tui.formats.registry import formats
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import RequestFailed, RunEnded, SourceDefect
from hermes_tui.runtime.opener import FoundRun, open_file, survey
from tests.bytes_source import BytesSource
from tests.conftest import PROJECT
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    deep_json,
    dialog,
    document,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    started,
)

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "phoenix"

NESTED: dict[str, Any] = {
    "llm": {
        "model_name": "m",
        "input_messages": [{"message": {"role": "user", "content": "List."}}],
        "output_messages": [
            {
                "message": {
                    "role": "assistant",
                    "tool_calls": [
                        {"tool_call": {"id": "c1", "function": {"name": "ls", "arguments": "{}"}}}
                    ],
                }
            }
        ],
        "token_count": {"prompt": 7},
    }
}
FLAT = {
    "llm.model_name": "m",
    "llm.input_messages": [{"message.role": "user", "message.content": "List."}],
    "llm.output_messages": [
        {
            "message.role": "assistant",
            "message.tool_calls": [
                {
                    "tool_call.id": "c1",
                    "tool_call.function.name": "ls",
                    "tool_call.function.arguments": "{}",
                }
            ],
        }
    ],
    "llm.token_count.prompt": 7,
}
TOOL = {"tool": {"name": "ls"}, "input": {"value": "{}"}, "output": {"value": "a.txt"}}


def span(span_id: str, kind: str, attributes: Any, **more: Any) -> dict[str, Any]:
    return {
        "name": span_id,
        "context": {"trace_id": "t1", "span_id": span_id},
        "span_kind": kind,
        "parent_id": "root",
        "start_time": "2026-01-02T03:04:05+00:00",
        "end_time": "2026-01-02T03:04:07+00:00",
        "status_code": "OK",
        "status_message": "",
        "attributes": attributes,
        "events": [],
        **more,
    }


ROOT = span("root", "AGENT", {}, parent_id=None, start_time="2026-01-02T03:04:04+00:00")
LLM_SPAN = span("ask", "LLM", NESTED)
TOOL_SPAN = span("ls", "TOOL", TOOL, start_time="2026-01-02T03:04:08+00:00", end_time=None)
SPANS = [ROOT, LLM_SPAN, TOOL_SPAN]


def frame_row(one: dict[str, Any]) -> dict[str, Any]:
    row = {key: value for key, value in one.items() if key not in ("context", "attributes")}
    row |= {f"context.{key}": value for key, value in one["context"].items()}
    return row | {f"attributes.{key}": value for key, value in FLAT.items()}


def as_text(one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "attributes": json.dumps(one["attributes"]), "events": "[]"}


@pytest.mark.parametrize(
    "data",
    [
        document(SPANS),
        lines(*SPANS),
        document({"data": SPANS, "next_cursor": None}),
        lines(*map(as_text, SPANS)),
        lines(ROOT, span("ask", "LLM", FLAT), TOOL_SPAN),
        lines(ROOT, frame_row(LLM_SPAN), TOOL_SPAN),
    ],
    ids=["list", "lines", "page", "texts", "flat", "frame"],
)
def test_spans_are_read_in_every_container_and_spelling(data: bytes) -> None:
    reader = detect(BytesSource(data), formats()).reader
    assert reader is not None and reader.name == "phoenix-spans"
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 3, 1)
    assert dialog(events)[0] == ("user", "List.")
    assert (calls(events)[0].name, started(events).model) == ("ls", "m")
    assert [result.content for result in results(events)] == ["a.txt"]


def test_spans_of_the_console_exporter_are_read() -> None:
    kinds = {"LLM": "chat", "TOOL": "execute_tool", "AGENT": "invoke_agent"}
    spans = []
    for one in SPANS:
        exported = {key: value for key, value in one.items() if key != "span_kind"}
        operation = {"gen_ai.operation.name": kinds[one["span_kind"]]}
        failed = {"status_code": "ERROR", "description": "lost"}
        status = {"status": failed if one is TOOL_SPAN else {"status_code": "UNSET"}}
        del exported["status_code"], exported["status_message"]
        spans.append({**exported, **status, "attributes": {**one["attributes"], **operation}})
    events = read_bytes(FORMAT, document(spans))
    mark = results(events)[0].error
    assert mark is not None and "lost" in mark.reason


def test_spans_printed_one_after_another_belong_to_their_traces() -> None:
    """The console exporter of OpenTelemetry's SDK prints each span over several lines."""
    for between in ("\n", ""):
        printed = between.join(json.dumps(one, indent=4) for one in SPANS).encode() + b"\n"
        assert format_of(printed) == "phoenix-spans"
        events = read_bytes(FORMAT, printed)
        assert only(events, SourceDefect) == []
        assert counts(events) == (1, 3, 1)


def test_a_reply_recorded_in_an_event_as_parts_is_read() -> None:
    """Strands agents record prompts and replies in events, as parts of the Converse API."""
    use = {"toolUse": {"toolUseId": "t1", "name": "ls", "input": {}}}
    asked = {"content": json.dumps([{"text": "List."}])}
    choice = {"message": json.dumps([{"text": "So:"}, use]), "finish_reason": "tool_use"}
    span = {
        **SPANS[0],
        "attributes": {"gen_ai.operation.name": "chat"},
        "events": [
            {"name": "gen_ai.user.message", "timestamp": None, "attributes": asked},
            {"name": "gen_ai.choice", "timestamp": None, "attributes": choice},
        ],
    }
    events = read_bytes(FORMAT, document([span]))
    assert dialog(events) == [("user", "List."), ("assistant", "So:")]
    assert [call.name for call in calls(events)] == ["ls"]


def test_its_store_is_read_without_being_changed(tmp_path: Path) -> None:
    path = tmp_path / "phoenix.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE traces (id INTEGER PRIMARY KEY, trace_id TEXT)")
        connection.execute(
            "CREATE TABLE spans (id INTEGER PRIMARY KEY, trace_rowid INTEGER, span_id TEXT, "
            "parent_id TEXT, name TEXT, span_kind TEXT, start_time TIMESTAMP, "
            "end_time TIMESTAMP, attributes JSON, events JSON, status_code TEXT, "
            "status_message TEXT)"
        )
        connection.executemany("INSERT INTO traces VALUES (?, ?)", [(1, "t1"), (2, "t2")])
        for trace in (1, 2):
            for one in SPANS:
                row = (
                    trace, one["context"]["span_id"], one["parent_id"], one["name"],
                    one["span_kind"], one["start_time"], one["end_time"],
                    json.dumps(one["attributes"]), "[]", "OK", "",
                )  # fmt: skip
                connection.execute(f"INSERT INTO spans VALUES (NULL{', ?' * 11})", row)
        connection.execute("INSERT INTO traces VALUES (3, 'without spans')")
        connection.execute(
            "CREATE TABLE span_annotations (id INTEGER PRIMARY KEY, span_rowid INTEGER, name TEXT, "
            "label TEXT, score REAL, explanation TEXT, annotator_kind TEXT)"
        )
        note = (1, 1, "correct", "no", 0.25, "it is not", "LLM")
        connection.execute("INSERT INTO span_annotations VALUES (?, ?, ?, ?, ?, ?, ?)", note)
    connection.close()
    before = path.read_bytes()
    file = open_file(path, whole=True)
    found = [step.state for step in survey(file) if isinstance(step, FoundRun)]
    file.close()
    assert [(run.run_id, run.messages) for run in found] == [("t1", 3), ("t2", 3)]
    assert [run.scores for run in found] == [{"correct": 0.25}, {}]
    assert found[0].details["annotations"][0]["explanation"] == "it is not"
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("kept", "name"), [("spans", "phoenix-spans"), ("otlpv1", "otlp")], ids=["spans", "otlpv1"]
)
def test_api_responses_are_read_in_both_forms(kept: str, name: str) -> None:
    data = (FIXTURES / f"{kept}-20.26.json").read_bytes()
    assert format_of(data) == name
    found = FORMAT if name == FORMAT.name else otlp.FORMAT
    events = read_bytes(found, data)
    refused, cut = runs(events)
    assert (refused.task, refused.model) == ("bad400: Too long", "scripted-1")
    assert (cut.task, cut.model) == ("cut: Read the long file", "scripted-1-2026")
    assert "maximum context length" in only(events, RequestFailed)[0].message
    assert calls(events)[0].raw["function"]["arguments"] == '{"path": "/very/long'
    assert messages(events)[-1].finish_reason == "length"
    assert "TRUNCATED:error" in found_codes(events)


@pytest.mark.parametrize("key", ["", "message", "llm", "0"])
@pytest.mark.parametrize("kind", ["LLM", "TOOL", "AGENT"])
def test_deeply_nested_values_do_not_raise(key: str, kind: str) -> None:
    deep = deep_json(key)
    given = {"llm": {"input_messages": [deep, {"message": deep}], "tools": deep}, "input": deep}
    odd = span("odd", kind, given, resource=deep)
    fold_run(read_value(FORMAT, [odd, span("other", kind, deep), ROOT]))


@settings(max_examples=60, deadline=None)
@given(
    value=any_json(
        "context", "trace_id", "span_id", "attributes", "events", "llm", "input_messages",
        "message", "data", "spans", "parent_id", "start_time", "status", "0", "llm.tools.0",
    )
)  # fmt: skip
def test_no_value_raises(value: Any) -> None:
    odd = {**LLM_SPAN, "attributes": value, "events": value, "status": value}
    for one in (value, [odd], {"spans": [odd, odd, odd, odd, value]}, [value, odd]):
        fold_run(read_value(FORMAT, one))


def test_spans_of_an_agent_lightning_attempt_are_one_run_with_its_reward() -> None:
    data = (PROJECT / "tests/fixtures/otel/agentlightning-0.3.jsonl").read_bytes()
    assert format_of(data) == "phoenix-spans"
    events = read_bytes(FORMAT, data)
    assert counts(events) == (2, 7, 3)
    assert [run.run_id.count("/at-") for run in runs(events)] == [1, 1]
    ends = [event for event in events if isinstance(event, RunEnded)]
    assert [(end.reward, end.scores) for end in ends] == [
        (1.0, {"primary": 1.0}),
        (0.0, {"primary": 0.0}),
    ]


def test_an_attempt_takes_the_first_value_of_its_last_reward() -> None:
    def rewarded(number: int, *values: float) -> dict[str, Any]:
        values_by_key = {
            f"agentlightning.reward.{n}.value": value for n, value in enumerate(values)
        }
        names = {f"agentlightning.reward.{n}.name": f"r{n}" for n in range(len(values))}
        return {
            "rollout_id": "ro-1",
            "attempt_id": "at-1",
            "name": "agentlightning.annotation",
            "context": {"trace_id": f"t{number}", "span_id": f"s{number}"},
            "start_time": number,
            "attributes": {**values_by_key, **names},
        }

    events = read_value(FORMAT, [rewarded(1, 0.0, 5), rewarded(2, 0.5), rewarded(3)])
    (end,) = [event for event in events if isinstance(event, RunEnded)]
    assert (end.reward, end.scores) == (0.5, {"r0": 0.5, "r1": 5})
