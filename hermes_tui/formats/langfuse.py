"""`langfuse`: traces of Langfuse, exported from its screen, its API, or as lists of observations.

    file        = export | trace | observation* | {"data": [observation, …]}
    export      = {"trace": trace, "observations": [observation, …]}
    trace       = {"id", "name", "input", "output", "observations"?: [observation, …], "scores", …}
    observation = {"id", "traceId", "parentObservationId", "type": "GENERATION" | "TOOL" | …,
                   "startTime", "endTime", "input", "output", "level", "statusMessage", "model",
                   "usageDetails", "costDetails", "metadata", …}

Inputs, outputs and metadata are often JSON in texts, of the dialect of whoever was traced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, RunBuilder, Sample, Unit
from hermes_tui.formats.json_values import decode_if_json
from hermes_tui.formats.span_runs import Trace, append_trace, append_traces
from hermes_tui.formats.span_tree import Span, SpanKind
from hermes_tui.model.messages import Usage
from hermes_tui.parsers.measures import timestamp, usage

_KINDS = {
    "GENERATION": SpanKind.LLM,
    "AGENT": SpanKind.AGENT,
    "TOOL": SpanKind.TOOL,
}
_TOLD = {
    "version": "version",
    "prompt": "promptName",
    "prompt_version": "promptVersion",
    "environment": "environment",
    "parameters": "modelParameters",
}
"""What the details call the members of an observation."""
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
"""What the details call the members of a trace."""

_NO_PARAMETERS = frozenset({"tools", "system_instruction", "http_options", "functions"})
"""What some instrumentations call parameters and is told elsewhere, or tells nothing."""

_COUNTS = {
    "prompt_tokens": ("input", "promptTokens", "inputUsage"),
    "completion_tokens": ("output", "completionTokens", "outputUsage"),
    "cached_tokens": ("prompt_details.cache_read", "input_cached_tokens", "input_cache_read"),
    "reasoning_tokens": (
        "completion_details.reasoning",
        "output_reasoning_tokens",
        "output_reasoning",
    ),
}
_COSTS = ("total", "calculatedTotalCost", "totalCost")
"""What Langfuse calls counts and cost, over time."""

_USUAL = frozenset({"default", "DEFAULT"})
_UNDERSCORE = re.compile(r"_([a-z])")
_TOOL_NAME = re.compile(r"^(?:execute_tool|running tool:|tool:)\s*", re.IGNORECASE)
_AGENT_RUN = re.compile(r"^(?:invoke_agent |agent_run )|(?: agent| run|[ _]agent run)$")
_ITERATED = ({"content": "role"}, {"content": "content"})
"""What an instrumentation keeps of messages whose keys it took for the messages."""


class Langfuse:
    """Reads a trace into a run for each agent; lists of observations into those of their traces."""

    name = "langfuse"
    summary = "Langfuse traces with their observations; a run for each agent, scores and costs kept"

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        if fields.mostly(values, _is_observation):
            return Match(0.96, Unit.RUNS, layout.together())
        is_own = fields.mostly(values, lambda value: _is_trace(value) or _is_page(value))
        return Match(0.96, Unit.RUNS, layout) if is_own else None

    def read(self, value: Any, build: RunBuilder) -> None:
        if isinstance(value, list):
            _read_observations(value, "", build)
        elif _is_page(value):
            _read_observations(value["data"], "/data", build)
        elif isinstance(value, dict) and _is_trace(value):
            _read_trace(value, build)
        elif _is_observation(value):
            append_trace([_span(value, "", 0)], build, Trace(id=fields.label(value, "traceId")))
        else:
            build.defect("no trace in this record", fields.excerpt(value))


def _is_observation(value: Any) -> bool:
    one = _spelled(value) if isinstance(value, dict) else {}
    return "traceId" in one and "startTime" in one and "id" in one


def _spelled(one: dict[str, Any]) -> dict[str, Any]:
    """Return an observation with the names of the API; exports to files have snake case."""
    if "traceId" in one or "parent_observation_id" not in one:
        return one
    return {_UNDERSCORE.sub(lambda found: found[1].upper(), key): one[key] for key in one}


def _is_trace(value: Any) -> bool:
    return isinstance(value, dict) and _listed(value)[1] is not None


def _listed(value: dict[str, Any]) -> tuple[str, list[Any] | None]:
    """Return where the observations of a trace stand, and the list; the outer one comes first."""
    for pointer, holder in (("", value), ("/trace", fields.as_dict(value.get("trace")))):
        found = holder.get("observations")
        if isinstance(found, list) and ("trace" in value or "projectId" in value or "id" in value):
            return f"{pointer}/observations", found
    return "", None


def _is_page(value: Any) -> bool:
    """Say whether `value` is a page of observations from the API."""
    listed = value.get("data") if isinstance(value, dict) else None
    return isinstance(listed, list) and fields.mostly(listed[:50], _is_observation)


def _read_observations(values: list[Any], pointer: str, build: RunBuilder) -> None:
    spans = []
    for place, line, value in build.placed(values, pointer):
        if _is_observation(value):
            spans.append(_span(value, place, line))
        else:
            build.locate(line)
            build.defect("not an observation", fields.excerpt(value), pointer=place)
    append_traces(spans, build)


def _read_trace(value: dict[str, Any], build: RunBuilder) -> None:
    held = value.get("trace")
    about = held if isinstance(held, dict) else value
    pointer, observations = _listed(value)
    spans, odd = [], []
    for index, one in enumerate(observations or ()):
        place = f"{pointer}/{index}"
        if isinstance(one, dict):
            spans.append(_span(one, place, 0))
        elif not isinstance(one, str):
            # A text is the id of an observation, which the API lists in place of it.
            odd.append((place, one))
    trace = _trace(about)
    append_trace(spans or [_whole(about, "/trace" if held else "")], build, trace)
    for place, one in odd:
        build.defect("not an observation", fields.excerpt(one), pointer=place)


def _trace(about: dict[str, Any]) -> Trace:
    told = {name: decode_if_json(about.get(key)) for name, key in _ABOUT_TRACE.items()}
    details = fields.details_of(told)
    metadata = decode_if_json(about.get("metadata"))
    if isinstance(metadata, dict):
        without = ("resourceAttributes", "scope", "attributes")
        details |= fields.details_of(metadata, without=without)
    scores = [score for score in fields.as_list(about.get("scores")) if isinstance(score, dict)]
    comments = {fields.label(score, "name"): score.get("comment") for score in scores}
    details |= fields.details_of({f"score {name}": said for name, said in comments.items()})
    return Trace(
        id=fields.label(about, "id"),
        name=fields.label(about, "name"),
        details=_kept(details),
        scores=_scores(scores),
    )


def _scores(scores: Iterable[dict[str, Any]]) -> dict[str, float]:
    return fields.numbers({fields.label(score, "name"): score.get("value") for score in scores})


def _whole(about: dict[str, Any], pointer: str) -> Span:
    """Return a trace without observations as the one span that it is."""
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


def _span(one: dict[str, Any], pointer: str, line: int) -> Span:
    one = _spelled(one)
    attributes = _attributes(one)
    name, level = fields.label(one, "name"), fields.label(one, "level")
    kind = _kind(one, name, attributes)
    failed = level.upper() == "ERROR"
    said = fields.label(one, "statusMessage")
    given = decode_if_json(one.get("input"))
    note = ": ".join(filter(None, ("" if level == "DEFAULT" else level, said)))
    return Span(
        id=fields.label(one, "id"),
        parent_id=fields.label(one, "parentObservationId"),
        trace_id=fields.label(one, "traceId"),
        name=name,
        kind=kind,
        start_s=timestamp(one.get("startTime")),
        end_s=timestamp(one.get("endTime")),
        input=None if given in _ITERATED else given,
        output=_output(one, attributes, kind),
        system=attributes.get("gen_ai.system_instructions"),
        tools=attributes.get("gen_ai.tool.definitions") or one.get("toolDefinitions"),
        model=fields.label(one, "model", "providedModelName"),
        usage=_usage(one),
        tool_name=fields.label(attributes, "gen_ai.tool.name") or _TOOL_NAME.sub("", name),
        call_id=fields.label(attributes, "gen_ai.tool.call.id"),
        error=(said or f"level {level}") if failed else "",
        note="" if failed else note,
        details=_told(one),
        pointer=pointer,
        input_at=f"{pointer}/input",
        output_at=f"{pointer}/output",
        line=line,
    )


def _told(one: dict[str, Any]) -> dict[str, Any]:
    told = {name: one.get(key) for name, key in _TOLD.items()}
    told["parameters"] = {
        key: decode_if_json(value)
        for key, value in fields.as_dict(told["parameters"]).items()
        if key not in _NO_PARAMETERS
    }
    return _kept(fields.details_of(told))


def _attributes(one: dict[str, Any]) -> dict[str, Any]:
    """Return what OpenTelemetry gave an observation, and what the SDK of Langfuse added."""
    metadata = fields.as_dict(decode_if_json(one.get("metadata")))
    return {**metadata, **fields.as_dict(decode_if_json(metadata.get("attributes")))}


def _kind(one: dict[str, Any], name: str, attributes: dict[str, Any]) -> SpanKind:
    """Return the kind of an observation; older exports know but three types."""
    known = _KINDS.get(fields.label(one, "type").upper())
    if known is not None:
        return known
    operation = fields.label(attributes, "gen_ai.operation.name")
    if operation == "invoke_agent" or ("agent" in name and _AGENT_RUN.search(name)):
        return SpanKind.AGENT
    is_tool = operation == "execute_tool" or "gen_ai.tool.name" in attributes
    is_tool = is_tool or fields.label(attributes, "openinference.span.kind") == "TOOL"
    return SpanKind.TOOL if is_tool or _answers_call(one) else SpanKind.OTHER


def _answers_call(one: dict[str, Any]) -> bool:
    """Say whether an observation put out a tool's message, as LangChain's tools do."""
    output = decode_if_json(one.get("output"))
    return isinstance(output, dict) and output.get("type") == "tool" and "tool_call_id" in output


def _output(one: dict[str, Any], attributes: dict[str, Any], kind: SpanKind) -> Any:
    found = decode_if_json(one.get("output"))
    if kind is SpanKind.TOOL and found in (None, {}):
        return attributes.get("gcp.vertex.agent.tool_response", found)
    return found


def _usage(one: dict[str, Any]) -> Usage | None:
    """Return tokens and cost; details of both sides stand beside their sums."""
    # What went in and out is no count, be it a number.
    own = {**one, "input": None, "output": None}
    holders = [fields.as_dict(one.get("usageDetails")), fields.as_dict(one.get("usage")), own]
    counts = {name: _first_number(holders, keys) for name, keys in _COUNTS.items()}
    costs = [{"total": fields.as_dict(one.get("costDetails")).get("total")}, one]
    return usage(counts, _first_number(costs, _COSTS))


def _first_number(holders: list[dict[str, Any]], keys: Iterable[str]) -> float | None:
    """Return the first number under the first of `keys` that any of the objects has one for."""
    found = (fields.number(holder.get(key)) for key in keys for holder in holders)
    return next((value for value in found if value is not None), None)


def _kept(details: dict[str, Any]) -> dict[str, Any]:
    found = fields.telling(details)
    return {key: value for key, value in found.items() if str(value) not in _USUAL}


FORMAT = Langfuse()
