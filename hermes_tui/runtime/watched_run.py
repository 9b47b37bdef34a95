"""A run whose file is read as a whole, read anew by a thread whenever the file has changed.

Sessions whose lines make sense only together, and documents that their writer replaces at every
step, cannot be read on from where the reading ended.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final, NamedTuple

from hermes_tui.formats.base import Layout
from hermes_tui.formats.reader import split_runs
from hermes_tui.log.event_log import MemoryLog
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.errors import SourceError
from hermes_tui.model.events import Event, RunStarted
from hermes_tui.runtime.opener import OpenFile, RunRef, open_file
from hermes_tui.runtime.stamps import stamp_of

REST: Final = 3
"""How many times as long as a reading took nothing is read after it: a long session is read less
often, so that the rest of the machine is left alone."""

PIECE: Final = 1 << 20


class Reading(NamedTuple):
    """The run as it stands in the file now. Its log is not complete: more may come."""

    ref: RunRef
    log: MemoryLog
    timeline: Timeline


class WatchedRun:
    """Watches the file of a run."""

    def __init__(self, ref: RunRef) -> None:
        self.failure = ""
        self._ref = ref
        self._run_id = _run_id(_runs(ref.file, ref.record), ref.nth)
        self._stamp = stamp_of(ref.file.path)
        self._due = 0.0
        self._thread: threading.Thread | None = None
        self._found: Reading | None = None
        self._is_closed = False

    def poll(self) -> Reading | None:
        """Return the run as it was read anew, None while nothing is new. Never waits."""
        if self._thread is not None:
            if self._thread.is_alive():
                return None
            self._thread = None
            found, self._found = self._found, None
            return found
        stamp = stamp_of(self._ref.file.path)
        if stamp != self._stamp and time.monotonic() >= self._due:
            self._stamp = stamp
            self._thread = threading.Thread(target=self._read, daemon=True)
            self._thread.start()
        return None

    def _read(self) -> None:
        began = time.monotonic()
        try:
            self._found = self._read_anew()
            self.failure = ""
        except SourceError as error:
            # It may be half written.
            self.failure = f"showing what was read before: {error}"
        self._due = time.monotonic() + REST * (time.monotonic() - began)
        if self._is_closed:
            self._let_go()

    def close(self) -> None:
        """Let go of what was read and not taken; what is being read is let go of by its thread."""
        self._is_closed = True
        if self._thread is not None and not self._thread.is_alive():
            self._let_go()

    def _let_go(self) -> None:
        found, self._found = self._found, None
        if found is not None:
            found.ref.file.close()

    def _read_anew(self) -> Reading:
        before = self._ref.file
        file = open_file(before.path, wanted_format=before.reader.name, parser=before.parser)
        try:
            for _ in file.scan():
                pass
            self._ref = ref = self._same_run(file)
            log = MemoryLog(_runs(file, ref.record)[ref.nth])
        except BaseException:
            file.close()
            raise
        timeline = Timeline(log)
        timeline.advance()
        return Reading(ref, log, timeline)

    def _same_run(self, file: OpenFile) -> RunRef:
        """Return the run of the same id, or else at the same place; raises SourceError."""
        places = [
            (record, nth, events)
            for record in range(len(file.index))
            for nth, events in enumerate(_runs(file, record))
        ]
        found = [place for place in places if self._run_id and _id_of(place[2]) == self._run_id]
        found = found or places[self._ref.number : self._ref.number + 1]
        if not found:
            raise SourceError(file.label, "the run is no longer in it")
        record, nth, _ = found[0]
        return RunRef(file, places.index(found[0]), record, nth)


def open_watched(path: Path, *, wanted_format: str = "", parser: str = "") -> OpenFile | None:
    """Open a file that is to be followed and read as a whole; None where it is read on instead."""
    try:
        file = open_file(path, wanted_format=wanted_format, parser=parser)
    except SourceError:
        # It may be half written; whoever follows it will say so.
        return None
    if _is_whole(file):
        file.watched = True
        return file
    file.close()
    return None


def _is_whole(file: OpenFile) -> bool:
    """Tell whether a file is one record: a session, or a document, be it on a single line."""
    source, layout = file.source, file.reader.layout
    if layout is not Layout.LINES:
        return layout in (Layout.WHOLE_LINES, Layout.DOCUMENT)
    pieces = (source.read(start, PIECE) for start in range(0, source.size, PIECE))
    return not file.is_one_run and not any(b"\n" in piece for piece in pieces)


def _runs(file: OpenFile, record: int) -> list[tuple[Event, ...]]:
    return split_runs(file.decode(record))[1]


def _run_id(runs: list[tuple[Event, ...]], nth: int) -> str:
    return _id_of(runs[nth]) if nth < len(runs) else ""


def _id_of(run: tuple[Event, ...]) -> str:
    return next((event.run_id for event in run if isinstance(event, RunStarted)), "")
