"""Group exchanges with a model into runs.

A request that begins with all messages of an earlier request and its reply continues that run; only
the new messages are appended. Of several choices the first continues the run, and each other one is
a separate run. Runs of one session or trace share a group, and so do the runs of several choices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.exchanges import Exchange
from hermes_tui.formats.failures import Failure
from hermes_tui.formats.message_parts import without_usual_findings
from hermes_tui.formats.outcomes import is_cut
from hermes_tui.formats.refused_requests import refusal_hint
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.samples import name_of_choice
from hermes_tui.formats.secrets import mask_secrets
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import RequestFailed, RequestSent, ResponseReceived
from hermes_tui.model.wording import counted
from hermes_tui.parsers.measures import usage
from hermes_tui.parsers.normalise import TextCalls, normalise_message


@dataclass(slots=True)
class _Call:
    """One exchange of a run: its record, and how many of its messages the run already had.

    `choice` is the index of the reply's message with which the run continues.
    """

    record: int
    exchange: Exchange
    known: int
    attempt: int
    choice: int = 0


@dataclass(slots=True)
class _Run:
    calls: list[_Call] = field(default_factory=list)


def append_runs(exchanges: Iterable[tuple[int, Exchange]], build: RunBuilder) -> None:
    """Append the runs that exchanges form; each exchange has the number of its line or entry.

    Exchanges outside all conversations are counted in the details of the first run.
    """
    conversational: list[tuple[int, Exchange]] = []
    side_counts: Counter[str] = Counter()
    for record, exchange in exchanges:
        if exchange.side:
            side_counts[exchange.side] += 1
        else:
            conversational.append((record, exchange))
    details = {"side_requests": dict(side_counts.most_common())} if side_counts else {}
    for number, run in enumerate(_runs(_with_shared_traces(conversational))):
        _append_run(run, build, {} if number else details)
    if details and not conversational:
        count = counted(side_counts.total(), "request")
        build.defect(
            f"no request of a conversation among {count} ({', '.join(sorted(side_counts))})"
        )


def _with_shared_traces(exchanges: list[tuple[int, Exchange]]) -> list[tuple[int, Exchange]]:
    """Return the exchanges; if one names no session, a trace that it shares becomes its session.

    LiteLLM's proxy gives each request a trace of its own unless the request names one.
    """
    trace_counts = Counter(exchange.trace for _, exchange in exchanges)
    return [
        (record, replace(one, session=one.trace) if _is_shared(one, trace_counts) else one)
        for record, one in exchanges
    ]


def _is_shared(exchange: Exchange, trace_counts: Counter[str]) -> bool:
    return not exchange.session and bool(exchange.trace) and trace_counts[exchange.trace] > 1


def _runs(exchanges: Iterable[tuple[int, Exchange]]) -> list[_Run]:
    """Sort exchanges into runs: one joins the run whose whole conversation its messages begin with.

    Costs a hash of every message of every request, so it is linear in the size of the log.
    """
    runs: list[_Run] = []
    heads: dict[tuple[str, int], tuple[_Run, int]] = {}
    for record, exchange in exchanges:
        keys = prefix_keys(m for _, m in exchange.messages)
        joined = None
        for known in range(len(exchange.messages), 0, -1):
            joined = heads.pop((exchange.session, keys[known]), None)
            if joined is not None:
                break
        if joined is None:
            run, attempt, known = _Run(), 1, 0
            runs.append(run)
        else:
            run, failures = joined
            attempt = failures + 1
        run.calls.append(_Call(record, exchange, known, attempt))
        if exchange.reply.failure is not None or exchange.is_undelivered:
            heads[exchange.session, keys[-1]] = (run, attempt)
        for choice, (_, answer) in enumerate(exchange.reply.messages):
            if choice:
                run = _Run([_Call(record, exchange, 0, 1, choice)])
                runs.append(run)
            repeated = answer if exchange.echo is None else exchange.echo
            heads[exchange.session, hash((keys[-1], _fingerprint(repeated)))] = (run, 0)
    return runs


def prefix_keys(messages: Iterable[dict[str, Any]]) -> list[int]:
    """Return a key for every prefix of `messages`, the empty one included.

    The key depends on roles, texts and calls, not on ids and the like.
    """
    keys = [0]
    for message in messages:
        keys.append(hash((keys[-1], _fingerprint(message))))
    return keys


def _fingerprint(message: dict[str, Any]) -> int:
    """Return a hash that distinguishes messages: of the role, the text and the calls.

    Ids and decorations differ between a reply and its echo in the next request.
    """
    content = message.get("content")
    text = fields.text_of(content).strip()
    if not text and content:
        text = fields.json_text(content)
    called = []
    for call in fields.as_list(message.get("tool_calls")):
        inner = call.get("function", call) if isinstance(call, dict) else call
        if isinstance(inner, dict):
            inner = (str(inner.get("name")), fields.json_text(inner.get("arguments")))
        called.append(str(inner))
    return hash((str(message.get("role")), text, tuple(called)))


def _append_run(run: _Run, build: RunBuilder, log_details: dict[str, Any]) -> None:
    first = run.calls[0]
    build.locate(first.record)
    _start(run, build, log_details)
    # A turn is a reply, in this log or repeated by a request; failed attempts do not count.
    replies = 0
    for call in run.calls:
        build.locate(call.record)
        exchange = call.exchange
        for pointer, message in exchange.messages[call.known :]:
            replies += _append_message(message, pointer, exchange, build)
        _append_request(call, replies + 1, build)
        replies += _append_reply(call, replies + 1, build)
    last = run.calls[-1].exchange
    choice = run.calls[-1].choice
    outcome = next(iter(last.outcomes[choice : choice + 1]), None) or {}
    reason = _finish_reason(run.calls[-1])
    if last.reply.failure is not None:
        build.end(**{**outcome, "status": "error", "stop_reason": last.reply.failure.message})
    elif is_cut(reason):
        build.end(**{**outcome, "status": "truncated", "stop_reason": reason})
    elif outcome:
        build.end(**outcome)


def _start(run: _Run, build: RunBuilder, log_details: dict[str, Any]) -> None:
    first = run.calls[0].exchange
    messages = [message for _, message in first.messages]
    details = {**first.details, **first.headers, **log_details}
    if len(run.calls) > 1:
        details["calls"] = ", ".join(str(call.record + 1) for call in run.calls[:50])
    build.start(
        run_id=name_of_choice(_id_of(run.calls[0]), run.calls[0].choice),
        task=first.task or fields.title_of(messages),
        model=first.model,
        tools=tool_specs(first.tools),
        parser=first.parser,
        group_id=first.group or first.session or _choices_group(run),
        lone_reply=len(run.calls) == 1 and (first.is_alone or len(first.reply.messages) > 1),
        details=details,
        pointer=first.request_pointer,
        ts=first.ts,
    )


def _id_of(call: _Call) -> str:
    return call.exchange.own_id or f"call {call.record + 1}"


def _choices_group(run: _Run) -> str:
    """Return the group of the runs of one reply's choices, or "" if no reply has several."""
    calls = (call for call in run.calls if len(call.exchange.reply.messages) > 1)
    return next(map(_id_of, calls), "")


def _finish_reason(call: _Call) -> str:
    """Return the finish reason of the choice with which the run continues."""
    reply = call.exchange.reply
    if len(reply.messages) < 2:
        return reply.finish_reason
    return fields.label(reply.messages[call.choice][1], "finish_reason")


def _append_request(call: _Call, turn: int, build: RunBuilder) -> None:
    """Append that a request was sent, if the log has more of it than its messages."""
    exchange = call.exchange
    if not exchange.url and exchange.wire_request is None:
        return
    rewritten = exchange.wire_request is not None
    note = Diagnostic(
        Code.SOURCE_DEFECT,
        Severity.NOTE,
        "the server was sent a rewritten conversation, kept as this request's body",
    )
    build.add(
        RequestSent,
        pointer=exchange.request_pointer,
        ts=exchange.ts,
        turn=turn,
        attempt=call.attempt,
        url=exchange.url,
        body=fields.json_text(mask_secrets(exchange.wire_request)) if rewritten else "",
        diagnostics=(note,) if rewritten else (),
    )


def _append_reply(call: _Call, turn: int, build: RunBuilder) -> int:
    """Append what was received; return the number of the model's replies in it."""
    exchange, reply = call.exchange, call.exchange.reply
    if exchange.reply_record is not None:
        build.locate(exchange.reply_record)
    if reply.failure is not None:
        _append_failure(call, reply.failure, turn, build)
        return 0
    build.add(
        ResponseReceived,
        pointer=exchange.reply_pointer,
        ts=exchange.ts,
        turn=turn,
        raw=exchange.received,
        finish_reason=_finish_reason(call),
        # The usage of all choices together is counted once.
        usage=None if call.choice else usage(reply.usage, exchange.cost),
        duration_s=exchange.duration_s,
        diagnostics=reply.flaws,
    )
    messages = reply.messages[call.choice : call.choice + 1]
    replies = sum(
        _append_message(message, pointer, exchange, build) for pointer, message in messages
    )
    if reply.defect:
        build.defect(reply.defect, pointer=exchange.reply_pointer)
    return replies


def _append_message(
    message: dict[str, Any], pointer: str, exchange: Exchange, build: RunBuilder
) -> bool:
    """Append a message; return whether it is one of the model."""
    mode = TextCalls.TRANSPORT if exchange.reply.is_raw else TextCalls.SUSPECT
    parts = normalise_message(message, text_calls=mode)
    build.append(without_usual_findings(parts, exchange.reply.usual), pointer, ts=exchange.ts)
    return parts.message.role == "assistant"


def _append_failure(call: _Call, failure: Failure, turn: int, build: RunBuilder) -> None:
    message = f"status {failure.status}: {failure.message}" if failure.status else failure.message
    build.add(
        RequestFailed,
        pointer=call.exchange.reply_pointer,
        ts=call.exchange.ts,
        turn=turn,
        attempt=call.attempt,
        message=failure.message,
        status=failure.status,
        body=failure.body,
        chain=failure.chain,
        diagnostics=(
            Diagnostic(
                Code.REQUEST_ERROR, Severity.ERROR, message, hint=refusal_hint(failure.message)
            ),
        ),
    )
