"""Recordings of live runs, opened and resumed, including malformed ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.debugger.inputs import Resume
from hermes_tui.debugger.stepping import STEP_MODE, Phase, StopPoint
from hermes_tui.log.codec import encode
from hermes_tui.model import events as ev
from hermes_tui.runtime.branches import Branches
from hermes_tui.runtime.config import Config
from hermes_tui.runtime.live import STOPS, open_branches, parse_breakpoints
from hermes_tui.runtime.live_settings import LiveSettings, ServerSettings
from hermes_tui.runtime.servers.demo_task import HINTS
from hermes_tui.ui.live_app import LiveApp
from tests.live.engine import FunctionTools, ScriptedServer, says
from tests.live.screen import live
from tests.ui.opened import WIDE, app_on, run_screen, settled, shows
from tests.ui.screen_text import screen_lines

NAMED = STOPS["named"]
LS = ("terminal", {"command": "ls"})


async def record_run(path: Path) -> None:
    """Record a run in which one call was edited and another answered by hand."""
    tools = FunctionTools({"terminal": lambda command: f"ran {command}"})
    async with live([says("", LS, LS), says("Done.")], tools, record=path) as run:
        await run.stopped()
        await run.press("e", "ctrl+end", "left", "left", *"!", "ctrl+s")
        await run.press("enter")
        await run.press("b", "enter")
        await run.press("space")
        await run.shows("call 2 of 2")
        await run.press("x", *"typed", "ctrl+s")
        await run.shows("ENDED")


async def test_an_opened_recording_shows_the_decisions(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    await record_run(path)
    app = app_on(path)
    async with app.run_test(size=(160, 60)) as pilot:
        await settled(pilot)
        await pilot.press("z")
        text = "\n".join(screen_lines(app))
        for words in (
            "before dispatch of terminal (call 1 of 2)",
            "✎ edit",
            "terminal answered by hand: typed",
            "■ end",
        ):
            assert words in text, words
        await pilot.press("z")
        timeline = run_screen(app).model.timeline
        row = next(
            r for r in range(len(timeline)) if isinstance(timeline.event(r), ev.ToolCallProposed)
        )
        await pilot.press("colon", *str(row + 1), "enter", "3")
        await settled(pilot)
        text = "\n".join(screen_lines(app))
        assert 'tool got   {"command":"ls!"}' in text
        assert "- {" not in text and '"command": "ls!"' in text
        await pilot.press("colon", "4", "enter", "2")
        await settled(pilot)
        assert "the request's body" in "\n".join(screen_lines(app))


ODD: list[dict[str, Any]] = [
    {"schema": 1, "kind": "RunStarted", "source_format": "native", "details": {"parameters": 7}},
    {"kind": "Stopped", "stop_point": "no_such_point", "call_index": 99, "breakpoints": ["b7"]},
    {"kind": "BreakpointsSet", "breakpoints": {"b1": "nonsense \u001b[31m"}, "stop_points": ["x"]},
    {"kind": "RequestSent", "turn": 1, "messages": 3},
    {"kind": "ArgumentsEdited", "call_index": 5, "before": "{", "after": "}"},
    {"kind": "ToolCallProposed", "call": {"index": 0, "name": "t", "arguments_text": "{}",
     "arguments_state": "json-string", "arguments": {}}},
    {"kind": "ArgumentsEdited", "call_index": 0, "before": "{}", "after": "[\u202e"},
    {"kind": "BreakpointsHit", "stop_point": "?", "call_index": -3, "notes": ["[/b] \u001b]0;x"]},
    {"kind": "CallSkipped", "call_index": 0, "result": "\ud83d", "failed": True},
    {"kind": "ResultSubstituted", "call_index": 0, "before": "a", "after": "b"},
    {"kind": "MessageEdited", "index": 12, "before": "", "after": "no json"},
    {"kind": "ParametersChanged", "before": "[]", "after": "{}"},
    {"kind": "ReplayDiverged", "what": "messages[0]", "expected": "1", "got": "2"},
    {"kind": "LoopEscaped", "exception": "KeyError: 'x'"},
    {"kind": "RunForked", "parent_run_id": "p", "parent_seq": 4, "run_id": "q"},
    {"kind": "Resumed", "command": "\u001b[2J", "waited_s": 1.5},
    {"kind": "RequestSent", "turn": 2, "messages": 9},
    {"kind": "Telepathy", "level": 3},
]  # fmt: skip


async def test_a_recording_of_odd_events_can_be_shown(tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    lines = [json.dumps({**event, "seq": seq, "ts": 1.0 + seq}) for seq, event in enumerate(ODD)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    app = app_on(path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        rows = len(run_screen(app).model.timeline)
        assert rows >= len(ODD) - 2
        # At this size the message, the calls and the raw text of every row are drawn.
        await pilot.press("6", "1", "g", *["j"] * rows)
        text = "\n".join(screen_lines(app))
        assert "\x1b" not in text and "\u202e" not in text


@pytest.mark.parametrize("made", ["named", "step"])
async def test_a_run_recorded_without_a_screen_is_resumed_with_stop_points(
    tmp_path: Path, made: str
) -> None:
    path = tmp_path / "run.jsonl"
    before = tuple(parse_breakpoints(["before_request"]))
    settings = LiveSettings(
        ServerSettings(api="demo", model="demo", pace_s=0.0),
        messages=({"role": "user", "content": "go"},),
        tools=("builtin:read_file",),
        workdir=tmp_path,
        stops=made,
        breakpoints=before,
        record=path,
    )
    branches = await open_branches(settings)
    await branches.all[0].driver.at_rest()
    await branches.close()
    again = await open_branches(replace(settings, resume=path, stops="step"))
    driver = again.all[0].driver
    assert driver.phase is Phase.STOPPED and driver.session.state.stop_points == STEP_MODE
    assert [one.text for one in driver.session.state.breakpoints.values()] == [before[0].text]
    was_set = [event for event in driver.log if isinstance(event, ev.BreakpointsSet)]
    assert len(was_set) == (2 if made == "named" else 1)
    driver.put(Resume())
    await driver.at_rest()
    assert driver.session.state.stop.stop_point in {StopPoint.UNKNOWN_TOOL, "before_dispatch"}
    await again.close()
    assert path.read_bytes() == b"".join(map(encode, driver.log))


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        (ev.RequestSent, "c asks again; the reply did not outlive its process."),
        (ev.ToolDispatched, "x answers for the tool, R runs it again, c says it may have run."),
    ],
)
async def test_a_resumed_demo_shows_what_was_lost(
    tmp_path: Path, lost: type[ev.Event], expected: str
) -> None:
    path = tmp_path / "run.jsonl"
    tools = FunctionTools({"terminal": lambda command: f"ran {command}"})
    async with live([says("", LS), says("Done.")], tools, record=path, stop_points=NAMED) as run:
        await run.shows("ENDED")
        last = next(event.seq for event in run.driver.log if isinstance(event, lost))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: last + 1]))

    async def open_again() -> Branches:
        branches = Branches(ScriptedServer([says("Done.")]), tools)
        branches.resume(path, {NAMED: STEP_MODE})
        return branches

    app = LiveApp(open_again, Config(), label="demo", hints=HINTS)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "STOPPED", expected)


async def test_resuming_an_ended_run_does_not_change_its_recording(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    async with live([says("Done.")], record=path, stop_points=NAMED) as run:
        await run.shows("ENDED")
    before = path.read_bytes()
    branches = Branches(ScriptedServer([]), FunctionTools({}))
    branches.resume(path, {NAMED: STEP_MODE})
    await branches.close()
    assert path.read_bytes() == before
