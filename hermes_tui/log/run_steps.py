"""A run as the steps that counted in the end: a call as it was edited, a result as the model saw
it, and nothing of a discarded reply."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import cached_property
from typing import Final

from hermes_tui.log.open_calls import OpenCall
from hermes_tui.log.waiting_calls import WaitingCalls
from hermes_tui.model import events as ev
from hermes_tui.model.messages import ToolResult
from hermes_tui.model.same_json import text_key

_JSON_STARTS: Final = ("{", "[")


class StepKind(StrEnum):
    """The kinds of steps of a run."""

    MESSAGE = "message"
    REASONING = "reasoning"
    CALL = "call"
    RESULT = "result"
    CHANGE = "change"
    """A person changed a message that was sent before, or the request's parameters."""
    FAILURE = "failure"
    END = "end"


_PROSE_KINDS: Final = (StepKind.MESSAGE, StepKind.REASONING)


class Step:
    """One step. `title` is the role of a message, the tool of a call or result.

    `error` is why a result counts as an error, as in `ErrorMark.kind`; empty: it does not. `turn`
    is 1-based, 0 before the first reply; `seq` is the event that the step came with. Neither of
    these two counts when steps are compared.
    """

    def __init__(
        self,
        kind: StepKind,
        title: str,
        text: str,
        turn: int = 0,
        call_index: int | None = None,
        seq: int = 0,
        error: str = "",
    ) -> None:
        self.kind = kind
        self.title = title
        self.text = text
        self.turn = turn
        self.call_index = call_index
        self.seq = seq
        self.error = error

    @property
    def is_value(self) -> bool:
        """Whether its text is compared as a JSON value, regardless of spacing, if it is JSON."""
        return self.kind not in _PROSE_KINDS and self.text.lstrip().startswith(_JSON_STARTS)

    @cached_property
    def key(self) -> tuple[str, ...]:
        """The key that steps are compared by: prose verbatim, all other JSON texts by value."""
        text = text_key(self.text) if self.is_value else self.text
        return self.kind, self.title, self.error, text

    def changed(self, title: str, text: str) -> Step:
        """Return this step as it is after an edit."""
        return Step(self.kind, title, text, self.turn, self.call_index, self.seq, self.error)


def steps(log: Iterable[ev.Event]) -> list[Step]:
    """Return the steps of a run that counted in the end."""
    collector = _StepCollector()
    for event in log:
        collector.apply(event)
    return collector.steps


class _StepCollector:
    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._turn = 0
        self._turn_is_open = False
        """Whether the turn of the next reply's message has already been opened."""
        self._reply = 0
        """The index at which the steps of the present reply begin."""
        self._answers: set[int] = set()
        """The indices of the turn's calls that have a result."""
        self._is_over = False
        self._seq = 0
        self._waiting = WaitingCalls()
        """The turn's calls without a result, for results that do not name their tool."""

    def apply(self, event: ev.Event) -> None:
        self._seq = event.seq
        match event:
            case ev.ResponseReceived():
                self._turn_is_open = True
                self._open_turn(event.turn)
            case ev.ReplyDiscarded() if self._is_over:
                pass  # a reply that came too late was never part of the run
            case ev.ReplyDiscarded() | ev.TextEdited():
                # The reply is requested again, or parsed again after a person edited it.
                del self.steps[self._reply :]
                self._turn_is_open = True
            case ev.MessageAppended():
                self._message(event)
            case ev.ToolCallProposed():
                self._call(event)
            case ev.ArgumentsEdited():
                self._edit(event)
            case ev.CallDropped():
                self._drop_call(event.call_index)
            case ev.ToolReturned() | ev.ToolFailed():
                self._answer(event)
            case ev.ResultSubstituted():
                self._substitute(event)
            case _:
                self._apply_run_event(event)

    def _apply_run_event(self, event: ev.Event) -> None:
        match event:
            case ev.MessageEdited():
                self._add(StepKind.CHANGE, f"message {event.index + 1}", event.after)
            case ev.ParametersChanged():
                self._add(StepKind.CHANGE, "parameters", event.after)
            case ev.RequestFailed():
                self._add(StepKind.FAILURE, "request failed", event.message)
            case ev.LoopEscaped():
                self._add(StepKind.FAILURE, "an exception escaped the loop", event.exception)
            case ev.RunEnded():
                self._end(event)
            case _:
                pass

    def _end(self, event: ev.RunEnded) -> None:
        self._is_over = True
        text = f"{event.status} {event.stop_reason}".strip()
        last = self.steps[-1] if self.steps else None
        if last is None or (last.kind, last.text) != (StepKind.END, text):
            # The event is repeated, with its reward, once the run is scored.
            self._add(StepKind.END, "the end", text)

    def _open_turn(self, turn: int) -> None:
        self._turn, self._reply = turn, len(self.steps)
        self._waiting.clear()
        self._answers.clear()

    def _add(
        self,
        kind: StepKind,
        title: str,
        text: str,
        call_index: int | None = None,
        *,
        error: str = "",
    ) -> None:
        self.steps.append(Step(kind, title, text, self._turn, call_index, self._seq, error))

    def _message(self, event: ev.MessageAppended) -> None:
        message = event.message
        if message.role == "assistant":
            if not self._turn_is_open:
                self._open_turn(self._turn + 1)
            self._turn_is_open = False
        if message.role == "tool":
            return  # its result already is a step
        for piece in message.reasoning:
            if piece.span is None:
                self._add(StepKind.REASONING, message.role, piece.text)
        if message.text or not (message.calls or message.results):
            self._add(StepKind.MESSAGE, message.role, message.text)

    def _call(self, event: ev.ToolCallProposed) -> None:
        call = event.call
        waits = OpenCall(event.seq, self._turn, call.id, call.name, call.index)
        self._waiting.add(waits)
        self._add(StepKind.CALL, call.name or "", call.arguments_text, call.index)

    def _last(self, kind: StepKind, call_index: int | None) -> int | None:
        for at in range(len(self.steps) - 1, self._reply - 1, -1):
            if self.steps[at].kind is kind and self.steps[at].call_index == call_index:
                return at
        return None

    def _answer(self, event: ev.ToolReturned | ev.ToolFailed) -> None:
        result, index = event.result, event.call_index
        at = self._last(StepKind.RESULT, index) if index in self._answers else None
        if index is not None:
            self._answers.add(index)
        # If there already is a result, the tool was run once more.
        tool = self._answered_tool(result) if at is None else self.steps.pop(at).title
        error = result.error.kind if result.error is not None else ""
        self._add(StepKind.RESULT, result.name or tool, result.content, index, error=error)

    def _answered_tool(self, result: ToolResult) -> str:
        """Return the tool of the call that a result answers, empty if there is none."""
        call = self._waiting.take(result)
        return (call.name or "") if call is not None else ""

    def _edit(self, event: ev.ArgumentsEdited) -> None:
        at = self._last(StepKind.CALL, event.call_index)
        if at is not None:
            before = self.steps[at]
            self.steps[at] = before.changed(event.name_after or before.title, event.after)

    def _drop_call(self, call_index: int) -> None:
        at = self._last(StepKind.CALL, call_index)
        if at is not None:
            del self.steps[at]

    def _substitute(self, event: ev.ResultSubstituted) -> None:
        at = self._last(StepKind.RESULT, event.call_index)
        if at is not None:
            self.steps[at] = self.steps[at].changed(self.steps[at].title, event.after)
