"""The app for a live run: it paints first, then begins the run, and finally ends it in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

from hermes_tui.debugger.stepping import Phase
from hermes_tui.model.errors import HermesError
from hermes_tui.model.wording import command_line
from hermes_tui.runtime.config import Config
from hermes_tui.ui.base_app import BaseApp
from hermes_tui.ui.live_feed import LiveFeed
from hermes_tui.ui.live_model import activity_at, activity_text
from hermes_tui.ui.screens.live import LiveScreen

if TYPE_CHECKING:
    from hermes_tui.log.event_log import EventLog
    from hermes_tui.runtime.branches import Branch, Branches

CLOSE_WITHIN_S = 2.0
"""How long servers and tools may take to end before the program leaves without them."""
CONFIRM_WITHIN_S = 10.0
"""How long a second q or Ctrl-C counts as the confirmation of the first."""


class LiveApp(BaseApp):
    """Shows a live run and its branches.

    `open_branches` creates server and tools and begins the run; it is called after the first
    paint. If it raises, `failure` is the exception and the app ends. `branches` are closed when
    `run` returns.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", show=False, system=True),
    ]

    def __init__(
        self,
        open_branches: Callable[[], Awaitable[Branches]],
        config: Config,
        *,
        label: str,
        hints: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(config)
        self.branches: Branches | None = None
        self.failure: HermesError | None = None
        self.abort_reason: HermesError | None = None
        """Why a run could not continue, such as that its recording could not be written."""
        self.last_words: list[str] = []
        """Lines to print once the screen is gone: where the run is recorded, what failed."""
        self._open_branches = open_branches
        self.live_feed = LiveFeed(label)
        self._hints, self._clock = hints, clock
        self._opening_task: asyncio.Task[None] | None = None
        self._closing_task: asyncio.Task[None] | None = None
        self._asked_at = -CONFIRM_WITHIN_S

    def get_default_screen(self) -> Screen[None]:
        self._live = LiveScreen(self.live_feed, hints=self._hints, clock=self._clock)
        return self._live

    @property
    def complaints(self) -> Sequence[str]:
        branches = self.branches
        return (*branches.warnings, *branches.news) if branches is not None else ()

    @property
    def branch_count(self) -> int:
        return len(self.branches.all) if self.branches is not None else 0

    # Beginning

    def on_mount(self) -> None:
        # Textual calls the `on_mount` of the base class itself.
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self._opening_task = asyncio.create_task(self._open())
        self._opening_task.add_done_callback(self._opened)

    async def _open(self) -> None:
        try:
            self.branches = await self._open_branches()
        except HermesError as error:
            self.failure = error
            self.exit(return_code=error.exit_code)

    def _opened(self, opening: asyncio.Task[None]) -> None:
        if opening.cancelled():
            return
        if (error := opening.exception()) is not None:
            self.call_later(_raise, error)
        elif self.branches is not None and self.branches.all:
            self.call_later(self._live.show_branch, self.branches.all[0])

    # Ending

    @property
    def is_leaving(self) -> bool:
        """Return whether leaving was requested and waits to be confirmed."""
        return self._clock() - self._asked_at < CONFIRM_WITHIN_S

    def forget_leaving(self) -> None:
        """Withdraw the request of `ask_to_leave`, because something else was done since."""
        self._asked_at = -CONFIRM_WITHIN_S

    def ask_to_leave(self, first: str = "") -> None:
        """Leave if this is the second request or nothing would be lost; else ask to confirm."""
        if self._closing_task is not None:
            self.exit()
        elif self.is_leaving or not self._would_interrupt_run():
            self._closing_task = asyncio.create_task(self._close_and_exit())
        else:
            self._asked_at = self._clock()
            self._ask_to_confirm(first)

    def repeat_leave_question(self) -> None:
        """Repeat the question of `ask_to_leave`, if it is open, for what the run does now."""
        if self.is_leaving and self._would_interrupt_run():
            self._ask_to_confirm()

    def _ask_to_confirm(self, activity: str = "") -> None:
        shown = activity or self._activity_text()
        self._live.say_until_stop(f"press again to leave: {shown}; {self._consequence()}")

    def _consequence(self) -> str:
        branch = self.live_feed.branch
        if branch is None or branch.path is None:
            return "not recorded, so this ends the run"
        return (
            "the recording can be resumed" if _can_be_resumed(branch.log) else "this ends the run"
        )

    def _would_interrupt_run(self) -> bool:
        driver = self.live_feed.driver
        return driver is not None and driver.failure is None and driver.phase is not Phase.ENDED

    def _activity_text(self) -> str:
        log = self.live_feed.model.log
        return f"the run is {activity_text(activity_at(log, len(log) - 1))}"

    async def _close_and_exit(self) -> None:
        self._live.say("stopping what is running; press again to leave at once")
        try:
            await self._close_branches()
        finally:
            self.exit()

    async def _close_branches(self) -> None:
        opening, self._opening_task = self._opening_task, None
        if opening is not None and not opening.done():
            opening.cancel()
            await asyncio.wait([opening], timeout=CLOSE_WITHIN_S)
        branches, self.branches = self.branches, None
        if branches is None:
            return
        is_only = len(branches.all) == 1
        self.last_words = [
            line
            for branch in branches.all
            for line in _last_words(branch, "the run" if is_only else branch.name)
        ]
        failures = (branch.driver.failure for branch in branches.all)
        self.abort_reason = next(filter(None, failures), None)
        closing = asyncio.create_task(branches.close())
        done, _ = await asyncio.wait([closing], timeout=CLOSE_WITHIN_S)
        if not done:
            closing.cancel()

    async def on_unmount(self) -> None:
        if self._closing_task is None:
            await self._close_branches()

    def suspend_for_shell(self) -> str:
        return "a live run is not suspended: what is running would time out"

    def action_interrupt(self) -> None:
        """Carry out what Ctrl-C does, whatever screen is on top."""
        self._live.action_command("interrupt")

    async def action_quit(self) -> None:
        self.ask_to_leave()


def _last_words(branch: Branch, name: str) -> list[str]:
    driver, path = branch.driver, branch.path
    lines = [f"{name} was aborted: {driver.failure}"] if driver.failure else []
    if path is None:
        return lines
    if not path.is_file() or not path.stat().st_size:
        return lines
    recorded = f"{name} is recorded in {path}"
    if driver.phase is not Phase.ENDED and _can_be_resumed(driver.log):
        recorded += f" (continue with {command_line('live', '--resume', path)})"
    return [*lines, recorded]


def _can_be_resumed(log: EventLog) -> bool:
    """Return whether a run's log names the server and tools with which it can be resumed."""
    from hermes_tui.runtime.writer import can_be_resumed

    return len(log) > 0 and can_be_resumed(log[0])


def _raise(error: BaseException, *_: Any) -> None:
    raise error
