"""The whole text of the task of a run; a list keeps only a line of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hermes_tui.formats.reader import RecordLog
from hermes_tui.log.event_log import EventLog
from hermes_tui.model.errors import HermesError
from hermes_tui.model.events import Event, MessageAppended
from hermes_tui.runtime.opener import RunRef, load_run

MAX_EVENTS: Final = 64
"""How many events from the beginning of a run are searched for the message of the user."""
MAX_TASK_LENGTH: Final = 20_000


def task_text(ref: RunRef) -> str:
    """Return the first message of the user in a run, on one line, or "" if it is unreadable."""
    try:
        for event in _beginning(load_run(ref), ref):
            if isinstance(event, MessageAppended) and event.message.role == "user":
                return " ".join(event.message.text[:MAX_TASK_LENGTH].split())
    except (HermesError, OSError):
        return ""
    return ""


def _beginning(log: EventLog, ref: RunRef) -> Iterator[Event]:
    if isinstance(log, RecordLog):
        scanned = ref.file.scan()
        while len(log) < MAX_EVENTS and (log.index_record() or next(scanned, None) is not None):
            pass
    yield from (log[seq] for seq in range(min(MAX_EVENTS, len(log))))
