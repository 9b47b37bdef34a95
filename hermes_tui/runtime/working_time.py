"""The working time of a recorded run, without its stops and the time between two sessions."""

from __future__ import annotations

from collections.abc import Iterable

from hermes_tui.model.events import (
    Event,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    ToolDispatched,
    ToolFailed,
    ToolReturned,
)


def worked_s(events: Iterable[Event]) -> float:
    """Return the total seconds from requests to their replies and from dispatches to their results.

    A request or call without an answer, because the program was killed, does not count.
    """
    total, started = 0.0, None
    for event in events:
        match event:
            case RequestSent() | ToolDispatched():
                started = event.ts
            case ResponseReceived() | RequestFailed() | ToolReturned() | ToolFailed():
                if started is not None and event.ts is not None:
                    total += max(0.0, event.ts - started)
                started = None
            case _:
                pass
    return total
