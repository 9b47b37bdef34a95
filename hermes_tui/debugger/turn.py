"""The state of a turn, folded from events: the model's reply and what became of its calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hermes_tui.debugger.call_rules import NO_ARGUMENTS, arguments_are_whole
from hermes_tui.log.argument_schema import SchemaProblem
from hermes_tui.model import events as ev
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ADDED, Origin, Reasoning, ToolCall, ToolResult, changed
from hermes_tui.parsers.call_arguments import Arguments, read_arguments
from hermes_tui.parsers.finish_reasons import CUT
from hermes_tui.parsers.plain_values import decode


class CallStatus(StrEnum):
    """How far a call has got. SHOWN: found in the text by a run that does not read calls there."""

    SHOWN = "shown"
    WAITING = "waiting"
    DISPATCHED = "dispatched"
    LOST = "lost"
    SKIPPED = "skipped"
    ANSWERED = "answered"
    DONE = "done"
    DROPPED = "dropped"


_NOT_RUN = (CallStatus.SHOWN, CallStatus.DROPPED)
_SETTLED = (*_NOT_RUN, CallStatus.DONE)


@dataclass(slots=True)
class CallState:
    """A call as proposed, its edits, and what became of it."""

    call: ToolCall
    name: str | None
    arguments: Arguments
    status: CallStatus = CallStatus.WAITING
    dispatched: ev.ToolDispatched | None = None
    """The last dispatch of its tool; None if there was none."""
    edited: bool = False
    flawed: bool = False
    cut: bool = False
    """Whether the arguments are only the beginning of the model's, and no person replaced them."""
    key: str = ""
    """A key that is the same for equal calls."""
    repeats: int = 0
    skip: ev.CallSkipped | None = None
    result: ToolResult | None = None
    is_text: bool = True
    exception: str = ""
    cancelled: bool = False
    """Whether somebody cancelled its tool."""
    error_recorded: bool = False
    substituted: bool = False
    message: str = ""
    """The tool message as sent to the model, JSON text."""
    problems: tuple[SchemaProblem, ...] | None = field(default=None, compare=False, repr=False)
    """How the arguments violate the tool's schema; None if they have not been checked."""

    @property
    def touched(self) -> bool:
        """Whether the call differs from what the model wrote."""
        return self.edited or self.status is CallStatus.DROPPED or self.call.verdict == ADDED

    @property
    def value(self) -> Any:
        """The answer to the call: a text, or the tool's value if it was not a text."""
        if self.result is None:
            return ""
        return self.result.content if self.is_text else self.result.raw

    def apply(self, event: ev.Event) -> None:
        """Apply one event about this call."""
        match event:
            case ev.ArgumentsEdited():
                self.arguments = read_arguments(event.after)
                self.name, self.problems = event.name_after or self.name, None
                self.edited = True
                # An edit of only the name does not make the arguments whole.
                self.cut = self.cut and bool(event.name_after) and event.after == event.before
            case ev.CallSkipped():
                self.skip, self.status = event, CallStatus.SKIPPED
            case ev.CallDropped():
                self.status = CallStatus.DROPPED
            case ev.ResultSubstituted() if self.result is not None:
                old = self.result
                self.result = ToolResult(event.after, call_id=old.call_id, name=old.name)
                self.substituted, self.is_text = True, True
            case ev.ToolDispatched():
                self.status, self.dispatched = CallStatus.DISPATCHED, event
            case ev.ToolReturned():
                self.result, self.status = event.result, CallStatus.ANSWERED
                self.exception, self.cancelled, self.is_text = "", False, event.is_text
            case ev.ToolFailed():
                self.result, self.status = event.result, CallStatus.ANSWERED
                self.exception, self.cancelled = event.exception, bool(event.by)
                self.is_text = True
            case _:
                pass

    def run_again(self) -> None:
        """Forget the answer so that the tool is run once more."""
        self.status, self.skip, self.result = CallStatus.WAITING, None, None
        self.exception, self.cancelled = "", False
        self.error_recorded, self.substituted = False, False


@dataclass(slots=True)
class Reply:
    """The model's reply of this turn: whole once its message and `expected` calls have arrived."""

    expected: int | None = None
    content: str = ""
    text: str = ""
    raw: str = ""
    """The message as it was added to the conversation, JSON text."""
    finish_reason: str = ""
    torn: bool = False
    """Whether it was damaged or cut off in transport."""
    reasoning: tuple[Reasoning, ...] = ()
    calls: list[CallState] = field(default_factory=list)
    seen: bool = False
    given: bool = False
    """Whether the run began with this reply, whose calls are still to be answered."""
    flawed: bool = False
    truncated: bool = False
    reads_text: bool = True
    content_replaced: bool = False
    """Whether calls were added from the text, and `content` is what their parser leaves of it."""
    _settled: int = field(default=0, init=False, compare=False, repr=False)
    """How many calls from the first on are settled."""
    _value: tuple[str, Any] = field(default=("", None), init=False, compare=False, repr=False)
    """`raw` as it was last decoded, and its value."""

    @classmethod
    def of(cls, received: ev.ResponseReceived) -> Reply:
        """Return a reply that was received and not yet parsed."""
        torn = any(diagnostic.severity is Severity.ERROR for diagnostic in received.diagnostics)
        return cls(finish_reason=received.finish_reason, torn=torn)

    def without_content(self) -> Reply:
        """Return the reply without its content, before it is parsed again from another text."""
        return Reply(finish_reason=self.finish_reason, torn=self.torn)

    @property
    def whole(self) -> bool:
        return self.seen and self.expected is not None and len(self.calls) >= self.expected

    @property
    def message_value(self) -> Any:
        """The decoded value of `raw`, not to be changed; None if it is not JSON."""
        if self._value[0] is not self.raw:
            self._value = self.raw, decode(self.raw)
        return self._value[1]

    @property
    def running(self) -> list[CallState]:
        """The calls that are part of the run."""
        return [c for c in self.calls if c.status not in _NOT_RUN]

    @property
    def same_ids(self) -> bool:
        """Whether two calls have the same id, so that their results cannot be told apart."""
        ids = [call.call.id for call in self.running if call.call.id]
        return len(set(ids)) < len(ids)

    @property
    def current(self) -> CallState | None:
        """The call that the run is at, the first that is not settled; None if there is none."""
        while self._settled < len(self.calls) and self.calls[self._settled].status in _SETTLED:
            self._settled += 1
        return self.calls[self._settled] if self._settled < len(self.calls) else None

    def apply(self, event: ev.Event) -> None:
        """Apply one event of the turn."""
        match event:
            case ev.ReasoningExtracted():
                self.reasoning = event.reasoning
            case ev.ResponseParsed():
                self.expected, self.content = event.calls, event.content or ""
            case ev.MessageAppended():
                self._apply_message(event)
            case ev.ToolCallProposed():
                self._apply_call(event)
            case (
                ev.ArgumentsEdited()
                | ev.CallSkipped()
                | ev.CallDropped()
                | ev.ResultSubstituted()
                | ev.ToolDispatched()
                | ev.ToolReturned()
                | ev.ToolFailed()
            ):
                index = event.call_index or 0
                if 0 <= index < len(self.calls):
                    self.calls[index].apply(event)
                    self._settled = min(self._settled, index)
            case ev.ToolErrorRecorded() if self.current is not None:
                self.current.error_recorded = True
            case _:
                pass

    def _apply_message(self, event: ev.MessageAppended) -> None:
        if self.seen:
            if self.current is not None:
                self.current.message, self.current.status = event.raw, CallStatus.DONE
            return
        self.seen, self.text, self.raw = True, event.message.text, event.raw
        self.finish_reason = self.finish_reason or event.message.finish_reason
        self.reads_text = not (self.given or _has_error(event.diagnostics, Code.CALL_IN_CONTENT))
        self.truncated = _has_error(event.diagnostics, Code.TRUNCATED)
        self.flawed = any(
            d.severity is Severity.ERROR and d.code is not Code.TRUNCATED for d in event.diagnostics
        )

    def _apply_call(self, event: ev.ToolCallProposed) -> None:
        call = event.call
        if event.content is not None:
            self.content, self.content_replaced = event.content, True
        if call.index != len(self.calls):
            # Regardless of the index in the log, calls are looked up by position.
            call = changed(call, index=len(self.calls))
        shown = call.origin is Origin.TEXT and not self.reads_text
        self.calls.append(
            CallState(
                call,
                call.name,
                Arguments(call.arguments_text, call.arguments_state, call.arguments),
                CallStatus.SHOWN if shown else CallStatus.WAITING,
                flawed=any(d.severity is Severity.ERROR for d in event.diagnostics),
                cut=self._is_cut(call, event.diagnostics),
            )
        )

    def _is_cut(self, call: ToolCall, diagnostics: tuple[Diagnostic, ...]) -> bool:
        """Return whether the reply ended before the arguments of a call did."""
        is_cut = self.torn or self.finish_reason in CUT
        if call.origin is not Origin.TEXT:
            # Arguments that end too early are refused anyway, as they are not JSON. Those that
            # never began look like those of a call without any.
            is_last = call.index + 1 == self.expected and call.verdict != ADDED
            return is_cut and is_last and call.arguments_state in NO_ARGUMENTS
        if _has_error(diagnostics, Code.TRUNCATED):
            return not arguments_are_whole(call, self.text)
        return is_cut and _has_error(diagnostics, Code.UNCLOSED)


def _has_error(diagnostics: tuple[Diagnostic, ...], code: Code) -> bool:
    return any(d.code is code and d.severity is Severity.ERROR for d in diagnostics)
