"""A turn as it stands: the model's reply, its calls, what became of each; folded from events."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from hermes_tui.debugger.wire import assistant_text
from hermes_tui.model import events as ev
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import Origin, Reasoning, ToolCall, ToolResult
from hermes_tui.parsers.call_arguments import Arguments, read_arguments


class CallStatus(StrEnum):
    """How far a call is. SHOWN: found in the text, where this run does not read calls."""

    SHOWN = "shown"
    WAITING = "waiting"
    DISPATCHED = "dispatched"
    LOST = "lost"
    SKIPPED = "skipped"
    ANSWERED = "answered"
    DONE = "done"
    DROPPED = "dropped"


@dataclass(slots=True)
class CallState:
    """A call: as proposed, as edited, and what became of it."""

    call: ToolCall
    name: str | None
    arguments: Arguments
    status: CallStatus = CallStatus.WAITING
    flawed: bool = False
    repeats: int = 0
    skip: ev.CallSkipped | None = None
    result: ToolResult | None = None
    exception: str = ""
    error_recorded: bool = False
    substituted: bool = False
    message: str = ""
    """The tool message as sent to the model, JSON text."""

    def apply(self, event: ev.Event) -> None:
        """Take one event about this call into account."""
        match event:
            case ev.ArgumentsEdited():
                self.arguments = read_arguments(event.after)
                self.name = event.name_after or self.name
            case ev.CallSkipped():
                self.skip, self.status = event, CallStatus.SKIPPED
            case ev.CallDropped():
                self.status = CallStatus.DROPPED
            case ev.ResultSubstituted() if self.result is not None:
                old = self.result
                self.result = ToolResult(event.after, call_id=old.call_id, name=old.name)
                self.substituted = True
            case ev.ToolDispatched():
                self.status = CallStatus.DISPATCHED
            case ev.ToolReturned() | ev.ToolFailed():
                self.result, self.status = event.result, CallStatus.ANSWERED
                self.exception = event.exception if isinstance(event, ev.ToolFailed) else ""
            case _:
                pass


@dataclass(slots=True)
class Reply:
    """The model's reply of this turn. It is whole once its message and `expected` calls are in."""

    expected: int | None = None
    content: str = ""
    text: str = ""
    finish_reason: str = ""
    reasoning: tuple[Reasoning, ...] = ()
    calls: list[CallState] = field(default_factory=list)
    seen: bool = False
    flawed: bool = False
    truncated: bool = False
    reads_text: bool = True

    @property
    def whole(self) -> bool:
        return self.seen and self.expected is not None and len(self.calls) >= self.expected

    @property
    def running(self) -> list[CallState]:
        """The calls that are part of the run."""
        return [c for c in self.calls if c.status not in (CallStatus.SHOWN, CallStatus.DROPPED)]

    @property
    def current(self) -> CallState | None:
        """The call that the run is at: the first that is not done with."""
        return next((c for c in self.running if c.status is not CallStatus.DONE), None)

    def messages(self) -> list[str]:
        """Return what the turn adds to the conversation, edits and drops included."""
        calls = self.running
        said = assistant_text(
            self.content,
            [(c.call.id or "", c.name or "", c.arguments.text or "{}") for c in calls],
            self.reasoning,
        )
        return [said, *(c.message for c in calls)]

    def apply(self, event: ev.Event) -> None:
        """Take one event of the turn into account."""
        match event:
            case ev.ReasoningExtracted():
                self.reasoning = event.reasoning
            case ev.ResponseParsed():
                self.expected, self.content = event.calls, event.content or ""
            case ev.MessageAppended():
                self._message(event)
            case ev.ToolCallProposed():
                self._proposed(event)
            case (
                ev.ArgumentsEdited()
                | ev.CallSkipped()
                | ev.CallDropped()
                | ev.ResultSubstituted()
                | ev.ToolDispatched()
                | ev.ToolReturned()
                | ev.ToolFailed()
            ):
                self.calls[event.call_index or 0].apply(event)
            case ev.ToolErrorRecorded() if self.current is not None:
                self.current.error_recorded = True
            case _:
                pass

    def _message(self, event: ev.MessageAppended) -> None:
        if self.seen:
            if self.current is not None:
                self.current.message, self.current.status = event.raw, CallStatus.DONE
            return
        self.seen, self.text = True, event.message.text
        self.reads_text = not _holds(event.diagnostics, Code.CALL_IN_CONTENT)
        self.truncated = _holds(event.diagnostics, Code.TRUNCATED)
        self.flawed = any(
            d.severity is Severity.ERROR and d.code is not Code.TRUNCATED for d in event.diagnostics
        )

    def _proposed(self, event: ev.ToolCallProposed) -> None:
        call = event.call
        shown = call.origin is Origin.TEXT and not self.reads_text
        self.calls.append(
            CallState(
                call,
                call.name,
                Arguments(call.arguments_text, call.arguments_state, call.arguments),
                CallStatus.SHOWN if shown else CallStatus.WAITING,
                flawed=any(d.severity is Severity.ERROR for d in event.diagnostics),
            )
        )


def _holds(diagnostics: tuple[Diagnostic, ...], code: Code) -> bool:
    return any(d.code is code and d.severity is Severity.ERROR for d in diagnostics)
