"""What happened to each character of a parsed text, up to one step of the parse. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from hermes_tui.model.layers import topmost
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall, ParseResult, ParseStep


class Fate(IntEnum):
    """What happened to a character; if spans overlap, the higher value counts."""

    CONTENT = 0
    DROPPED = 1
    REASONING = 2
    CALL = 3
    ARGUMENTS = 4
    NAME = 5
    UNREAD = 6

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def style_name(self) -> str:
        return f"lab.{self.word}"


class Piece(NamedTuple):
    """A half-open range of characters with the same fate."""

    start: int
    end: int
    fate: Fate


def frontiers(steps: Sequence[ParseStep], length: int) -> list[int]:
    """Return, for each step, up to which character the text is read.

    A part that is entered is read up to its start, and completely once its last step is done. The
    first step represents the whole parse: there, as at the last step, everything is read.
    """
    reached = []
    furthest = 0
    open_parts: list[ParseStep] = []
    for index, step in enumerate(steps):
        while open_parts and open_parts[-1].depth >= step.depth:
            furthest = max(furthest, open_parts.pop().span.end)
        has_inner = index + 1 < len(steps) and steps[index + 1].depth > step.depth
        furthest = max(furthest, step.span.start if has_inner else step.span.end)
        if has_inner:
            open_parts.append(step)
        reached.append(furthest)
    if reached:
        reached[0] = reached[-1] = length
    return reached


def calls_at(result: ParseResult, index: int) -> list[ParsedCall]:
    """Return the calls in force at a step: those delivered by then and not taken back."""
    steps = result.steps
    if index in (0, len(steps) - 1) or not steps:
        return list(result.calls)
    if not any(_delivers(step) for step in steps):
        reached = frontiers(steps, 0)[index]
        return [call for call in result.calls if call.span.end <= reached]
    by_span: dict[Span, list[ParsedCall]] = {}
    for call in reversed(result.calls):
        by_span.setdefault(call.span, []).append(call)
    calls: list[ParsedCall] = []
    for step in steps[1 : index + 1]:
        if _delivers(step):
            candidates = by_span.get(step.span)
            calls.append(
                candidates.pop()
                if candidates
                else ParsedCall(step.detail, "", step.span, verdict="")
            )
        elif step.rule in ("keep", "raise") and not len(result.calls):
            calls.clear()
    return calls


def _delivers(step: ParseStep) -> bool:
    """Return whether a step delivers a call, even if only until it is taken back."""
    return step.rule == "call" and step.outcome in ("delivered", "taken back")


def pieces_of(result: ParseResult, length: int, calls: Iterable[ParsedCall]) -> list[Piece]:
    """Return the text as pieces of one fate each, in order; they cover all of it."""
    spans: list[tuple[int, int, Fate]] = [(0, length, Fate.CONTENT)]
    spans += [(span.start, span.end, Fate.DROPPED) for span in result.dropped]
    spans += [(span.start, span.end, Fate.REASONING) for span in result.reasoning]
    for call in calls:
        spans.append((call.span.start, call.span.end, Fate.CALL))
        if call.arguments_span is not None:
            spans.append((call.arguments_span.start, call.arguments_span.end, Fate.ARGUMENTS))
        if call.name_span is not None:
            spans.append((call.name_span.start, call.name_span.end, Fate.NAME))
    bounded = ((max(0, start), min(end, length), fate) for start, end, fate in spans)
    return [Piece(start, end, Fate(rank)) for start, end, rank in topmost(bounded)]


def read_up_to(pieces: Sequence[Piece], end: int, length: int) -> list[Piece]:
    """Return the pieces with everything after `end` unread."""
    if end >= length:
        return list(pieces)
    before = [piece for piece in pieces[: len(within(pieces, 0, end))] if piece.start < end]
    if before:
        before[-1] = before[-1]._replace(end=min(before[-1].end, end))
    return [*before, Piece(end, length, Fate.UNREAD)]


def within(pieces: Sequence[Piece], start: int, end: int) -> Sequence[Piece]:
    """Return the pieces that overlap a range of characters; O(log n)."""
    first = max(0, bisect_right(pieces, start, key=lambda piece: piece.start) - 1)
    last = bisect_right(pieces, max(start, end - 1), lo=first, key=lambda piece: piece.start)
    return pieces[first:last]
