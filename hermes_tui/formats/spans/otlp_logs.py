"""Log records of OTLP JSON with the messages of requests to a model.

    record  = {"traceId", "spanId", "eventName", "body", "attributes", "timeUnixNano", …}
            | {"trace_id", "span_id", "event_name", "body", "attributes": {…}, "timestamp", …}
                                                         as the SDK's console exporter prints it
    event   = "gen_ai.user.message" … | "gen_ai.choice"      the message is the body; until 1.36
            | "gen_ai.client.inference.operation.details"    the messages are attributes; since 1.37

OpenTelemetry's instrumentations do not write messages into spans by default. The span that a record
belongs to may be in the same file, or missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.spans.attributes import any_value, key_values
from hermes_tui.formats.spans.genai_spans import RawSpan
from hermes_tui.parsers.measures import timestamp

LISTS = (
    ("resourceLogs", "scopeLogs", "logRecords"),
    ("resource_logs", "scope_logs", "log_records"),
)
_PREFIX = "gen_ai."
_LOST_PARENT = "not-recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """A record of a request; its content is the `body` or among the attributes."""

    span_id: str
    trace_id: str
    name: str
    body: Any
    attributes: Mapping[str, Any]
    ts: float | None
    resource: Mapping[str, Any] = field(default_factory=dict)
    pointer: str = ""
    line: int = 0

    @property
    def is_of_model_request(self) -> bool:
        """Return whether the record belongs to the span of a request to a model."""
        return bool(self.span_id) and self.name.startswith(_PREFIX)


def log_records(export: Mapping[str, Any], place: str, line: int) -> Iterator[LogRecord]:
    """Yield the records of an export that belong to requests to a model, and no others."""
    for outer, inner, innermost in LISTS:
        for number, group in enumerate(_objects(export.get(outer))):
            resource = key_values(fields.as_dict(group.get("resource")).get("attributes"))
            for index, scope in enumerate(_objects(group.get(inner))):
                for position, raw in enumerate(_objects(scope.get(innermost))):
                    pointer = f"{place}/{outer}/{number}/{inner}/{index}/{innermost}/{position}"
                    record = _record(raw, resource, pointer, line)
                    if record.is_of_model_request:
                        yield record


def is_printed(value: Any) -> bool:
    """Return whether `value` is a record of any kind, as the console exporter prints it."""
    return isinstance(value, dict) and {"body", "severity_number", "span_id"} <= value.keys()


def printed_record(raw: dict[str, Any], pointer: str, line: int) -> LogRecord | None:
    """Return a record of the console exporter, or None if it belongs to no request to a model."""
    resource = fields.as_dict(fields.as_dict(raw.get("resource")).get("attributes"))
    record = LogRecord(
        span_id=fields.label(raw, "span_id"),
        trace_id=fields.label(raw, "trace_id"),
        name=fields.label(raw, "event_name"),
        body=raw.get("body"),
        attributes=fields.as_dict(raw.get("attributes")),
        ts=timestamp(raw.get("timestamp")) or timestamp(raw.get("observed_timestamp")),
        resource=resource,
        pointer=pointer,
        line=line,
    )
    return record if record.is_of_model_request else None


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one if isinstance(one, dict) else {} for one in fields.as_list(value)]


def _record(raw: dict[str, Any], resource: Mapping[str, Any], pointer: str, line: int) -> LogRecord:
    attributes = key_values(raw.get("attributes"))
    times = ("timeUnixNano", "time_unix_nano", "observedTimeUnixNano", "observed_time_unix_nano")
    stamps = (timestamp(raw.get(key)) for key in times)
    return LogRecord(
        span_id=fields.label(raw, "spanId", "span_id"),
        trace_id=fields.label(raw, "traceId", "trace_id"),
        name=fields.label(raw, "eventName", "event_name") or fields.label(attributes, "event.name"),
        body=any_value(raw.get("body")),
        attributes=attributes,
        ts=next((ts for ts in stamps if ts), None),
        resource=resource,
        pointer=pointer,
        line=line,
    )


def with_records(spans: Iterable[RawSpan], records: Iterable[LogRecord]) -> Iterator[RawSpan]:
    """Yield spans completed from their records, then one for each span that only records
    mention."""
    by_span: dict[tuple[str, str], list[LogRecord]] = {}
    for record in records:
        by_span.setdefault((record.trace_id, record.span_id), []).append(record)
    for span in spans:
        own = by_span.pop((span.trace_id, span.id), None)
        yield _completed(span, own) if own else span
    for several in by_span.values():
        yield _completed(_span_of_records(several), several)


def _completed(span: RawSpan, records: list[LogRecord]) -> RawSpan:
    attributes: dict[str, Any] = {}
    events = list(span.events)
    for record in records:
        if isinstance(record.body, dict) and record.body:
            events.append((record.name, {"body": record.body}))
        attributes |= record.attributes
    return replace(span, attributes={**attributes, **span.attributes}, events=events)


def _span_of_records(records: list[LogRecord]) -> RawSpan:
    """Return the span of a request known only from records; those of a trace get a common
    parent."""
    first, last = records[0], records[-1]
    return RawSpan(
        id=first.span_id,
        parent_id=_LOST_PARENT,
        trace_id=first.trace_id,
        kind="llm",
        start_s=first.ts,
        end_s=last.ts,
        failed=any("error.type" in record.attributes for record in records),
        resource=first.resource,
        pointer=first.pointer,
        line=first.line,
    )
