"""Exchanges with a model, put together to runs again.

A request that begins with all that an earlier one had said and answered goes on with that run; only
what is new is appended. Of several choices the first goes on with the run, each other one is a run
of its own. Runs of one session or trace share a group.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import RunBuilder
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.exchanges import Exchange
from hermes_tui.formats.replies import Failure
from hermes_tui.formats.secrets import mask_secrets
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import RequestFailed, RequestSent, ResponseReceived
from hermes_tui.parsers.measures import usage
from hermes_tui.parsers.normalise import TextCalls


@dataclass(slots=True)
class _Call:
    """One exchange of a run: the record it stands in, and how many messages the run had before.

    `choice` is the one of the reply's messages that the run goes on with.
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
    """Append the runs that exchanges make up; each comes with the number of its line or entry."""
    for run in _runs(exchanges):
        _emit(run, build)


def _runs(exchanges: Iterable[tuple[int, Exchange]]) -> list[_Run]:
    """Sort calls into runs: a call joins the run whose whole conversation its messages begin with.

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
        if exchange.reply.failure is not None:
            heads[exchange.session, keys[-1]] = (run, attempt)
        for choice, (_, answer) in enumerate(exchange.reply.messages):
            if choice:
                run = _Run([_Call(record, exchange, 0, 1, choice)])
                runs.append(run)
            heads[exchange.session, hash((keys[-1], _fingerprint(answer)))] = (run, 0)
    return runs


def prefix_keys(messages: Iterable[dict[str, Any]]) -> list[int]:
    """Return a key for every prefix of `messages`, the empty one included.

    Who says what and calls what makes the key, not ids and the like.
    """
    keys = [0]
    for message in messages:
        keys.append(hash((keys[-1], _fingerprint(message))))
    return keys


def _fingerprint(message: dict[str, Any]) -> int:
    """Return what tells a message from another: who says what and calls what.

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


def _emit(run: _Run, build: RunBuilder) -> None:
    first = run.calls[0]
    build.locate(first.record)
    _start(run, build)
    for turn, call in enumerate(run.calls, 1):
        build.locate(call.record)
        exchange = call.exchange
        mode = _text_calls(exchange)
        for pointer, message in exchange.messages[call.known :]:
            build.message(message, pointer=pointer, ts=exchange.ts, text_calls=mode)
        _request(call, turn, build)
        _reply(call, turn, build)
    last = run.calls[-1].exchange
    told = last.outcome or {}
    if last.reply.failure is not None:
        build.end(**{**told, "status": "error", "stop_reason": last.reply.failure.message})
    elif fields.is_cut(last.reply.finish_reason):
        build.end(**{**told, "status": "truncated", "stop_reason": last.reply.finish_reason})
    elif told:
        build.end(**told)


def _start(run: _Run, build: RunBuilder) -> None:
    first = run.calls[0].exchange
    messages = [message for _, message in first.messages]
    details = {**first.details, **first.headers}
    run_id, choice = first.own_id or f"call {run.calls[0].record + 1}", run.calls[0].choice
    if len(run.calls) > 1:
        details["calls"] = ", ".join(str(call.record + 1) for call in run.calls[:50])
    build.start(
        run_id=f"{run_id} · choice {choice + 1}" if choice else run_id,
        task=first.task or fields.title_of(messages),
        model=first.model,
        tools=tool_specs(first.tools),
        group_id=first.group or first.session,
        details=details,
        pointer=first.request_pointer,
        ts=first.ts,
    )


def _request(call: _Call, turn: int, build: RunBuilder) -> None:
    """Say that a request left, where the log knows more of it than its messages."""
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


def _reply(call: _Call, turn: int, build: RunBuilder) -> None:
    exchange, reply = call.exchange, call.exchange.reply
    if reply.failure is not None:
        _failed(call, reply.failure, turn, build)
        return
    raw = exchange.wire_response if exchange.wire_response is not None else exchange.reply_raw
    cut = Diagnostic(
        Code.STREAM_CUT, Severity.ERROR, "the stream ended before the reply did: no finish_reason"
    )
    build.add(
        ResponseReceived,
        pointer=exchange.reply_pointer,
        ts=exchange.ts,
        turn=turn,
        raw="" if raw is None else fields.json_text(mask_secrets(raw)),
        finish_reason=reply.finish_reason,
        # What all choices took together is counted once.
        usage=None if call.choice else usage(reply.usage, exchange.cost),
        duration_s=exchange.duration_s,
        diagnostics=(*reply.flaws, *((cut,) if reply.is_cut else ())),
    )
    mode = _text_calls(exchange)
    for pointer, message in reply.messages[call.choice : call.choice + 1]:
        build.message(message, pointer=pointer, ts=exchange.ts, text_calls=mode)
    if reply.defect:
        build.defect(reply.defect, pointer=exchange.reply_pointer)


def _text_calls(exchange: Exchange) -> TextCalls:
    return TextCalls.TRANSPORT if exchange.reply.is_raw else TextCalls.SUSPECT


def _failed(call: _Call, failure: Failure, turn: int, build: RunBuilder) -> None:
    told = f"status {failure.status}: {failure.message}" if failure.status else failure.message
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
        diagnostics=(Diagnostic(Code.REQUEST_ERROR, Severity.ERROR, told),),
    )
