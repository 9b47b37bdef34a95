"""Moving from a call to the subagent it started, and back."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from hermes_tui.log.timeline import RowKind
from hermes_tui.ui.app import HermesApp
from hermes_tui.ui.panes.metadata import MetadataPane
from tests.ui.opened import NARROW, WIDE, app_on, press_until, run_screen, settled, shows
from tests.ui.screen_text import screen_lines, text_of

CALLED = "started by call toolu_1"


def line(role: str, uuid: str, parent: str | None, content: Any, **more: Any) -> dict[str, Any]:
    head = {"type": role, "uuid": uuid, "parentUuid": parent, "sessionId": "s1"}
    return {**head, "message": {"role": role, "content": content}, **more}


def write(path: Path, *rows: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


AGENT = {"isSidechain": True, "agentId": "ab12"}
CHILD = (
    line("user", "x1", None, "Explore it", **AGENT),
    line("assistant", "x2", "x1", "Found it", **AGENT),
)
TASK = {"type": "tool_use", "id": "toolu_1", "name": "Task", "input": {"prompt": "Explore it"}}
READ = {"type": "tool_use", "id": "toolu_0", "name": "Read", "input": {}}
MAIN = (
    line("user", "u1", None, "Do it"),
    line("assistant", "a0", "u1", [READ]),
    line("user", "u2", "a0", [{"type": "tool_result", "tool_use_id": "toolu_0", "content": "x"}]),
    line("assistant", "a1", "u2", [TASK]),
    line(
        "user", "u3", "a1", [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "Found"}],
        toolUseResult={"agentId": "ab12"},
    ),
)  # fmt: skip


def on_call(app: HermesApp) -> bool:
    model = run_screen(app).model
    return model.timeline.kind(model.row) is RowKind.CALL


async def open_main(pilot: Pilot[None], app: HermesApp) -> None:
    await settled(pilot)
    await pilot.press("enter")
    await shows(pilot, "Do it", "‹subagent ab12›")
    await pilot.press("]")
    await pilot.press("]")
    await settled(pilot)


def at_parent(app: HermesApp) -> bool:
    return app.screen.query_one(MetadataPane).copied.startswith("parent")


@pytest.mark.parametrize("apart", [True, False], ids=["files", "one file"])
@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_enter_in_the_calls_pane_opens_the_subagent_and_leads_back(
    tmp_path: Path, size: tuple[int, int], apart: bool
) -> None:
    write(tmp_path / "s1.jsonl", *MAIN, *(() if apart else CHILD))
    if apart:
        write(tmp_path / "s1/subagents/agent-ab12.jsonl", *CHILD)
    app = app_on(tmp_path)
    async with app.run_test(size=size) as pilot:
        await open_main(pilot, app)
        assert sum("‹subagent ab12›" in row for row in screen_lines(app)) == 2
        await pilot.press("enter")
        await shows(pilot, "subagent   ab12")
        await pilot.press("enter")
        await shows(pilot, "Found it", CALLED, "in turn 2")
        await pilot.press("8")
        await settled(pilot)
        await press_until(pilot, "j", partial(at_parent, app))
        assert CALLED in app.screen.query_one(MetadataPane).copied
        await pilot.press("enter")
        await shows(pilot, "‹subagent ab12›")
        await settled(pilot)
        assert on_call(app) and run_screen(app).model.timeline.turn(run_screen(app).model.row) == 2


async def test_a_missing_subagent_is_reported(tmp_path: Path) -> None:
    write(tmp_path / "s1.jsonl", *MAIN)
    write(tmp_path / "other.jsonl", {**CHILD[0], "sessionId": "s9", "agentId": "zz"})
    app = app_on(tmp_path / "s1.jsonl", tmp_path / "other.jsonl")
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("g", "enter")
        await settled(pilot)
        if "Do it" not in text_of(app):
            await pilot.press(">")
        await shows(pilot, "Do it", "‹subagent ab12›")
        await pilot.press("]", "]", "3", "enter")
        await shows(pilot, "subagent ab12 is not among these runs")
