"""How long a recorded run worked: the time of its stops and that between two sittings left out."""

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
    """Return the seconds from every request to its reply and from every dispatch to its result.

    What got no answer, since the program was killed, counts nothing.
    """
    total, began = 0.0, None
    for event in events:
        match event:
            case RequestSent() | ToolDispatched():
                began = event.ts
            case ResponseReceived() | RequestFailed() | ToolReturned() | ToolFailed():
                if began is not None and event.ts is not None:
                    total += max(0.0, event.ts - began)
                began = None
            case _:
                pass
    return total
