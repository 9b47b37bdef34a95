"""`weave`: calls of W&B Weave, as its API and its UI export them and its SDK lists them.

    file = call* | {"calls": [call, …]}
    call = {"id", "trace_id", "parent_id", "op_name", "display_name", "started_at", "ended_at",
            "inputs", "output", "exception", "summary", "attributes": {"weave": {"kind"?}}}

A call is a traced function; for a model's client, the inputs are the request and the output is the
reply. A function without a kind is passed through, since nothing shows that it is a tool.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.spans.runs import append_traces
from hermes_tui.formats.spans.tree import Span, SpanKind
from hermes_tui.model.messages import Usage
from hermes_tui.parsers.measures import timestamp, usage

_LIST = "calls"
_LOOKED_AT = 50
_SCHEME = "weave:///"
_KINDS = {"llm": SpanKind.LLM, "tool": SpanKind.TOOL, "agent": SpanKind.AGENT}
_COSTS = ("prompt_tokens_total_cost", "completion_tokens_total_cost")
_DETAIL_KEYS = {"thread": "thread_id", "user": "wb_user_id", "source_run": "wb_run_id"}
"""The names of a call's members in the details."""


class Weave:
    """Reads calls into a run for each agent of their traces."""

    name = "weave"
    summary = "calls of W&B Weave, from its API, exports or SDK; a run for each agent of a trace"

    def sniff(self, sample: Sample) -> Match | None:
        found = sample.match_of_rows(0.98, _is_call)
        return found or sample.match_of_runs(0.98, _is_page)

    def read(self, value: Any, build: RunBuilder) -> None:
        page = isinstance(value, dict) and _is_page(value)
        listed, pointer = (value[_LIST], f"/{_LIST}") if page else (value, "")
        spans = []
        for place, line, one in build.placed(listed, pointer):
            if _is_call(one):
                spans.append(_span(one, place, line))
            else:
                build.defect("not a call", one, pointer=place, line=line)
        append_traces(spans, build)


def _is_call(value: Any) -> bool:
    if not isinstance(value, dict) or not {"id", "trace_id", "op_name"} <= value.keys():
        return False
    return "started_at" in value and "inputs" in value


def _is_page(value: Any) -> bool:
    listed = fields.as_list(value.get(_LIST)) if isinstance(value, dict) else []
    return fields.mostly(listed[:_LOOKED_AT], _is_call)


def _span(one: dict[str, Any], pointer: str, line: int) -> Span:
    inputs, output = decode_if_json(one.get("inputs")), decode_if_json(one.get("output"))
    name, kind = _function(one), _kind(one)
    parent_id = fields.label(one, "parent_id")
    members = {about: one.get(key) for about, key in _DETAIL_KEYS.items()}
    return Span(
        id=fields.label(one, "id"),
        parent_id=parent_id,
        trace_id=fields.label(one, "trace_id"),
        name=fields.label(one, "display_name") or name,
        kind=kind,
        start_s=timestamp(one.get("started_at")),
        end_s=timestamp(one.get("ended_at")),
        input=inputs,
        output=output,
        model=fields.label(fields.as_dict(output), "model")
        or fields.label(fields.as_dict(inputs), "model"),
        usage=_usage(one, output) if kind is SpanKind.LLM else None,
        tool_name=name,
        error=_error(decode_if_json(one.get("exception"))),
        details={} if parent_id else fields.details_of(fields.without_empty(members)),
        pointer=pointer,
        input_at=f"{pointer}/inputs",
        output_at=f"{pointer}/output",
        line=line,
    )


def _function(one: dict[str, Any]) -> str:
    """Return the name of the function, taken from Weave's reference to it."""
    name = fields.label(one, "op_name")
    return name.rpartition("/")[2].partition(":")[0] if name.startswith(_SCHEME) else name


def _kind(one: dict[str, Any]) -> SpanKind:
    about = fields.as_dict(decode_if_json(one.get("attributes")))
    kind = fields.label(fields.as_dict(about.get("weave")), "kind")
    return _KINDS.get(kind.lower(), SpanKind.OTHER)


def _usage(one: dict[str, Any], output: Any) -> Usage | None:
    """Return the usage according to the reply, or else Weave's counts; the cost is Weave's."""
    summary = fields.as_dict(decode_if_json(one.get("summary")))
    counted = list(fields.as_dict(summary.get("usage")).values())
    counts = fields.as_dict(output).get("usage") or fields.item_at(counted, 0)
    costs = fields.as_dict(fields.as_dict(summary.get("weave")).get("costs")).values()
    known = [fields.number(fields.as_dict(cost).get(name)) for cost in costs for name in _COSTS]
    paid = [cost for cost in known if cost is not None]
    return usage(counts, sum(paid) if paid else None)


def _error(exception: Any) -> str:
    if isinstance(exception, dict):
        return fields.labels(exception, "type", "message") or fields.json_text(exception)
    return exception if isinstance(exception, str) else ""


FORMAT = Weave()
