"""Feeds that load one run for a run screen in small steps, so that keys are answered in between."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hermes_tui.formats.reader import RecordLog
from hermes_tui.runtime.pace import Pace
from hermes_tui.ui.view_model import RunModel

if TYPE_CHECKING:
    from hermes_tui.model.events import Event
    from hermes_tui.runtime.background_call import BackgroundCall
    from hermes_tui.runtime.opener import OpenFile, RunRef
    from hermes_tui.runtime.raw import RawReader
    from hermes_tui.ui.render.places import RunPlace

EVENTS_AT_ONCE = 16
ROWS_AT_ONCE = 200
WAIT_S = 0.004
"""How long a step waits for a thread: about one step's time, so that the thread gets to run."""


class Feed(ABC):
    """Loads a run into its model. With `follows`, the run can grow and the cursor follow it."""

    def __init__(self, model: RunModel, *, follows: bool) -> None:
        self.model = model
        self.follows = follows
        self.cancelled = False
        self._pace: Pace | None = None

    @property
    @abstractmethod
    def label(self) -> str:
        """Return the source of the run, in a few words."""

    @property
    def place(self) -> RunPlace | None:
        """Return the place at which others can open the run, or None if they cannot."""
        return None

    @property
    @abstractmethod
    def format_name(self) -> str: ...

    @property
    def parser(self) -> str:
        """Return the parser that was requested for the run, empty if none was."""
        return ""

    @property
    def failure(self) -> str:
        """Return what went wrong with the source, empty if nothing did."""
        return ""

    @property
    def partial(self) -> str:
        """Return the beginning of a record that is still being written, empty if there is none."""
        return ""

    @abstractmethod
    def poll(self) -> bool:
        """Return whether the source has grown or failed since the last call."""

    def progress(self) -> tuple[int, int] | None:
        """Return the amount read and the total, or None when everything is read."""
        return None

    def pace(self, done: int, total: int) -> str:
        """Return how fast the run is being read and how long it will take, in words."""
        now = time.perf_counter()
        if self._pace is None:
            self._pace = Pace(now, done)
        return self._pace.text(done, total, now)

    def close(self) -> None:
        """Release what nobody else uses; most feeds have nothing to release."""
        return

    @abstractmethod
    def raw_text(self, event: Event) -> tuple[str, bool]:
        """Return the exact text of an event, and whether it is the source's own."""

    def step(self, budget_s: float, *, enough_rows: int = 1 << 60) -> bool:
        """Work for about `budget_s` seconds; return whether anything on screen may have changed.

        Returns earlier once the timeline has `enough_rows`.
        """
        deadline = time.perf_counter() + budget_s
        changed = False
        while time.perf_counter() < deadline and len(self.model.timeline) < enough_rows:
            # Search and filter run alongside the reading, so that their first hits need not wait.
            read = self._load_some()
            if not (self._search_or_filter() or read):
                break
            changed = True
        return self._follow_head(changed) or changed

    @property
    def is_reading(self) -> bool:
        """Return whether more of the run is to come, as far as is known."""
        return not (self.cancelled or self.model.timeline.finished)

    def go_to_end(self) -> None:
        """Move the cursor to the last row, and keep it there until everything is read."""
        self.model.follow = self.is_reading
        self.to_head()

    def _follow_head(self, changed: bool) -> bool:
        """Move a following cursor to the head; return whether this is the last time."""
        model = self.model
        is_over = model.follow and not self.follows and not self.is_reading
        if (is_over or (changed and model.follow)) and len(model.timeline):
            self.to_head()
        model.follow = model.follow and not is_over
        return is_over

    def to_head(self) -> None:
        """Move the cursor to the row that it follows while the run grows: the last one."""
        self.model.go(len(self.model.timeline) - 1)

    @abstractmethod
    def _load_some(self) -> bool:
        """Load a few events; return whether anything was done."""

    def _search_or_filter(self) -> bool:
        searched = self.model.advance_search(ROWS_AT_ONCE)
        return self.model.advance_filter(ROWS_AT_ONCE) or searched


def place_of(ref: RunRef) -> RunPlace | None:
    """Return the place at which others can open a run, or None if it came from standard input."""
    from hermes_tui.ui.render.places import RunPlace

    file = ref.file
    if file.path is None:
        return None
    return RunPlace(file.label, ref.number + 1, file.reader.name if file.reader.is_forced else "")


class RunFeed(Feed):
    """Feeds one run of a file to its model, and indexes the file if it is a single run."""

    def __init__(self, ref: RunRef, *, follow: bool = False) -> None:
        from hermes_tui.runtime.opener import load_run

        super().__init__(RunModel(load_run(ref), follow=follow), follows=follow)
        self.ref = ref
        self.file = ref.file
        self._scan: Iterator[int] | None = None
        self._scanned: tuple[int, bool] | None = None
        self._seen = (self.file.extent, self.file.source.failure)
        self._raw: RawReader | None = None
        self._revision = self.file.revision
        self._news = ""
        self._has_begun_lookup = self._is_cached = False
        self._cache_lookup: BackgroundCall[Any] | None = None
        """The pending lookup of the run in the cache."""

    @classmethod
    def of_file(cls, file: OpenFile, *, follow: bool = False) -> RunFeed:
        """Return the feed of a file that is one run."""
        from hermes_tui.runtime.opener import RunRef

        return cls(RunRef(file, 0), follow=follow)

    @property
    def label(self) -> str:
        return self.file.label

    @property
    def place(self) -> RunPlace | None:
        return place_of(self.ref)

    @property
    def format_name(self) -> str:
        return self.file.reader.name

    @property
    def parser(self) -> str:
        diagnosis = self.file.diagnosis
        return diagnosis.requested_name if diagnosis is not None else ""

    @property
    def failure(self) -> str:
        return self.file.source.failure or self._news

    def raw_text(self, event: Event) -> tuple[str, bool]:
        """Return the exact text of an event, and whether it is the file's own."""
        if self._raw is None:
            from hermes_tui.runtime.raw import RawReader

            self._raw = RawReader(self.file.source)
        return self._raw.text(event)

    def _load_some(self) -> bool:
        if self.cancelled:
            return False
        if self._cache_lookup is not None and self._take_cached(self._cache_lookup):
            return True
        if self.model.advance(EVENTS_AT_ONCE):
            return True
        if not self.file.is_one_run:
            return False
        if self._scan is None:
            if self._scanned == self.file.extent:
                return False
            self._scanned = self.file.extent
            self._scan = self.file.scan()
        if next(self._scan, None) is None:
            self._scan = None
        return True

    def poll(self) -> bool:
        """Return whether the file has grown or failed since the last call."""
        # Not the result of `refresh`: the list, which reads the same file, may have called it.
        self.file.source.refresh()
        if self._switch_to_replacement():
            return True
        before, self._seen = self._seen, (self.file.extent, self.file.source.failure)
        self._use_cache()
        return before != self._seen

    def _switch_to_replacement(self) -> bool:
        """Show the run that has replaced a followed one, from its beginning, if there is one.

        Return whether there is one.
        """
        if self.follows and self.file.is_one_run:
            from hermes_tui.runtime.replaced_file import replace_from_path

            replace_from_path(self.file)
        if self._revision == self.file.revision:
            return False
        self._revision, self._news = self.file.revision, self.file.news
        self._scan = self._scanned = self._raw = None
        from hermes_tui.runtime.opener import load_run

        self.model.show_log(load_run(self.ref))
        return True

    def _use_cache(self) -> None:
        """Start looking for the run in the cache, or once it is read, storing it there.

        Neither is waited for. Not called before the first paint: only long runs need its modules.
        """
        if not self.file.keeps or self._is_cached or self.cancelled:
            return
        from hermes_tui.runtime.index.kept_runs import find_kept_run, keep_run

        log = self.model.log
        if not self._has_begun_lookup:
            self._has_begun_lookup = True
            self._cache_lookup = find_kept_run(self.file)
        elif self.model.timeline.finished and isinstance(log, RecordLog):
            self._is_cached = True
            keep_run(self.file, log, self.model.timeline)

    def _take_cached(self, lookup: BackgroundCall[Any]) -> bool:
        """Take the run from the cache if it is there; return False if it is not.

        Return True too while the lookup is pending.
        """
        if not lookup.is_done(WAIT_S):
            return True
        self._cache_lookup = None
        if lookup.result is None:
            return False
        from hermes_tui.runtime.index.kept_runs import restored

        found = restored(self.file, lookup.result)
        if found is not None:
            self._is_cached, self._scan = True, None
            self._scanned = self.file.extent
            self.model.take_over(*found)
        return found is not None

    @property
    def partial(self) -> str:
        """Return the beginning of a record that is still being written, empty if there is none."""
        source, index = self.file.source, self.file.records
        if not self.file.is_one_run or source.complete or index.closed:
            return ""
        length = source.size - index.end
        return source.read(index.end, min(length, 200)).decode("utf-8", "replace").strip()

    def progress(self) -> tuple[int, int] | None:
        """Return the bytes folded and the bytes in all while the file is being read, else None."""
        if not self.file.is_one_run or self.cancelled or self.model.timeline.finished:
            return None
        total = self.file.source.size
        done, records = self._folded_bytes(), self.file.records
        # What follows the last record of a followed file is a part of the next one.
        is_up_to_date = done >= records.end and records.scanned >= total
        is_torn = done >= total - len(self.partial) - 1
        if not self.file.source.complete and (is_up_to_date or is_torn):
            return None
        return (done, total) if done < total else None

    def _folded_bytes(self) -> int:
        records = self.file.records
        known = getattr(self.model.log, "records_known", len(records))
        return records.end_of(known - 1) if known else 0
