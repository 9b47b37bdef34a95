"""Helpers that open the parser lab on a text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from hermes_tui.ui.app import HermesApp
from hermes_tui.ui.screens.lab import LabScreen
from tests.ui.opened import WIDE, app_on, close_app, settled, shows, until, write_run
from tests.ui.screen_text import text_of

GOOD = '<tool_call>\n{"name": "read_file", "arguments": {"path": "a"}}\n</tool_call>'
BAD = '<tool_call>\n{"name": "terminal", "arguments": {"command": "ls",}}\n</tool_call>'
TEXT = f"Sure.\n{BAD}\n{GOOD} bye"


class Lab:
    """An open lab, with helpers for tests."""

    def __init__(self, app: HermesApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def screen(self) -> LabScreen:
        screen = self.app.screen
        assert isinstance(screen, LabScreen)
        return screen

    @property
    def shown(self) -> str:
        return text_of(self.app)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def shows(self, *texts: str) -> None:
        await shows(self.pilot, *texts)

    async def compared(self) -> None:
        await until(self.pilot, lambda: not self.screen.model.unread())
        await self.pilot.pause(0.2)


@asynccontextmanager
async def lab_on(
    tmp_path: Path, text: str = TEXT, *, size: tuple[int, int] = WIDE
) -> AsyncIterator[Lab]:
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": text}]
    app = app_on(write_run(tmp_path / "run.json", messages))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("j", "P")
        lab = Lab(app, pilot)
        await until(pilot, lambda: isinstance(app.screen, LabScreen))
        await until(pilot, lambda: lab.screen.model.is_read)
        await pilot.pause()
        yield lab
    close_app(app)
