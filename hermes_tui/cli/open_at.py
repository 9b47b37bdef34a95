"""`open FILE --at RUN:MESSAGE`: find the place before anything is drawn."""

from __future__ import annotations

from hermes_tui.cli.progress import ProgressLine
from hermes_tui.cli.run_choice import LOOKED_ON_BYTES, MOST_DIGITS, namesakes, run_number
from hermes_tui.log.event_log import EventLog
from hermes_tui.model.errors import UsageError
from hermes_tui.model.events import MessageAppended
from hermes_tui.model.wording import counted
from hermes_tui.runtime.opener import RunRef, load_run
from hermes_tui.ui.runs.feed import RunsFeed
from hermes_tui.ui.runs.fields import column

LOOK_S = 0.2
COUNTED_BYTES = 8 << 20
"""The messages of a bigger run are not counted beforehand: it would be read twice."""


def find_place(feed: RunsFeed, text: str) -> tuple[RunRef, int]:
    """Return the run and message that `text` names: RUN or RUN:MESSAGE, the run by number or id.

    Both are counted from 1; the message is 0 where none is named. Of several runs with that id it
    is the first, and the feed complains of it. Raises UsageError where there is no such place.
    """
    if len(feed.targets) != 1:
        raise UsageError(f"--at {text}: there are {len(feed.targets)} files", "give one file")
    for name, message in _readings(text):
        ref = _by_landmarks(feed, name)
        if ref is not None:
            if message is not None:
                _check_message(ref, message, text)
            return ref, message or 0
        numbers = _numbers_of(feed, name)
        if numbers:
            ref = feed.rows[numbers[0] - 1].ref
            if message is not None:
                _check_message(ref, message, text)
            if len(numbers) > 1:
                at = "--at {}" if message is None else f"--at {{}}:{message}"
                feed.complaints.append(namesakes(ref.file.label, name, numbers, at))
            return ref, message or 0
    has = f"it has {len(feed.rows):,}; give a number or an id" if len(feed.rows) else ""
    raise UsageError(f"--at {text}: no such run in {feed.targets[0].label}", has)


def _by_landmarks(feed: RunsFeed, name: str) -> RunRef | None:
    """Return the run of that number where a scan noted where the runs of the file are."""
    number = run_number(name)
    if number <= len(feed.rows) or not feed.files.opened:
        return None
    from hermes_tui.runtime.scan.landmarks import find_run

    return find_run(feed.files.file_of(0), number)


def _readings(text: str) -> list[tuple[str, int | None]]:
    """Return what may be meant: a run and a message of it, each; an id may have colons, too."""
    run, _, message = text.rpartition(":")
    whole: list[tuple[str, int | None]] = [(text, None)]
    if run and message.isdecimal() and len(message) <= MOST_DIGITS:
        return [(run, int(message)), *whole]
    return whole


def _numbers_of(feed: RunsFeed, name: str) -> list[int]:
    """Read until there is a run of that number, or else id; return its number, or all of that id.

    Behind one that is found by its id, not everything is looked through for others.
    """
    number = run_number(name)
    progress = ProgressLine()
    looked_at = enough = 0
    is_read = False
    while not is_read and (not number or len(feed.rows) < number):
        has_news = feed.step(LOOK_S)
        is_read = feed.finished and not feed.may_bring_more()
        done, total = feed.progress() or (0, 0)
        if not enough and name in column(feed.rows[looked_at:], "id"):
            enough = done + LOOKED_ON_BYTES
        # Nobody waits for what comes in slowly.
        if enough and not number and (done >= enough or not has_news):
            break
        looked_at = len(feed.rows)
        progress.show(f"looking for run {name}", done, total)
    progress.clear()
    if 1 <= number <= len(feed.rows):
        return [number]
    return [at for at, run_id in enumerate(column(feed.rows, "id"), 1) if run_id == name]


def _check_message(ref: RunRef, message: int, text: str) -> None:
    if message and ref.file.is_one_run and ref.file.source.size > COUNTED_BYTES:
        return
    there = count_messages(load_run(ref))
    if not 1 <= message <= there:
        has = f"it has {counted(there, 'message')}"
        raise UsageError(f"--at {text}: no such message in that run", has)


def count_messages(log: EventLog) -> int:
    """Return how many messages a run has."""
    index_record = getattr(log, "index_record", None)
    while index_record is not None and index_record():
        pass
    return sum(isinstance(log[seq], MessageAppended) for seq in range(len(log)))
