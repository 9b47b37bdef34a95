"""The parser lab of a live run: its text can be handed to the loop."""

from __future__ import annotations

from pathlib import Path

import pytest

from hermes_tui.debugger.stepping import StopPoint
from hermes_tui.model.events import TextEdited
from hermes_tui.runtime.engines import store
from hermes_tui.ui.screens.lab import LabScreen
from tests.live.engine import FunctionTools, says
from tests.live.screen import live

BAD = '<tool_call>\n{"name": "ls", "arguments": {"path": ".",}}\n</tool_call>'


@pytest.fixture(autouse=True)
def no_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no engine be there that a person has added to this machine."""
    monkeypatch.setattr(store, "engines_dir", lambda: tmp_path / "engines")


async def test_a_text_that_was_mended_in_the_lab_is_handed_to_the_loop() -> None:
    stops = frozenset({StopPoint.AFTER_RESPONSE})
    tools = FunctionTools({"ls": lambda path: "a b"})
    async with live([says(BAD), says("Done.")], tools, stop_points=stops) as run:
        await run.stopped()
        await run.press("P")
        screen = run.app.screen
        assert isinstance(screen, LabScreen)
        assert screen.model.text == BAD
        await run.shows("^S Hand over")
        await run.press("ctrl+s")
        await run.shows("nothing was changed")
        await run.press("e")
        await run.until(lambda: screen.is_editing and screen.focused is screen.query_one("#edit"))
        await run.press("delete", "ctrl+s")
        await run.until(lambda: run.app.screen is run.screen)
        assert [event.after for event in run.events(TextEdited)] == [BAD.replace(",}", "}")]


async def test_elsewhere_the_lab_has_nothing_to_hand_over() -> None:
    async with live([says("I look.", ("ls", {"path": "."}))], {"ls": lambda path: "a"}) as run:
        await run.stopped()
        await run.press("P")
        assert isinstance(run.app.screen, LabScreen)
        await run.shows("1 Text")
        assert "Hand over" not in run.text
