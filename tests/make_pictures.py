"""Draw the pictures in the README with the program itself: `python -m tests.make_pictures`.

The run, the demo and the verdicts are real; engines added on this machine are left out.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from contextlib import chdir
from pathlib import Path
from typing import Any

from textual.app import App

from hermes_tui.debugger.inputs import Resume
from hermes_tui.runtime.config import Config
from hermes_tui.runtime.live import open_branches
from hermes_tui.runtime.live_settings import LiveSettings, ServerSettings
from hermes_tui.runtime.servers.demo_task import (
    DEMO_MODEL,
    DEMO_SYSTEM,
    DEMO_TASK,
    DEMO_TOOLS,
    HINTS,
)
from hermes_tui.ui.app import HermesApp
from hermes_tui.ui.live_app import LiveApp
from tests.ui.opened import app_on, settled, until
from tests.ui.screen_text import screen_lines

PROJECT = Path(__file__).resolve().parents[1]
PICTURES = PROJECT / ".pictures"
SIZE = (144, 34)
FONTS = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace'

_FONT_FACE = re.compile(r"\s*@font-face \{.*?\n    \}", re.DOTALL)


async def run_screen_picture(app: HermesApp) -> str:
    """Return the run screen as SVG, at the first problem with the calls pane in focus."""
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("right_curly_bracket", "3")
        await settled(pilot)
        return drawn(app, "hermes-tui open")


async def lab_picture(app: HermesApp) -> str:
    """Return the parser lab as SVG, at the step that failed."""
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("right_curly_bracket", "P")
        await until(pilot, lambda: "Steps of" in _text(app))
        await pilot.pause(1.0)
        await pilot.press("c", "c")
        await pilot.pause(0.5)
        return drawn(app, "hermes-tui open: parser lab")


async def live_picture() -> str:
    """Return the live screen as SVG, with the demo stopped at invalid JSON in its fourth turn."""
    messages: tuple[dict[str, Any], ...] = (
        {"role": "system", "content": DEMO_SYSTEM},
        {"role": "user", "content": DEMO_TASK},
    )
    settings = LiveSettings(
        server=ServerSettings(api="demo", model=DEMO_MODEL, pace_s=0.0),
        parameters={"temperature": 1.0},
        messages=messages,
        task=DEMO_TASK,
        tools=("builtin:" + ",".join(DEMO_TOOLS),),
        recorded=False,
    )
    app = LiveApp(lambda: open_branches(settings), Config(), label="demo", hints=HINTS)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: " STOPPED " in _text(app))
        assert app.branches is not None
        driver = app.branches.all[0].driver
        while driver.session.state.turn < 4:
            driver.put(Resume())
            await driver.at_rest()
        await until(pilot, lambda: "— ARGS_INVALID" in _text(app))
        await pilot.pause(0.5)
        return drawn(app, "hermes-tui demo")


def _text(app: App[None]) -> str:
    return "\n".join(screen_lines(app))


def drawn(app: App[None], title: str) -> str:
    """Return the screen as SVG without the fonts that a viewer would have to download."""
    local = _FONT_FACE.sub("", app.export_screenshot(title=title))
    local = local.replace("Fira Code, monospace", FONTS)
    return "\n".join(line.rstrip() for line in local.splitlines()) + "\n"


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with chdir(PROJECT), tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        lost = Path("transcripts/call-left-in-content.jsonl")
        for name, make in (("run-screen", run_screen_picture), ("parser-lab", lab_picture)):
            app = app_on(lost)
            write(name, asyncio.run(make(app)))
            app.feed.close()
        write("live-screen", asyncio.run(live_picture()))


def write(name: str, svg: str) -> None:
    path = PICTURES / f"{name}.svg"
    path.write_text(svg, "utf-8")
    print(path.relative_to(PROJECT))


if __name__ == "__main__":
    main()
