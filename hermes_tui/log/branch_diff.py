"""What two branches of a run did differently: their messages, calls and results, in order.

Compared is what counted in the end: a call as it was edited, a result as the model saw it, and
nothing of a reply that was thrown away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Final, NamedTuple

from hermes_tui.model import events as ev

_MATCHED_STEPS: Final = 2_000
_PAIRED_STEPS: Final = 200
"""Beyond so many steps one branch is put behind the other: matching is quadratic, and worse for the
few kinds of steps that there are."""


class StepKind(StrEnum):
    """What a step of a run is."""

    MESSAGE = "message"
    REASONING = "reasoning"
    CALL = "call"
    RESULT = "result"
    CHANGE = "change"
    """A person changed a message that was sent before, or the request's parameters."""
    FAILURE = "failure"
    END = "end"


class Step(NamedTuple):
    """`title` is the role of a message, the tool of a call or result; `turn` does not count when
    steps are compared."""

    kind: StepKind
    title: str
    text: str
    turn: int = 0
    call_index: int | None = None

    @property
    def key(self) -> tuple[str, ...]:
        return self.kind, self.title, self.text


class DiffRow(NamedTuple):
    """A step of both branches, or of one. Both sides are given where they differ, too."""

    left: Step | None
    right: Step | None

    @property
    def is_same(self) -> bool:
        return self.left is not None and self.right is not None and self.left.key == self.right.key


def branch_diff(left: Sequence[ev.Event], right: Sequence[ev.Event]) -> list[DiffRow]:
    """Return the steps of both logs side by side, the shared past included."""
    old, new = steps(left), steps(right)
    shared = _shared(old, new)
    rows = [DiffRow(*pair) for pair in zip(old[:shared], new[:shared], strict=True)]
    return rows + list(_matched(old[shared:], new[shared:]))


def _shared(old: Sequence[Step], new: Sequence[Step]) -> int:
    for count, (left, right) in enumerate(zip(old, new, strict=False)):
        if left.key != right.key:
            return count
    return min(len(old), len(new))


def _matched(old: list[Step], new: list[Step]) -> Iterator[DiffRow]:
    if max(len(old), len(new)) > _MATCHED_STEPS:
        yield from _paired(old, new)
        return
    matcher = SequenceMatcher(None, [s.key for s in old], [s.key for s in new], autojunk=False)
    for tag, start, end, other, other_end in matcher.get_opcodes():
        before, after = old[start:end], new[other:other_end]
        if tag == "equal":
            yield from (DiffRow(*pair) for pair in zip(before, after, strict=True))
        else:
            yield from _paired(before, after)


def _paired(old: list[Step], new: list[Step]) -> Iterator[DiffRow]:
    """Put steps of the same kind beside each other, as far as that keeps their order."""
    if max(len(old), len(new)) > _PAIRED_STEPS:
        yield from (DiffRow(step, None) for step in old)
        yield from (DiffRow(None, step) for step in new)
        return
    matcher = SequenceMatcher(None, [s.kind for s in old], [s.kind for s in new], autojunk=False)
    for tag, start, end, other, other_end in matcher.get_opcodes():
        before, after = old[start:end], new[other:other_end]
        if tag == "equal":
            yield from (DiffRow(*pair) for pair in zip(before, after, strict=True))
        else:
            yield from (DiffRow(step, None) for step in before)
            yield from (DiffRow(None, step) for step in after)


def steps(log: Sequence[ev.Event]) -> list[Step]:
    """Return what happened in a run, as it counted in the end."""
    collector = _Steps()
    for event in log:
        collector.apply(event)
    return collector.steps


class _Steps:
    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._turn = 0
        self._reply = 0
        """Where the steps of the present reply begin."""
        self._is_over = False

    def apply(self, event: ev.Event) -> None:
        match event:
            case ev.ResponseReceived():
                self._turn, self._reply = event.turn, len(self.steps)
            case ev.ReplyDiscarded() if self._is_over:
                pass  # a reply that came too late was never part of the run
            case ev.ReplyDiscarded() | ev.TextEdited():
                # Asked again, or read again from what a person made of it.
                del self.steps[self._reply :]
            case ev.MessageAppended():
                self._message(event)
            case ev.ToolCallProposed():
                call = event.call
                self._add(StepKind.CALL, call.name or "", call.arguments_text, call.index)
            case ev.ArgumentsEdited():
                self._edit(event)
            case ev.CallDropped():
                self._take_out(event.call_index)
            case ev.ToolReturned() | ev.ToolFailed():
                self._answer(event)
            case ev.ResultSubstituted():
                self._substitute(event)
            case _:
                self._of_run(event)

    def _of_run(self, event: ev.Event) -> None:
        match event:
            case ev.MessageEdited():
                self._add(StepKind.CHANGE, f"message {event.index + 1}", event.after)
            case ev.ParametersChanged():
                self._add(StepKind.CHANGE, "parameters", event.after)
            case ev.RequestFailed():
                self._add(StepKind.FAILURE, "request failed", event.message)
            case ev.LoopEscaped():
                self._add(StepKind.FAILURE, "the loop was lost", event.exception)
            case ev.RunEnded():
                self._is_over = True
                self._add(StepKind.END, "the end", f"{event.status} {event.stop_reason}".strip())
            case _:
                pass

    def _add(self, kind: StepKind, title: str, text: str, call_index: int | None = None) -> None:
        self.steps.append(Step(kind, title, text, self._turn, call_index))

    def _message(self, event: ev.MessageAppended) -> None:
        message = event.message
        if message.role == "tool":
            return  # the result that it carries stands there already
        for piece in message.reasoning:
            if piece.span is None:
                self._add(StepKind.REASONING, message.role, piece.text)
        if message.text or not message.calls:
            self._add(StepKind.MESSAGE, message.role, message.text)

    def _last(self, kind: StepKind, call_index: int | None) -> int | None:
        for at in range(len(self.steps) - 1, self._reply - 1, -1):
            if self.steps[at].kind is kind and self.steps[at].call_index == call_index:
                return at
        return None

    def _answer(self, event: ev.ToolReturned | ev.ToolFailed) -> None:
        result, index = event.result, event.call_index
        at = None if index is None else self._last(StepKind.RESULT, index)
        if at is not None:
            # The tool was run once more.
            del self.steps[at]
        self._add(StepKind.RESULT, result.name or "", result.content, index)

    def _edit(self, event: ev.ArgumentsEdited) -> None:
        at = self._last(StepKind.CALL, event.call_index)
        if at is not None:
            name = event.name_after or self.steps[at].title
            self.steps[at] = self.steps[at]._replace(title=name, text=event.after)

    def _take_out(self, call_index: int) -> None:
        at = self._last(StepKind.CALL, call_index)
        if at is not None:
            del self.steps[at]

    def _substitute(self, event: ev.ResultSubstituted) -> None:
        at = self._last(StepKind.RESULT, event.call_index)
        if at is not None:
            self.steps[at] = self.steps[at]._replace(text=event.after)
