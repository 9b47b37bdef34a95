"""Reading a log backwards, as far as one turn may reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hermes_tui.log.event_log import EventLog
from hermes_tui.model.events import Event

LONGEST_TURN: Final = 1 << 16
"""Most events that are searched for those of a turn: a reply of 10,000 calls has 40,000."""


def back_from(log: EventLog, seq: int) -> Iterator[Event]:
    """Return an iterator over event `seq`, or the last one, and those before it, latest first."""
    return (log[at] for at in range(min(seq, len(log) - 1), max(-1, seq - LONGEST_TURN), -1))
