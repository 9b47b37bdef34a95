"""A truncated record is reported once, where it is cut, not again for all that is missing.

The readable part of it is shown. But a role, a name or arguments that are cut off are not the
agent's mistake, and a record without messages may have had some.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from hermes_tui.formats.json_text.json_slice import pointer_of
from hermes_tui.formats.json_text.json_values import TRUNCATED
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    RunStarted,
    SourceDefect,
    ToolCallProposed,
    ToolReturned,
    copy_event,
)
from hermes_tui.model.spans import ByteRange, SourceRef

if TYPE_CHECKING:
    from hermes_tui.formats.json_text.json_values import Problem


class Cut(NamedTuple):
    """The innermost object or list that is open where a value is cut."""

    pointer: str
    whole: frozenset[str] | int
    """Its members before the last one: their keys, or for a list their number."""

    def concerns(self, pointer: str) -> bool:
        """Return whether the cut leaves the value at `pointer` torn or missing."""
        if f"{self.pointer}/".startswith(f"{pointer}/"):
            return True
        holder, _, member = pointer.rpartition("/")
        if holder != self.pointer:
            return False
        if isinstance(self.whole, int):
            return not (member.isdecimal() and int(member) < self.whole)
        return member not in self.whole


class Cuts(NamedTuple):
    """Where values of a record are cut, by the range of their line or of the record."""

    places: dict[ByteRange, Cut]
    defects: list[tuple[str, str]]
    """The defects of the bytes themselves, which are kept even if a cut explains them."""

    def add(self, place: ByteRange, data: bytes, problems: Iterable[Problem]) -> None:
        """Record where a value is cut, if its `problems` say that it is."""
        if any(problem.message.startswith(TRUNCATED) for problem in problems):
            self.places[place] = cut_of(data)

    def hold(self, at: SourceRef | None) -> bool:
        cut = self.places.get(at.range) if at is not None else None
        return at is not None and cut is not None and cut.concerns(at.pointer)


_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+(?P<key>[ \t\r\n]*+:)?|[{}\[\],]', re.DOTALL)


def cut_of(data: bytes) -> Cut:
    """Return where a truncated value is cut."""
    stack: list[list[str] | int] = []
    for token in _TOKEN.finditer(data):
        text = token[0]
        match text:
            case b"{":
                stack.append([])
            case b"[":
                stack.append(0)
            case b"}" | b"]":
                del stack[-1:]
            case b"," if stack and isinstance(stack[-1], int):
                stack[-1] += 1
            case _ if token["key"] and stack and isinstance(stack[-1], list):
                stack[-1].append(text[1 : text.rindex(b'"')].decode("utf-8", "replace"))
    steps = [(one or [""])[-1] if isinstance(one, list) else one for one in stack[:-1]]
    last = stack[-1] if stack else 0
    whole = frozenset(map(_escaped, last[:-1])) if isinstance(last, list) else last
    return Cut(pointer_of(steps), whole)


def _escaped(key: str) -> str:
    return pointer_of((key,))[1:]


def without_cut_findings(events: Sequence[Event], cuts: Cuts) -> list[Event]:
    """Return the events of a record without the findings that its cuts explain.

    Events that report only such a finding are left out, and the later ones are renumbered.
    """
    last = {event.at: place for place, event in enumerate(events) if _is_message(event)}
    byte_messages = tuple(message for message, _ in cuts.defects)
    kept: list[Event] = []
    dropped = 0
    for place, event in enumerate(events):
        if isinstance(event, RunStarted) and not event.seq:
            dropped = 0
        if cuts.hold(event.at):
            match event:
                case SourceDefect(partial=False) if not event.message.startswith(byte_messages):
                    dropped += 1
                    continue
                # If a format gives no pointer inside the record, the last message is the torn one.
                case MessageAppended() | ToolCallProposed() if place >= last.get(event.at, 0):
                    event = copy_event(event, diagnostics=())
                case ToolReturned():
                    event = copy_event(event, diagnostics=())
        kept.append(copy_event(event, seq=event.seq - dropped) if dropped else event)
    return kept


def _is_message(event: Event) -> bool:
    return isinstance(event, MessageAppended)
