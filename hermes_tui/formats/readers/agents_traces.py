"""`agents-traces`: traces of the OpenAI Agents SDK, as its trace processors receive them.

    file  = row*                         lines, or an array
    row   = {"object": "trace", "id", "workflow_name", "group_id", "metadata"}
          | {"object": "trace.span", "id", "trace_id", "parent_id", "started_at", "ended_at",
             "span_data": data, "error": {"message", "data"?} | null}
    data  = {"type": "agent", "name", "tools": [name, …], "handoffs"}
          | {"type": "generation", "input": [message, …], "output": [message, …], "model", "usage"}
          | {"type": "response", "response_id", "usage"}
          | {"type": "function", "name", "input", "output"} | {"type": "handoff" | "custom" | …, …}

For the Responses API the SDK records the usage of a request, not its messages.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.spans.genai_spans import with_missing_parents
from hermes_tui.formats.spans.runs import Trace, append_trace
from hermes_tui.formats.spans.tree import Span, SpanKind
from hermes_tui.parsers.measures import timestamp, usage

_TRACE, _SPAN = "trace", "trace.span"
_KINDS = {
    "agent": SpanKind.AGENT,
    "generation": SpanKind.LLM,
    "response": SpanKind.LLM,
    "function": SpanKind.TOOL,
}


class AgentsTraces:
    """Reads all rows together; each agent of a trace is a run."""

    name = "agents-traces"
    summary = "OpenAI Agents SDK traces, as a trace processor exports them"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_rows(0.95, _is_row)

    def read(self, value: Any, build: RunBuilder) -> None:
        about: dict[str, dict[str, Any]] = {}
        traces: dict[str, list[Span]] = {}
        for pointer, line, row in build.placed(value):
            if not _is_row(row):
                build.defect("no span of a trace", row, pointer=pointer, line=line)
            elif row["object"] == _TRACE:
                about[row["id"]] = row
            else:
                trace_id = fields.label(row, "trace_id")
                traces.setdefault(trace_id, []).append(_span(row, trace_id, pointer, line))
        for trace_id, spans in traces.items():
            append_trace(
                with_missing_parents(spans), build, _trace(trace_id, about.get(trace_id, {}))
            )


def _is_row(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("id"), str):
        return False
    kind = value.get("object")
    if kind == _SPAN:
        return isinstance(value.get("span_data"), dict)
    return kind == _TRACE and "workflow_name" in value


def _trace(trace_id: str, row: dict[str, Any]) -> Trace:
    details = {"workflow": row.get("workflow_name"), "metadata": row.get("metadata")}
    return Trace(
        id=trace_id,
        name=fields.label(row, "workflow_name"),
        group_id=fields.label(row, "group_id"),
        details=fields.details_of(fields.without_falsy(details)),
    )


def _span(row: dict[str, Any], trace_id: str, pointer: str, line: int) -> Span:
    data = row["span_data"]
    kind = _KINDS.get(fields.label(data, "type"), SpanKind.OTHER)
    if kind is SpanKind.LLM and "input" not in data:
        # Its messages are not recorded: the calls and results of the tools are the run. An error is
        # recorded on the agent, too.
        kind = SpanKind.OTHER
    place = f"{pointer}/span_data"
    return Span(
        id=row["id"],
        parent_id=fields.label(row, "parent_id"),
        trace_id=trace_id,
        name=fields.label(data, "name") or fields.label(data, "type"),
        kind=kind,
        start_s=timestamp(row.get("started_at")),
        end_s=timestamp(row.get("ended_at")),
        input=data.get("input"),
        output=data.get("output"),
        model=fields.label(data, "model"),
        usage=usage(data.get("usage")) if kind is SpanKind.LLM else None,
        tool_name=fields.label(data, "name") if kind is SpanKind.TOOL else "",
        error=_error(row.get("error")),
        details=_details(data) if kind is SpanKind.AGENT else {},
        pointer=pointer,
        input_at=f"{place}/input",
        output_at=f"{place}/output",
        line=line,
    )


def _details(data: dict[str, Any]) -> dict[str, Any]:
    details = {"agent_tools": data.get("tools"), "handoffs": data.get("handoffs")}
    return fields.details_of(fields.without_falsy(details))


def _error(error: Any) -> str:
    """Return the message of an error, with the cause that the SDK gives."""
    members = fields.as_dict(error)
    cause = fields.label(fields.as_dict(members.get("data")), "error")
    return ": ".join(filter(None, (fields.label(members, "message"), cause)))


FORMAT = AgentsTraces()
