"""Helpers that show a dialog in a real app and collect its result."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot
from textual.screen import Screen

from hermes_tui.model.messages import ToolSpec
from hermes_tui.runtime.config import Config
from hermes_tui.ui.app import HermesApp
from hermes_tui.ui.runs.feed import RunsFeed
from tests.ui.screen_text import screen_lines

SIZES = [(80, 24), (110, 34), (160, 45)]
TERMINAL = ToolSpec(
    "terminal",
    parameters={
        "type": "object",
        "properties": {"command": {"type": "string"}, "timeout": {"type": "integer"}},
        "required": ["command"],
    },
)


class DialogApp(HermesApp):
    """The app with a single dialog; `given` collects the dialog's results."""

    def __init__(self, dialog: Any, **config: Any) -> None:
        super().__init__(RunsFeed([]), Config(**config))
        self._dialog = dialog
        self.given: list[Any] = []

    def get_default_screen(self) -> Screen[None]:
        return Screen()

    def on_mount(self) -> None:
        self.push_screen(self._dialog, self.given.append)


@asynccontextmanager
async def shown(
    dialog: Any, size: tuple[int, int] = (110, 34), **config: Any
) -> AsyncIterator[tuple[DialogApp, Pilot[None]]]:
    """Run an app that shows `dialog`."""
    app = DialogApp(dialog, **config)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


def text_of(app: DialogApp) -> str:
    return "\n".join(screen_lines(app))
