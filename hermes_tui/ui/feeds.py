"""What brings runs to the screen bit by bit: read, fold, search and filter in slices of a few
milliseconds, so that keys are answered in between. No threads, no widgets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from hermes_tui.log.summary import RunSummary, summarise
from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.opener import (
    FoundDefect,
    FoundRun,
    NothingYet,
    OpenFile,
    Progress,
    RunRef,
    Step,
    Target,
    load_run,
    open_file,
    survey,
)
from hermes_tui.ui.view_model import RunModel

EVENTS_A_BITE = 16
ROWS_A_BITE = 200


class RunFeed:
    """Feeds one run to its model: indexing of its file, filter and search."""

    def __init__(self, ref: RunRef, *, follow: bool = False) -> None:
        self.ref = ref
        self.file = ref.file
        self.follows = follow
        self.model = RunModel(load_run(ref), follow=follow)
        self.cancelled = False
        self._scan: Iterator[int] | None = None
        self._scanned_size = -1

    @classmethod
    def of_file(cls, file: OpenFile, *, follow: bool = False) -> RunFeed:
        """Return the feed of a file that is one run."""
        return cls(RunRef(file, 0), follow=follow)

    def step(self, budget_s: float, *, enough_rows: int = 1 << 60) -> bool:
        """Work for about `budget_s` seconds; return whether anything on screen may have changed.

        Returns earlier once the timeline has `enough_rows`.
        """
        deadline = time.perf_counter() + budget_s
        changed = False
        while time.perf_counter() < deadline and len(self.model.timeline) < enough_rows:
            # A search or filter goes on beside the reading: its first hits must not wait for it.
            read = self._bite()
            if not (self._search_or_filter() or read):
                break
            changed = True
        if changed and self.model.follow and len(self.model.timeline):
            self.model.go(len(self.model.timeline) - 1)
        return changed

    def _bite(self) -> bool:
        if self.cancelled:
            return False
        if self.model.advance(EVENTS_A_BITE):
            return True
        if not self.file.is_one_run:
            return False
        if self._scan is None:
            if self._scanned_size == self._size_now():
                return False
            self._scanned_size = self._size_now()
            self._scan = self.file.reader.scan(self.file.source, self.file.index)
        if next(self._scan, None) is None:
            self._scan = None
        return True

    def _size_now(self) -> int:
        return self.file.source.size * 2 + self.file.source.complete

    def _search_or_filter(self) -> bool:
        searched = self.model.advance_search(ROWS_A_BITE)
        return self.model.advance_filter(ROWS_A_BITE) or searched

    def poll(self) -> bool:
        """Look whether the file has grown."""
        return self.file.source.refresh()

    @property
    def partial(self) -> str:
        """Return the beginning of a record that is still being written, empty if there is none."""
        source, index = self.file.source, self.file.index
        if not self.file.is_one_run or source.complete or index.closed:
            return ""
        length = source.size - index.end
        return source.read(index.end, min(length, 200)).decode("utf-8", "replace").strip()

    def progress(self) -> tuple[int, int] | None:
        """Return bytes folded and bytes in all while the file is being read, else None."""
        if not self.file.is_one_run or self.cancelled or self.model.timeline.finished:
            return None
        total = self.file.source.size
        done = self._folded_bytes()
        if not self.file.source.complete and done >= total - len(self.partial) - 1:
            return None
        return (done, total) if done < total else None

    def _folded_bytes(self) -> int:
        index = self.file.index
        known = getattr(self.model.log, "records_known", len(index))
        return index.ends[known - 1] if known else 0


@dataclass(slots=True)
class RunRow:
    """One row of the runs screen."""

    ref: RunRef
    summary: RunSummary
    file_label: str


@dataclass(slots=True)
class RunsFeed:
    """Goes through all files and collects their runs, and what could not be read."""

    targets: list[Target]
    wanted_format: str = ""
    follow: bool = False
    rows: list[RunRow] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    files: list[OpenFile] = field(default_factory=list)
    waiting: list[Target] = field(default_factory=list)
    """Followed files that hold nothing whole yet."""
    cancelled: bool = False
    _next_target: int = 0
    _survey: Iterator[Step] | None = None
    _file: OpenFile | None = None
    _bytes_done: int = 0
    _bytes_total: int = 0
    _open_row: int | None = None
    _growing: list[OpenFile] = field(default_factory=list)
    """Files that were read to their end so far, and may grow."""

    @property
    def finished(self) -> bool:
        return self.cancelled or (self._survey is None and self._next_target >= len(self.targets))

    def step(self, budget_s: float, *, stop_at_runs: int = 1 << 60) -> bool:
        """Work for about `budget_s` seconds; return whether there is anything new."""
        deadline = time.perf_counter() + budget_s
        changed = False
        while time.perf_counter() < deadline and not self.finished:
            if len(self.rows) >= stop_at_runs:
                break
            if self._survey is None:
                changed |= self._open_next()
                continue
            step = next(self._survey, None)
            if step is None:
                self._end_of_file()
            else:
                changed |= self._take(step)
        return changed

    def open_first(self) -> None:
        """Open files until one can be read; its runs are not looked at yet."""
        while not self.files and self._next_target < len(self.targets):
            self._open_next()

    def _open_next(self) -> bool:
        target = self.targets[self._next_target]
        self._next_target += 1
        try:
            return self._open(target)
        except NothingYet as error:
            self.waiting.append(target)
            self.complaints.append(str(error))
        except SourceError as error:
            prefix = "" if target.named else "skipped "
            self.complaints.append(f"{prefix}{error}")
        return True

    def _open(self, target: Target) -> bool:
        file = open_file(target.path, wanted_format=self.wanted_format, follow=self.follow)
        self.files.append(file)
        if file.rivals:
            self.complaints.append(
                f"{file.label}: read as {file.reader.name}; fits {', '.join(file.rivals)} as well"
            )
        self._begin(file)
        return False

    def _begin(self, file: OpenFile) -> None:
        """Go through a file from where it was left."""
        known = [number for number, row in enumerate(self.rows) if row.ref.file is file]
        self._file = file
        self._open_row = known[0] if known and file.is_one_run else None
        self._survey = survey(file, records_done=len(file.index), runs_done=len(known))

    def _end_of_file(self) -> None:
        self._survey = None
        file = self._file
        if file is None:
            return
        if not file.source.complete:
            self._growing.append(file)
        elif file.source.failure:
            self.complaints.append(file.source.failure)

    def poll(self) -> bool:
        """Look whether a file has grown that was read to its end; if so there is work again."""
        if self._survey is not None or self.cancelled:
            return False
        for target in self.waiting:
            try:
                self._open(target)
            except SourceError:
                continue
            self.waiting.remove(target)
            return True
        for file in self._growing:
            if file.source.refresh():
                self._growing.remove(file)
                self._begin(file)
                return True
        return False

    def _take(self, step: Step) -> bool:
        match step:
            case FoundRun(ref=ref, state=state):
                row = RunRow(ref, summarise(state), ref.file.label)
                if self._open_row is None:
                    self.rows.append(row)
                else:
                    self.rows[self._open_row] = row
                self._open_row = None if step.final else len(self.rows) - 1
                return True
            case FoundDefect(file=file, defect=defect):
                self.complaints.append(f"{file.label}: {defect.message}")
                return True
            case Progress():
                self._bytes_done, self._bytes_total = step.bytes_done, step.bytes_total
                return True

    def progress(self) -> tuple[int, int] | None:
        """Return how much of the files is read, None when all is."""
        if self.finished:
            return None
        if len(self.targets) > 1:
            return self._next_target, len(self.targets)
        return self._bytes_done, max(1, self._bytes_total)

    def close(self) -> None:
        for file in self.files:
            file.close()
