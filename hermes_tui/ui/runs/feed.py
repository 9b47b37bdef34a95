"""Brings runs to the screen in small steps: read, fold, search and filter in slices of a few
milliseconds, so that keys are handled in between. No threads, no widgets."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hermes_tui.log.summary import summarise
from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.file_stamps import Stamp, stamp_of
from hermes_tui.runtime.index.blocks import may_be_big
from hermes_tui.runtime.opener import (
    FoundDefect,
    FoundRun,
    NothingYet,
    OpenFile,
    Progress,
    open_file,
)
from hermes_tui.runtime.targets import Targets
from hermes_tui.ui.runs.feed_files import FeedFiles
from hermes_tui.ui.runs.feed_progress import FeedProgress
from hermes_tui.ui.runs.indexing_queue import IndexingQueue
from hermes_tui.ui.runs.reading import Reading
from hermes_tui.ui.runs.table import RunRow, RunTable
from hermes_tui.ui.runs.watched_rows import WatchedRows

if TYPE_CHECKING:
    from hermes_tui.runtime.new_files import NewFiles
    from hermes_tui.runtime.remote import Place

FILES_AT_ONCE = 8
"""How many files are read in turn, so that a big one does not delay the small ones after it."""
STEPS_PER_TURN = 8
NO_LIMIT = 1 << 60
LONG_S = 0.1
WAIT_S = 0.02
MAX_COMPLAINTS = 1_000
NO_MORE = "there are more problems than are listed here; `hermes-tui scan` lists them all"


@dataclass(slots=True)
class RunsFeed:
    """Reads all files, several in turn, and collects their runs and what is unreadable.

    `rows` are in the order of arrival: a row keeps its place, and is replaced there while its run
    grows.
    """

    targets: Targets
    wanted_format: str = ""
    follow: bool = False
    parser: str = ""
    """The parser that reads the model's messages to diagnose them; empty for none."""
    apart: bool = False
    """Whether a separate process reads big files, beyond what the first screen needs."""
    keeps: bool = False
    """Whether the index of big files is cached for the next time."""
    newcomers: NewFiles | None = None
    """Finds more files to follow as they appear."""
    rows: RunTable = field(default_factory=RunTable)
    complaints: list[str] = field(default_factory=list)
    waiting: dict[int, str] = field(default_factory=dict)
    """Followed files without any complete record yet: number of the file → the complaint."""
    cancelled: bool = False
    unread: int = 0
    """How many named files could not be opened."""
    _next_target: int = 0
    _active: deque[Reading] = field(default_factory=deque)
    _growing: list[Reading] = field(default_factory=list)
    """Files that have been read to their present end, and may grow."""
    _replaced: set[int] = field(default_factory=set)
    _stamps: dict[int, Stamp | None] = field(default_factory=dict)
    files: FeedFiles = field(init=False)
    _indexing: IndexingQueue = field(init=False)
    _watched_rows: WatchedRows = field(init=False)
    _progress: FeedProgress = field(init=False)

    def __post_init__(self) -> None:
        self.files = FeedFiles(self.targets, keeps=self.keeps)
        self._progress = FeedProgress(self.targets)
        self._indexing = IndexingQueue(self.rows, keeps=self.keeps)
        self._watched_rows = WatchedRows(self.rows)

    @property
    def finished(self) -> bool:
        return self.cancelled or (not self._active and self._next_target >= len(self.targets))

    @property
    def runs(self) -> int:
        """How many runs have been found that still exist."""
        return len(self.rows) - len(self.rows.gone)

    @property
    def may_find_more(self) -> bool:
        """Whether a folder is followed in which more files may appear."""
        if self.newcomers is None:
            return False
        # Without any target, the paths are folders or globs that match nothing yet.
        return not self.targets or sum(1 for _ in self.targets.named) < len(self.targets)

    def step(self, budget_s: float, *, stop_at_runs: int = NO_LIMIT) -> bool:
        """Work for about `budget_s` seconds; return whether there is anything new."""
        deadline = time.perf_counter() + budget_s
        changed = False
        may_hand_over = stop_at_runs == NO_LIMIT
        while not self.finished and len(self.rows) < stop_at_runs:
            if len(self._active) < FILES_AT_ONCE and self._next_target < len(self.targets):
                changed |= self._open_next()
            if self._active:
                changed |= self._turn(deadline, may_hand_over=may_hand_over)
            if time.perf_counter() >= deadline:
                break
            if self._is_only_waiting():
                # A caller that gives much time has nothing else to do meanwhile.
                if budget_s < LONG_S:
                    break
                time.sleep(WAIT_S)
        return changed

    def _is_only_waiting(self) -> bool:
        """Return whether there is nothing to do here but wait for processes."""
        can_open = len(self._active) < FILES_AT_ONCE and self._next_target < len(self.targets)
        return bool(self._active) and not can_open and all(map(self._indexing.reads, self._active))

    def _turn(self, deadline: float, *, may_hand_over: bool) -> bool:
        """Read a little of the file whose turn it is."""
        reading = self._active[0]
        self._active.rotate(-1)
        if self._indexing.reads(reading):
            return self._indexing.take(reading, self._complain)
        changed = False
        for _ in range(STEPS_PER_TURN):
            step = reading.next()
            if step is None:
                return self._end_of_file(reading) or changed
            match step:
                case FoundRun():
                    self._add_run(reading, step)
                    changed = True
                case FoundDefect():
                    self._complain(f"{reading.file.label}: {step.message}")
                    changed = True
                case Progress():
                    changed = True
            if (may_hand_over or reading.is_heavy) and reading.may_use_process(step):
                self._indexing.hand_over(reading)
                break
            if time.perf_counter() >= deadline:
                break
        return changed

    def _complain(self, complaint: str) -> None:
        if len(self.complaints) < MAX_COMPLAINTS:
            self.complaints.append(complaint)
        elif self.complaints[-1] != NO_MORE:
            self.complaints.append(NO_MORE)

    def open_first(self) -> None:
        """Open files until one is readable; its runs are not read yet."""
        while not self.files.opened and self._next_target < len(self.targets):
            self._open_next()

    def _open_next(self) -> bool:
        """Open the next file; return whether this added a complaint."""
        number = self._next_target
        self._next_target += 1
        complaints_before = len(self.complaints)
        target = self.targets[number]
        stamp = stamp_of(target.path) if self.follow else None
        try:
            self._open(number, target.path)
        except NothingYet as error:
            self._stamps[number] = stamp
            self.waiting[number] = str(error)
            self.complaints.append(str(error))
        except SourceError as error:
            self._complain(f"{'' if target.named else 'skipped '}{error}")
            self.unread += target.named
        return len(self.complaints) > complaints_before

    def _open(self, number: int, path: Place | None) -> None:
        file = self._watched(path) or open_file(
            path, wanted_format=self.wanted_format, follow=self.follow, parser=self.parser
        )
        self.files.add(number, file)
        if not self.follow or file.watched is not None:
            self.files.pool(file)
        if file.rivals:
            self._complain(
                f"{file.label}: read as {file.reader.name}; fits {', '.join(file.rivals)} as well"
            )
        self._active.append(self._begin(number, file))

    def _watched(self, path: Place | None) -> OpenFile | None:
        if not self.follow or not isinstance(path, Path):
            return None
        from hermes_tui.runtime.watched_run import open_watched

        return open_watched(path, wanted_format=self.wanted_format, parser=self.parser)

    def _begin(self, number: int, file: OpenFile) -> Reading:
        """Begin to read a file, after the part that is known from an earlier time."""
        if not self.apart or file.watched is not None or not may_be_big(file):
            return Reading(number, file)
        return self._indexing.begin(number, file, self.files.name_of(number), self._complain)

    def _end_of_file(self, reading: Reading) -> bool:
        if reading.has_changed():
            reading.begin()
            return False
        self._active.remove(reading)
        self._keep_index(reading)
        file = reading.file
        file.rest()
        if file.watched is not None:
            name = self.files.name_of(reading.number)
            self._watched_rows.begin(file.watched, reading.number, name)
        elif not file.source.complete:
            self._growing.append(reading)
        elif reading.index is None and not self.follow:
            self.files.put_away(file)
        self._pack_rows()
        return self._update_failure(reading)

    def _pack_rows(self) -> None:
        """Pack the rows of many files; followed ones stay, since their rows may be replaced."""
        if self.files.are_many and not self.follow:
            still_read = {reading.number for reading in (*self._active, *self._growing)}
            self.rows.pack(still_read, self.files)

    def _update_failure(self, reading: Reading) -> bool:
        """Replace the complaint about a file by its present failure; return whether it changed."""
        before, reading.failure = reading.failure, reading.file.source.failure
        if before == reading.failure:
            return False
        if before in self.complaints:
            self.complaints.remove(before)
        if reading.failure:
            self._complain(reading.failure)
        return True

    def _keep_index(self, reading: Reading) -> None:
        failure = reading.keep_index()
        if failure:
            self._complain(f"{reading.file.label}: {failure}")

    def poll(self) -> bool:
        """Check whether a followed file has grown, appeared or failed; return whether one has."""
        if self.cancelled:
            return self._stop_reading()
        changed = False
        for number in list(self.waiting):
            changed |= self._retry_open(number)
        if self.newcomers is not None:
            self.targets.extend(self.newcomers.poll())
        changed |= self._poll_watched() | self._check_read_files()
        for reading in list(self._growing):
            reading.file.source.refresh()
            if self._continue_with_replacement(reading):
                changed = True
                continue
            changed |= self._update_failure(reading)
            if reading.has_changed():
                self._growing.remove(reading)
                reading.begin()
                self._active.append(reading)
                changed = True
        return changed

    def _continue_with_replacement(self, reading: Reading) -> bool:
        """Continue with the file that replaced a followed one; return whether there is any."""
        from hermes_tui.ui.runs.replaced_rows import replacement

        replaced = replacement(reading, may_keep=not self.may_find_more)
        if replaced is None:
            return False
        self._growing.remove(reading)
        if replaced.reading is not None:
            self._active.append(replaced.reading)
        if replaced.target is not None:
            self.targets.extend([replaced.target])
        if replaced.is_gone:
            self.files.opened -= 1
            self._replaced |= self.rows.drop(reading.number)
        self._update_failure(reading)
        self._complain(replaced.complaint)
        return True

    def _check_read_files(self) -> bool:
        """Complain about files that have changed since; if there are many, only when used."""
        if self.follow or self.files.are_many or not self.finished:
            return False
        complaints_before = len(self.complaints)
        for file in self.files.kept:
            file.source.refresh()
            failure = file.source.failure
            if failure and failure not in self.complaints:
                self._complain(failure)
        return len(self.complaints) > complaints_before

    def _poll_watched(self) -> bool:
        rows = self._watched_rows
        changed = rows.poll()
        self._replaced |= changed
        for place in changed:
            self.files.pool(self.rows[place].ref.file)
        complaints, rows.complaints = rows.complaints, []
        for complaint in complaints:
            self._complain(complaint)
        return bool(changed or complaints)

    def may_bring_more(self) -> bool:
        """Wait a moment for a pipe or a packed file that is still coming in; False if none is.

        Does not wait for a followed file.
        """
        is_coming = not self.follow and any(not file.source.complete for file in self.files.kept)
        if is_coming:
            time.sleep(WAIT_S)
        return self.poll() or is_coming

    def _stop_reading(self) -> bool:
        """Keep what has been read, and stop processes; return whether any file was in progress."""
        if not self._active:
            return False
        for reading in self._active:
            self._keep_index(reading)
        self._active.clear()
        return True

    def _retry_open(self, number: int) -> bool:
        """Try again to open a file without a complete record so far, if it has changed since."""
        path = self.targets[number].path
        stamp = stamp_of(path)
        if stamp == self._stamps.get(number):
            return False
        self._stamps[number] = stamp
        complaint = self.waiting[number]
        try:
            self._open(number, path)
        except SourceError as error:
            if str(error) == complaint:
                return False
            self.complaints[self.complaints.index(complaint)] = self.waiting[number] = str(error)
            return True
        del self.waiting[number]
        self.complaints.remove(complaint)
        return True

    def _add_run(self, reading: Reading, found: FoundRun) -> None:
        file = reading.file
        group = reading.group(found.ref) if found.siblings > 1 else 0
        row = RunRow(
            found.ref,
            summarise(found.state),
            file.label,
            reading.number,
            self.files.name_of(reading.number),
            group,
        )
        if reading.row is not None:
            self.rows.replace(reading.row, row)
            self._replaced.add(reading.row)
            return
        if file.is_one_run:
            reading.row = len(self.rows)
        self.rows.append(row)
        if file.watched is not None:
            self._watched_rows.note(file.watched, len(self.rows) - 1)

    def take_replaced(self) -> set[int]:
        """Return the places of the rows that were replaced since the last call."""
        replaced, self._replaced = self._replaced, set()
        return replaced

    def progress(self) -> tuple[int, int] | None:
        """Return how many bytes of the files are read, and the total; None when all are read."""
        if self.finished:
            return None
        if len(self.targets) == 1 and self._active:
            return self._active[0].bytes_done, max(1, self._active[0].bytes_total)
        return self._progress.bytes(self._next_target, self._active)

    def pace(self, done: int, total: int) -> str:
        """Return how fast the files are read, and how long the rest will take."""
        files = self._next_target - len(self._active)
        return self._progress.pace(done, total, files=files)

    def close(self) -> None:
        self._stop_reading()
        self._indexing.close()
        self.rows.close()
        self._watched_rows.close()
        self.files.close()
