"""Ending and leaving a live run, cancelling what hangs, and failures that end it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.debugger.stepping import Phase
from hermes_tui.log.codec import decode
from hermes_tui.model import events as ev
from hermes_tui.model.errors import UsageError
from hermes_tui.runtime.branches import Branches
from hermes_tui.runtime.config import Config
from hermes_tui.runtime.servers.base import RequestFailure
from hermes_tui.runtime.servers.http import HttpServer
from hermes_tui.runtime.tools.toolset import open_tools
from hermes_tui.ui.live_app import LiveApp
from tests.live.engine import (
    FunctionTools,
    Scripted,
    ScriptedServer,
    branches_of,
    never,
    says,
    streamed,
)
from tests.live.screen import Clock, live
from tests.servers.local_server import HOLD, Answer, LocalServer, whole
from tests.ui.opened import NARROW, shows, until
from tests.ui.screen_text import screen_lines

LS = ("terminal", {"command": "ls"})
TOOLS = {"terminal": lambda command: f"ran {command}"}


async def test_ending_the_run_needs_confirmation() -> None:
    async with live([says("", LS)], TOOLS) as run:
        await run.stopped()
        await run.press("ctrl+t", "n")
        assert run.driver.phase is Phase.STOPPED
        await run.press("ctrl+t", "y")
        await run.shows("ENDED  ended by the user")
        await run.shows(" · terminated")
        assert "truncated" not in run.text.splitlines()[0]
        (row,) = (line for line in run.text.splitlines() if "■ end" in line)
        assert "ended by the user" in row and "truncated" not in row[: row.index("ended")]


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_leaving_a_stopped_run_takes_the_key_twice(key: str) -> None:
    async with live([says("", LS)], TOOLS, clock=Clock(0.01)) as run:
        await run.stopped()
        await run.pilot.pause(0.05)
        await run.press(key)
        await run.shows("press again to leave")
        assert run.app.is_running
        await run.press(key)
        await run.until(lambda: not run.app.is_running)
        assert not run.app.is_running and run.app.branches is None


@pytest.mark.parametrize(
    ("reply", "where"),
    [
        (says("", LS), "the run is stopped before dispatch of terminal;"),
        (RequestFailure("500: no luck", status=500), "the run is stopped (the request failed);"),
    ],
)
async def test_the_question_before_leaving_names_the_stop(reply: Scripted, where: str) -> None:
    async with live([reply], TOOLS, clock=Clock(0.01)) as run:
        await run.stopped()
        await run.press("q")
        await run.shows(where)


async def test_leaving_an_unrecorded_run_warns_that_this_ends_it() -> None:
    resumable: dict[str, Any] = {"details": {"live": {}}}
    async with live([says("", LS)], TOOLS, clock=Clock(0.01), **resumable) as run:
        await run.stopped()
        await run.press("q")
        await run.shows("not recorded, so this ends the run")
        assert "can be resumed" not in run.text


async def test_an_ended_run_is_left_at_once() -> None:
    async with live([says("Done.")], TOOLS) as run:
        await run.shows("ENDED")
        await run.press("q")
        await run.until(lambda: not run.app.is_running)
        assert not run.app.is_running


@pytest.mark.parametrize("where", ["server", "tool"])
async def test_keys_work_while_something_hangs_and_the_run_can_be_ended(where: str) -> None:
    hangs = where == "server"
    replies: list[Any] = [never] if hangs else [says("", LS)]
    async with live(replies, {"terminal": never}) as run:
        if not hangs:
            await run.stopped()
            await run.press("c")
        await run.shows("REQUESTING" if hangs else "DISPATCHING")
        await run.press("3", "1", "g", "T")
        await run.press("ctrl+t", "y")
        begun = time.monotonic()
        await run.shows("ENDED")
        assert time.monotonic() - begun < 10


async def test_a_hanging_tool_can_be_cancelled_and_the_run_continues(tmp_path: Path) -> None:
    tools = await open_tools(["builtin:terminal"], workdir=tmp_path)
    started = tmp_path / "started"
    sleeps = ("terminal", {"command": f"touch {started}; sleep 600"})
    async with live([says("", sleeps), says("Done.")], tools, size=NARROW) as run:
        await run.stopped()
        await run.press("c")
        await run.until(started.exists)
        await run.shows("ctrl+x Cancel  ctrl+t End the run")
        await run.press("ctrl+x")
        await run.shows("STOPPED  after terminal — cancelled by hand")
        failed = run.events(ev.ToolFailed)[0]
        assert (failed.exception, failed.by) == ("cancelled by hand", "person")
        assert "ctrl+x Cancel" not in run.text
        await run.press("c")
        await run.shows("ENDED")
        assert run.events(ev.RunEnded)[0].stop_reason == "finished"
        await run.press("ctrl+x")
        await run.shows("cancel: the run has ended; F forks from a row")


async def test_a_hanging_request_can_be_cancelled_and_retried() -> None:
    done = whole({"role": "assistant", "content": "done"})
    with LocalServer(Answer([HOLD]), done) as server:
        adapter = HttpServer(server.url)
        async with live(adapter, TOOLS) as run:
            await run.shows("REQUESTING")
            await run.until(server.holding.is_set)
            await run.press("ctrl+x")
            await run.shows("STOPPED  the request failed — cancelled by hand")
            assert run.events(ev.RequestFailed)[0].by == "person"
            await run.until(server.client_gone.is_set)
            await run.press("R", "ctrl+s")
            await run.shows("ENDED  finished naturally")


async def test_a_hanging_request_shows_the_possible_keys() -> None:
    async with live([never], TOOLS) as run:
        await run.shows("REQUESTING")
        await run.press("c")
        await run.shows("continue: the run is in progress; p stops it, ctrl+x ends the wait")


async def test_ctrl_c_pauses_a_working_run_and_a_second_one_leaves() -> None:
    async with live([never], TOOLS, clock=Clock(0.01)) as run:
        await run.shows("REQUESTING")
        await run.press("ctrl+c")
        await run.shows("stopping at the next stop point")
        assert run.events(ev.PauseRequested) and run.app.is_running
        begun = time.monotonic()
        await run.press("ctrl+c")
        await run.until(lambda: not run.app.is_running)
        assert time.monotonic() - begun < 10


async def test_the_message_of_ctrl_c_is_updated_when_the_run_stops() -> None:
    answers = asyncio.Event()
    reply = streamed("a reply", pieces=2, until=answers)
    async with live([reply], TOOLS, clock=Clock(0.01)) as run:
        await run.shows("REQUESTING")
        await run.press("ctrl+c")
        await run.shows("press again to leave: stopping at the next stop point")
        answers.set()
        await run.stopped()
        await run.shows("press again to leave: the run is stopped (the reply has arrived)")
        await run.press("ctrl+c")
        await run.until(lambda: not run.app.is_running)


async def test_the_recording_of_a_left_run_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    resumable: dict[str, Any] = {"details": {"live": {}}}
    async with live([says("", LS)], TOOLS, record=path, clock=Clock(0.01), **resumable) as run:
        await run.stopped()
        await run.pilot.pause(0.05)
        await run.press("i")
        await run.shows("recorded in")
        events = len(run.driver.log)
        await run.press("q", "q")
        await run.until(lambda: not run.app.is_running)
    lines = path.read_bytes().splitlines()
    assert len(lines) == events and all(json.loads(line) for line in lines)


@pytest.mark.parametrize("where", ["a stop", "the server", "a tool"])
async def test_a_left_run_that_cannot_be_resumed_is_recorded_as_cancelled(
    where: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    replies: list[Any] = [never] if where == "the server" else [says("", LS)]
    stops: dict[str, Any] = {} if where == "a stop" else {"stop_points": frozenset()}
    shown = {"a stop": " STOPPED ", "the server": "REQUESTING", "a tool": "DISPATCHING"}[where]
    tools = {"terminal": never}
    async with live(replies, tools, record=path, clock=Clock(0.01), **stops) as run:
        await run.shows(shown)
        await run.press("q")
        await run.shows("this ends the run")
        await run.press("q")
        await run.until(lambda: not run.app.is_running)
    ended = decode(path.read_bytes().splitlines()[-1])
    assert isinstance(ended, ev.RunEnded)
    assert (ended.status, ended.stop_reason) == ("truncated", "cancelled")


async def test_an_unwritable_recording_breaks_the_run_off_visibly(tmp_path: Path) -> None:
    async with live([says("", LS)], TOOLS, record=tmp_path / "run.jsonl") as run:
        await run.stopped()
        assert run.driver.recording is not None
        run.driver.recording.close()
        await run.press("c")
        await run.shows("BROKEN OFF")
        assert "run.jsonl" in run.text and "c Continue" not in run.text
        await run.press("q")
        await run.until(lambda: not run.app.is_running)
    assert any("aborted" in line for line in run.app.last_words)
    assert run.app.abort_reason is not None and run.app.abort_reason.exit_code == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
async def test_a_run_that_breaks_off_no_longer_asks_whether_to_leave_it(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def waits(command: str) -> str:
        await gate.wait()
        return command

    stops: dict[str, Any] = {"stop_points": frozenset()}
    path = tmp_path / "run.jsonl"
    async with live([says("", LS)], {"terminal": waits}, record=path, **stops) as run:
        await run.shows("DISPATCHING")
        await run.press("q")
        await run.shows("press again to leave")
        assert run.driver.recording is not None
        with Path("/dev/full").open("wb") as full:
            os.dup2(full.fileno(), run.driver.recording._descriptor)
        gate.set()
        await run.shows("BROKEN OFF")
        await run.until(lambda: "press again to leave" not in run.text)


async def test_a_message_about_a_run_that_has_not_begun_goes_when_it_begins() -> None:
    opened = asyncio.Event()

    async def opens() -> Branches:
        await opened.wait()
        return branches_of(ScriptedServer([never]), FunctionTools({}))

    app = LiveApp(opens, Config(), label="slow")
    async with app.run_test() as pilot:
        await shows(pilot, " STARTING ")
        await pilot.press("ctrl+x")
        await shows(pilot, "the run has not begun")
        opened.set()
        await shows(pilot, "REQUESTING")
        assert "has not begun" not in "\n".join(screen_lines(app))
        await pilot.press("q", "q")
        await until(pilot, lambda: not app.is_running)


async def test_a_server_that_never_opens_can_be_left() -> None:
    async def hangs() -> Branches:
        await asyncio.Event().wait()
        raise AssertionError

    app = LiveApp(hangs, Config(), label="nowhere")
    async with app.run_test() as pilot:
        await shows(pilot, " STARTING ")
        await pilot.press("c", "F", "less_than_sign", "e", "q")
        await until(pilot, lambda: not app.is_running)
    assert app.failure is None


async def test_an_error_while_opening_ends_the_app_with_the_reason() -> None:
    async def fails() -> Branches:
        raise UsageError("no such server", "give another one")

    app = LiveApp(fails, Config(), label="nowhere")
    async with app.run_test() as pilot:
        await until(pilot, lambda: not app.is_running)
    assert str(app.failure) == "no such server (give another one)" and app.return_code == 2
