"""Helpers that write logs concisely."""

from __future__ import annotations

from typing import Any

from hermes_tui.log.event_log import MemoryLog
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    RunEnded,
    RunStarted,
    ToolCallProposed,
    ToolReturned,
    copy_event,
)
from hermes_tui.model.messages import (
    ArgumentsState,
    ErrorMark,
    Message,
    Origin,
    ToolCall,
    ToolResult,
    ToolSpec,
)


def started(*tools: str, **fields: Any) -> RunStarted:
    specs = tuple(ToolSpec(name) for name in tools)
    return RunStarted(seq=0, tools=specs, tools_declared=bool(tools), **fields)


def says(role: str, text: str = "", **fields: Any) -> MessageAppended:
    return MessageAppended(seq=0, message=Message(role=role, text=text, **fields))


def suspect(text: str) -> MessageAppended:
    found = Diagnostic(Code.CALL_IN_CONTENT, Severity.ERROR, "a call is left in the text")
    return MessageAppended(
        seq=0, message=Message(role="assistant", text=text, calls=1), diagnostics=(found,)
    )


def call(
    name: str | None, call_id: str | None = None, index: int = 0, origin: Origin = Origin.DICT
) -> ToolCallProposed:
    return ToolCallProposed(
        seq=0,
        call=ToolCall(
            index, name, "{}", ArgumentsState.JSON_STRING, arguments={}, id=call_id, origin=origin
        ),
    )


def answer(
    content: str = "ok", call_id: str | None = None, error: str = "", name: str | None = None
) -> ToolReturned:
    mark = ErrorMark("flag", error) if error else None
    return ToolReturned(seq=0, result=ToolResult(content, call_id=call_id, name=name, error=mark))


def ended(status: str = "ok") -> RunEnded:
    return RunEnded(seq=0, status=status)


def timeline(*events: Event) -> Timeline:
    numbered = [copy_event(event, seq=seq) for seq, event in enumerate(events)]
    lines = Timeline(MemoryLog(numbered, complete=True))
    lines.advance()
    return lines


def codes(lines: Timeline) -> list[tuple[str, str]]:
    """Return the findings of a run, except that its model did not have the last word."""
    kept = (finding for finding in lines.findings if finding.code is not Code.NO_ANSWER)
    return [(str(finding.code), str(finding.severity)) for finding in kept]
