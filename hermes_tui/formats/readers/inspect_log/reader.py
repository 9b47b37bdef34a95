"""`inspect`: logs of Inspect AI, a run for each sample; a `.eval` archive comes as such lines.

    log    = {"version", "status", "eval": {"task", "model", …}, "plan", "results"?, "stats"?,
              "error"?, "samples"?: [sample, …], "reductions"?: [{"scorer", "samples"}, …]}
    sample = {"id", "epoch", "input", "target", "messages": [message, …], "scores", "events",
              "attachments", "model_usage", "error"?, "error_retries"?, "limit"?, …}

Epochs of one sample share a group. The messages are those at the end. Messages from before a
compaction, and those of subagents, are only in events and become runs below the sample's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.outcomes import is_cut
from hermes_tui.formats.readers.inspect_log.attachments import attachments_of, with_attachments
from hermes_tui.formats.readers.inspect_log.events import (
    Conversation,
    Events,
    Request,
    events_of,
    message_key,
    other_conversations,
)
from hermes_tui.formats.readers.inspect_log.messages import chat_message
from hermes_tui.formats.readers.inspect_log.outcome import end_of, error_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import LoopEscaped, RequestFailed
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import timestamp

_HIDDEN_KEYS = frozenset(
    {"id", "messages", "events", "transcript", "attachments", "scores", "score", "output"}
    | {"events_data", "message_pool", "error", "error_retries", "limit", "input", "timelines"}
)
_EVENT_KEYS = frozenset({"attachments", "events", "transcript", "events_data", "message_pool"})
_HIDDEN_EVAL_KEYS = frozenset({"model", "eval_id", "scorers", "metrics", "dataset"})


class Inspect:
    """Reads evaluation logs."""

    name = "inspect"
    summary = (
        "Inspect AI logs (.json and .eval): one run per sample, with scores, limits and timing"
    )

    def sniff(self, sample: Sample) -> Match | None:
        row = sample.first_object()
        if isinstance(row.get("eval"), dict) and "status" in row and "version" in row:
            return Match(0.98, Unit.RUNS)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        if not isinstance(value, dict) or not isinstance(value.get("eval"), dict):
            build.defect("not a log of an evaluation", value)
            return
        log = _Log(value)
        samples = fields.as_list(value.get("samples"))
        if not samples:
            log.without_samples(build)
            return
        for index, sample in enumerate(samples):
            pointer = f"/samples/{index}"
            if isinstance(sample, dict):
                log.sample(sample, pointer, build)
            else:
                build.defect("not a sample", sample, pointer=pointer)


class _Log:
    """The facts that all samples of one log share."""

    def __init__(self, value: dict[str, Any]) -> None:
        self._value = value
        self._eval = value["eval"]
        self._reduced = _reductions(value)
        dataset = fields.as_dict(self._eval.get("dataset"))
        about = fields.details_of(self._eval, without=_HIDDEN_EVAL_KEYS)
        details = {
            **{f"eval.{key}": item for key, item in about.items()},
            "eval.dataset": fields.details_of(dataset, without=("sample_ids",)),
            "log_status": value.get("status"),
            "log_scores": fields.small(_metrics(value.get("results"))),
            "log_error": fields.small(error_of(value)),
        }
        self._details = fields.without_empty(details)

    def without_samples(self, build: RunBuilder) -> None:
        """Append a run for a log without samples: that it ran, and how it ended."""
        note = Diagnostic(Code.SOURCE_DEFECT, Severity.NOTE, "the log contains no samples")
        task = fields.label(self._eval, "task")
        model = fields.model_of(self._eval)
        run_id = fields.label(self._eval, "run_id")
        found = (note,) if self._value.get("status") == "success" else ()
        build.start(run_id=run_id, task=task, model=model, details=self._details, diagnostics=found)
        _append_error(self._value, build)
        bad = {"error": "error", "cancelled": "truncated"}
        status = fields.label(self._value, "status")
        build.end(status=bad.get(status, "unknown"), stop_reason=status)

    def sample(self, sample: dict[str, Any], pointer: str, build: RunBuilder) -> None:
        attachments = attachments_of(sample)
        events = events_of(sample, attachments)
        own = {key: item for key, item in sample.items() if key not in _EVENT_KEYS}
        sample = {**sample, **with_attachments(own, attachments)}
        run_id = _run_id(sample)
        messages = _messages(sample)
        raws = [raw for _, raw in messages]
        self._start(sample, events, raws, pointer, build)
        reader = _SampleReader(events, pointer, fields.label(sample, "id"), build)
        for place, raw in messages:
            reader.message(raw, f"{pointer}{place}")
        reader.failures(events.unanswered)
        _append_error(sample, build)
        build.end(**end_of(sample, events))
        keys = frozenset(message_key(raw) for raw in raws if isinstance(raw, dict))
        others, passed_over = other_conversations(sample, events, keys)
        if passed_over:
            build.defect("the requests repeat too many messages; the rest is left out")
        for number, conversation in enumerate(others, 1):
            self._other(conversation, f"{run_id}/{number}", run_id, reader)

    def _start(
        self,
        sample: dict[str, Any],
        events: Events,
        raws: list[Any],
        pointer: str,
        build: RunBuilder,
    ) -> None:
        sample_id = fields.label(sample, "id")
        retried = fields.as_list(sample.get("error_retries"))
        kind_counts = {kind: count for kind, count in events.kinds.items() if kind}
        more = {
            "events": kind_counts,
            "error_retries": [error_of({"error": one}) for one in retried[:20]],
            "reduced": self._reduced.get(sample_id),
        }
        about = fields.without_empty(fields.details_of(sample, without=_HIDDEN_KEYS) | more)
        build.start(
            run_id=_run_id(sample),
            task=_task(sample, raws) or fields.label(self._eval, "task"),
            model=fields.model_of(self._eval),
            tools=_tools(events.requests, events.attachments),
            group_id=sample_id,
            details={**about, **self._details},
            pointer=pointer,
            ts=timestamp(sample.get("started_at")) or events.first_ts,
        )

    def _other(
        self, conversation: Conversation, run_id: str, parent: str, reader: _SampleReader
    ) -> None:
        requests = [request for request, _ in conversation.requests]
        added = [raw for _, messages in conversation.requests for raw in messages]
        first, last = requests[0], requests[-1]
        model = fields.model_of(first.event) or fields.model_of(self._eval)
        reader.build.start(
            run_id=run_id,
            task=conversation.agent or fields.title_of(added),
            model=model,
            tools=_tools(requests, reader.events.attachments),
            group_id=reader.group_id,
            parent_run_id=parent,
            details={"agent": conversation.agent} if conversation.agent else {},
            pointer=f"{reader.pointer}{first.pointer}",
            ts=timestamp(first.event.get("timestamp")),
        )
        for request, messages_before in conversation.requests:
            place = f"{reader.pointer}{request.pointer}"
            for raw in messages_before:
                reader.message(raw, f"{place}/input")
            reader.message(request.message, f"{place}/output/choices/0/message", request)
        reader.answers(last.message, f"{reader.pointer}{last.pointer}")
        cut = is_cut(fields.label(last.choice, "stop_reason"))
        reader.build.end(status="truncated" if cut else "unknown")


class _SampleReader:
    """Appends the messages of a sample, each with the facts in its events."""

    def __init__(self, events: Events, pointer: str, group_id: str, build: RunBuilder) -> None:
        self.build = build
        self.pointer = pointer
        self.group_id = group_id
        self.events = events
        self._replies: dict[Any, list[Request]] = {}
        for request in reversed(events.requests):
            self._replies.setdefault(request.key, []).append(request)

    def message(self, raw: Any, pointer: str, request: Request | None = None) -> None:
        if not isinstance(raw, dict):
            self.build.defect("not a message", raw, pointer=pointer)
            return
        tool_event: dict[str, Any] = {}
        if raw.get("role") == "assistant" and request is None:
            requests = self._replies.get(message_key(raw))
            request = requests.pop() if requests else None
        elif raw.get("role") == "tool":
            tool_event = self.events.tool(raw.get("tool_call_id"))
        if request is not None:
            self.failures(request.failures)
        self.build.append(chat_message(raw, request, tool_event), pointer)

    def answers(self, reply: dict[str, Any], pointer: str) -> None:
        """Append the results of the last calls of a conversation, which no request repeats."""
        for call in map(fields.as_dict, fields.as_list(reply.get("tool_calls"))):
            events = self.events.tools.get(fields.label(call, "id"))
            if events:
                result = with_attachments(events[0].get("result"), self.events.attachments)
                call_members = {"tool_call_id": call.get("id"), "function": call.get("function")}
                self.message({"role": "tool", **call_members, "content": result}, pointer)

    def failures(self, failed: Iterable[Request]) -> None:
        """Append failed requests; attempts are counted from the first of them."""
        for attempt, request in enumerate(failed, 1):
            self.build.add(
                RequestFailed,
                pointer=f"{self.pointer}{request.pointer}",
                ts=timestamp(request.event.get("timestamp")),
                attempt=attempt,
                message=request.error,
                body=fields.label(request.event, "traceback")[-fields.MAX_RESULT :],
                diagnostics=(Diagnostic(Code.REQUEST_ERROR, Severity.ERROR, request.error),),
            )


def _run_id(sample: dict[str, Any]) -> str:
    """Return the name that a sample has as a member of an archive."""
    return f"{fields.label(sample, 'id')}_epoch_{fields.label(sample, 'epoch') or 1}"


def _messages(sample: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the messages with their pointers, or the input of a sample that never began."""
    listed = fields.as_list(sample.get("messages"))
    if listed:
        return [(f"/messages/{index}", raw) for index, raw in enumerate(listed)]
    input_value = sample.get("input")
    if isinstance(input_value, list):
        return [(f"/input/{index}", raw) for index, raw in enumerate(input_value)]
    return [("/input", {"role": "user", "content": input_value})] if input_value else []


def _task(sample: dict[str, Any], raws: list[Any]) -> str:
    input_value = sample.get("input")
    return title(input_value) if isinstance(input_value, str) else fields.title_of(raws)


def _tools(requests: list[Request], attachments: dict[str, Any]) -> tuple[ToolSpec, ...] | None:
    """Return every tool that was declared in any of the requests."""
    found: dict[str, ToolSpec] = {}
    seen: set[str] = set()
    for request in requests:
        declared = request.event.get("tools")
        text = fields.json_text(declared)
        if text in seen:
            continue
        seen.add(text)
        for tool in tool_specs(with_attachments(declared, attachments)) or ():
            found.setdefault(tool.name, tool)
    return tuple(found.values()) if requests else None


def _metrics(results: Any) -> dict[str, Any]:
    """Return the values of the log's metrics, by scorer and metric."""
    found: dict[str, Any] = {}
    for score in fields.as_list(fields.as_dict(results).get("scores")):
        metrics = fields.as_dict(fields.as_dict(score).get("metrics"))
        for name, metric in metrics.items():
            value = metric.get("value") if isinstance(metric, dict) else metric
            found[f"{fields.label(score, 'name')}/{name}"] = value
    return found


def _reductions(value: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the value to which each scorer reduced the epochs of a sample, by sample."""
    inside = fields.as_dict(value.get("results")).get("sample_reductions")
    found: dict[str, dict[str, Any]] = {}
    for reduction in map(fields.as_dict, fields.as_list(value.get("reductions") or inside)):
        for sample in fields.objects_in(reduction.get("samples")):
            values = found.setdefault(fields.label(sample, "sample_id"), {})
            values[fields.label(reduction, "scorer")] = fields.small(sample.get("value"))
    return found


def _append_error(raw: dict[str, Any], build: RunBuilder) -> None:
    error = error_of(raw)
    if error:
        found = Diagnostic(Code.RUN_ERROR, Severity.ERROR, title(error))
        build.add(LoopEscaped, exception=error, diagnostics=(found,))


FORMAT = Inspect()
