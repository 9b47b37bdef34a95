"""A call or request under way is cancelled, by a person or because the run ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.debugger.inputs import Resume, Retry, SubstituteResult, Terminate
from hermes_tui.debugger.stepping import STEP_MODE, StopPoint
from hermes_tui.model.errors import IllegalCommand
from hermes_tui.model.events import RequestFailed, RunEnded, ToolFailed, ToolReturned
from hermes_tui.runtime.driver import Driver
from hermes_tui.runtime.servers.base import OnPiece, Piece, Reply, Request
from hermes_tui.runtime.tools.base import Answer, CallContext
from hermes_tui.runtime.writer import Recording
from tests.runtime.scripted import HANG, FunctionTools, ScriptedServer, completion, start
from tests.runtime.test_driver import hanging, of_kind, recorded_events, stop_reason


class StreamingServer(ScriptedServer):
    """Sends the beginning of a reply and then nothing more."""

    def __init__(self, raw: str) -> None:
        super().__init__()
        self.raw = raw
        self.is_hanging = asyncio.Event()

    async def reply(self, request: Request, on_piece: OnPiece) -> Reply:
        on_piece(Piece("content", "Paris i", raw=self.raw))
        self.is_hanging.set()
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_hanging_tool_is_cancelled_by_hand_and_the_run_stops_there() -> None:
    server = ScriptedServer(completion(None, ("add", {})), completion("done"))
    tools = FunctionTools(add=hanging)
    async with Driver(server, tools) as driver:
        driver.put(start(tools))
        while not tools.calls:
            await asyncio.sleep(0)
        driver.cancel_current()
        await driver.at_rest()
        assert driver.session.state.stop.stop_point == StopPoint.TOOL_ERROR
        (failed,) = of_kind(driver, ToolFailed)
        assert (failed.exception, failed.by) == ("cancelled by hand", "person")
        driver.put(SubstituteResult("typed instead"))
        await driver.at_rest()
    assert server.bodies[1]["messages"][-1]["content"] == "typed instead"
    assert stop_reason(driver) == "finished"


async def test_a_cancelled_tool_can_be_run_again() -> None:
    answers = iter([hanging({}), "the second time"])
    server = ScriptedServer(completion(None, ("add", {})), completion("done"))
    tools = FunctionTools(add=lambda arguments: next(answers))
    async with Driver(server, tools) as driver:
        driver.put(start(tools))
        while not tools.calls:
            await asyncio.sleep(0)
        driver.cancel_current()
        await driver.at_rest()
        driver.put(Retry())
        await driver.at_rest()
    assert server.bodies[1]["messages"][-1]["content"] == "the second time"


async def test_a_call_cancelled_before_it_begins_has_printed_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Printing(FunctionTools):
        async def call(self, name: str, arguments: Any, context: CallContext) -> Answer:
            context.prints.append(f"in {name}")
            return await super().call(name, arguments, context)

    server = ScriptedServer(completion(None, ("one", {}), ("two", {})))
    tools = Printing(one=lambda arguments: "x", two=lambda arguments: "y")
    recording = Recording(tmp_path / "run.jsonl")
    writing, sync = threading.Event(), recording.sync

    def slow_sync() -> None:
        writing.set()
        released.wait(30)
        sync()

    released = threading.Event()
    async with Driver(server, tools, recording=recording) as driver:
        driver.put(start(tools, stops=STEP_MODE))
        await driver.at_rest()
        driver.put(Resume())
        await driver.at_rest()
        monkeypatch.setattr(recording, "sync", slow_sync)
        driver.put(Resume())
        await asyncio.to_thread(writing.wait, 30)
        driver.cancel_current()
        released.set()
        await driver.at_rest()
        (returned,), (failed,) = of_kind(driver, ToolReturned), of_kind(driver, ToolFailed)
    assert (returned.printed, failed.printed) == ("in one", "")


async def test_a_cancelled_request_stops_the_run_and_is_not_retried() -> None:
    server = StreamingServer("data: Paris i\n\n")
    tools = FunctionTools()
    async with Driver(server, tools) as driver:
        driver.put(start(tools, retries=3))
        await server.is_hanging.wait()
        driver.cancel_current()
        await driver.at_rest()
        assert driver.session.state.stop.stop_point == StopPoint.REQUEST_FAILED
        (failed,) = of_kind(driver, RequestFailed)
        assert (failed.message, failed.by) == ("cancelled by hand", "person")
        assert failed.body == "data: Paris i\n\n"
        driver.put(Resume())
        await driver.at_rest()
    assert stop_reason(driver) == "request_failed"


async def test_cancelling_is_refused_if_nothing_is_under_way() -> None:
    server = ScriptedServer(completion(None, ("add", {})))
    tools = FunctionTools(add=lambda arguments: "x")
    async with Driver(server, tools) as driver:
        driver.put(start(tools, stops=STEP_MODE))
        await driver.at_rest()
        assert not driver.can_cancel
        with pytest.raises(IllegalCommand):
            driver.cancel_current()


async def test_a_run_terminated_while_it_cancels_ends() -> None:
    server = ScriptedServer(HANG)
    tools = FunctionTools()
    async with Driver(server, tools) as driver:
        driver.put(start(tools))
        while not server.bodies:
            await asyncio.sleep(0)
        driver.cancel_current()
        driver.put(Terminate())
        await driver.at_rest()
    assert stop_reason(driver) == "terminated"
    assert of_kind(driver, RequestFailed) == []


def cancels_itself(arguments: object) -> None:
    raise asyncio.CancelledError


class Odd(BaseException):
    """Not an `Exception`, so most error handlers do not catch it."""


def raises_base_exception(arguments: object) -> None:
    raise Odd("as it likes")


@pytest.mark.parametrize(
    ("tool", "exception"),
    [
        (cancels_itself, "CancelledError: cancelled from inside"),
        (raises_base_exception, "Odd: as it likes"),
    ],
)
async def test_a_tool_that_raises_a_base_exception_fails_alone(
    tool: Callable[[object], None], exception: str
) -> None:
    server = ScriptedServer(completion(None, ("add", {})), completion("done"))
    tools = FunctionTools(add=tool)
    async with Driver(server, tools) as driver:
        driver.put(start(tools))
        await asyncio.wait_for(driver.at_rest(), 5)
        (failed,) = of_kind(driver, ToolFailed)
    assert (failed.exception, failed.by) == (exception, "")
    assert failed.frames[-1].endswith(f"in {tool.__name__}")
    assert stop_reason(driver) == "finished"


async def test_a_request_that_raises_cancelled_error_fails() -> None:
    class Cancelling(ScriptedServer):
        async def reply(self, request: Request, on_piece: OnPiece) -> Reply:
            on_piece(Piece("content", "Paris i", raw="data: Paris i"))
            raise asyncio.CancelledError("the pool was closed")

    tools = FunctionTools()
    async with Driver(Cancelling(), tools) as driver:
        driver.put(start(tools))
        await asyncio.wait_for(driver.at_rest(), 5)
        (failed,) = of_kind(driver, RequestFailed)
    assert failed.message == "CancelledError: the pool was closed"
    assert (failed.body, failed.by) == ("data: Paris i", "")


async def test_a_tool_that_cancels_its_task_cancels_the_caller_that_awaits_the_run() -> None:
    class CancelsItsTask(FunctionTools):
        async def call(self, name: str, arguments: object, context: CallContext) -> Answer:
            task = asyncio.current_task()
            assert task is not None and task.cancel()
            await asyncio.Event().wait()
            raise AssertionError

    tools = CancelsItsTask(add=cancels_itself)
    async with Driver(ScriptedServer(completion(None, ("add", {}))), tools) as driver:
        driver.put(start(tools))
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(driver.at_rest(), 5)


async def test_the_received_part_of_a_reply_is_kept_when_the_run_is_terminated(
    tmp_path: Path,
) -> None:
    server = StreamingServer("data: Paris i\n\n")
    tools = FunctionTools()
    recording = Recording(tmp_path / "run.jsonl")
    async with Driver(server, tools, recording=recording) as driver:
        driver.put(start(tools))
        await server.is_hanging.wait()
        driver.put(Terminate())
        await driver.at_rest()
    *_, kept, end = recorded_events(recording.path)
    assert isinstance(kept, RequestFailed)
    assert (kept.body, kept.by) == ("data: Paris i\n\n", "person")
    assert isinstance(end, RunEnded)
    assert end.details["by"] == "person"
