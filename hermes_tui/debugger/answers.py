"""Answers to calls, as events: from the tool, from a person in its place, or from the loop itself.

The session fills in `seq` and `ts` of the events.
"""

from __future__ import annotations

from hermes_tui.debugger import inputs as given
from hermes_tui.debugger.call_rules import Refusal, error_text
from hermes_tui.debugger.state import SessionState
from hermes_tui.debugger.turn import CallState
from hermes_tui.model import events as ev
from hermes_tui.model.messages import ErrorMark, ToolResult
from hermes_tui.parsers.plain_values import plain
from hermes_tui.parsers.tool_results import error_findings

LOST = "The tool may have run; its result was lost"


def tool_answered(answer: given.ToolReplied | given.ToolRaised, state: SessionState) -> ev.Event:
    """Return the answer of the tool that is running."""
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
                raw=plain(answer.raw),
            )
            is_text = answer.raw is None if answer.is_text is None else answer.is_text
            return ev.ToolReturned(
                seq=0,
                result=result,
                call_index=call.call.index,
                is_text=is_text,
                diagnostics=error_findings(answer.error),
                printed=answer.printed,
            )
        case given.ToolRaised():
            failed = raised(call, answer.exception, answer.duration_s)
            return ev.copy_event(failed, frames=answer.frames, by=answer.by, printed=answer.printed)


def raised(call: CallState, exception: str, duration_s: float | None = None) -> ev.Event:
    message = f"Tool execution failed: {exception}"
    return _failure(call, exception, error_text(message), duration_s)


def skipped(call: CallState) -> ev.Event:
    """Return the answer that a person gave in place of the tool."""
    skip = call.skip
    assert skip is not None, "skipped without an answer"
    if skip.failed:
        return _failure(call, skip.result, error_text(skip.result))
    result = ToolResult(skip.result, call_id=call.call.id, name=call.name)
    return ev.ToolReturned(seq=0, result=result, call_index=call.call.index)


def refused(call: CallState, refusal: Refusal) -> ev.Event:
    """Return the answer of the loop itself. The diagnostics remain with the call."""
    event = _failure(call, refusal.error, error_text(refusal.for_model))
    return ev.copy_event(event, diagnostics=())


def lost(call: CallState) -> ev.Event:
    return _failure(call, LOST, error_text(LOST))


def _failure(
    call: CallState, exception: str, content: str, duration_s: float | None = None
) -> ev.Event:
    error = ErrorMark("flag", exception)
    result = ToolResult(
        content, call_id=call.call.id, name=call.name, error=error, duration_s=duration_s
    )
    return ev.ToolFailed(
        seq=0,
        result=result,
        call_index=call.call.index,
        exception=exception,
        diagnostics=error_findings(error),
    )


def flags_of(call: CallState) -> tuple[str, ...]:
    """Return the flags of a tool message that is not the tool's own answer."""
    flags = []
    if call.skip is not None:
        flags.append("skipped")
    if call.cancelled:
        flags.append("cancelled")
    if call.substituted:
        flags.append("substituted")
    return tuple(flags)
