"""A file that turns out to be a single run only once it is read to its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hermes_tui.runtime.config import Config
from hermes_tui.runtime.index import blocks, run_index
from hermes_tui.runtime.targets import expand_paths
from hermes_tui.ui.app import HermesApp
from hermes_tui.ui.runs.feed import RunsFeed
from hermes_tui.ui.screens.run import RunScreen
from hermes_tui.ui.screens.runs import RunsScreen
from tests.ui.opened import MESSAGES, NARROW, shows, until, write_run
from tests.ui.screen_text import screen_lines


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HermesApp]:
    """Yield the app on a document read by a separate process, so that the list is shown first."""
    for module in (blocks, run_index):
        monkeypatch.setattr(module, "BIG", 1 << 14)
    messages = [{"role": "user", "content": "x" * 4_000}] * 400
    path = write_run(tmp_path / "long.json", [*MESSAGES[:2], *messages])
    feed = RunsFeed(expand_paths([str(path)]), apart=True)
    feed.open_first()
    yield HermesApp(feed, Config())
    feed.close()


async def test_the_run_is_opened_without_a_key(app: HermesApp) -> None:
    async with app.run_test(size=NARROW) as pilot:
        assert isinstance(app.screen_stack[0], RunsScreen)
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await shows(pilot, "row 1 of ", "Fix the failing test")
        await pilot.press("q")
    assert not app.is_running


async def test_the_list_stays_if_a_key_was_pressed(app: HermesApp) -> None:
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("o")
        await until(pilot, lambda: app.feed.finished and "1 run in" in screen_lines(app)[0])
        assert isinstance(app.screen, RunsScreen)
