"""Observations of Langfuse as spans of a trace.

    observation = {"id", "traceId", "parentObservationId", "type": "GENERATION" | "TOOL" | …,
                   "startTime", "endTime", "input", "output", "level", "statusMessage", "model",
                   "usageDetails", "costDetails", "metadata", …}

Names have changed over time. Inputs, outputs and metadata are often JSON in strings, in the dialect
of the traced library.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.spans.tree import Span, SpanKind
from hermes_tui.model.messages import Usage
from hermes_tui.parsers.measures import timestamp, usage

_KINDS = {
    "GENERATION": SpanKind.LLM,
    "AGENT": SpanKind.AGENT,
    "TOOL": SpanKind.TOOL,
}
_DETAIL_KEYS = {
    "version": "version",
    "prompt": "promptName",
    "prompt_version": "promptVersion",
    "environment": "environment",
    "parameters": "modelParameters",
}
"""The names of an observation's members in the details."""
_OTHER_PARAMETERS = frozenset({"tools", "system_instruction", "http_options", "functions"})
"""Entries that some instrumentations put among the parameters but that are read elsewhere or carry
no information."""

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
"""The names that Langfuse has used for counts and cost over time."""

_USUAL_VALUES = frozenset({"default", "DEFAULT"})
_TOOL_NAME = re.compile(r"^(?:execute_tool|running tool:|tool:)\s*", re.IGNORECASE)
_AGENT_RUN = re.compile(r"^(?:invoke_agent |agent_run )|(?: agent| run|[ _]agent run)$")
_ITERATED = ({"content": "role"}, {"content": "content"})
"""What an instrumentation records when it iterates over a message's keys instead of the
messages."""


def is_observation(value: Any) -> bool:
    """Return whether `value` is an observation, in an export or from the API."""
    one = _with_api_names(value) if isinstance(value, dict) else {}
    return "traceId" in one and "startTime" in one and "id" in one


def _with_api_names(one: dict[str, Any]) -> dict[str, Any]:
    """Return an observation with the names of the API; file exports use snake case."""
    if "traceId" in one or "parent_observation_id" not in one:
        return one
    return {fields.camel_case(key): value for key, value in one.items()}


def span_of(one: dict[str, Any], pointer: str, line: int = 0) -> Span:
    """Return the span of an observation at `pointer`; `line` is its line in the record."""
    one = _with_api_names(one)
    attributes = _attributes(one)
    name, level = fields.label(one, "name"), fields.label(one, "level")
    kind = _kind(one, name, attributes)
    failed = level.upper() == "ERROR"
    status = fields.label(one, "statusMessage")
    given = decode_if_json(one.get("input"))
    note = status if level == "DEFAULT" else fields.labels(one, "level", "statusMessage")
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
        error=(status or f"level {level}") if failed else "",
        note="" if failed else note,
        details=_details(one),
        pointer=pointer,
        input_at=f"{pointer}/input",
        output_at=f"{pointer}/output",
        line=line,
    )


def _details(one: dict[str, Any]) -> dict[str, Any]:
    members = {name: one.get(key) for name, key in _DETAIL_KEYS.items()}
    members["parameters"] = {
        key: decode_if_json(value)
        for key, value in fields.as_dict(members["parameters"]).items()
        if key not in _OTHER_PARAMETERS
    }
    return kept(fields.details_of(members))


def _attributes(one: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes from OpenTelemetry and those that the Langfuse SDK added."""
    metadata = fields.as_dict(decode_if_json(one.get("metadata")))
    return {**metadata, **fields.as_dict(decode_if_json(metadata.get("attributes")))}


def _kind(one: dict[str, Any], name: str, attributes: dict[str, Any]) -> SpanKind:
    """Return the kind of an observation; older exports know only three types."""
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
    """Return whether an observation's output is a tool message, as with LangChain's tools."""
    output = decode_if_json(one.get("output"))
    return isinstance(output, dict) and output.get("type") == "tool" and "tool_call_id" in output


def _output(one: dict[str, Any], attributes: dict[str, Any], kind: SpanKind) -> Any:
    found = decode_if_json(one.get("output"))
    if kind is SpanKind.TOOL and found in (None, {}):
        return attributes.get("gcp.vertex.agent.tool_response", found)
    return found


def _usage(one: dict[str, Any]) -> Usage | None:
    """Return tokens and cost; the details of each side are listed next to their sums."""
    # The members `input` and `output` are content, not counts, even if they are numbers.
    own = {**one, "input": None, "output": None}
    holders = [fields.as_dict(one.get("usageDetails")), fields.as_dict(one.get("usage")), own]
    counts = {name: _first_number(holders, keys) for name, keys in _COUNTS.items()}
    costs = [{"total": fields.as_dict(one.get("costDetails")).get("total")}, one]
    return usage(counts, _first_number(costs, _COSTS))


def _first_number(holders: list[dict[str, Any]], keys: Iterable[str]) -> float | None:
    """Return the first number found under `keys`, which are tried in order on every object."""
    found = (fields.number(holder.get(key)) for key in keys for holder in holders)
    return next((value for value in found if value is not None), None)


def kept(details: dict[str, Any]) -> dict[str, Any]:
    """Return the details that carry information, without the usual values."""
    found = fields.without_empty(details)
    return {key: value for key, value in found.items() if str(value) not in _USUAL_VALUES}
