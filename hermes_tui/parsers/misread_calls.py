"""What an engine makes of the calls that are meant in a text: two readings laid side by side."""

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

_SEVERAL: Final = 20
"""So many calls of an engine at one place are looked through for the one that is meant."""


class MisreadCall(NamedTuple):
    """What the engine made of a call that was meant: `kept`, `lost`, `altered`."""

    call: ParsedCall
    what: str
    theirs: ParsedCall | None = None


def called_tools(result: ParseResult) -> tuple[ToolSpec, ...]:
    """Declare the names that are called: an engine without tools refuses or guesses."""
    return tuple(ToolSpec(name) for name in dict.fromkeys(c.name for c in result.calls) if name)


def misread_calls(ours: ParseResult, engine: ParseResult) -> Iterator[MisreadCall]:
    """Yield every call meant that does not come out as it was meant."""
    waiting = deque(sorted(engine.calls, key=lambda call: call.span))
    dropped = deque(sorted(engine.dropped))
    here: deque[ParsedCall] = deque()
    for call in sorted((call for call in ours.calls if call.name), key=lambda call: call.span):
        while waiting and waiting[0].span.start < call.span.end:
            here.append(waiting.popleft())
        while here and here[0].span.end <= call.span.start:
            here.popleft()
        while dropped and dropped[0].end <= call.span.start:
            dropped.popleft()
        match = _match(call, here)
        if match is None:
            yield MisreadCall(call, "lost" if dropped and _covers(dropped[0], call) else "kept")
            continue
        here.remove(match)
        if not _same_call(match, call):
            yield MisreadCall(call, "altered", match)


def _match(call: ParsedCall, here: Iterable[ParsedCall]) -> ParsedCall | None:
    """Return the engine's call at the same place; where it has several, the one that is equal."""
    near = [other for other in islice(here, _SEVERAL) if other.span.overlaps(call.span)]
    return next((other for other in near if _same_call(other, call)), near[0] if near else None)


def _covers(dropped: Span, call: ParsedCall) -> bool:
    """Tell whether what was dropped holds the arguments, or the middle of the call."""
    span = call.arguments_span or call.span
    middle = (span.start + span.end) // 2
    return dropped.start <= middle < dropped.end


def _same_call(one: ParsedCall, other: ParsedCall) -> bool:
    if one.name != other.name or one.arguments == other.arguments:
        return one.name == other.name
    meant = other.value if other.value is not None else decode(other.arguments)
    return same_json(decode(one.arguments), meant)
