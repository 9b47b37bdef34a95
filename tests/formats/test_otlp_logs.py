"""Messages that OpenTelemetry's instrumentations keep in log records alongside the spans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.otlp import FORMAT
from hermes_tui.formats.readers.phoenix_spans import reader as phoenix_spans
from hermes_tui.model.events import RequestFailed, SourceDefect
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
from tests.formats.test_otlp import as_any_value, chat, export, pairs, span

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "otel"
KEPT = ["openai-v2-2.4-events", "genai-openai-1.3-events"]
WHOLE = [
    ("system", "You are a careful assistant."),
    ("user", "multi: Lima?"),
    ("assistant", ""),
    ("tool", '{"city": "Lima", "temp": 3, "units": "c"}'),
    ("assistant", "Lima is 18."),
]


def record(name: str, body: Any = None, span_id: str = "one", **more: Any) -> dict[str, Any]:
    attributes = pairs(more.pop("attributes", {}))
    where = {"traceId": "t1", "spanId": span_id, "eventName": name}
    return {**where, "body": as_any_value(body), "attributes": attributes, **more}


def logs(*records: Any) -> dict[str, Any]:
    scope = {"scope": {"name": "x"}, "logRecords": list(records)}
    return {"resourceLogs": [{"resource": {}, "scopeLogs": [scope]}]}


USER = record("gen_ai.user.message", {"content": "List."})
REPLY = {"role": "assistant", "content": "Done."}
CHOICE = record("gen_ai.choice", {"index": 0, "finish_reason": "length", "message": REPLY})


@pytest.mark.parametrize("kept", KEPT)
def test_messages_of_log_records_belong_to_their_spans(kept: str) -> None:
    data = (FIXTURES / f"{kept}.jsonl").read_bytes()
    assert format_of(data) == "otlp"
    events = read_bytes(FORMAT, data)
    assert [run.task for run in runs(events)] == ["multi: Lima?", "bad400: Too long"]
    assert dialog(events)[:5] == WHOLE
    assert [(call.id, call.name) for call in calls(events)] == [("call_m_1", "get_weather")]
    assert "maximum context length" in only(events, RequestFailed)[0].message
    usage = messages(events)[4].usage
    assert usage is not None and usage.prompt_tokens == 110


@pytest.mark.parametrize("kept", KEPT)
def test_log_records_without_spans_are_a_conversation_too(kept: str) -> None:
    data = (FIXTURES / f"{kept}.jsonl").read_bytes()
    alone = b"".join(line for line in data.splitlines(True) if b"resourceLogs" in line)
    events = read_bytes(FORMAT, alone)
    assert [run.task for run in runs(events)] == ["multi: Lima?", "bad400: Too long"]
    assert dialog(events)[:5] == WHOLE


def test_text_in_a_log_record_is_kept_verbatim() -> None:
    asked = record("gen_ai.user.message", {"content": '{"a":  1}'})
    events = read_value(FORMAT, logs(asked, CHOICE))
    assert dialog(events) == [("user", '{"a":  1}'), ("assistant", "Done.")]
    assert messages(events)[1].finish_reason == "length"


def test_application_logs_and_metrics_are_skipped() -> None:
    other = record("", {"msg": "served"})
    metrics = {"resourceMetrics": [{"resource": {}, "scopeMetrics": []}]}
    request = span("one", attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"})
    events = read_bytes(FORMAT, lines(metrics, logs(other, USER, CHOICE), export(request), metrics))
    assert len(runs(events)) == 1
    assert dialog(events) == [("user", "List."), ("assistant", "Done.")]
    assert started(events).model == "m"


def test_a_file_of_logs_without_a_model_is_not_taken_for_traces() -> None:
    assert format_of(document(logs(record("", {"msg": "served"})))) == ""
    assert format_of(lines({"resourceMetrics": []})) == ""


def test_a_failure_known_only_from_a_log_record_is_a_failed_request() -> None:
    asked = [{"role": "user", "parts": [{"type": "text", "content": "List."}]}]
    attributes = {"gen_ai.input.messages": asked, "error.type": "BadRequestError"}
    name = "gen_ai.client.inference.operation.details"
    events = read_value(FORMAT, logs(record(name, attributes=attributes)))
    assert only(events, RequestFailed)[0].message == "BadRequestError"
    assert ended(events).status == "error"


def test_the_content_of_a_span_takes_precedence_over_its_log_records() -> None:
    asked = [{"role": "user", "parts": [{"type": "text", "content": "Own."}]}]
    done = {"role": "assistant", "parts": [{"type": "text", "content": "Yes."}]}
    own = chat("one", 1, asked, done, parent="")
    events = read_value(FORMAT, [export(own), logs(USER, CHOICE)])
    assert dialog(events)[1:] == [("user", "Own."), ("assistant", "Yes.")]


def printed(name: str, body: Any, at: int = 0) -> dict[str, Any]:
    """Return a record as the SDK's console exporter prints it."""
    about = {"severity_number": None, "attributes": {}, "timestamp": f"2026-01-02T03:04:0{at}Z"}
    return {"body": body, **about, "trace_id": "0xt1", "span_id": "0xone", "event_name": name}


PRINTED = [
    printed("gen_ai.user.message", {"content": "List."}),
    printed("gen_ai.choice", {"finish_reason": "stop", "message": REPLY}, 1),
]


def test_log_records_printed_between_the_spans_belong_to_them() -> None:
    context = {"trace_id": "0xt1", "span_id": "0xone", "trace_state": "[]"}
    times = {"start_time": "2026-01-02T03:04:00Z", "end_time": "2026-01-02T03:04:02Z"}
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    request = {"name": "chat m", "context": context, "parent_id": None, **times}
    request |= {"attributes": attributes, "kind": "SpanKind.CLIENT"}
    values = [*PRINTED, printed("", "served"), request]
    data = b"".join(map(document, values))
    assert format_of(data) == "phoenix-spans"
    events = read_bytes(phoenix_spans.FORMAT, data)
    assert dialog(events) == [("user", "List."), ("assistant", "Done.")]
    assert started(events).model == "m"
    assert only(events, SourceDefect) == []


def test_log_records_printed_without_spans_are_a_conversation_too() -> None:
    data = b"".join(map(document, PRINTED))
    assert format_of(data) == "phoenix-spans"
    assert dialog(read_bytes(phoenix_spans.FORMAT, data)) == [
        ("user", "List."),
        ("assistant", "Done."),
    ]
    assert format_of(b"".join(map(document, [printed("", "a"), printed("", "b")]))) == ""


@given(any_json("body", "attributes", "spanId", "eventName"))
@settings(max_examples=200)
def test_any_json_as_a_log_record_is_read_without_an_exception(value: Any) -> None:
    for built in (logs(value), logs({**USER, "body": value}), {"resourceLogs": [value]}):
        read_value(FORMAT, json.loads(json.dumps(built)))
    read_value(phoenix_spans.FORMAT, [{**PRINTED[0], "body": value, "attributes": value}])
