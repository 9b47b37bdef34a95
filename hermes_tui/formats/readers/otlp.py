"""`otlp`: traces as OpenTelemetry's collectors and SDKs export them in JSON.

    export = {"resourceSpans": [{"resource", "scopeSpans": [{"scope", "spans": [span, …]}]}]}
    span   = {"traceId", "spanId", "parentSpanId"?, "name", "startTimeUnixNano", "attributes",
              "events"?, "status"?}
           | {"resourceLogs"}      messages outside the spans: see `otlp_logs`
           | {"resourceMetrics"}   ignored
           | {"data": [span, …]}   a page of the API of Arize Phoenix, `spans/otlpv1`

A collector writes an export a line, and a trace may be spread over several: all lines are read
together. See `genai_spans` for the conventions whose attributes are understood.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.spans.attributes import any_value, key_values
from hermes_tui.formats.spans.genai_spans import RawSpan, span_of, with_missing_parents
from hermes_tui.formats.spans.otlp_logs import LISTS, LogRecord, log_records, with_records
from hermes_tui.formats.spans.runs import append_traces
from hermes_tui.parsers.measures import timestamp

_RESOURCES = ("resourceSpans", "resource_spans", "batches")
_SCOPES = ("scopeSpans", "scope_spans", "instrumentationLibrarySpans")
_LOGS = tuple(outer for outer, *_ in LISTS)
_METRICS = ("resourceMetrics", "resource_metrics")
_PAGE = "data"
_LOOKED_AT = 20
_FAILED = frozenset({2, "2", "STATUS_CODE_ERROR"})


class Otlp:
    """Reads exports of spans: a run for each agent of a trace."""

    name = "otlp"
    summary = "OpenTelemetry traces (OTLP JSON): GenAI conventions, OpenLLMetry, OpenInference"

    def sniff(self, sample: Sample) -> Match | None:
        found = sample.match_of_rows(0.97, _is_export)
        return found and sample.match_of_lines(0.97, _is_of_model)

    def read(self, value: Any, build: RunBuilder) -> None:
        spans: list[RawSpan] = []
        records: list[LogRecord] = []
        for place, line, export in build.placed(value):
            if _is_export(export):
                spans.extend(_spans(export, place, line, build))
                records.extend(log_records(export, place, line))
            else:
                build.defect("not an export of spans", export, pointer=place, line=line)
        append_traces(with_missing_parents(map(span_of, with_records(spans, records))), build)


def _is_export(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    names = (_RESOURCES, _LOGS, _METRICS)
    lists = any(isinstance(value.get(_key(value, several)), list) for several in names)
    return lists or _is_page(value)


def _is_page(value: dict[str, Any]) -> bool:
    """Return whether an object is a page of spans without their resources."""
    return fields.mostly(fields.as_list(value.get(_PAGE))[:_LOOKED_AT], _is_span)


def _is_span(value: Any) -> bool:
    """Return whether `value` is a span; those of other formats have no list of attributes."""
    if not isinstance(value, dict) or not isinstance(value.get("attributes"), list):
        return False
    return bool(fields.label(value, "spanId", "span_id"))


def _is_of_model(value: Any) -> bool:
    """Return whether an export has spans, or records of requests to a model."""
    if not isinstance(value, dict):
        return False
    has_spans = isinstance(value.get(_key(value, _RESOURCES)), list) or _is_page(value)
    return has_spans or any(log_records(value, "", 0))


def _key(value: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((name for name in names if name in value), "")


def _spans(export: dict[str, Any], place: str, line: int, build: RunBuilder) -> Iterator[RawSpan]:
    for index, span in enumerate(export[_PAGE] if _is_page(export) else ()):
        yield from _placed(span, {}, f"{place}/{_PAGE}/{index}", line, build)
    outer = _key(export, _RESOURCES)
    for number, element in enumerate(fields.as_list(export.get(outer))):
        group = fields.as_dict(element)
        resource = key_values(fields.as_dict(group.get("resource")).get("attributes"))
        inner = _key(group, _SCOPES)
        for index, scope in enumerate(fields.as_list(group.get(inner))):
            spans = fields.as_list(fields.as_dict(scope).get("spans"))
            for position, span in enumerate(spans):
                pointer = f"{place}/{outer}/{number}/{inner}/{index}/spans/{position}"
                yield from _placed(span, resource, pointer, line, build)


def _placed(
    span: Any, resource: dict[str, Any], pointer: str, line: int, build: RunBuilder
) -> Iterator[RawSpan]:
    if isinstance(span, dict):
        yield _raw_span(span, resource, pointer, line)
    else:
        build.problems.append(("a span that is not an object", fields.excerpt(span)))


def _raw_span(span: dict[str, Any], resource: dict[str, Any], pointer: str, line: int) -> RawSpan:
    status = fields.as_dict(span.get("status"))
    listed = fields.as_list(span.get("attributes"))
    return RawSpan(
        id=fields.label(span, "spanId", "span_id"),
        parent_id=fields.label(span, "parentSpanId", "parent_span_id"),
        trace_id=fields.label(span, "traceId", "trace_id"),
        name=fields.label(span, "name"),
        start_s=timestamp(span.get("startTimeUnixNano", span.get("start_time_unix_nano"))),
        end_s=timestamp(span.get("endTimeUnixNano", span.get("end_time_unix_nano"))),
        failed=_is_failed(status),
        error=fields.label(status, "message"),
        attributes=key_values(listed),
        events=[
            (fields.label(event, "name"), key_values(event.get("attributes")))
            for event in fields.as_list(span.get("events"))
            if isinstance(event, dict)
        ],
        resource=resource,
        pointer=pointer,
        places={
            fields.label(pair, "key"): f"/attributes/{index}/value"
            for index, pair in enumerate(listed)
            if isinstance(pair, dict)
        },
        line=line,
    )


def _is_failed(status: dict[str, Any]) -> bool:
    code = any_value(status.get("code"))
    return isinstance(code, (int, str)) and code in _FAILED


FORMAT = Otlp()
