"""A file that can only be read as a whole, which a thread reads again whenever it has changed.

Sessions whose lines make sense only together, and documents that their writer replaces at every
step, cannot be continued from where the last reading ended.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from hermes_tui.formats.framing import MAX_WHOLE, Layout
from hermes_tui.formats.reader import split_runs
from hermes_tui.formats.turns import at_once, cutting_rule, exceeds_memory
from hermes_tui.log.event_log import EventLog, MemoryLog
from hermes_tui.log.fold import RunState
from hermes_tui.log.summary import RunSummary, summarise
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.errors import SourceError
from hermes_tui.model.events import RunStarted
from hermes_tui.runtime.file_stamps import Stamp, stamp_of
from hermes_tui.runtime.opener import OpenFile, RunRef, open_file
from hermes_tui.runtime.sources import FileSource, RangeSource
from hermes_tui.runtime.unfinished_runs import unfinished_runs

REST_FACTOR: Final = 3
"""How many times as long as a reading took to wait after it. A long session is therefore read less
often, which leaves the machine free for other work."""

PIECE: Final = 1 << 20
_READING_SLOT: Final = threading.Semaphore(1)
"""Held during a reading: files are read one at a time, since a folder may hold thousands."""


class ListedRun(NamedTuple):
    """A run in the current state of the file, for a list of runs."""

    ref: RunRef
    summary: RunSummary
    siblings: int
    goes_on: bool
    """Whether the run may continue, so that a call without a result is no finding."""


class Reading(NamedTuple):
    """A run in the current state of the file. Its log is not complete if more may follow."""

    ref: RunRef
    log: MemoryLog
    timeline: Timeline


class HeldRun:
    """A run that is on screen, whose log is updated whenever its file is read again."""

    def __init__(self, run_id: str, number: int) -> None:
        self.run_id = run_id
        self.number = number
        self.is_shown = False
        """Whether any of it has ever been read."""
        self.latest: Reading | None = None
        self.failure = ""

    def take(self) -> Reading | None:
        """Return the run as read since the last call, or None if it was not read again."""
        latest, self.latest = self.latest, None
        return latest


class _FileReading(NamedTuple):
    file: OpenFile
    runs: list[ListedRun]
    readings: dict[HeldRun, Reading | None]


class WatchedFile:
    """Watches a file; each new reading replaces the contents of `file`.

    `stamp` is the stamp that the file had before `file` was opened.
    """

    def __init__(self, file: OpenFile, stamp: Stamp | None) -> None:
        self.file = file
        self.revision = 0
        """How often a new reading has replaced the contents of `file`."""
        self.runs: list[ListedRun] = []
        """The runs of the latest reading; empty until the file is read again."""
        self.failure = ""
        self.news = ""
        """A message if the file was replaced or truncated before the latest reading; else empty."""
        self._held_runs: list[HeldRun] = []
        self._stamp = self._shown_stamp = stamp
        self._due = 0.0
        self._thread: threading.Thread | None = None
        self._new_reading: _FileReading | None = None
        self._is_closed = False

    def hold(self, ref: RunRef, log: EventLog) -> HeldRun:
        """Update a run with every reading from now on; `log` is its present log."""
        first = log[0] if len(log) else None
        held = HeldRun(first.run_id if isinstance(first, RunStarted) else "", ref.number)
        held.is_shown = first is not None
        held.failure = "" if held.is_shown else self._gone_message(held)
        self._held_runs.append(held)
        return held

    def now(self, ref: RunRef) -> RunRef | None:
        """Return where the run at a place in the list is now, or None if it is gone."""
        if not self.revision:
            return ref
        return self.runs[ref.number].ref if ref.number < len(self.runs) else None

    def goes_on(self, ref: RunRef) -> bool:
        """Return whether the run at a place in the list may continue."""
        if self.revision:
            return ref.number < len(self.runs) and self.runs[ref.number].goes_on
        runs = split_runs(self.file.decode(ref.record))[1]
        return ref.nth in unfinished_runs(self.file, ref.record, runs)

    def read_again(self) -> None:
        """Read the file again at the next poll, although it has not changed."""
        self._stamp = None

    def release(self, held: HeldRun) -> None:
        if held in self._held_runs:
            self._held_runs.remove(held)

    def poll(self) -> None:
        """Take over a finished reading, or start one if the file has changed. Never waits."""
        if self._thread is not None:
            if not self._thread.is_alive():
                self._thread = None
                self._take_over()
            return
        stamp = stamp_of(self.file.path)
        is_due = stamp != self._stamp and time.monotonic() >= self._due
        if is_due and not self._is_closed and _READING_SLOT.acquire(blocking=False):
            self._stamp = stamp
            self._thread = threading.Thread(target=self._read, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Discard a finished reading that was not taken over; a running thread discards its own."""
        self._is_closed = True
        if self._thread is not None and not self._thread.is_alive():
            self._discard_reading()

    # Called in the thread

    def _read(self) -> None:
        began = time.monotonic()
        try:
            self._new_reading = self._read_file()
            self.failure = ""
        except SourceError as error:
            # The file may be half written.
            self.failure = _with_old_content_note(str(error))
        finally:
            _READING_SLOT.release()
        self._due = time.monotonic() + REST_FACTOR * (time.monotonic() - began)
        if self._is_closed:
            self._discard_reading()

    def _discard_reading(self) -> None:
        reading, self._new_reading = self._new_reading, None
        if reading is not None:
            reading.file.close()

    def _read_file(self) -> _FileReading:
        before = self.file
        file = open_file(before.path, wanted_format=before.reader.name, parser=before.parser)
        try:
            file.reader = at_once(file.reader)
            _check_size(file)
            _cut_partial_line(file)
            for _ in file.scan():
                pass
            runs = list(self._listed(file))
            readings = {held: self._reading(held, file, runs) for held in tuple(self._held_runs)}
        except BaseException:
            file.close()
            raise
        return _FileReading(file, runs, readings)

    def _listed(self, file: OpenFile) -> Iterator[ListedRun]:
        number = 0
        for record in range(len(file.index)):
            runs = split_runs(file.decode(record))[1]
            open_ended = unfinished_runs(file, record, runs)
            for nth, run in enumerate(runs):
                state = RunState()
                for event in run:
                    state.apply(event)
                if nth not in open_ended:
                    state.finish()
                ref = RunRef(self.file, number, record, nth)
                yield ListedRun(ref, summarise(state), len(runs), nth in open_ended)
                number += 1

    def _reading(self, held: HeldRun, file: OpenFile, runs: list[ListedRun]) -> Reading | None:
        """Return the run with the same id, else the one at the same place; None if there is none.

        Several may have the id, such as the attempts at one task; then the nearest place counts.
        """
        candidates = [run for run in runs if held.run_id and run.summary.run_id == held.run_id]
        if not candidates:
            # If there are several, one with a different id is another run.
            is_other = len(runs) > 1 and bool(held.run_id)
            at_place = runs[held.number : held.number + 1]
            candidates = [run for run in at_place if not (is_other and run.summary.run_id)]
        if not candidates:
            return None
        run = min(candidates, key=lambda run: abs(run.ref.number - held.number))
        ref = run.ref
        events = split_runs(file.decode(ref.record))[1][ref.nth]
        log = MemoryLog(events, complete=not run.goes_on)
        timeline = Timeline(log)
        timeline.advance()
        return Reading(ref, log, timeline)

    # Called once the thread has ended

    def _take_over(self) -> None:
        reading, self._new_reading = self._new_reading, None
        if reading is None:
            return
        file = self.file
        self.news, self._shown_stamp = self._change_message(), self._stamp
        file.source.close()
        file.source, file.index, file.reader = (
            reading.file.source,
            reading.file.index,
            reading.file.reader,
        )
        file.diagnosis = reading.file.diagnosis
        file.rest()
        self.runs = reading.runs
        self.revision += 1
        for held in self._held_runs:
            if held not in reading.readings:
                # It was added while the thread was reading.
                self.read_again()
                continue
            held.latest = run_reading = reading.readings[held]
            held.failure = "" if run_reading is not None else self._gone_message(held)
            if run_reading is not None:
                held.number, held.is_shown = run_reading.ref.number, True

    def _change_message(self) -> str:
        """Return what happened to a file that should only grow; empty if it did only that."""
        before, now = self._shown_stamp, self._stamp
        if self.file.reader.layout is not Layout.WHOLE_LINES or before is None or now is None:
            return ""
        if before[0] != now[0]:
            return "replaced by another file; read again"
        return "cut off; read again" if now[1] < before[1] else ""

    def _gone_message(self, held: HeldRun) -> str:
        gone = f"the run is no longer in {self.file.label}"
        return _with_old_content_note(gone) if held.is_shown else gone


def _check_size(file: OpenFile) -> None:
    """Raise SourceError if a session is so big that it has to be read in parts, turn by turn."""
    is_cut = file.reader.layout is Layout.WHOLE_LINES and cutting_rule(file.reader) is not None
    if is_cut and exceeds_memory(file.source, MAX_WHOLE):
        raise SourceError(
            file.label, "too big by now to be read again as it grows", "open it again to follow it"
        )


def _cut_partial_line(file: OpenFile) -> None:
    """End a session before its last line if that is only half written so far."""
    source = file.source
    if file.reader.layout is not Layout.WHOLE_LINES or not isinstance(source, FileSource):
        return
    start, line = source.size, b""
    while start and b"\n" not in line:
        length = min(PIECE, start)
        start -= length
        line = source.read(start, length) + line
    before, _, line = line.rpartition(b"\n")
    if before.strip() and line.strip() and not _is_whole_json(line):
        file.source = RangeSource(source, source.size - len(line))


def _is_whole_json(line: bytes) -> bool:
    """Return whether a line is complete JSON; the reader judges anything odd within it."""
    try:
        json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return False
    return True


def _with_old_content_note(problem: str) -> str:
    return f"showing what was read before: {problem}"


def open_watched(path: Path, *, wanted_format: str, parser: str) -> OpenFile | None:
    """Open a file to follow that can only be read as a whole; None if it can be continued."""
    stamp = stamp_of(path)
    try:
        file = open_file(path, wanted_format=wanted_format, parser=parser)
    except SourceError:
        # The file may be half written; following it will report that.
        return None
    if not exceeds_memory(file.source, MAX_WHOLE):
        # Turn by turn, the last one would only be shown once the next one begins.
        file.reader = at_once(file.reader)
    if _is_one_record(file):
        _cut_partial_line(file)
        file.watched = WatchedFile(file, stamp)
        return file
    file.close()
    return None


def _is_one_record(file: OpenFile) -> bool:
    """Return whether a file is one record: a session or a document, even one on a single line."""
    source, layout = file.source, file.reader.layout
    if layout is not Layout.LINES:
        return layout in (Layout.WHOLE_LINES, Layout.DOCUMENT)
    pieces = (source.read(start, PIECE) for start in range(0, source.size, PIECE))
    return not file.is_one_run and not any(b"\n" in piece for piece in pieces)
