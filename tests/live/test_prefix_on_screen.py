"""Runs that begin with messages of another run: the same turn numbers everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hermes_tui.debugger.breakpoints import parse_breakpoint
from hermes_tui.debugger.inputs import Resume
from hermes_tui.debugger.stepping import RUN_MODE, Command
from hermes_tui.log.codec import decode, encode
from hermes_tui.model import events as ev
from hermes_tui.runtime.live_settings import LiveSettings
from hermes_tui.runtime.replay import open_replay
from tests.live.engine import FunctionTools, ScriptedServer, branches_of, says
from tests.live.screen import live

LS = ("terminal", {"command": "ls"})
PWD = ("terminal", {"command": "pwd"})
USER = {"role": "user", "content": "look"}
LOOKED = says("I look.", LS)
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "a.txt"}
EARLIER_MESSAGES = [
    USER,
    LOOKED,
    RESULT,
    says("One file."),
    {"role": "user", "content": "and where?"},
]
TURN_3 = parse_breakpoint("before_dispatch if turn == 3", breakpoint_id="b1")


def terminal(command: str) -> str:
    return f"ran {command}"


TOOLS = {"terminal": terminal}


async def test_every_part_of_the_screen_shows_the_same_turn_number() -> None:
    start: dict[str, Any] = {"stop_points": RUN_MODE, "breakpoints": (TURN_3,)}
    async with live([says("", PWD)], TOOLS, messages=EARLIER_MESSAGES, **start) as run:
        await run.stopped()
        await run.shows("turn 3/32")
        assert "turn 3 · 5 messages" in run.text and "other parameters" not in run.text
        await run.pilot.press("e")
        await run.shows("Edit call 1 of turn 3")


async def test_a_run_stops_before_an_unanswered_call() -> None:
    async with live([says("Done.")], TOOLS, messages=EARLIER_MESSAGES[:2]) as run:
        await run.stopped()
        await run.shows("STOPPED  before dispatch of terminal")
        await run.shows("turn 1/31")
        assert not run.events(ev.ToolDispatched) and not run.events(ev.RequestSent)


async def replayed(path: Path) -> list[ev.Event]:
    again = open_replay(LiveSettings(recorded=False, stops="named"), path)
    driver = again.all[0].driver
    await driver.at_rest()
    await again.close()
    return [driver.log[seq] for seq in range(len(driver.log))]


def as_in_old_recordings(event: ev.Event) -> ev.Event:
    """Return an event as in old recordings, whose numbers leave out the two earlier turns."""
    match event:
        case ev.RunStarted():
            details = {k: v for k, v in event.details.items() if k != "turns_before"}
            return ev.copy_event(event, details=details)
        case ev.RequestSent() | ev.ResponseReceived() | ev.ResponseParsed():
            return ev.copy_event(event, turn=event.turn - 2)
    return event


@pytest.mark.parametrize("messages", [EARLIER_MESSAGES, EARLIER_MESSAGES[:2], [USER]])
@pytest.mark.parametrize("is_old", [True, False])
async def test_the_recording_of_a_run_with_earlier_messages_is_replayed(
    tmp_path: Path, messages: Any, is_old: bool
) -> None:
    path = tmp_path / "run.jsonl"
    server, tools = ScriptedServer([says("", PWD), says("Done.")]), FunctionTools(TOOLS)
    branches = branches_of(server, tools, record=path, messages=messages)
    driver = branches.all[0].driver
    await driver.at_rest()
    driver.put(Resume(Command.RUN))
    await driver.at_rest()
    await branches.close()
    if is_old and messages is EARLIER_MESSAGES:
        lines = (decode(line) for line in path.read_bytes().splitlines())
        path.write_bytes(b"".join(encode(as_in_old_recordings(event)) for event in lines))
    events = await replayed(path)
    assert not [event for event in events if isinstance(event, ev.ReplayDiverged)]
    ended = events[-1]
    assert isinstance(ended, ev.RunEnded) and ended.stop_reason == "finished"
