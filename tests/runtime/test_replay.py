"""A replay takes every answer from the recording, and ends where there is none."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.debugger.inputs import EditArguments, Resume, Retry, SkipCall, Terminate
from hermes_tui.debugger.stepping import Command
from hermes_tui.model import events as ev
from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.branches import Branches
from hermes_tui.runtime.driver import Driver
from hermes_tui.runtime.live_settings import LiveSettings
from hermes_tui.runtime.replay import open_replay
from hermes_tui.runtime.servers.base import OnPiece, Piece, Request, RequestFailure
from hermes_tui.runtime.writer import Recording
from tests.live.engine import FunctionTools, ScriptedServer, branches_of, says
from tests.runtime import scripted

LS = ("terminal", {"command": "ls"})
PWD = ("terminal", {"command": "pwd"})
REPLIES = (says("", LS), says("", PWD), says("Done."))


def started_run(path: Path, **start: Any) -> Branches:
    """Return a run that stops before the dispatch of its first call."""
    tools = FunctionTools({"terminal": lambda command: f"ran {command}"})
    return branches_of(ScriptedServer(REPLIES), tools, record=path, **start)


def replayed(path: Path, stops: str = "named") -> Branches:
    return open_replay(LiveSettings(recorded=False, stops=stops), path)


def last(driver: Driver) -> ev.Event:
    return driver.log[len(driver.log) - 1]


async def go_on(driver: Driver, command: Command = Command.CONTINUE) -> None:
    driver.put(Resume(command))
    await driver.at_rest()


@pytest.mark.parametrize("can_be_resumed", [True, False])
async def test_a_replay_ends_where_the_recording_does_and_names_how_to_resume(
    tmp_path: Path, can_be_resumed: bool
) -> None:
    path = tmp_path / "run.jsonl"
    branches = started_run(path, details={"live": {"api": "http"}} if can_be_resumed else {})
    await branches.all[0].driver.at_rest()
    await go_on(branches.all[0].driver)
    await branches.close()
    again = replayed(path)
    driver = again.all[0].driver
    await driver.at_rest()
    await again.close()
    ended = last(driver)
    assert isinstance(ended, ev.RunEnded) and ended.stop_reason == "recording_ends"
    assert ended.details["before"] == "call 1 of turn 2"
    assert ended.details["resume"] == (str(path) if can_be_resumed else "")
    answers = [event for event in driver.log if isinstance(event, (ev.ToolReturned, ev.ToolFailed))]
    assert [event.result.content for event in answers] == ["ran ls"]


async def test_a_recording_with_a_damaged_line_is_refused_with_the_line_number(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run.jsonl"
    branches = started_run(path)
    await branches.all[0].driver.at_rest()
    await branches.close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b'{"kind":"Requ\n', *lines[3:]]))
    with pytest.raises(SourceError, match=r"line 3 is not an event: .*\(.*open`, not replayed\)"):
        replayed(path)
    path.write_bytes(b'{"messages": []}\n')
    with pytest.raises(SourceError, match="not a recording of hermes-tui"):
        replayed(path)


async def test_an_answer_by_a_person_is_replayed(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    branches = started_run(path)
    driver = branches.all[0].driver
    await driver.at_rest()
    driver.put(SkipCall("by hand"))
    await driver.at_rest()
    await go_on(driver, Command.RUN)
    await branches.close()
    again = replayed(path)
    driver = again.all[0].driver
    await driver.at_rest()
    await again.close()
    assert not any(isinstance(event, ev.ReplayDiverged) for event in driver.log)
    ended = last(driver)
    assert isinstance(ended, ev.RunEnded) and ended.stop_reason == "finished"


async def test_a_run_terminated_during_a_reply_ends_there_in_the_replay(
    tmp_path: Path,
) -> None:
    path, has_begun = tmp_path / "run.jsonl", asyncio.Event()

    async def hangs(request: Request, on_piece: OnPiece) -> None:
        on_piece(Piece("content", "Par", raw="data: Par\n\n"))
        has_begun.set()
        await asyncio.Event().wait()

    branches = branches_of(ScriptedServer([hangs]), FunctionTools({}), record=path)
    await has_begun.wait()
    branches.all[0].driver.put(Terminate())
    await branches.close()
    again = replayed(path)
    driver = again.all[0].driver
    await driver.at_rest()
    await again.close()
    ended = last(driver)
    assert isinstance(ended, ev.RunEnded) and ended.stop_reason == "recording_ends"
    assert ended.details["before"] == "request 1, attempt 1"


async def test_a_call_that_was_never_made_diverges_and_continue_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    branches = started_run(path)
    driver = branches.all[0].driver
    await driver.at_rest()
    # Not an object: the loop itself answers, and the tool is never called.
    driver.put(EditArguments(0, "[]"))
    await go_on(driver, Command.RUN)
    await branches.close()
    again = replayed(path)
    driver = again.all[0].driver
    await driver.at_rest()
    diverged = driver.log[len(driver.log) - 2]
    assert isinstance(diverged, ev.ReplayDiverged) and not diverged.expected
    assert "ls" in diverged.got
    await go_on(driver)
    await again.close()
    ended = last(driver)
    assert isinstance(ended, ev.RunEnded) and ended.stop_reason == "not_recorded"


def kinds(driver: Driver) -> list[str]:
    return [type(event).__name__ for event in driver.log]


@pytest.mark.parametrize(("command", "retries"), [(Resume(), 0), (Resume(), 1), (Retry(), 1)])
async def test_a_cancelled_request_is_replayed_as_recorded(
    tmp_path: Path, command: Resume | Retry, retries: int
) -> None:
    path = tmp_path / "run.jsonl"
    server = scripted.ScriptedServer(scripted.HANG, scripted.completion("done"))
    async with Driver(server, scripted.FunctionTools(), recording=Recording(path)) as driver:
        driver.put(scripted.start(scripted.FunctionTools(), retries=retries))
        while not server.bodies:
            await asyncio.sleep(0)
        driver.cancel_current()
        await driver.at_rest()
        driver.put(command)
        await driver.at_rest()
    again = replayed(path)
    await again.all[0].driver.at_rest()
    await again.close()
    stops = ("Stopped", "Resumed", "BreakpointsHit")
    recorded_kinds, replayed_kinds = kinds(driver), kinds(again.all[0].driver)
    assert [kind for kind in replayed_kinds if kind not in stops] == [
        k for k in recorded_kinds if k not in stops
    ]


@pytest.mark.parametrize(
    "failure",
    [
        RequestFailure("cannot be sent", is_unsent=True),
        RequestFailure("busy", 503, retry_after_s=9999.0),
    ],
    ids=["unsent", "too long a wait"],
)
async def test_a_replay_retries_only_where_the_recorded_run_did(
    tmp_path: Path, failure: RequestFailure
) -> None:
    path = tmp_path / "run.jsonl"
    tools = scripted.FunctionTools()
    server = scripted.ScriptedServer(failure)
    async with Driver(server, tools, recording=Recording(path)) as driver:
        driver.put(scripted.start(tools, retries=1))
        await driver.at_rest()
    again = replayed(path)
    await again.all[0].driver.at_rest()
    await again.close()
    assert kinds(again.all[0].driver) == kinds(driver)


async def test_an_exception_that_escaped_because_of_a_failure_escapes_in_the_replay_too(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run.jsonl"
    tools = scripted.FunctionTools()
    server = scripted.ScriptedServer(RequestFailure("no message", empty=True, escapes="Error: no"))
    async with Driver(server, tools, recording=Recording(path)) as driver:
        driver.put(scripted.start(tools, mode="faithful"))
        await driver.at_rest()
    again = replayed(path)
    await again.all[0].driver.at_rest()
    await again.close()
    assert kinds(again.all[0].driver) == kinds(driver)
    ended = last(again.all[0].driver)
    assert isinstance(ended, ev.RunEnded) and ended.stop_reason == "escaped"
