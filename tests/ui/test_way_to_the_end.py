"""Moving to the end of a run that is still being read; any other move cancels it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.pilot import Pilot

from hermes_tui.ui import app as app_module
from hermes_tui.ui.screens import run as run_module
from tests.ui.opened import MEDIUM, app_on, run_screen, settled
from tests.ui.screen_text import screen_lines, text_of


@pytest.fixture
def long_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a run of which only the first screen is read until `read_on` is called."""
    monkeypatch.setattr(run_module, "SLICE_S", 0.0)
    monkeypatch.setattr(app_module, "FIRST_ROWS", 10)
    path = tmp_path / "long.jsonl"
    roles = ("user", "assistant")
    lines = [json.dumps({"role": roles[n % 2], "content": f"message {n}"}) for n in range(1_000)]
    path.write_text("\n".join(lines) + "\n")
    return path


async def read_on(pilot: Pilot[None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "SLICE_S", 0.002)
    await settled(pilot)


async def test_the_end_of_a_run_is_reached_once_all_is_read(
    long_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on(long_run)
    async with app.run_test(size=MEDIUM) as pilot:
        model = run_screen(app).model
        await pilot.press("G")
        assert "on the way to the end" in screen_lines(app)[-2]
        assert model.row == len(model.timeline) - 1 < 100
        await read_on(pilot, monkeypatch)
        assert model.row == len(model.timeline) - 1 >= 1_000
        assert "on the way" not in screen_lines(app)[-2]
        assert "message 999" in text_of(app)


@pytest.mark.parametrize("key", ["g", "k", "("])
async def test_another_move_cancels_the_move_to_the_end(
    long_run: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    app = app_on(long_run)
    async with app.run_test(size=MEDIUM) as pilot:
        model = run_screen(app).model
        await pilot.press("G", key)
        here = model.row
        assert here < len(model.timeline) - 1
        assert "on the way" not in screen_lines(app)[-2]
        await read_on(pilot, monkeypatch)
        assert model.row == here and len(model.timeline) > 1_000
