"""What came in, as events: the start of a run, replies of the model, answers of tools.

Numbers and times of the events are filled in by the session.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.debugger import inputs as given
from hermes_tui.debugger.breakpoints import Breakpoint, parse_breakpoint
from hermes_tui.debugger.call_rules import Refusal, error_text
from hermes_tui.debugger.state import SessionState
from hermes_tui.debugger.stepping import StopPoint
from hermes_tui.debugger.turn import CallState
from hermes_tui.debugger.wire import assistant_text, content_beside
from hermes_tui.model import events as ev
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.errors import UsageError
from hermes_tui.model.messages import ErrorMark, IdState, Origin, ToolCall, ToolResult
from hermes_tui.parsers.normalise import TextCalls, normalise_message
from hermes_tui.parsers.plain_values import json_text

LOST = "The tool may have run; its result was lost"


def started(start: given.Start, new_id: str) -> list[ev.Event]:
    """Return the beginning of a log; what stops the run comes last, and with it the run begins."""
    events: list[ev.Event] = [
        ev.RunStarted(
            seq=0,
            run_id=new_id,
            task=start.task,
            model=start.model,
            source_format="native",
            tools=start.tools or (),
            tools_declared=start.tools is not None,
            details={**start.details, "max_turns": start.max_turns},
        )
    ]
    for raw in start.messages:
        found = normalise_message(raw, text_calls=TextCalls.IGNORE)
        events.append(
            ev.MessageAppended(
                seq=0, message=found.message, raw=json_text(raw), diagnostics=found.diagnostics
            )
        )
    return [*events, breakpoints_set(start.breakpoints, start.stop_points)]


def breakpoints_set(
    breakpoints: tuple[Breakpoint, ...], stop_points: frozenset[StopPoint]
) -> ev.Event:
    """Return what stops the run from here on. Raises UsageError for what no line can express."""
    for breakpoint in breakpoints:
        if parse_breakpoint(breakpoint.text, breakpoint_id=breakpoint.id) != breakpoint:
            raise UsageError(f"breakpoint {breakpoint.id} cannot be written as one line")
    return ev.BreakpointsSet(
        seq=0,
        breakpoints={breakpoint.id: breakpoint.text for breakpoint in breakpoints},
        stop_points=tuple(point for point in StopPoint if point in stop_points),
    )


def replied(replied: given.ModelReplied, turn: int, new_id: str) -> list[ev.Event]:
    """Return a reply as it arrived and what was read out of it. Every call that runs has an id."""
    message = replied.reply.message
    missed = any(
        d.code is Code.CALL_IN_CONTENT and d.severity is Severity.ERROR
        for d in replied.reply.diagnostics
    )
    calls = [
        (call if missed and call.origin is Origin.TEXT else with_id(call, new_id), found)
        for call, found in replied.reply.calls
    ]
    run = [call for call, _ in calls if call.id]
    content = content_beside(message.text, run)
    said = [(call.id or "", call.name or "", call.arguments_text or "{}") for call in run]
    events: list[ev.Event] = [
        ev.ResponseReceived(
            seq=0,
            turn=turn,
            raw=replied.raw,
            finish_reason=replied.finish_reason or message.finish_reason,
            usage=replied.usage or message.usage,
            duration_s=replied.duration_s,
        )
    ]
    if message.reasoning:
        events.append(ev.ReasoningExtracted(seq=0, turn=turn, reasoning=message.reasoning))
    return [
        *events,
        ev.ResponseParsed(
            seq=0, turn=turn, parser=replied.parser, calls=len(calls), content=content
        ),
        ev.MessageAppended(
            seq=0,
            message=message,
            raw=assistant_text(content, said, message.reasoning),
            diagnostics=replied.reply.diagnostics,
        ),
        *(ev.ToolCallProposed(seq=0, call=call, diagnostics=found) for call, found in calls),
    ]


def with_id(call: ToolCall, new_id: str) -> ToolCall:
    """Return `call` with an id: its own, or one made up, marked as such."""
    if call.id and call.id.strip():
        return call
    fields: dict[str, Any] = {name: getattr(call, name) for name in call.__struct_fields__}
    fields |= {"id": f"call_{new_id}_{call.index}", "id_state": IdState.SYNTHETIC}
    return ToolCall(**fields)


def failed(failure: given.RequestFailed, state: SessionState) -> ev.Event:
    return ev.RequestFailed(
        seq=0,
        turn=state.turn,
        attempt=state.attempt,
        message=failure.message,
        status=failure.status,
        body=failure.body,
        chain=failure.chain,
        empty=failure.empty,
    )


def tool_answered(answer: given.ToolReplied | given.ToolRaised, state: SessionState) -> ev.Event:
    """Return the answer of the tool that is under way."""
    call = state.call
    assert call is not None, "DISPATCHING without a call"
    match answer:
        case given.ToolReplied():
            result = ToolResult(
                answer.content,
                call_id=call.call.id,
                name=call.name,
                error=answer.error,
                exit_code=answer.exit_code,
                duration_s=answer.duration_s,
                raw=answer.raw,
            )
            return ev.ToolReturned(seq=0, result=result, call_index=call.call.index)
        case given.ToolRaised():
            told = f"Tool execution failed: {answer.exception}"
            return _failure(call, answer.exception, error_text(told), answer.duration_s)


def skipped(call: CallState) -> ev.Event:
    """Return what a person answered in place of the tool."""
    skip = call.skip
    assert skip is not None, "skipped without an answer"
    if skip.failed:
        return _failure(call, skip.result, error_text(skip.result))
    result = ToolResult(skip.result, call_id=call.call.id, name=call.name)
    return ev.ToolReturned(seq=0, result=result, call_index=call.call.index)


def refused(call: CallState, refusal: Refusal) -> ev.Event:
    return _failure(call, refusal.error, error_text(refusal.told))


def lost(call: CallState) -> ev.Event:
    return _failure(call, LOST, error_text(LOST))


def _failure(
    call: CallState, exception: str, content: str, duration_s: float | None = None
) -> ev.Event:
    result = ToolResult(
        content,
        call_id=call.call.id,
        name=call.name,
        error=ErrorMark("flag", exception),
        duration_s=duration_s,
    )
    return ev.ToolFailed(seq=0, result=result, call_index=call.call.index, exception=exception)


def flags_of(call: CallState) -> tuple[str, ...]:
    """Return how a tool message came to be where it is not what the tool said."""
    flags = []
    if call.skip is not None:
        flags.append("skipped")
    if call.substituted:
        flags.append("substituted")
    return tuple(flags)
