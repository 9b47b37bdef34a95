"""The feed of a live run, which can switch between the run's branches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hermes_tui.debugger.stepping import Phase
from hermes_tui.log.event_log import MemoryLog
from hermes_tui.ui.live_model import RunUsage, head_row
from hermes_tui.ui.run_feed import EVENTS_AT_ONCE, Feed
from hermes_tui.ui.view_model import RunModel

if TYPE_CHECKING:
    from hermes_tui.model.events import Event
    from hermes_tui.runtime.branches import Branch
    from hermes_tui.runtime.driver import Driver


class LiveFeed(Feed):
    """Feeds the branch that is on screen, or none before the run has begun."""

    def __init__(self, label: str) -> None:
        super().__init__(RunModel(MemoryLog(), follow=True), follows=True)
        self.branch: Branch | None = None
        self.spent = RunUsage()
        self._label = label
        self._seen: object = None

    @property
    def driver(self) -> Driver | None:
        return self.branch.driver if self.branch is not None else None

    @property
    def label(self) -> str:
        if self.branch is None or self.branch.name == "main":
            return self._label
        return f"{self.branch.name} · {self._label}"

    @property
    def format_name(self) -> str:
        return "live"

    @property
    def failure(self) -> str:
        failure = self.driver.failure if self.driver is not None else None
        return str(failure) if failure is not None else ""

    def show(self, branch: Branch) -> None:
        """Switch to a branch, with the cursor at its head."""
        self.branch = branch
        self.spent = RunUsage()
        self.model.show_log(branch.log)
        self.model.follow = True

    def poll(self) -> bool:
        driver = self.driver
        if driver is None:
            return False
        seen = (len(driver.log), driver.partial.pieces, driver.phase, driver.failure)
        before, self._seen = self._seen, seen
        return before != seen

    def to_head(self) -> None:
        """Move the cursor to the row that a stop is about, else to the last row."""
        self.model.go(head_row(self.model.timeline))

    def working_s(self) -> float | None:
        """Return the seconds that a request or tool has been running, or None if none is."""
        since = self.driver.working_since if self.driver is not None else None
        return None if since is None else time.monotonic() - since

    def send_delay_s(self) -> float:
        """Return the seconds until the delayed request is sent; 0.0 if none is delayed."""
        driver, working_s = self.driver, self.working_s()
        if driver is None or working_s is None or driver.phase is not Phase.REQUESTING:
            return 0.0
        return max(0.0, driver.session.state.delay_s - working_s)

    def answer_wait_s(self) -> float | None:
        """Return the seconds since an answer has been awaited, or None if none is awaited."""
        driver, working_s = self.driver, self.working_s()
        if driver is None or working_s is None:
            return None
        match driver.phase:
            case Phase.REQUESTING:
                return max(0.0, working_s - driver.session.state.delay_s)
            case Phase.DISPATCHING:
                return working_s
            case _:
                # The request or tool is being cancelled.
                return None

    def spent_s(self) -> float:
        """Return the seconds that requests and tools have taken so far."""
        driver = self.driver
        return (driver.spent_s if driver is not None else 0.0) + (self.working_s() or 0.0)

    def raw_text(self, event: Event) -> tuple[str, bool]:
        from hermes_tui.runtime.raw import RawReader

        return RawReader(None).text(event)

    def _load_some(self) -> bool:
        has_advanced = self.model.advance(EVENTS_AT_ONCE)
        self.spent.take(self.model.log)
        return has_advanced
