"""Which calls are written in a separate field, under which ids, and which of them each result
answers.

A call in the text is written as a call if results answer such calls in the run: there the text is
how the agent calls its tools. Its source in the text (tags, the fence of a command) is removed, so
that nothing is called twice. Otherwise calls in the text stay only there: nothing treated them as
calls, as their diagnostics show. So does a call that could be read only by repairing it, unless a
result answers it.

A call without an id gets one that is recognisably made up. Results are paired by id within the
turn, or else in order, as on the screen. A result that answers no written call gets no id here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from hermes_tui.formats.writers.transcript import Entry
from hermes_tui.log.open_calls import OpenCall
from hermes_tui.log.waiting_calls import WaitingCalls
from hermes_tui.model.events import ToolCallProposed
from hermes_tui.model.messages import Origin, ToolCall
from hermes_tui.model.spans import Span, gaps
from hermes_tui.parsers.literals import FAILED, PYTHON, REPAIRED, UNCLOSED

MADE_UP: Final = "made_up_"
"""The prefix of ids that are made up here."""
_FENCE: Final = "```"
_BROKEN: Final = frozenset({PYTHON, REPAIRED, UNCLOSED, FAILED})
_ACTION: Final = "action"
"""The verdict of a call that is a command in the text, without tags."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """The ids of the written calls and of the results that answer them, each by its event.

    `tools` maps each result that answers a named call, written or not, to the tool's name.
    """

    call_ids: Mapping[int, str]
    answers: Mapping[int, str]
    tools: Mapping[int, str]

    def calls(self, entry: Entry) -> list[tuple[str, ToolCall]]:
        """Return the calls of `entry` that are written, each with its id."""
        return [
            (self.call_ids[event.seq], event.call)
            for event in entry.calls
            if event.seq in self.call_ids
        ]

    def text(self, entry: Entry) -> str:
        """Return the text of `entry` without its results and without written calls."""
        spans = [
            call.span
            for _, call in self.calls(entry)
            if call.origin is Origin.TEXT and call.span is not None
        ]
        text = entry.text_without_results
        return _text_outside(text, spans) if spans else text


def exchange_of(entries: Sequence[Entry], *, leave_tags: bool = False) -> Exchange:
    """Pair the calls and results of a whole conversation.

    With `leave_tags`, calls in tags stay in the text even if results answer them.
    """
    answered = _answered(entries)
    tagged = {event.seq for entry in entries for event in entry.calls if _in_tags(event, entry)}
    proposed = [event for entry in entries for event in entry.calls]
    seqs = set(answered.values())
    calls_in_text = any(event.call.origin is Origin.TEXT for event in proposed if event.seq in seqs)
    known_ids = {event.call.id for event in proposed}
    made_up = (made for number in count(1) if (made := f"{MADE_UP}{number}") not in known_ids)
    ids: dict[int, str] = {}
    for event in proposed:
        call = event.call
        if call.origin is Origin.TEXT and not _is_outside_text(call):
            is_sound = call.name is not None and call.verdict not in _BROKEN
            is_known = is_sound or event.seq in seqs
            if not (calls_in_text and is_known) or (leave_tags and event.seq in tagged):
                continue
        ids[event.seq] = call.id if call.id and call.id.strip() else next(made_up)
    answers = {result: ids[call] for result, call in answered.items() if call in ids}
    names = {event.seq: event.call.name for event in proposed}
    tools = {result: name for result, call in answered.items() if (name := names[call])}
    return Exchange(ids, answers, tools)


def _is_outside_text(call: ToolCall) -> bool:
    """Return whether the text that a call was read from is not that of its message."""
    return call.verdict == _ACTION and call.span is None and call.name is not None


def _in_tags(event: ToolCallProposed, entry: Entry) -> bool:
    """Return whether a call is in tags; a call without a known position is treated as if it
    were."""
    call = event.call
    if call.verdict == _ACTION:
        return False
    return call.span is None or entry.message.text.startswith("<", call.span.start)


def _answered(entries: Iterable[Entry]) -> dict[int, int]:
    """Return the call that each result answers, both by the number of their event."""
    found: dict[int, int] = {}
    waiting = WaitingCalls()
    for entry in entries:
        for event in entry.results:
            if (call := waiting.take(event.result)) is not None:
                found[event.seq] = call.seq
        if entry.message.role == "assistant":
            waiting.clear()
        waiting.extend(_open_call(event, entry.turn) for event in entry.calls)
    return found


def _open_call(event: ToolCallProposed, turn: int) -> OpenCall:
    call = event.call
    return OpenCall(event.seq, turn, call.id, call.name, call.index)


def _text_outside(text: str, spans: Iterable[Span]) -> str:
    """Return the rest of `text` outside `spans`, as paragraphs."""
    left = gaps([_fenced(text, span) for span in spans], len(text))
    pieces = (text[part.start : part.end].strip() for part in left)
    return "\n\n".join(filter(None, pieces))


def _fenced(text: str, span: Span) -> Span:
    """Return `span`, extended to the fence around it if it is the fence's whole content."""
    before, after = text[: span.start].rstrip(), text[span.end :].lstrip()
    opening = before.rfind("\n") + 1
    if not (before.startswith(_FENCE, opening) and after.startswith(_FENCE)):
        return span
    return Span(opening, len(text) - len(after) + len(_FENCE))
