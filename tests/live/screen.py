"""The live screen on a scripted server and function tools."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from hermes_tui.debugger.stepping import Phase
from hermes_tui.model.events import Event
from hermes_tui.runtime.branches import Branches
from hermes_tui.runtime.config import Config
from hermes_tui.runtime.driver import Driver
from hermes_tui.runtime.servers.base import Server
from hermes_tui.runtime.tools.base import Toolbox
from hermes_tui.ui.live_app import LiveApp
from hermes_tui.ui.screens.live import LiveScreen
from tests.live.engine import FunctionTools, Scripted, ScriptedServer, branches_of
from tests.ui.opened import MEDIUM, until
from tests.ui.screen_text import screen_lines


class Clock:
    """A clock that is set by hand and advances by `tick` whenever it is read."""

    def __init__(self, tick: float = 1.0) -> None:
        self.now, self.tick = 0.0, tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


class Live:
    """A running app, with helpers for tests."""

    def __init__(self, app: LiveApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def screen(self) -> LiveScreen:
        return self.app._live

    @property
    def driver(self) -> Driver:
        driver = self.screen.feed.driver
        assert driver is not None
        return driver

    @property
    def text(self) -> str:
        return "\n".join(screen_lines(self.app))

    @property
    def phase(self) -> Phase:
        return self.driver.phase

    def events(self, *kinds: type[Event]) -> list[Any]:
        """Return the events of these kinds, in order."""
        return [event for event in self.driver.log if isinstance(event, kinds)]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, condition: Callable[[], bool]) -> None:
        await until(self.pilot, condition)

    async def stopped(self) -> None:
        """Wait until the run is stopped and the screen shows it."""
        await self.until(lambda: self.phase is Phase.STOPPED and " STOPPED " in self.text)

    async def shows(self, text: str) -> None:
        await self.until(lambda: text in self.text)
        assert text in self.text, self.text


@asynccontextmanager
async def live(
    replies: Sequence[Scripted] | Server,
    tools: dict[str, Callable[..., Any]] | Toolbox | None = None,
    *,
    size: tuple[int, int] = MEDIUM,
    record: Path | None = None,
    hints: dict[str, str] | None = None,
    clock: Callable[[], float] | None = None,
    keys: dict[str, str] | None = None,
    **start: Any,
) -> AsyncIterator[Live]:
    """Start a run on scripted replies or a server, and run the app until the block ends."""
    server = ScriptedServer(replies) if isinstance(replies, Sequence) else replies
    toolbox = FunctionTools(tools or {}) if tools is None or isinstance(tools, dict) else tools

    async def open_branches() -> Branches:
        return branches_of(server, toolbox, record=record, **start)

    config = Config(keys=keys or {})
    app = LiveApp(open_branches, config, label="scripted", hints=hints, clock=clock or Clock())
    async with app.run_test(size=size) as pilot:
        running = Live(app, pilot)
        await running.until(lambda: app.branches is not None and app.live_feed.driver is not None)
        yield running
