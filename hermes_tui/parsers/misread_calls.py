"""Compares an engine's reading of a text with ours, to find the calls that it misreads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.same_json import same_json
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall, ParseResult
from hermes_tui.parsers.plain_values import decode

_MAX_CANDIDATES: Final = 20
"""How many of the engine's calls at one place are searched for the intended one."""


class MisreadCall(NamedTuple):
    """What the engine did with an intended call: `kept` it as text, `lost` or `altered` it."""

    call: ParsedCall
    what: str
    theirs: ParsedCall | None = None


def called_tools(result: ParseResult) -> tuple[ToolSpec, ...]:
    """Return a declaration for each name that is called: engines need tools to read calls."""
    return tuple(ToolSpec(name) for name in dict.fromkeys(c.name for c in result.calls) if name)


def misread_calls(ours: ParseResult, engine: ParseResult) -> Iterator[MisreadCall]:
    """Yield every intended call that the engine does not deliver as intended."""
    waiting = deque(sorted(engine.calls, key=lambda call: call.span))
    dropped = deque(sorted(engine.dropped))
    nearby: deque[ParsedCall] = deque()
    for call in sorted((call for call in ours.calls if call.name), key=lambda call: call.span):
        while waiting and waiting[0].span.start < call.span.end:
            nearby.append(waiting.popleft())
        while nearby and nearby[0].span.end <= call.span.start:
            nearby.popleft()
        while dropped and dropped[0].end <= call.span.start:
            dropped.popleft()
        match = _match(call, nearby)
        if match is None:
            yield MisreadCall(call, "lost" if dropped and _covers(dropped[0], call) else "kept")
            continue
        nearby.remove(match)
        if not _same_call(match, call):
            yield MisreadCall(call, "altered", match)


def _match(call: ParsedCall, nearby: Iterable[ParsedCall]) -> ParsedCall | None:
    """Return the engine's call at the same place, of several the equal one; None if none."""
    overlapping = [
        other for other in islice(nearby, _MAX_CANDIDATES) if other.span.overlaps(call.span)
    ]
    return next(
        (other for other in overlapping if _same_call(other, call)),
        overlapping[0] if overlapping else None,
    )


def _covers(dropped: Span, call: ParsedCall) -> bool:
    """Return whether a dropped span contains the middle of the arguments, or of the call."""
    span = call.arguments_span or call.span
    middle = (span.start + span.end) // 2
    return dropped.start <= middle < dropped.end


def _same_call(one: ParsedCall, other: ParsedCall) -> bool:
    if one.name != other.name or one.arguments == other.arguments:
        return one.name == other.name
    meant = other.value if other.value is not None else decode(other.arguments)
    return same_json(decode(one.arguments), meant)
