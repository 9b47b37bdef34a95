"""`open FILE --at RUN:MESSAGE`: find the place before anything is drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from hermes_tui.cli.progress import ProgressLine
from hermes_tui.cli.run_choice import (
    MAX_BYTES_AFTER_MATCH,
    namesakes,
    number_taken_message,
    readings,
    run_number,
)
from hermes_tui.log.event_log import EventLog
from hermes_tui.model.errors import UsageError
from hermes_tui.model.events import MessageAppended
from hermes_tui.model.wording import command_line, counted
from hermes_tui.runtime.opener import RunRef, load_run
from hermes_tui.ui.runs.feed import RunsFeed
from hermes_tui.ui.runs.fields import column, id_text
from hermes_tui.ui.runs.table import RunRow

STEP_S = 0.2
MAX_SAMPLED_IDS: Final = 1_000
"""How many runs are examined to learn whether ids are numbers."""
MAX_RUNS_AFTER: Final = 1 << 16
"""How many runs after one found by its number are searched for another with that id."""
_LISTED_ID: Final = re.compile(r"g[0-9]+ · .")
MAX_COUNTED_BYTES = 8 << 20
"""The messages of a bigger run are not counted in advance: it would be read twice."""


def find_place(feed: RunsFeed, text: str) -> tuple[RunRef, int]:
    """Return the run and message that `text` names: RUN or RUN:MESSAGE, the run by number or id.

    Both count from 1; the message is 0 if none is named. If several runs have that id, the first
    is returned and a complaint is added to the feed. Raises UsageError if there is no such place.
    """
    if len(feed.targets) != 1:
        example = command_line("open", feed.targets[0].label, "--at", text)
        hint = f"name the one that the run is in, as in {example}"
        raise UsageError(f"--at {text}: there are {len(feed.targets)} files", hint)
    for name, message in readings(text):
        ref = _find_by_landmarks(feed, name)
        if ref is not None:
            if message is not None:
                _check_message(ref, message, text)
            return ref, message or 0
        numbers = _find_numbers(feed, name)
        if numbers:
            ref = feed.rows[numbers[0] - 1].ref
            if message is not None:
                _check_message(ref, message, text)
            _complain_of_others(feed, ref, name, numbers, message)
            return ref, message or 0
    hint = f"it has {len(feed.rows):,}; give a number or an id" if len(feed.rows) else ""
    raise UsageError(f"--at {text}: no such run in {feed.targets[0].label}", hint)


def _find_by_landmarks(feed: RunsFeed, name: str) -> RunRef | None:
    """Return the run with that number if a scan noted where the runs of the file begin."""
    number = run_number(name)
    if number <= len(feed.rows) or not feed.files.opened:
        return None
    from hermes_tui.runtime.scan.landmarks import find_run

    return find_run(feed.files.file_of(0), number)


def _find_numbers(feed: RunsFeed, name: str) -> list[int]:
    """Read until a run with that number or id is found; return its number, or all with that id.

    Once one is found by its id, only a part of what follows is searched for others with that id.
    """
    number = run_number(name)
    progress = ProgressLine()
    searched = enough_bytes = 0
    is_read = False
    while not is_read and (not number or len(feed.rows) < number):
        has_news = feed.step(STEP_S)
        is_read = feed.finished and not feed.may_bring_more()
        done, total = feed.progress() or (0, 0)
        if not enough_bytes and name in _ids(feed.rows[searched:], name):
            enough_bytes = done + MAX_BYTES_AFTER_MATCH
        # Nobody waits for input that comes in slowly.
        if enough_bytes and not number and (done >= enough_bytes or not has_news):
            break
        searched = len(feed.rows)
        progress.show(f"looking for run {name}", done, total)
    progress.clear()
    if 1 <= number <= len(feed.rows):
        return [number]
    return [at for at, run_id in enumerate(_ids(feed.rows, name), 1) if run_id == name]


def _ids(rows: Sequence[RunRow], name: str) -> Sequence[str]:
    """Return the id of each run, in the form that lists show if `name` has that form."""
    return list(map(id_text, rows)) if _LISTED_ID.match(name) else column(rows, "id")


def _complain_of_others(
    feed: RunsFeed, ref: RunRef, name: str, numbers: list[int], message: int | None
) -> None:
    """Add a complaint about the other runs that could be meant, if there are any."""
    spelling, label = "--at {}" if message is None else f"--at {{}}:{message}", ref.file.label
    if len(numbers) > 1:
        feed.complaints.append(namesakes(label, name, numbers, spelling))
    elif numbers == [run_number(name)] and (other := _other_with_id(feed, name)):
        feed.complaints.append(number_taken_message(label, name, other, spelling))


def _other_with_id(feed: RunsFeed, name: str) -> int:
    """Return the number of another run whose id is the number `name`, or 0 if none is found."""
    if not any(map(str.isdecimal, column(feed.rows[:MAX_SAMPLED_IDS], "id"))):
        return 0
    if not feed.finished:
        feed.step(STEP_S)
    number = run_number(name)
    ids = enumerate(column(feed.rows[: number + MAX_RUNS_AFTER], "id"), 1)
    return next((at for at, run_id in ids if run_id == name and at != number), 0)


def _check_message(ref: RunRef, message: int, text: str) -> None:
    if message and ref.file.is_one_run and ref.file.source.size > MAX_COUNTED_BYTES:
        return
    count = _count_messages(load_run(ref))
    if not 1 <= message <= count:
        hint = f"it has {counted(count, 'message')}"
        raise UsageError(f"--at {text}: no such message in that run", hint)


def _count_messages(log: EventLog) -> int:
    """Return how many messages a run has."""
    index_record = getattr(log, "index_record", None)
    while index_record is not None and index_record():
        pass
    return sum(isinstance(log[seq], MessageAppended) for seq in range(len(log)))
