"""What feeds a run whose file is read as a whole: each time it changes, the run is taken over."""

from __future__ import annotations

from hermes_tui.log.event_log import MemoryLog
from hermes_tui.runtime.opener import RunRef
from hermes_tui.runtime.watched_run import WatchedRun
from hermes_tui.ui.run_feed import RunFeed


class WatchedFeed(RunFeed):
    """Feeds the latest reading of a run to its model."""

    def __init__(self, ref: RunRef) -> None:
        super().__init__(ref, follow=True)
        if isinstance(self.model.log, MemoryLog):
            # What has no result yet may get one.
            self.model.log.complete = False
        self._watched = WatchedRun(ref)
        self._failure_before = ""
        self._owns_file = False
        """The first one is the list's."""

    @property
    def failure(self) -> str:
        return self._watched.failure or super().failure

    def poll(self) -> bool:
        found = self._watched.poll()
        if found is None:
            before, self._failure_before = self._failure_before, self.failure
            return before != self.failure
        self._close_file()
        self._owns_file = True
        self.ref, self.file, self._raw = found.ref, found.ref.file, None
        model, was_at_head = self.model, self.model.follow
        model.take_over(found.log, found.timeline)
        model.restart_search_and_filter()
        if was_at_head:
            self.to_head()
        return True

    def close(self) -> None:
        self._watched.close()
        self._close_file()

    def _close_file(self) -> None:
        if self._owns_file:
            self.file.close()
            self._owns_file = False
