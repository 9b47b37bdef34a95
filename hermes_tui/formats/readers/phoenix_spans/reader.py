"""`phoenix-spans`: spans from Arize Phoenix, and others of the same shape.

    file = span*                     lines, an array, or one after the other over several lines
         | {"data" | "spans": [span, …]}
         | {"_table": "spans", "trace_id", "spans": [span, …], "annotations"?: [note, …]}
                                     a line a trace, from its SQLite
    span = {"name", "context": {"trace_id", "span_id"}, "span_kind"?, "parent_id", "start_time",
            "end_time", "status_code" | "status", "attributes", "events"}

Attributes are nested, or flat with dots in their names; a data frame has such names for everything
(`context.span_id`, `attributes.llm.model_name`). The console exporter of OpenTelemetry's SDK writes
such spans too, and between them the log records that hold their messages: see `otlp_logs`. So does
Agent Lightning's store: there an attempt at a rollout is a trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.json_text.json_slice import pointer_of
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.readers.phoenix_spans.agentlightning_spans import attempt_of, rewards_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.spans.attributes import Attributes
from hermes_tui.formats.spans.genai_spans import RawSpan, span_of, with_missing_parents
from hermes_tui.formats.spans.otlp_logs import LogRecord, is_printed, printed_record, with_records
from hermes_tui.formats.spans.runs import Trace, append_trace, append_traces
from hermes_tui.formats.traits import Traits
from hermes_tui.parsers.measures import timestamp

_SPANS_TABLE = "spans"
_LISTS = ("data", "spans")
_FAILED = frozenset({"ERROR", "STATUSCODE.ERROR", "STATUS_CODE_ERROR", "2"})


class PhoenixSpans:
    """Reads lists of spans: a run for each agent of a trace."""

    name = "phoenix-spans"
    summary = "Arize Phoenix spans: exports, data frames, its SQLite; OpenTelemetry console spans"
    traits = Traits(joins_values=True)

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        if fields.mostly(values, _is_printed) and any(map(_is_of_model, values)):
            return Match(0.95, Unit.RUNS, layout.together())
        are_lists = fields.mostly(values, lambda value: bool(_spans_of(value)[1]))
        return Match(0.95, Unit.RUNS, layout) if are_lists else None

    def read(self, value: Any, build: RunBuilder) -> None:
        place, listed = _spans_of(value)
        raw_spans: list[RawSpan] = []
        records: list[LogRecord] = []
        for pointer, line, span in build.placed(listed or value, place):
            if _is_span(span):
                raw_spans.append(_raw_span(span, pointer, line))
            elif is_printed(span):
                record = printed_record(span, pointer, line)
                records += [record] if record else []
            else:
                build.defect("not a span of a trace", span, pointer=pointer, line=line)
        spans = with_missing_parents(map(span_of, with_records(raw_spans, records)))
        if isinstance(value, dict) and value.get("_table") == _SPANS_TABLE:
            append_trace(spans, build, _trace(value))
        else:
            append_traces(spans, build, rewards_of(fields.as_list(listed or value)))


def _trace(value: dict[str, Any]) -> Trace:
    """Return a trace with the annotations of people and evaluators on it and its spans."""
    notes = fields.objects_in(value.get("annotations"))
    scores = {fields.label(note, "name"): note.get("score") for note in notes}
    return Trace(
        id=fields.label(value, "trace_id"),
        details=fields.details_of({"annotations": notes}) if notes else {},
        scores=fields.numbers(scores),
    )


def _spans_of(value: Any) -> tuple[str, list[Any]]:
    """Return the pointer to the spans of an object, and the spans; ("", []) if there are none."""
    for key in _LISTS:
        found = fields.as_list(value.get(key)) if isinstance(value, dict) else []
        if fields.mostly(found[:50], _is_span):
            return f"/{key}", found
    return "", []


def _is_span(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    context = value.get("context")
    if isinstance(context, dict):
        return "trace_id" in context and "span_id" in context and "start_time" in value
    flat = "context.trace_id" in value and "context.span_id" in value
    return flat or {"trace_id", "span_id", "span_kind", "attributes"} <= value.keys()


def _is_printed(value: Any) -> bool:
    return _is_span(value) or is_printed(value)


def _is_of_model(value: Any) -> bool:
    """Return whether a value is a span, or a record of a request to a model."""
    return _is_span(value) or (is_printed(value) and printed_record(value, "", 0) is not None)


def _raw_span(span: dict[str, Any], pointer: str, line: int) -> RawSpan:
    context = fields.as_dict(span.get("context"))
    status = fields.as_dict(span.get("status"))
    code = fields.label(span, "status_code") or fields.label(status, "status_code")
    return RawSpan(
        id=fields.label(context, "span_id") or fields.label(span, "context.span_id", "span_id"),
        parent_id=fields.label(span, "parent_id", "parent_span_id"),
        trace_id=attempt_of(span)
        or fields.label(context, "trace_id")
        or fields.label(span, "context.trace_id", "trace_id"),
        name=fields.label(span, "name"),
        kind=fields.label(span, "span_kind"),
        start_s=timestamp(span.get("start_time")),
        end_s=timestamp(span.get("end_time")),
        failed=code.upper() in _FAILED,
        error=fields.label(span, "status_message") or fields.label(status, "description"),
        attributes=_attributes(span),
        events=list(_events(span)),
        resource=fields.as_dict(fields.as_dict(span.get("resource")).get("attributes")),
        pointer=pointer,
        places={
            name: pointer_of(("attributes", name))
            for name in fields.as_dict(span.get("attributes"))
        },
        line=line,
    )


def _attributes(span: dict[str, Any]) -> dict[str, Any]:
    found = decode_if_json(span.get("attributes"))
    if isinstance(found, dict):
        return found
    prefix = "attributes."
    return {key[len(prefix) :]: item for key, item in span.items() if key.startswith(prefix)}


def _events(span: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the events of a span, with flat attributes."""
    for event in fields.objects_in(decode_if_json(span.get("events"))):
        given = fields.as_dict(decode_if_json(event.get("attributes")))
        yield fields.label(event, "name"), Attributes(given).flat


FORMAT = PhoenixSpans()
