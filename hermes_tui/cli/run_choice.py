"""The choice of one run in a file, for commands that take a single run."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hermes_tui.cli.progress import ProgressLine
from hermes_tui.cli.standard_input import await_input
from hermes_tui.cli.stderr import print_notice
from hermes_tui.formats.reader import split_runs
from hermes_tui.log.run_fields import listed_id
from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.model.events import Event, RunForked, RunStarted
from hermes_tui.model.whole_numbers import whole_number
from hermes_tui.runtime.folder_walk import false_on_oserror
from hermes_tui.runtime.index.blocks import Groups
from hermes_tui.runtime.numbered_files import holds_one_run
from hermes_tui.runtime.opener import OpenFile, RunRef, open_file, read_events

if TYPE_CHECKING:
    from hermes_tui.runtime.packed.archives import Listing
    from hermes_tui.runtime.remote import Place

MAX_COUNTED_RUNS: Final = 1000
"""With more runs than this their number is not reported: counting may take minutes."""
MAX_BYTES_AFTER_MATCH: Final = 16 << 20
"""How much is searched, after a run found by its id, for others with the same id."""
MAX_LISTED_NAMESAKES: Final = 5


@contextmanager
def chosen_run(
    path: Place | None, name: str, *, spelling: str, all_runs: str = "", wanted_format: str = ""
) -> Iterator[RunRef]:
    """Open a file (None: standard input) and yield the run that `pick_run` finds in it."""
    with one_file(path, wanted_format) as file:
        yield pick_run(file, name, spelling=spelling, all_runs=all_runs)


@contextmanager
def one_file(path: Place | None, wanted_format: str) -> Iterator[OpenFile]:
    """Open a file (None: standard input); raise UsageError if it stands for several."""
    if path is None:
        await_input()
    if isinstance(path, Path) and false_on_oserror(path.is_dir) and not holds_one_run(path):
        raise UsageError(f"{path} is a folder", "give one of the files in it")
    file = _open(path, wanted_format)
    try:
        yield file
    finally:
        file.close()


def _open(path: Place | None, wanted_format: str) -> OpenFile:
    """Open a file; raise UsageError for an archive that holds several transcripts."""
    try:
        return open_file(path, wanted_format=wanted_format, whole=True)
    except SourceError as error:
        from hermes_tui.runtime.packed.archives import choice, several

        listing = _members(path) if isinstance(path, Path) else None
        if listing and len(listing.names) > 1:
            what = several(listing.kind, listing.names)
            raise UsageError(f"{path}: {what}", choice(str(path), listing.names)) from error
        raise


def _members(path: Path) -> Listing | None:
    from hermes_tui.runtime.packed.archives import transcript_members

    try:
        return transcript_members(path)
    except (SourceError, OSError):
        return None


def pick_run(file: OpenFile, name: str, *, spelling: str, all_runs: str = "") -> RunRef:
    """Return the run that `name` names: its number from 1, else its id; empty: the only one.

    If several runs have that id, the first is returned, and the others are reported. Searches
    little further than necessary, and keeps nothing of the runs before. Raises UsageError with a
    hint that shows how to name a run, spelled as in `spelling`, such as "--run {}", and then says
    `all_runs`.
    """
    progress = ProgressLine()
    try:
        if file.is_one_run:
            return _single_run(file, name, progress)
        if not name:
            return _only_run(file, spelling, all_runs, progress)
        return _named_run(file, name, spelling, progress)
    finally:
        progress.clear()


def _single_run(file: OpenFile, name: str, progress: ProgressLine) -> RunRef:
    for scanned in file.scan():
        progress.show(f"looking in {file.label}", scanned, file.source.size)
    ref = RunRef(file, 0)
    if name in ("", "1") or name == _run_id(read_events(ref)):
        return ref
    raise _no_such_run(file, name, 1)


def _only_run(file: OpenFile, spelling: str, all_runs: str, progress: ProgressLine) -> RunRef:
    refs = [ref for ref, _ in itertools.islice(_runs(file, progress), MAX_COUNTED_RUNS + 1)]
    if not refs:
        raise UsageError(f"{file.label}: no run in it")
    if len(refs) == 1:
        return refs[0]
    if len(refs) > MAX_COUNTED_RUNS:
        raise UsageError(
            f"{file.label} holds more than {MAX_COUNTED_RUNS:,} runs",
            f"choose one by number or id, as in {spelling.format(1)}{all_runs}",
        )
    last = spelling.format(len(refs))
    choice = f"choose one with {spelling.format(1)} … {last}{all_runs}"
    raise UsageError(f"{file.label} holds {len(refs)} runs", choice)


def _named_run(file: OpenFile, name: str, spelling: str, progress: ProgressLine) -> RunRef:
    number = run_number(name)
    numbered, with_id, count = _find_runs(file, name, number, progress)
    if not count:
        raise UsageError(f"{file.label}: no run in it")
    if numbered is None and not with_id:
        raise _no_such_run(file, name, count)
    progress.clear()
    if numbered is not None:
        if with_id:
            print_notice(number_taken_message(file.label, name, with_id[0].number + 1, spelling))
        return numbered
    if len(with_id) > 1:
        print_notice(namesakes(file.label, name, [ref.number + 1 for ref in with_id], spelling))
    return with_id[0]


def _find_runs(
    file: OpenFile, name: str, number: int, progress: ProgressLine
) -> tuple[RunRef | None, list[RunRef], int]:
    """Return the run with that number, others with that id, and how many runs were examined.

    Once one is found, only a part of what follows is searched for others; after a run with that
    number, only if ids of the file are numbers.
    """
    numbered: RunRef | None = None
    with_id: list[RunRef] = []
    count = enough = 0
    has_numbers = False
    for ref, ids in _runs(file, progress):
        count += 1
        has_numbers = has_numbers or ids[0].isdecimal()
        if count == number:
            numbered = ref
        elif name in ids:
            with_id.append(ref)
        if numbered is not None and (with_id or not has_numbers):
            break
        if numbered is not None or (with_id and not number):
            end = file.index.end_of(ref.record)
            enough = enough or end + MAX_BYTES_AFTER_MATCH
            if end >= enough:
                break
    return numbered, with_id, count


def readings(text: str) -> list[tuple[str, int | None]]:
    """Return what RUN:MESSAGE may mean, as pairs of run and message; an id may contain colons."""
    run, _, message = text.rpartition(":")
    whole: list[tuple[str, int | None]] = [(text, None)]
    number = whole_number(message)
    return [(run, number), *whole] if run and number is not None else whole


def run_number(name: str) -> int:
    """Return the number that names a run, or 0 if the name is an id."""
    return whole_number(name) or 0


def number_taken_message(label: str, name: str, other: int, spelling: str) -> str:
    """Return the message for a run chosen by its number, which is also the id of run `other`."""
    choice = f"run {other} has the id {name!r}: {spelling.format(other)}"
    return f"{label}: run {run_number(name)} is chosen, by its number; {choice}"


def namesakes(label: str, run_id: str, numbers: Sequence[int], spelling: str) -> str:
    """Return the message for an id that several runs, with these numbers, have."""
    listed = ", ".join(map(str, numbers[:MAX_LISTED_NAMESAKES]))
    more = ", …" if len(numbers) > MAX_LISTED_NAMESAKES else ""
    choice = (
        f"run {numbers[0]} is chosen; choose another by its number: {spelling.format(numbers[1])}"
    )
    return f"{label}: runs {listed}{more} have the id {run_id!r}; {choice}"


def _no_such_run(file: OpenFile, name: str, count: int) -> UsageError:
    hint = f"its runs are 1 to {count:,}, or give a run's id" if count > 1 else "it holds one run"
    return UsageError(f"{file.label}: no run {name!r}", hint)


def _runs(file: OpenFile, progress: ProgressLine) -> Iterator[tuple[RunRef, tuple[str, str]]]:
    """Yield each run of a file with its id, both as recorded and as lists show it.

    No run is folded: that would take most of the time.
    """
    number = record = 0
    groups = Groups(file)
    # A scan yields only for new data: the file may have been scanned before.
    for scanned in itertools.chain((0,), file.scan()):
        while record < len(file.index):
            runs = split_runs(file.decode(record))[1]
            for nth, run in enumerate(runs):
                ref, run_id = RunRef(file, number, record, nth), _run_id(run)
                group = groups.number(ref) if len(runs) > 1 else 0
                yield ref, (run_id, listed_id(run_id, group, nth))
                number += 1
            record += 1
            progress.show(f"looking in {file.label}", scanned, file.source.size)


def _run_id(events: Iterable[Event]) -> str:
    """Return the id of the run, or of the fork that it became."""
    run_id = ""
    for event in events:
        if isinstance(event, RunStarted | RunForked):
            run_id = event.run_id or run_id
    return run_id
