"""The feed of a run whose file is read as a whole: after each change the run is replaced."""

from __future__ import annotations

from hermes_tui.log.event_log import MemoryLog
from hermes_tui.model.events import Event
from hermes_tui.runtime.opener import RunRef
from hermes_tui.runtime.watched_run import WatchedFile
from hermes_tui.ui.run_feed import RunFeed


class WatchedFeed(RunFeed):
    """Feeds the latest reading of a run to its model. It shares the file with the list of runs."""

    def __init__(self, ref: RunRef, watched: WatchedFile) -> None:
        super().__init__(ref, follow=True)
        if isinstance(self.model.log, MemoryLog):
            # A call without a result may still get one.
            self.model.log.complete = not watched.goes_on(ref)
        self._watched = watched
        self._watched_run = watched.hold(ref, self.model.log)
        self._failure_before = ""
        self._raw_source = self.file.source

    @property
    def failure(self) -> str:
        return self._watched_run.failure or self._watched.failure or super().failure

    def poll(self) -> bool:
        self._watched.poll()
        reading = self._watched_run.take()
        if reading is None:
            before, self._failure_before = self._failure_before, self.failure
            return before != self.failure
        self.ref = reading.ref
        model, was_at_head = self.model, self.model.follow
        model.replace_reading(reading.log, reading.timeline)
        if was_at_head:
            self.to_head()
        return True

    def raw_text(self, event: Event) -> tuple[str, bool]:
        if self._raw_source is not self.file.source:
            self._raw_source, self._raw = self.file.source, None
        return super().raw_text(event)

    def close(self) -> None:
        self._watched.release(self._watched_run)
