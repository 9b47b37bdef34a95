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

REST: Final = 3
"""How many times as long as a reading took nothing is read after it: a long session is read less
often, so that the rest of the machine is left alone."""

PIECE: Final = 1 << 20
_Stamp = tuple[int, int, int]


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
        self._stamp = _stamp(ref.file.path)
        self._due = 0.0
        self._thread: threading.Thread | None = None
        self._found: Reading | None = None

    def poll(self) -> Reading | None:
        """Return the run as it was read anew, None while nothing is new. Never waits."""
        if self._thread is not None:
            if self._thread.is_alive():
                return None
            self._thread = None
            found, self._found = self._found, None
            return found
        stamp = _stamp(self._ref.file.path)
        if stamp != self._stamp and time.monotonic() >= self._due:
            self._stamp = stamp
            self._thread = threading.Thread(target=self._read, daemon=True)
            self._thread.start()
        return None

    def _read(self) -> None:
        began = time.monotonic()
        before = self._ref.file
        try:
            file = open_file(before.path, wanted_format=before.reader.name)
        except SourceError as error:
            # It may be half written: what was shown stays.
            self.failure = f"{error}; showing what was read before"
            return
        self.failure = ""
        if before.diagnosis is not None:
            file.diagnose(before.diagnosis.asked)
        for _ in file.scan():
            pass
        ref = self._same_run(file)
        if ref is None:
            self.failure = f"{file.label}: the run is no longer in it; showing what was read before"
            file.close()
            return
        log = MemoryLog(_runs(file, ref.record)[ref.nth])
        timeline = Timeline(log)
        timeline.advance()
        self._ref, self._found = ref, Reading(ref, log, timeline)
        self._due = time.monotonic() + REST * (time.monotonic() - began)

    def _same_run(self, file: OpenFile) -> RunRef | None:
        """Return the run of the same id, or else at the same place, None where there is neither."""
        places = [
            (record, nth, events)
            for record in range(len(file.index))
            for nth, events in enumerate(_runs(file, record))
        ]
        found = [place for place in places if self._run_id and _id_of(place[2]) == self._run_id]
        found = found or places[self._ref.number : self._ref.number + 1]
        if not found:
            return None
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


def _stamp(path: object) -> _Stamp | None:
    try:
        found = path.stat() if isinstance(path, Path) else None
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found else None
