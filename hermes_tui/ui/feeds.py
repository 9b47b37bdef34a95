"""What brings runs to the screen bit by bit: read, fold, search and filter in slices of a few
milliseconds, so that keys are answered in between. No threads, no widgets."""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

from hermes_tui.log.summary import RunSummary, summarise
from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.opener import (
    FoundDefect,
    FoundRun,
    NothingYet,
    OpenFile,
    Progress,
    RunRef,
    Target,
    open_file,
)
from hermes_tui.ui.reading import Reading

if TYPE_CHECKING:
    from pathlib import Path

    from hermes_tui.runtime.resting import SourcePool
    from hermes_tui.runtime.sources import OpenSource

FILES_AT_ONCE = 8
"""Files read in turn, so that a big one does not keep the small ones behind it waiting."""
STEPS_A_TURN = 8
FEW_FILES = 64
"""That many may all stay open; of more, those read to the end are closed for a while."""


@dataclass(slots=True)
class RunRow:
    """One row of the runs screen."""

    ref: RunRef
    summary: RunSummary
    file_label: str
    file_number: int = 0
    """Place of its file among those given; its runs are listed in the order of the files."""
    file_name: str = ""
    """The part of its path that tells it from the other files."""
    group: int = 0
    """Number, in its file, of the record that holds it together with other runs; 0 if alone."""


@dataclass(slots=True)
class RunsFeed:
    """Goes through all files, several in turn, and collects their runs and what is unreadable.

    `rows` are in the order they were met: a row keeps its place, and is replaced there while its
    run grows.
    """

    targets: list[Target]
    wanted_format: str = ""
    follow: bool = False
    parser: str = ""
    """What reads the model's messages for their diagnosis; empty: nothing does."""
    rows: list[RunRow] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    files: list[OpenFile] = field(default_factory=list)
    waiting: dict[int, str] = field(default_factory=dict)
    """Followed files that hold nothing whole yet: number of the file → what was said of it."""
    cancelled: bool = False
    _next_target: int = 0
    _active: deque[Reading] = field(default_factory=deque)
    _growing: list[Reading] = field(default_factory=list)
    """Files that were read to their end so far, and may grow."""
    _replaced: set[int] = field(default_factory=set)
    _stamps: dict[int, object] = field(default_factory=dict)
    _sizes_before: list[int] | None = None
    _folder: str | None = None
    _pool: SourcePool | None = None

    @property
    def finished(self) -> bool:
        return self.cancelled or (not self._active and self._next_target >= len(self.targets))

    def step(self, budget_s: float, *, stop_at_runs: int = 1 << 60) -> bool:
        """Work for about `budget_s` seconds; return whether there is anything new."""
        deadline = time.perf_counter() + budget_s
        changed = False
        while not self.finished and len(self.rows) < stop_at_runs:
            if len(self._active) < FILES_AT_ONCE and self._next_target < len(self.targets):
                changed |= self._open_next()
            if self._active:
                changed |= self._turn(deadline)
            if time.perf_counter() >= deadline:
                break
        return changed

    def _turn(self, deadline: float) -> bool:
        """Read a little of the file whose turn it is."""
        reading = self._active[0]
        self._active.rotate(-1)
        changed = False
        for _ in range(STEPS_A_TURN):
            step = reading.next()
            if step is None:
                return self._end_of_file(reading) or changed
            match step:
                case FoundRun():
                    self._take(reading, step)
                    changed = True
                case FoundDefect():
                    self.complaints.append(f"{reading.file.label}: {step.defect.message}")
                    changed = True
                case Progress():
                    changed = True
            if time.perf_counter() >= deadline:
                break
        return changed

    def open_first(self) -> None:
        """Open files until one can be read; its runs are not looked at yet."""
        while not self.files and self._next_target < len(self.targets):
            self._open_next()

    def _open_next(self) -> bool:
        """Open the next file; return whether there is something to say about it."""
        number = self._next_target
        self._next_target += 1
        said = len(self.complaints)
        self._stamps[number] = _stamp(self.targets[number])
        try:
            self._open(number)
        except NothingYet as error:
            self.waiting[number] = str(error)
            self.complaints.append(str(error))
        except SourceError as error:
            prefix = "" if self.targets[number].named else "skipped "
            self.complaints.append(f"{prefix}{error}")
        return len(self.complaints) > said

    def _open(self, number: int) -> None:
        path = self.targets[number].path
        file = open_file(
            path, wanted_format=self.wanted_format, follow=self.follow, parser=self.parser
        )
        if len(self.targets) > FEW_FILES and path is not None and not self.follow:
            file.source = self._resting(path, file.source)
        self.files.append(file)
        if file.rivals:
            self.complaints.append(
                f"{file.label}: read as {file.reader.name}; fits {', '.join(file.rivals)} as well"
            )
        self._active.append(Reading(number, file))

    def _resting(self, path: Path, source: OpenSource) -> OpenSource:
        if self._pool is None:
            from hermes_tui.runtime.resting import SourcePool

            self._pool = SourcePool(FEW_FILES)
        return self._pool.keep(path, source)

    def _end_of_file(self, reading: Reading) -> bool:
        if reading.has_changed():
            reading.begin()
            return False
        self._active.remove(reading)
        if not reading.file.source.complete:
            self._growing.append(reading)
        return self._complain_of(reading)

    def _complain_of(self, reading: Reading) -> bool:
        failure = reading.new_failure()
        if failure:
            self.complaints.append(failure)
        return bool(failure)

    def poll(self) -> bool:
        """Look whether a followed file has grown, appeared or broken; return whether one has."""
        if self.cancelled:
            return False
        changed = False
        for number in list(self.waiting):
            changed |= self._look_again(number)
        for reading in list(self._growing):
            reading.file.source.refresh()
            changed |= self._complain_of(reading)
            if reading.has_changed():
                self._growing.remove(reading)
                reading.begin()
                self._active.append(reading)
                changed = True
        return changed

    def _look_again(self, number: int) -> bool:
        """Try to open a file that held nothing yet, if anything happened to it since."""
        stamp = _stamp(self.targets[number])
        if stamp == self._stamps.get(number):
            return False
        self._stamps[number] = stamp
        said = self.waiting[number]
        try:
            self._open(number)
        except SourceError as error:
            if str(error) == said:
                return False
            self.complaints[self.complaints.index(said)] = self.waiting[number] = str(error)
            return True
        del self.waiting[number]
        self.complaints.remove(said)
        return True

    def _take(self, reading: Reading, found: FoundRun) -> None:
        file = reading.file
        group = reading.group(found.ref) if found.siblings > 1 else 0
        row = RunRow(
            found.ref,
            summarise(found.state),
            file.label,
            reading.number,
            self._short_name(file),
            group,
        )
        if reading.row is not None:
            self.rows[reading.row] = row
            self._replaced.add(reading.row)
            return
        if file.is_one_run:
            reading.row = len(self.rows)
        self.rows.append(row)

    def take_replaced(self) -> set[int]:
        """Return which rows were replaced since this was last asked."""
        replaced, self._replaced = self._replaced, set()
        return replaced

    def _short_name(self, file: OpenFile) -> str:
        """Return a path without the folders that all files have in common."""
        if self._folder is None:
            parents = {str(target.path.parent) for target in self.targets if target.path}
            try:
                self._folder = os.path.commonpath(parents).rstrip("/") + "/"
            except ValueError:  # absolute and relative paths side by side
                self._folder = ""
        return file.label.removeprefix(self._folder)

    def progress(self) -> tuple[int, int] | None:
        """Return how many bytes of the files are read, and all there are; None when all is read."""
        if self.finished:
            return None
        if len(self.targets) == 1 and self._active:
            return self._active[0].bytes_done, max(1, self._active[0].bytes_total)
        if self._sizes_before is None:
            self._sizes_before = [*accumulate(map(_size, self.targets), initial=0)]
        before = self._sizes_before
        rest = sum(
            (before[reading.number + 1] - before[reading.number]) * (1 - reading.share)
            for reading in self._active
        )
        return int(before[self._next_target] - rest), before[-1]

    def close(self) -> None:
        for file in self.files:
            file.close()


def _stamp(target: Target) -> object:
    """Return what differs once something happened to a file; None where there is none."""
    try:
        found = target.path.stat() if target.path is not None else None
    except OSError:
        return None
    return found and (found.st_ino, found.st_size, found.st_mtime_ns)


def _size(target: Target) -> int:
    """Return the bytes of a file, at least 1, for how far the reading is."""
    try:
        return max(1, target.path.stat().st_size) if target.path is not None else 1
    except OSError:
        return 1
