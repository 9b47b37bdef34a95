"""vLLM 0.33's declared parsers: a state machine whose transitions are a table of markers.

    content  --start-->  preamble  --name marker-->  name  --args marker-->  args  --end-->  between

A marker without a move in the current state is plain text of that state. Text in state `content`
becomes content, text in `name` and `args` is collected, text in `preamble` and `between` is lost.
The end of the text ends an open call as its marker would: a cut call is delivered like a whole one.
Special tokens of the tokenizer that the format does not use are removed everywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import Trace

SPECIAL_TOKENS = (
    *("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "</s>", "<|end|>"),
    *("<|end_of_text|>", "<｜end▁of▁sentence｜>", "<|user|>", "<|observation|>", "[e~["),
    *("<seed:eos>", "<end_of_turn>", "<|eos|>", "<eos>", "<|action_end|>"),
)
"""Tokens that these models' tokenizers declare as special, beyond the markers of the formats."""

_MAX_STEPS = 4000
_MAX_FLAGS = 100
"""Beyond this number, further moves and tokens of a pathological text add nothing new."""


class State(StrEnum):
    """A state of the machine."""

    CONTENT = "content"
    PREAMBLE = "preamble"
    NAME = "name"
    ARGS = "args"
    BETWEEN = "between"


# Module constants for speed: in Python 3.11, access to an enumeration member is a function call.
_CONTENT, _PREAMBLE, _NAME, _ARGS, _BETWEEN = State


_STATE_PHRASES = {
    _CONTENT: "words of the answer",
    _PREAMBLE: "the words before a name",
    _NAME: "the letters of a name",
    _ARGS: "the arguments",
    _BETWEEN: "the words between calls",
}
"""What is read in each state, in words."""


class Move(NamedTuple):
    """The effect of a marker: it `ends` and `starts` a call (in this order).

    With `keeps`, the marker's text belongs to the arguments.
    """

    to: State
    ends: bool = False
    starts: bool = False
    keeps: bool = False


class Table:
    """The moves of a format, by state and marker.

    `shields` are markers that cause no move but hide the markers inside them.
    """

    def __init__(self, moves: dict[tuple[State, str], Move], shields: tuple[str, ...] = ()) -> None:
        self.moves = moves
        self._shields = shields

    @cached_property
    def patterns(self) -> dict[State, re.Pattern[str]]:
        """The markers to search for, by state."""
        return {state: self._pattern(state) for state in State}

    def _pattern(self, state: State) -> re.Pattern[str]:
        known = {marker for at, marker in self.moves if at is state}
        known.update(SPECIAL_TOKENS, self._shields if state is State.NAME else ())
        return re.compile("|".join(map(re.escape, sorted(known, key=len, reverse=True))))


@dataclass(slots=True)
class Slot:
    """A call being read: the spans of its name, its arguments and the whole call."""

    start: int
    opener: Span
    end: int = 0
    closed: bool = False
    wrapped: bool = False
    bare: bool = False
    name_parts: list[Span] = field(default_factory=list)
    args_parts: list[Span] = field(default_factory=list)

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)

    def name(self, text: str) -> str:
        return _joined(text, self.name_parts)

    def args(self, text: str) -> str:
        return _joined(text, self.args_parts)

    def name_span(self) -> Span | None:
        return _cover(self.name_parts)

    def args_span(self) -> Span | None:
        return _cover(self.args_parts)

    def place(self, start: int, end: int) -> Span:
        """Return the span in the text of the characters `start` to `end` of the arguments."""
        return Span(self._at(start), max(self._at(max(start, end - 1)) + 1, self._at(start)))

    def _at(self, offset: int) -> int:
        for part in self.args_parts:
            size = part.end - part.start
            if offset < size:
                return part.start + offset
            offset -= size
        return self.args_parts[-1].end if self.args_parts else self.end


class Machine:
    """Runs a table over a text; then `slots` are the calls, `content` the spans of the content."""

    def __init__(self, trace: Trace, table: Table) -> None:
        self.slots: list[Slot] = []
        self.content: list[Span] = []
        self._trace = trace
        self._table = table
        self._state = _CONTENT
        self._preamble_start = -1
        self._removed_count = 0

    def run(self) -> None:
        text, position = self._trace.text, 0
        moves, patterns = self._table.moves, self._table.patterns
        while found := patterns[self._state].search(text, position):
            marker, (start, end) = found[0], found.span()
            self._collect(position, start)
            move = moves.get((self._state, marker))
            if move is not None:
                self._move(move, Span(start, end))
            elif marker in SPECIAL_TOKENS:
                self._remove_special(Span(start, end))
            else:
                self._collect(start, end)
            position = end
        self._collect(position, len(text))
        self._finish()

    def _collect(self, start: int, end: int) -> None:
        """Add plain text to what the current state collects."""
        if start >= end:
            return
        if self._state is _CONTENT:
            self.content.append(Span(start, end))
        elif self._state is _NAME:
            self._slot.name_parts.append(Span(start, end))
        elif self._state is _ARGS:
            self._slot.args_parts.append(Span(start, end))

    @property
    def _slot(self) -> Slot:
        return self.slots[-1]

    def _move(self, move: Move, span: Span) -> None:
        came_from, self._state = self._state, move.to
        if len(self.slots) < _MAX_STEPS and not move.keeps:
            marker = self._trace.text[span.start : span.end]
            self._trace.step(marker, span, "read", _transition(came_from, move))
        if move.keeps:
            self._slot.args_parts.append(span)
        if move.ends:
            self._slot.closed = True
            self._slot.end = span.start if move.starts else span.end
        if move.starts:
            start = self._preamble_start if self._preamble_start >= 0 else span.start
            bare = came_from is _CONTENT and move.to is _NAME
            self.slots.append(Slot(start, span, span.end, bare=bare))
            self._preamble_start = -1
        elif came_from is _CONTENT:
            self._preamble_start = span.start
        elif came_from in (_BETWEEN, _PREAMBLE) and not move.ends and self.slots:
            self._close_wrapper(move, span)

    def _close_wrapper(self, move: Move, span: Span) -> None:
        """Extend the call over the wrapper's closer if only blanks come before it."""
        slot = self._slot
        if move.to in (_CONTENT, _PREAMBLE) and slot.closed and not slot.wrapped:
            slot.wrapped = True
            if not self._trace.text[slot.end : span.start].strip():
                slot.end = span.end

    def _remove_special(self, span: Span) -> None:
        if self._state not in (_NAME, _ARGS):
            return
        self._removed_count += 1
        if self._removed_count > _MAX_FLAGS:
            return
        token = self._trace.text[span.start : span.end]
        message = f"the special token {token} is removed from the call"
        hint = "a stop token in the text: look at the chat template and at skip_special_tokens"
        self._trace.flag(Code.STRAY_SPECIAL, Severity.WARNING, span, message, hint)

    def _finish(self) -> None:
        """Set the ends of the calls, and end a call that the text leaves open."""
        end = len(self._trace.text)
        for before, after in zip(self.slots, self.slots[1:], strict=False):
            before.end = min(before.end, after.start) if before.closed else after.start
        if self.slots and not self._slot.closed:
            self._slot.end = end
            detail = f"{_STATE_PHRASES[self._state]} are not closed; the call counts as closed"
            self._trace.step("end of text", Span(end, end), "read", detail)


def _transition(came_from: State, move: Move) -> str:
    """Return a description of what a marker ends and what it begins."""
    if move.to is came_from:
        return "one call ends, another begins" if move.starts else "nothing begins"
    return f"{_STATE_PHRASES[came_from]} end here, {_STATE_PHRASES[move.to]} begin"


def _joined(text: str, parts: list[Span]) -> str:
    if len(parts) == 1:
        return text[parts[0].start : parts[0].end]
    return "".join([text[part.start : part.end] for part in parts])


def _cover(parts: list[Span]) -> Span | None:
    return Span(parts[0].start, parts[-1].end) if parts else None
