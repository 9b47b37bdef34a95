"""Helpers that run the app on a file written by a test."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.events import Paste
from textual.pilot import Pilot
from textual.widgets import Input

from hermes_tui.runtime.config import Config
from hermes_tui.runtime.targets import expand_paths
from hermes_tui.ui.app import HermesApp
from hermes_tui.ui.runs.feed import RunsFeed
from hermes_tui.ui.screens.base import CommandScreen
from hermes_tui.ui.screens.run import RunScreen
from hermes_tui.ui.screens.runs import RunsScreen
from tests.ui.screen_text import text_of

_OPEN: list[HermesApp] = []
WIDE, MEDIUM, NARROW = (160, 45), (110, 34), (80, 24)


def app_on(*paths: Path, follow: bool = False, **config: Any) -> HermesApp:
    """Return the app as `hermes-tui open PATH…` creates it."""
    feed = RunsFeed(expand_paths(str(path) for path in paths), follow=follow)
    while not feed.files.opened and not feed.finished:
        feed.step(0.01, stop_at_runs=1)
    app = HermesApp(feed, Config(**config))
    _OPEN.append(app)
    return app


def close_app(app: HermesApp) -> None:
    """Close the files of an app that `app_on` made."""
    _OPEN.remove(app)
    app.feed.close()


def close_all_apps() -> None:
    """Close apps that tests left open; an unreferenced app would keep its files open for long."""
    while _OPEN:
        close_app(_OPEN[-1])


def run_screen(app: HermesApp) -> RunScreen:
    """Return the run screen, which must be the current screen."""
    screen = app.screen
    assert isinstance(screen, RunScreen)
    return screen


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Wait up to two minutes until a condition holds; the machine may be busy."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, text_of(pilot.app)
        await pilot.pause(0.02)


async def shows(pilot: Pilot[None], *texts: str) -> None:
    """Wait until all texts are on the screen."""
    await pilot.pause()
    await until(pilot, lambda: _is_shown(pilot, texts))


def _is_shown(pilot: Pilot[None], texts: tuple[str, ...]) -> bool:
    drawn = text_of(pilot.app)
    return all(text in drawn for text in texts)


async def press_until(pilot: Pilot[None], key: str, condition: Callable[[], bool]) -> None:
    """Press a key until a condition holds, at most a hundred times."""
    for _ in range(100):
        if condition():
            return
        await pilot.press(key)
        await pilot.pause()


async def answer(pilot: Pilot[None], key: str, text: str, *before: str) -> None:
    """Open the prompt of a key, paste a text and accept it; typing it would be slow.

    The keys in `before` are pressed in the prompt first.
    """
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.focused, Input))
    await pilot.press(*before)
    pilot.app.post_message(Paste(text))
    await pilot.press("enter")
    await pilot.pause()


async def settled(pilot: Pilot[None]) -> None:
    """Wait until everything is read and drawn."""
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, CommandScreen)
    while screen.situation().loading or _is_unsettled(screen):
        await pilot.pause(0.01)
    await pilot.pause()


def _is_unsettled(screen: CommandScreen) -> bool:
    return isinstance(screen, RunsScreen) and screen.model.unsettled


def call(call_id: str | None, name: str, arguments: Any) -> dict[str, Any]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    entry: dict[str, Any] = {"type": "function", "function": {"name": name, "arguments": text}}
    return entry if call_id is None else {"id": call_id, **entry}


TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("terminal", "read_file")
]

MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": "You fix bugs."},
    {"role": "user", "content": "Fix the failing test in parser.py"},
    {
        "role": "assistant",
        "content": "I look at it.",
        "reasoning_content": "the file first",
        "tool_calls": [
            call("c1", "read_file", {"path": "parser.py"}),
            call("c2", "terminl", {"command": "pytest -q"}),
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "def parse(text):\n    return None"},
    {"role": "tool", "tool_call_id": "c2", "content": '{"error": "Unknown tool terminl"}'},
    {
        "role": "assistant",
        "content": "Again.",
        "tool_calls": [call("c3", "terminal", '{"command": "pytest -q"')],
    },
    {"role": "tool", "tool_call_id": "c3", "content": "1 passed"},
    {
        "role": "assistant",
        "content": '<tool_call>\n{"name": "terminal", "arguments": {}}\n</tool_call>',
    },
]


def write_run(path: Path, messages: list[dict[str, Any]] | None = None, **fields: Any) -> Path:
    """Write one run as an object with `messages` and return its path."""
    run = {"messages": MESSAGES if messages is None else messages, "tools": TOOLS, **fields}
    path.write_text(json.dumps(run, ensure_ascii=True), "utf-8")
    return path


def write_runs(path: Path, count: int) -> Path:
    """Write a JSONL file of runs whose ids and rewards are made from their numbers."""
    lines = [
        json.dumps({"id": f"run-{n}", "messages": MESSAGES[: 3 + n % 6], "reward": n / count})
        for n in range(count)
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path
