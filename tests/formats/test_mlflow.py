"""Traces of MLflow: exports, rows of data frames, artifacts, the SQLite store, older spellings."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.mlflow.reader import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import RequestFailed, SourceDefect
from hermes_tui.runtime.opener import FoundRun, open_file, survey
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    document,
    ended,
    format_of,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
    started,
)

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "mlflow" / "traces-3.17.jsonl"
TRACES = [json.loads(line) for line in FIXTURE.read_text("utf-8").splitlines()]
REFUSED, STREAMED, JUDGED = TRACES
CONVERSATION = [
    ("system", "You are a careful assistant."),
    ("user", "multi: Lima?"),
    ("assistant", ""),
    ("tool", '{"city": "Lima", "temp": 3, "units": "c"}'),
    ("assistant", "Lima is 18."),
]


def dataframe_row(trace: dict[str, Any]) -> dict[str, Any]:
    about = {"trace_id": trace["info"]["trace_id"], "state": "OK", "request": None}
    return {**about, "trace": json.dumps(trace), "spans": trace["data"]["spans"]}


def as_version_2(trace: dict[str, Any]) -> dict[str, Any]:
    """Return a trace as MLflow wrote it before version 3."""
    spans = [
        {
            "name": span["name"],
            "context": {"trace_id": span["trace_id"], "span_id": span["span_id"]},
            "parent_id": span["parent_span_id"],
            "start_time": span["start_time_unix_nano"],
            "end_time": span["end_time_unix_nano"],
            "status_code": span["status"]["code"].removeprefix("STATUS_CODE_"),
            "status_message": span["status"]["message"],
            "attributes": span["attributes"],
            "events": span["events"],
        }
        for span in trace["data"]["spans"]
    ]
    info = {"request_id": trace["info"]["trace_id"], "tags": trace["info"]["tags"]}
    return {"info": info, "data": {"spans": spans, "request": "{}", "response": "null"}}


@pytest.mark.parametrize(
    "data",
    [
        lines(JUDGED),
        document(JUDGED),
        document([JUDGED, JUDGED]),
        lines(dataframe_row(JUDGED)),
        document(JUDGED["data"]),
        document(as_version_2(JUDGED)),
    ],
    ids=["line", "document", "list", "row", "artifact", "older"],
)
def test_every_form_of_a_trace_is_read_alike(data: bytes) -> None:
    assert format_of(data) == "mlflow"
    events = read_bytes(FORMAT, data)
    assert dialog(events)[:5] == CONVERSATION
    assert started(events).model == "scripted-1-2026"
    assert [tool.name for tool in started(events).tools] == ["get_weather", "read_file"]
    assert started(events).run_id == JUDGED["info"]["trace_id"]
    assert calls(events)[0].raw["function"]["arguments"] == '{"city": "Lima"}'
    usage = messages(events)[4].usage
    assert usage is not None and (usage.prompt_tokens, usage.cached_tokens) == (110, 7)
    assert ended(events).usage.prompt_tokens == 210
    assert ended(events).ts == pytest.approx(JUDGED["data"]["spans"][0]["end_time_unix_nano"] / 1e9)


def test_a_streamed_reply_has_the_calls_joined_from_its_chunks() -> None:
    output = STREAMED["data"]["spans"][1]["attributes"]["mlflow.spanOutputs"]
    assert json.loads(output)["choices"][0]["message"]["tool_calls"] is None
    events = read_value(FORMAT, STREAMED)
    (call,) = calls(events)
    assert call.raw["function"]["arguments"] == '{"path": "/very/long'
    assert messages(events)[-1].finish_reason == "length"
    assert ended(events).status == "truncated"


def test_a_failed_request_is_reported_as_one() -> None:
    events = read_value(FORMAT, REFUSED)
    assert "maximum context length" in only(events, RequestFailed)[0].message
    assert ended(events).status == "error"


def test_feedback_on_a_trace_is_kept_and_an_expectation_is_not_a_score() -> None:
    events = read_value(FORMAT, JUDGED)
    assert ended(events).scores == {"quality": 0.5}
    assert "only one city" in json.dumps(started(events).details["assessments"])


def test_a_value_that_is_not_a_trace_is_reported_with_its_line() -> None:
    trace = {**JUDGED, "data": {"spans": ["odd", *JUDGED["data"]["spans"]]}}
    events = read_bytes(FORMAT, document([trace, JUDGED, JUDGED, JUDGED, {"odd": 1}]))
    assert len(runs(events)) == 4
    assert len(only(events, SourceDefect)) == 2


def test_the_sqlite_store_is_read_one_trace_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as store:
        store.execute("CREATE TABLE trace_info (request_id TEXT, timestamp_ms INT, status TEXT)")
        store.execute(
            "CREATE TABLE spans (trace_id TEXT, span_id TEXT, start_time_unix_nano INT, "
            "content TEXT)"
        )
        store.execute("CREATE TABLE trace_tags (key TEXT, value TEXT, request_id TEXT)")
        store.execute(
            "CREATE TABLE assessments (trace_id TEXT, name TEXT, assessment_type TEXT, value TEXT, "
            "rationale TEXT, created_timestamp INT)"
        )
        for number, trace in enumerate(reversed(TRACES)):
            trace_id = trace["info"]["trace_id"]
            store.execute("INSERT INTO trace_info VALUES (?, ?, 'OK')", (trace_id, number))
            name = ("mlflow.traceName", "agent", trace_id)
            store.execute("INSERT INTO trace_tags VALUES (?, ?, ?)", name)
            for span in trace["data"]["spans"]:
                row = (trace_id, span["span_id"], span["start_time_unix_nano"], json.dumps(span))
                store.execute("INSERT INTO spans VALUES (?, ?, ?, ?)", row)
        store.execute("INSERT INTO trace_info VALUES ('kept elsewhere', 9, 'OK')")
        assessment = (JUDGED["info"]["trace_id"], "quality", "feedback", "0.5", "only one city", 1)
        store.execute("INSERT INTO assessments VALUES (?, ?, ?, ?, ?, ?)", assessment)
    store.close()
    before = path.read_bytes()
    file = open_file(path, whole=True)
    found = [step.state for step in survey(file) if isinstance(step, FoundRun)]
    file.close()
    assert [(run.task, run.scores) for run in found] == [
        ("multi: Lima?", {"quality": 0.5}),
        ("cut: Read the long file", {}),
        ("bad400: Too long", {}),
    ]
    assert path.read_bytes() == before


@given(any_json("info", "data", "spans", "attributes", "events", "status", "trace"))
@settings(max_examples=200)
def test_any_json_is_read_without_an_exception(value: Any) -> None:
    read_value(FORMAT, value)
    span = {**JUDGED["data"]["spans"][1], "events": value, "status": value, "span_id": "x="}
    fold_run(read_value(FORMAT, {"info": value, "data": {"spans": [span, value]}}))
