"""Which run of a file is meant."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Final

from hermes_tui.cli.progress import ProgressLine
from hermes_tui.formats.reader import split_runs
from hermes_tui.model.errors import UsageError
from hermes_tui.model.events import Event, RunForked, RunStarted
from hermes_tui.runtime.opener import OpenFile, RunRef, read_events

MOST_DIGITS: Final = 12
MOST_COUNTED: Final = 1000
"""Of a file of more runs it is not said how many they are: to count them may take minutes."""


def pick_run(file: OpenFile, wanted: str, *, spelling: str) -> RunRef:
    """Return the run that `wanted` names: its number from 1, else its id; empty: the only one.

    Looks no further than it must, and keeps nothing of the runs before. Raises UsageError, which
    says how a run is named: `spelling`, such as "--run {}".
    """
    progress = ProgressLine()
    try:
        if file.is_one_run:
            return _run_of_its_own(file, wanted, progress)
        if not wanted:
            return _only_run(file, spelling, progress)
        return _named_run(file, wanted, progress)
    finally:
        progress.clear()


def _run_of_its_own(file: OpenFile, wanted: str, progress: ProgressLine) -> RunRef:
    for scanned in file.scan():
        progress.show(f"looking in {file.label}", scanned, file.source.size)
    ref = RunRef(file, 0)
    if wanted in ("", "1") or wanted == _run_id(read_events(ref)):
        return ref
    raise _no_such(file, wanted, 1)


def _only_run(file: OpenFile, spelling: str, progress: ProgressLine) -> RunRef:
    refs = [ref for ref, _ in itertools.islice(_runs(file, progress), MOST_COUNTED + 1)]
    if not refs:
        raise UsageError(f"{file.label}: no run in it")
    if len(refs) == 1:
        return refs[0]
    if len(refs) > MOST_COUNTED:
        raise UsageError(
            f"{file.label} holds more than {MOST_COUNTED:,} runs",
            f"choose one by number or id, as in {spelling.format(1)}",
        )
    last = spelling.format(len(refs))
    raise UsageError(
        f"{file.label} holds {len(refs)} runs", f"choose one with {spelling.format(1)} … {last}"
    )


def _named_run(file: OpenFile, wanted: str, progress: ProgressLine) -> RunRef:
    number = int(wanted) if wanted.isdecimal() and len(wanted) <= MOST_DIGITS else 0
    named: RunRef | None = None
    count = 0
    for ref, run_id in _runs(file, progress):
        count += 1
        if count == number:
            return ref
        if named is None and run_id == wanted:
            named = ref
            if not number:
                break
    if named is not None:
        return named
    if not count:
        raise UsageError(f"{file.label}: no run in it")
    raise _no_such(file, wanted, count)


def _no_such(file: OpenFile, wanted: str, count: int) -> UsageError:
    return UsageError(
        f"{file.label}: no run {wanted!r}", f"its runs are 1 to {count}, or give a run's id"
    )


def _runs(file: OpenFile, progress: ProgressLine) -> Iterator[tuple[RunRef, str]]:
    """Yield each run of a file with its id; none is folded, which takes most of the time."""
    number = record = 0
    for scanned in file.scan():
        while record < len(file.index):
            for nth, run in enumerate(split_runs(file.decode(record))[1]):
                yield RunRef(file, number, record, nth), _run_id(run)
                number += 1
            record += 1
            progress.show(f"looking in {file.label}", scanned, file.source.size)


def _run_id(events: Iterable[Event]) -> str:
    """Return the id of the run, or that of the fork that it became."""
    run_id = ""
    for event in events:
        if isinstance(event, RunStarted | RunForked):
            run_id = event.run_id or run_id
    return run_id
