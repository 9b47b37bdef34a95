"""`mlflow`: traces of MLflow, as its API, its data frames, its artifacts and its SQLite hold them.

    trace = {"info": {"trace_id" | "request_id", "trace_metadata" | "request_metadata", "tags",
                      "assessments"?, …},
             "data": {"spans": [span, …]}}
          | {"spans": [span, …]}                  the artifact `traces.json`
          | {"trace": trace | JSON of it, …}      a row of a data frame
    span: see `mlflow_spans`

A file holds one, a list, or a line each.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.readers.mlflow.spans import is_span, span_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.spans.runs import Trace, append_trace

_LOOKED_AT = 50
_DETAIL_KEYS = {
    "session": "mlflow.trace.session",
    "user": "mlflow.trace.user",
    "source_run": "mlflow.sourceRun",
    "model_id": "mlflow.modelId",
    "trace": "mlflow.traceName",
}
"""The names of MLflow's own metadata and tags in the details; those of others keep their names."""


class MLflow:
    """Reads each trace into a run for each agent."""

    name = "mlflow"
    summary = "MLflow traces: exports, data frames, the artifact traces.json, its SQLite store"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.97, lambda value: _spans_in(value) is not None)

    def read(self, value: Any, build: RunBuilder) -> None:
        for place, line, one in build.placed(value):
            found = _spans_in(one)
            if found is None:
                build.defect("no trace in this record", one, pointer=place, line=line)
            else:
                _read(found, place, line, build)


def _spans_in(value: Any) -> tuple[str, dict[str, Any], list[Any]] | None:
    """Return the pointer to the spans of a trace, its metadata, and the spans; None if there is
    none."""
    if not isinstance(value, dict):
        return None
    places = [("", value)]
    for key in ("trace", "data"):
        pointer, holder = places[-1]
        inner = decode_if_json(holder.get(key))
        if isinstance(inner, dict):
            places.append((f"{pointer}/{key}", inner))
    about = next((fields.as_dict(one["info"]) for _, one in places if "info" in one), value)
    for pointer, holder in reversed(places):
        spans = fields.as_list(decode_if_json(holder.get("spans")))
        if any(map(is_span, spans[:_LOOKED_AT])):
            return f"{pointer}/spans", about, spans
    return None


def _read(
    found: tuple[str, dict[str, Any], list[Any]], place: str, line: int, build: RunBuilder
) -> None:
    where, about, listed = found
    spans, odd = [], []
    for index, one in enumerate(listed):
        pointer = f"{place}{where}/{index}"
        if isinstance(one, dict):
            spans.append(span_of(one, pointer, line))
        else:
            odd.append((pointer, one))
    append_trace(spans, build, _trace(about, spans[0].trace_id, line))
    for pointer, one in odd:
        build.defect("a span that is not an object", one, pointer=pointer)


def _trace(about: dict[str, Any], span_trace: str, line: int) -> Trace:
    named: dict[str, Any] = {}
    for key in ("trace_metadata", "request_metadata", "tags"):
        named |= fields.as_dict(decode_if_json(about.get(key)))
    details = {name: named.get(key) for name, key in _DETAIL_KEYS.items()}
    details |= {key: one for key, one in named.items() if not key.startswith("mlflow.")}
    listed = [fields.as_dict(one) for one in fields.as_list(about.get("assessments"))]
    given = {fields.label(one, "assessment_name", "name"): _value(one) for one in listed}
    if listed:
        details["assessments"] = listed
    return Trace(
        id=fields.label(about, "trace_id", "request_id") or span_trace,
        name=fields.label(named, "mlflow.traceName"),
        details=fields.details_of(fields.without_empty(details)),
        scores=fields.numbers(given),
        line=line,
    )


def _value(assessment: dict[str, Any]) -> Any:
    """Return the value of an assessment; an expectation is not a score."""
    return fields.as_dict(assessment.get("feedback")).get("value")


FORMAT = MLflow()
