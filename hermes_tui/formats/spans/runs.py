"""Traces as runs: a run for each conversation of each agent.

An agent that another one calls is a run with the caller's run as its parent; all runs of a trace
share its id as their group. Tool spans give calls their time and errors, and the answers that no
request repeats. Spans outside all conversations are counted or named in the details.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage, append_normalised, raw_messages
from hermes_tui.formats.dialects.any_messages import ModelMessages
from hermes_tui.formats.outcomes import is_cut
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.spans.conversations import (
    Conversation,
    Request,
    begins_with_answers,
    calls_tools,
    conversations_of,
    has_system,
    instructions_of,
    read_request,
    repeats,
    role_of,
)
from hermes_tui.formats.spans.joins import joined
from hermes_tui.formats.spans.tools import (
    OpenCalls,
    ToolSpans,
    answer_of,
    call_of,
    has_unparsed_call,
    timed,
)
from hermes_tui.formats.spans.tree import Agent, Span, SpanKind, agents_of
from hermes_tui.model.events import RequestFailed
from hermes_tui.model.messages import Message, changed
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import total_usage
from hermes_tui.parsers.normalise import Normalised

MAX_NAMED = 20
"""The most spans of one kind that the details name; the others are only counted."""
_NOT_KEPT = "the trace keeps no replies"
"""The stop reason of a run whose replies were not recorded, so that none counts as missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The properties of a trace as a whole. Its details, scores and reward go to its first run."""

    id: str = ""
    name: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    reward: float | None = None
    group_id: str = ""
    """The trace's id if it becomes several runs."""
    line: int = 0


def append_traces(
    spans: Iterable[Span],
    build: RunBuilder,
    rewards: Mapping[str, Mapping[str, float]] = MappingProxyType({}),
) -> None:
    """Append the runs of spans from one or more traces, in the order of their first spans.

    `rewards` holds the rewards of each trace by its id, the decisive one first.
    """
    traces: dict[str, list[Span]] = {}
    for span in spans:
        traces.setdefault(span.trace_id, []).append(span)
    if not traces and not build.is_used:
        build.defect("no span in this record")
    for trace_id, several in joined(traces).items():
        scores = rewards.get(trace_id, {})
        reward = next(iter(scores.values()), None)
        trace = Trace(id=trace_id, line=several[0].line, scores=scores, reward=reward)
        append_trace(several, build, trace)


def append_trace(spans: Sequence[Span], build: RunBuilder, trace: Trace) -> None:
    """Append the runs of one trace: at least one, even if it is empty.

    An agent without requests to a model and without tools is left out, unless all of them are like
    that.
    """
    pairs = [(agent, conversations_of(agent)) for agent in agents_of(spans)]
    active = {
        id(agent)
        for agent, conversations in pairs
        if conversations or agent.requests or agent.tools
    }
    if sum(max(1, len(conversations)) for agent, conversations in pairs if id(agent) in active) > 1:
        trace = replace(trace, group_id=trace.id)
    run_ids: dict[int, str] = {}
    run_id = ""
    for agent, conversations in pairs if active else pairs[:1]:
        # An agent without its own run passes its caller's run on to those that it calls.
        parent = run_ids.get(id(agent.caller), "")
        run_ids[id(agent)] = parent
        if active and id(agent) not in active:
            continue
        run_id = agent.span.id if run_id else trace.id or agent.span.id
        run_ids[id(agent)] = run_id
        _Writer(build, agent, trace, run_id, parent).write(conversations)
        trace = replace(trace, details={}, scores={}, reward=None)
    if not pairs:
        build.locate(trace.line)
        build.start(run_id=trace.id, task=trace.name, details=trace.details)


class _Writer:
    """Writes the runs of one agent."""

    def __init__(
        self, build: RunBuilder, agent: Agent, trace: Trace, run_id: str, parent: str
    ) -> None:
        self._build = build
        self._agent = agent
        self._trace = trace
        self._run_id = run_id
        self._parent = parent
        self._tools = ToolSpans(agent.tools)
        self._open = OpenCalls()
        self._once = {**self._others(), **agent.span.details, **trace.details}

    def write(self, conversations: list[Conversation]) -> None:
        if not conversations:
            self._write_spans()
        for number, conversation in enumerate(conversations, 1):
            self._start(conversation, number)
            for chain, following in zip_longest(conversation.chains, conversation.chains[1:]):
                self._append_chain(chain)
                if following is None or not begins_with_answers(following[0]):
                    self._append_answers()
            # After the last conversation no further calls can use the remaining tool spans.
            self._end(list(conversation.requests()), is_last=number == len(conversations))

    def _start(self, conversation: Conversation, number: int) -> None:
        first, span = next(conversation.requests()), self._agent.span
        prompt = [
            message for request in conversation.requests() for message in request.prompt.messages
        ]
        models = dict.fromkeys(
            request.model for request in conversation.requests() if request.model
        )
        about = dict(first.span.details)
        if len(models) > 1:
            about["models"] = ", ".join(models)
        self._open_run(
            run_id=self._run_id if number == 1 else f"{self._run_id}/{number}",
            task=fields.title_of(raw_messages(prompt)) or self._name(),
            model=next(iter(models), ""),
            tools=next(filter(None, (request.tools for request in conversation.requests())), None),
            parent_run_id=self._parent if number == 1 else self._run_id,
            details=about,
            span=first.span,
            ts=span.start_s if number == 1 else first.span.start_s,
        )
        if not has_system(prompt) and number == 1:
            for message in instructions_of(span)[:1]:
                self._message(message, span.start_s)

    def _open_run(self, *, span: Span, details: Mapping[str, Any], **fields_of_run: Any) -> None:
        about = {"agent": self._name(), **details, **self._once}
        self._once = {}
        if self._agent.tool is not None:
            about["called_by_tool"] = self._agent.tool.tool_name or self._agent.tool.name
        self._build.locate(span.line)
        self._build.start(
            group_id=self._trace.group_id,
            details=fields.without_empty(about),
            pointer=span.pointer,
            **fields_of_run,
        )

    def _name(self) -> str:
        return title(self._agent.span.name or self._trace.name)

    def _others(self) -> dict[str, Any]:
        """Return counts of the agent's other spans, and the errors and notes of all its spans."""
        agent = self._agent
        counted = Counter(span.name for span in agent.others).most_common(MAX_NAMED)
        own = (*agent.others, *agent.requests, *agent.tools)
        failed = [{"span": span.name, "error": span.error} for span in own if span.error]
        noted = [{"span": span.name, "note": span.note} for span in own if span.note]
        return {
            "other_spans": dict(counted),
            "failed_spans": failed[:MAX_NAMED],
            "notes": noted[:MAX_NAMED],
        }

    def _append_chain(self, chain: list[Request]) -> None:
        """Append the messages of the last request in a chain, each with the time of the request
        that added it."""
        last = chain[-1]
        waiting = deque(chain)
        earlier: Request | None = None
        for index, message in enumerate(last.prompt.messages):
            while len(waiting[0].prompt.messages) <= index and waiting[0] is not last:
                earlier = waiting.popleft()
                self._append_failure(earlier)
            if earlier is not None and role_of(message) == "assistant":
                self._message(_fuller(message, earlier), earlier.span.end_s, earlier)
                earlier = None
            else:
                self._message(message, waiting[0].span.start_s)
        for request in waiting:
            self._append_failure(request)
        for index, message in enumerate(last.reply.messages):
            self._message(message, last.span.end_s, last if index == 0 else None)

    def _append_failure(self, request: Request) -> None:
        why = request.failure
        if why and not request.has_answer:
            self._build.locate(request.span.line)
            self._build.add(
                RequestFailed,
                pointer=request.span.pointer,
                ts=request.span.end_s,
                message=title(why),
                body=why,
            )

    def _message(
        self, message: ChatMessage, ts: float | None, request: Request | None = None
    ) -> None:
        parts = message.normalise(_with_finish_reason(message.raw, request))
        results = []
        for result, found in parts.results:
            call = self._open.answered(result)
            name = result.name or (call.name if call else None)
            span = self._tools.take(result.call_id, name, call.arguments if call else None)
            results.append(timed((result, found), span))
            ts = span.end_s if span is not None and span.end_s is not None else ts
        parts = parts._replace(results=tuple(results))
        if request is not None:
            parts = parts._replace(message=_with_usage(parts, request))
        append_normalised(self._build, message, parts, ts=ts)
        for call, _ in parts.calls:
            self._open.add(call)

    def _append_answers(self) -> None:
        """Append the answers recorded in spans for calls that no message answers."""
        for call in self._open.take_all():
            span = self._tools.take(call.id, call.name, call.arguments)
            if span is not None:
                answer = answer_of(span, call)
                parts = answer.normalise(answer.raw)
                results = tuple(timed(result, span) for result in parts.results)
                append_normalised(
                    self._build, answer, parts._replace(results=results), ts=span.end_s
                )

    def _write_spans(self) -> None:
        """Write the run of an agent whose requests to a model were recorded without messages."""
        span = self._agent.span
        alone = (
            Request(span, ModelMessages(), ModelMessages())
            if span.kind is SpanKind.TOOL
            else read_request(span)
        )
        prompt, reply = alone.prompt.messages, alone.reply.messages
        silent = [read_request(request) for request in self._agent.requests]
        requests = [alone, *silent]
        self._open_run(
            run_id=self._run_id,
            task=fields.title_of(raw_messages(prompt)) or self._name(),
            model=next((one.model for one in requests if one.model), ""),
            tools=next((one.tools for one in requests if one.tools), None),
            parent_run_id=self._parent,
            details={"requests_without_messages": len(silent)} if silent else {},
            span=span,
            ts=span.start_s,
        )
        for message in prompt if not repeats(reply, prompt) else ():
            self._message(message, span.start_s)
        self._write_steps(silent, with_calls=not any(map(calls_tools, reply)))
        for message in reply:
            self._message(message, span.end_s)
        self._append_answers()
        self._end(silent, is_last=True, otherwise=_NOT_KEPT if silent and not reply else "")

    def _write_steps(self, silent: list[Request], *, with_calls: bool) -> None:
        """Append calls as recorded in their spans, and the failed requests in between.

        If the agent's output contains the whole conversation, the calls are in there.
        """
        steps: list[tuple[float, Request | Span]] = []
        steps += [(one.span.start_s or 0.0, one) for one in silent if one.failure]
        steps += [(one.start_s or 0.0, one) for one in self._agent.tools if with_calls]
        for _, one in sorted(steps, key=itemgetter(0)):
            if isinstance(one, Request):
                self._append_failure(one)
            else:
                self._message(call_of(one), one.start_s)
                self._append_answers()

    def _end(self, requests: list[Request], *, is_last: bool, otherwise: str = "") -> None:
        span = self._agent.span
        last = requests[-1] if requests else None
        why = span.error or (last.failure if last else "")
        finish = last.finish_reason if last else ""
        status = "error" if why else "truncated" if is_cut(finish) else "unknown"
        left = list(self._tools.left()) if is_last else []
        named = [
            {"name": one.tool_name or one.name, "input": one.input, "output": one.output}
            for one in left[:MAX_NAMED]
        ]
        details = {"tool_spans_without_call": named} if named else {}
        self._build.locate(span.line)
        self._build.end(
            status=status,
            stop_reason=why or finish or otherwise,
            reward=self._trace.reward,
            scores=self._trace.scores,
            usage=total_usage(request.usage for request in requests),
            details=fields.details_of(details),
            ts=span.end_s,
        )
        self._trace = replace(self._trace, details={}, scores={}, reward=None)


def _with_finish_reason(raw: dict[str, Any], request: Request | None) -> dict[str, Any]:
    """Return a reply with its finish reason, if only its request records that."""
    if request is None or not request.finish_reason or "finish_reason" in raw:
        return raw
    return {**raw, "finish_reason": request.finish_reason}


def _fuller(echo: ChatMessage, request: Request) -> ChatMessage:
    """Return a reply as a later request repeats it, or as received if the repetition lost some.

    For a reply with calls, some tracers record only the calls in the next request. The AI SDK
    repeats arguments that are no JSON as {}.
    """
    if len(request.reply.messages) != 1:
        return echo
    (reply,) = request.reply.messages
    lacks_text = reply.raw.get("content") and not echo.raw.get("content")
    if not lacks_text and not has_unparsed_call(reply.raw):
        return echo
    ids, made = ([call.id for call, _ in one.normalise(one.raw).calls] for one in (echo, reply))
    return reply if ids and ids == made else echo


def _with_usage(parts: Normalised, request: Request) -> Message:
    """Return a reply with the usage and the duration of its request."""
    message = parts.message
    return changed(
        message,
        usage=message.usage or request.usage,
        duration_s=message.duration_s or request.span.duration_s,
        finish_reason=message.finish_reason or request.finish_reason,
    )
