"""`open FILE --at RUN:MESSAGE`: find the place before anything is drawn."""

from __future__ import annotations

from hermes_tui.cli.progress import ProgressLine
from hermes_tui.log.event_log import EventLog
from hermes_tui.model.errors import UsageError
from hermes_tui.model.events import MessageAppended
from hermes_tui.runtime.opener import RunRef, load_run
from hermes_tui.ui.feeds import RunsFeed
from hermes_tui.ui.run_fields import column

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
    for name, message in _readings(text):
        row = _find_run(feed, name)
        if row is not None:
            ref = feed.rows[row].ref
            if message is not None:
                _check_message(ref, message, text)
            return ref, message or 0
    has = f"it has {len(feed.rows):,}; give a number or an id" if len(feed.rows) else ""
    raise UsageError(f"--at {text}: no such run in {feed.targets[0].path or '-'}", has)


def _readings(text: str) -> list[tuple[str, int | None]]:
    """Return what may be meant: a run and a message of it, each; an id may have colons, too."""
    run, _, message = text.rpartition(":")
    whole: list[tuple[str, int | None]] = [(text, None)]
    if run and message.isdecimal() and len(message) <= MOST_DIGITS:
        return [(run, int(message)), *whole]
    return whole


def _find_run(feed: RunsFeed, name: str) -> int | None:
    """Read until there is a run of that number, or else id; return its row."""
    number = int(name) if name.isdecimal() and len(name) <= MOST_DIGITS else 0
    progress = ProgressLine()
    looked_at, is_read = 0, False
    while not is_read and (not number or len(feed.rows) < number):
        feed.step(LOOK_S)
        is_read = feed.finished and not feed.may_bring_more()
        if not number and name in column(feed.rows[looked_at:], "id"):
            break
        looked_at = len(feed.rows)
        done, total = feed.progress() or (0, 0)
        progress.show(f"looking for run {name}", done, total)
    progress.clear()
    if 1 <= number <= len(feed.rows):
        return number - 1
    ids = list(column(feed.rows, "id"))
    return ids.index(name) if name in ids else None


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
