"""`open FILE --at RUN:MESSAGE`: find the place before anything is drawn."""

from __future__ import annotations

import time

from hermes_tui.cli.progress import ProgressLine
from hermes_tui.log.event_log import EventLog
from hermes_tui.model.errors import UsageError
from hermes_tui.model.events import MessageAppended
from hermes_tui.runtime.opener import RunRef, load_run
from hermes_tui.ui.feeds import RunsFeed

LOOK_S = 0.2
MOST_DIGITS = 12
COUNTED_BYTES = 8 << 20
"""The messages of a bigger run are not counted beforehand: it would be read twice."""


def find_place(feed: RunsFeed, text: str) -> tuple[RunRef, int]:
    """Return the run and message that `text` names: RUN or RUN:MESSAGE, the run by number or id.

    Both are counted from 1; the message is 0 where none is named. Raises UsageError where there is
    no such place.
    """
    if len(feed.targets) != 1:
        raise UsageError(f"--at {text}: there are {len(feed.targets)} files", "give one file")
    readings = _readings(text)
    row = _find_run(feed, [name for name, _ in readings])
    if row is None:
        has = f"it has {len(feed.rows):,}; give a number or an id" if len(feed.rows) else ""
        raise UsageError(f"--at {text}: no such run in {feed.targets[0].path or '-'}", has)
    found = feed.rows[row]
    names = (found.summary.run_id, str(row + 1))
    message = next(message for name, message in readings if name in names)
    if message is not None:
        _check_message(found.ref, message, text)
    return found.ref, message or 0


def _readings(text: str) -> list[tuple[str, int | None]]:
    """Return what may be meant: a run and a message of it, each; an id may have colons, too."""
    run, _, message = text.rpartition(":")
    whole: list[tuple[str, int | None]] = [(text, None)]
    if run and message.isdecimal() and len(message) <= MOST_DIGITS:
        return [(run, int(message)), *whole]
    return whole


def _find_run(feed: RunsFeed, names: list[str]) -> int | None:
    """Read until a run has one of the names, or stands at such a number; return its row."""
    progress = ProgressLine()
    looked_at = 0
    while True:
        is_read = feed.finished and not _is_coming(feed)
        for row in range(looked_at, len(feed.rows)):
            if str(row + 1) in names or feed.rows[row].summary.run_id in names:
                progress.clear()
                return row
        looked_at = len(feed.rows)
        if is_read:
            progress.clear()
            return None
        feed.step(LOOK_S)
        done, total = feed.progress() or (0, 0)
        progress.show(f"looking for run {names[0]}", done, total)


def _is_coming(feed: RunsFeed) -> bool:
    """Wait a moment for a file that is still being unpacked or coming in; False if none is."""
    if all(file.source.complete for file in feed.files) or feed.follow:
        return feed.poll()
    time.sleep(0.02)
    feed.poll()
    return True


def _check_message(ref: RunRef, message: int, text: str) -> None:
    if message and ref.file.is_one_run and ref.file.source.size > COUNTED_BYTES:
        return
    there = count_messages(load_run(ref))
    if not 1 <= message <= there:
        has = "1 message" if there == 1 else f"{there:,} messages"
        raise UsageError(f"--at {text}: no such message in that run", f"it has {has}")


def count_messages(log: EventLog) -> int:
    """Return how many messages a run has."""
    index_record = getattr(log, "index_record", None)
    while index_record is not None and index_record():
        pass
    return sum(isinstance(log[seq], MessageAppended) for seq in range(len(log)))
