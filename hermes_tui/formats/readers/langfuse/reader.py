"""`langfuse`: traces of Langfuse, exported from its UI or its API, or as lists of observations.

file   = export | trace | observation* | {"data": [observation, …]}
export = {"trace": trace, "observations": [observation, …]}
trace  = {"id", "name", "input", "output", "observations"?: [observation, …], "scores", …}
observation: see `langfuse_observations`
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.readers.langfuse.observations import is_observation, kept, span_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.spans.runs import Trace, append_trace, append_traces
from hermes_tui.formats.spans.tree import Span, SpanKind
from hermes_tui.parsers.measures import timestamp

_ABOUT_TRACE = {
    "trace": "name",
    "user": "userId",
    "session": "sessionId",
    "tags": "tags",
    "release": "release",
    "version": "version",
    "environment": "environment",
    "latency_s": "latency",
    "cost_usd": "totalCost",
    "input": "input",
    "output": "output",
}
"""The names of a trace's members in the details of a run."""


class Langfuse:
    """Reads a trace into a run for each agent, and a list of observations into the runs of its
    traces."""

    name = "langfuse"
    summary = "Langfuse traces with their observations; a run for each agent, scores and costs kept"

    def sniff(self, sample: Sample) -> Match | None:
        found = sample.match_of_rows(0.96, is_observation)
        return found or sample.match_of_runs(0.96, lambda one: _is_trace(one) or _is_page(one))

    def read(self, value: Any, build: RunBuilder) -> None:
        if isinstance(value, list):
            _read_observations(value, "", build)
        elif _is_page(value):
            _read_observations(value["data"], "/data", build)
        elif isinstance(value, dict) and _is_trace(value):
            _read_trace(value, build)
        elif is_observation(value):
            append_traces([span_of(value, "")], build)
        else:
            build.defect("no trace in this record", value)


def _is_trace(value: Any) -> bool:
    return isinstance(value, dict) and _observations_of(value)[1] is not None


def _observations_of(value: dict[str, Any]) -> tuple[str, list[Any] | None]:
    """Return the pointer to the observations of a trace and their list, or ("", None).

    A list next to the trace takes precedence over one in it.
    """
    for pointer, holder in (("", value), ("/trace", fields.as_dict(value.get("trace")))):
        found = holder.get("observations")
        if isinstance(found, list) and ("trace" in value or "projectId" in value or "id" in value):
            return f"{pointer}/observations", found
    return "", None


def _is_page(value: Any) -> bool:
    """Return whether `value` is a page of observations from the API."""
    listed = value.get("data") if isinstance(value, dict) else None
    return isinstance(listed, list) and fields.mostly(listed[:50], is_observation)


def _read_observations(values: list[Any], pointer: str, build: RunBuilder) -> None:
    spans = []
    for place, line, value in build.placed(values, pointer):
        if is_observation(value):
            spans.append(span_of(value, place, line))
        else:
            build.defect("not an observation", value, pointer=place, line=line)
    append_traces(spans, build)


def _read_trace(value: dict[str, Any], build: RunBuilder) -> None:
    inner = value.get("trace")
    about = inner if isinstance(inner, dict) else value
    pointer, observations = _observations_of(value)
    spans, odd = [], []
    for index, one in enumerate(observations or ()):
        place = f"{pointer}/{index}"
        if isinstance(one, dict):
            spans.append(span_of(one, place))
        elif not isinstance(one, str):
            # A string is the id of an observation, which the API may list in place of the
            # observation.
            odd.append((place, one))
    trace = _trace(about)
    append_trace(spans or [_trace_span(about, "/trace" if inner else "")], build, trace)
    for place, one in odd:
        build.defect("not an observation", one, pointer=place)


def _trace(about: dict[str, Any]) -> Trace:
    members = {name: decode_if_json(about.get(key)) for name, key in _ABOUT_TRACE.items()}
    details = fields.details_of(members)
    metadata = decode_if_json(about.get("metadata"))
    if isinstance(metadata, dict):
        without = ("resourceAttributes", "scope", "attributes")
        details |= fields.details_of(metadata, without=without)
    scores = fields.objects_in(about.get("scores"))
    comments = {fields.label(score, "name"): score.get("comment") for score in scores}
    details |= fields.details_of({f"score {name}": comment for name, comment in comments.items()})
    return Trace(
        id=fields.label(about, "id"),
        name=fields.label(about, "name"),
        details=kept(details),
        scores=fields.numbers({fields.label(one, "name"): one.get("value") for one in scores}),
    )


def _trace_span(about: dict[str, Any], pointer: str) -> Span:
    """Return a trace without observations as a single span."""
    return Span(
        id=fields.label(about, "id"),
        name=fields.label(about, "name"),
        kind=SpanKind.AGENT,
        start_s=timestamp(about.get("timestamp")),
        input=about.get("input"),
        output=about.get("output"),
        pointer=pointer,
        input_at=f"{pointer}/input",
        output_at=f"{pointer}/output",
    )


FORMAT = Langfuse()
