"""`langsmith`: runs of LangSmith, in batches of its SDK, exported, or listed.

    file  = batch* | run* | {"runs": [run, …]}       a document, an array or lines
    batch = {"post": [run, …], "patch": [run, …]}    what a run was at its start, and at its end
    run   = {"id", "trace_id", "parent_run_id", "dotted_order", "name", "run_type": "llm" | …,
             "inputs", "outputs", "error", "start_time", "end_time", "extra", "child_runs"?, …}

The members of one run that occur in several places are merged; null is ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.dialects.langchain_messages import usage_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.spans.runs import Trace, append_trace
from hermes_tui.formats.spans.tree import Span, SpanKind
from hermes_tui.model.messages import Usage
from hermes_tui.parsers.measures import timestamp, usage

MAX_DEPTH = 100
"""The maximal depth of nested child runs."""
_KINDS = {
    "llm": SpanKind.LLM,
    "chat_model": SpanKind.LLM,
    "tool": SpanKind.TOOL,
    "agent": SpanKind.AGENT,
}
_AGENTS = frozenset({"LangGraph", "AgentExecutor"})
"""Names of chains that run an agent; every root counts as an agent too."""

_ABOUT_TRACE = {
    "project": "session_name",
    "tags": "tags",
    "status": "status",
    "cost_usd": "total_cost",
    "example": "reference_example_id",
    "app_path": "app_path",
}
"""The names of a root's members in the details."""
_CHILD_KEYS: tuple[str, ...] = ("child_runs",)
_BATCH_KEYS: tuple[str, ...] = ("post", "patch", "runs")
_NOISE = ("runtime", "invocation_params", "revision_id")


class LangSmith:
    """Reads all records together: the final members of a run may be in a later record."""

    name = "langsmith"
    summary = "LangSmith runs: SDK batches, exports and lists; a run for each agent of a trace"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_rows(0.95, lambda one: next(_runs(one, ""), None) is not None)

    def read(self, value: Any, build: RunBuilder) -> None:
        merged: dict[str, _MergedRun] = {}
        for place, line, one in build.placed(value):
            found = list(_runs(one, place))
            for pointer, run in found:
                known = merged.setdefault(fields.label(run, "id"), _MergedRun(line))
                known.add(run, pointer, line)
            if not found:
                build.defect("not a run", one, pointer=place, line=line)
        _append(list(merged.values()), build)


class _MergedRun:
    """One run, merged from all records about it."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.pointer = ""
        self.members: dict[str, Any] = {}
        self._places: dict[str, tuple[str, int]] = {}

    def add(self, run: dict[str, Any], pointer: str, line: int) -> None:
        if not self.members:
            self.pointer = pointer
        for key, value in run.items():
            if value not in (None, {}) or key not in self.members:
                self.members[key] = value
                self._places[key] = (pointer, line)

    def at(self, key: str) -> tuple[str, int]:
        """Return the pointer and the line of the latest occurrence of a member."""
        pointer, line = self._places.get(key, (self.pointer, self.line))
        return f"{pointer}/{key}", line


def _runs(value: Any, pointer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the runs in a record, including nested ones, with their pointers."""
    stack = [(pointer, value, 0)]
    while stack:
        place, item, depth = stack.pop()
        if not isinstance(item, dict):
            continue
        is_run = _is_run(item)
        if is_run:
            yield place, item
        keys = _CHILD_KEYS if is_run else _BATCH_KEYS if not depth else ()
        below = [
            (f"{place}/{key}/{index}", one, depth + 1)
            for key in keys
            for index, one in enumerate(fields.as_list(item.get(key)))
        ]
        if depth < MAX_DEPTH:
            stack.extend(reversed(below))


def _is_run(value: dict[str, Any]) -> bool:
    """Return whether `value` is a run, or the final members of one."""
    if "id" not in value or not ("trace_id" in value or "dotted_order" in value):
        return False
    return "run_type" in value or "inputs" in value or "outputs" in value


def _append(runs: list[_MergedRun], build: RunBuilder) -> None:
    traces: dict[str, list[_MergedRun]] = {}
    for run in runs:
        trace_id = fields.label(run.members, "trace_id") or _root_id(run.members)
        traces.setdefault(trace_id, []).append(run)
    if not traces and not build.is_used:
        build.defect("no span in this record")
    for trace_id, several in traces.items():
        root = next((r for r in several if not r.members.get("parent_run_id")), several[0])
        append_trace([_span(run) for run in several], build, _trace(trace_id, root))


def _root_id(run: dict[str, Any]) -> str:
    """Return the id of the root that a `dotted_order` begins with: a time, `Z` and an id."""
    return fields.label(run, "dotted_order").partition(".")[0].partition("Z")[2]


def _trace(trace_id: str, root: _MergedRun) -> Trace:
    members = root.members
    named = {name: members.get(key) for name, key in _ABOUT_TRACE.items()}
    about = fields.details_of(fields.without_empty(named))
    metadata = fields.as_dict(fields.as_dict(members.get("extra")).get("metadata"))
    about |= fields.details_of(metadata, without=_NOISE)
    return Trace(
        id=trace_id,
        name=fields.label(members, "name"),
        details=about,
        scores=_scores(fields.as_dict(members.get("feedback_stats"))),
        line=root.line,
    )


def _scores(feedback: dict[str, Any]) -> dict[str, float]:
    return fields.numbers(
        {name: fields.as_dict(stats).get("avg") for name, stats in feedback.items()}
    )


def _span(run: _MergedRun) -> Span:
    members = run.members
    extra = fields.as_dict(members.get("extra"))
    metadata = fields.as_dict(extra.get("metadata"))
    parameters = fields.as_dict(extra.get("invocation_params"))
    name = fields.label(members, "name")
    error = members.get("error")
    return Span(
        id=fields.label(members, "id"),
        parent_id=fields.label(members, "parent_run_id"),
        name=name,
        kind=_kind(members, name),
        start_s=timestamp(members.get("start_time")),
        end_s=timestamp(members.get("end_time")),
        input=members.get("inputs"),
        output=members.get("outputs"),
        tools=parameters.get("tools"),
        details=_parameters(parameters),
        model=fields.label(metadata, "ls_model_name") or fields.model_of(parameters),
        usage=_usage(members),
        error=fields.json_text(error) if error else "",
        pointer=run.pointer,
        input_at=run.at("inputs")[0],
        output_at=run.at("outputs")[0],
        line=run.line,
        output_line=run.at("outputs")[1],
    )


def _parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a request that are worth showing."""
    kept = fields.details_of(parameters, without=("tools", "_type", "model", "model_name", "stop"))
    return fields.without_empty({"parameters": fields.without_empty(kept)})


def _kind(members: dict[str, Any], name: str) -> SpanKind:
    known = _KINDS.get(fields.label(members, "run_type").lower(), SpanKind.OTHER)
    return SpanKind.AGENT if known is SpanKind.OTHER and name in _AGENTS else known


def _usage(members: dict[str, Any]) -> Usage | None:
    outputs = fields.as_dict(members.get("outputs"))
    counts = fields.as_dict(outputs.get("usage_metadata"))
    cost = fields.number(members.get("total_cost"))
    if counts:
        return usage(usage_of(counts), cost)
    keys = ("prompt_tokens", "completion_tokens")
    return usage({key: members[key] for key in keys if members.get(key) is not None}, cost)


FORMAT = LangSmith()
