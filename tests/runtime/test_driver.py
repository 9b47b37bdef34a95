"""The driver performs one effect at a time, records it first and leaves no task behind."""

from __future__ import annotations

import asyncio
import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.debugger.inputs import Resume, Retry, SkipCall, Terminate
from hermes_tui.debugger.stepping import STEP_MODE, Phase, StopPoint
from hermes_tui.log.codec import decode
from hermes_tui.model.errors import IllegalCommand, StoreError
from hermes_tui.model.events import (
    Event,
    RequestFailed,
    Resumed,
    RunEnded,
    Stopped,
    ToolFailed,
    ToolReturned,
)
from hermes_tui.runtime.driver import Driver, Limits
from hermes_tui.runtime.servers.base import OnPiece, Reply, Request, RequestFailure
from hermes_tui.runtime.tools.base import ToolFailure
from hermes_tui.runtime.tools.frames import MOST
from hermes_tui.runtime.writer import Recording
from tests.runtime.scripted import HANG, FunctionTools, ScriptedServer, completion, start


def of_kind(driver: Driver, kind: type[Any]) -> list[Any]:
    return [event for event in driver.log if isinstance(event, kind)]


def stop_reason(driver: Driver) -> str:
    (end,) = of_kind(driver, RunEnded)
    return str(end.stop_reason)


def recorded_events(path: Path) -> list[Event]:
    return [decode(line) for line in path.read_bytes().splitlines()]


async def hanging(arguments: Any) -> str:
    await asyncio.Event().wait()
    return "never"


async def test_a_run_finishes_and_the_tool_receives_the_arguments_of_the_model() -> None:
    server = ScriptedServer(completion(None, ("add", {"a": 1})), completion("done"))
    tools = FunctionTools(add=lambda arguments: arguments["a"] + 1)
    async with Driver(server, tools) as driver:
        driver.put(start(tools))
        await driver.at_rest()
    assert tools.calls == [("add", {"a": 1})]
    assert server.bodies[1]["messages"][-1] == {
        "role": "tool",
        "tool_call_id": "c0",
        "content": "2",
    }
    assert stop_reason(driver) == "finished"


async def test_a_stopped_call_waits_until_the_run_is_resumed() -> None:
    server = ScriptedServer(completion(None, ("add", {})), completion("done"))
    tools = FunctionTools(add=lambda arguments: "x")
    async with Driver(server, tools) as driver:
        driver.put(start(tools, stops=STEP_MODE))
        await driver.at_rest()
        assert driver.phase is Phase.STOPPED
        assert tools.calls == []
        driver.put(Resume())
        await driver.at_rest()
    assert tools.calls == [("add", {})]


async def test_a_skipped_call_is_answered_by_the_person_and_never_run() -> None:
    server = ScriptedServer(completion(None, ("add", {})), completion("done"))
    tools = FunctionTools(add=lambda arguments: "x")
    async with Driver(server, tools) as driver:
        driver.put(start(tools, stops=STEP_MODE))
        await driver.at_rest()
        driver.put(SkipCall("typed by hand"))
        await driver.at_rest()
    assert tools.calls == []
    assert server.bodies[1]["messages"][-1]["content"] == "typed by hand"


async def test_every_event_is_in_the_recording(tmp_path: Path) -> None:
    server = ScriptedServer(completion(None, ("add", {})), completion("done"))
    tools = FunctionTools(add=lambda arguments: {"sum": 1})
    recording = Recording(tmp_path / "run.jsonl")
    async with Driver(server, tools, recording=recording) as driver:
        driver.put(start(tools))
        await driver.at_rest()
    assert recorded_events(recording.path) == list(driver.log)


async def test_a_resumed_recording_continues_at_the_same_stop(tmp_path: Path) -> None:
    tools = FunctionTools(add=lambda arguments: "x")
    path = tmp_path / "run.jsonl"
    server = ScriptedServer(completion(None, ("add", {})), completion("done"))
    async with Driver(server, tools, recording=Recording(path)) as first:
        first.put(start(tools, stops=STEP_MODE))
        await first.at_rest()
    recording, events = Recording.resumed(path)
    async with Driver(server, tools, recording=recording, events=events) as second:
        second.reopen()
        assert second.session.state == first.session.state
        second.put(Resume())
        await second.at_rest()
    assert stop_reason(second) == "finished"
    assert recorded_events(path) == list(second.log)


async def test_a_tool_that_was_running_when_the_process_died_is_not_run_again(
    tmp_path: Path,
) -> None:
    tools = FunctionTools(add=hanging)
    path = tmp_path / "run.jsonl"
    server = ScriptedServer(completion(None, ("add", {})), completion("done"))
    async with Driver(server, tools, recording=Recording(path)) as first:
        first.put(start(tools))
        while not tools.calls:
            await asyncio.sleep(0)
    recording, events = Recording.resumed(path)
    async with Driver(server, tools, recording=recording, events=events) as second:
        second.reopen()
        await second.at_rest()
        assert second.session.state.stop.stop_point == StopPoint.RECOVERY
    assert len(tools.calls) == 1


@pytest.mark.parametrize(
    ("raised", "exception"),
    [
        (ValueError("no such row"), "ValueError: no such row"),
        (ToolFailure("TimeoutError: still running after 5 s"), "TimeoutError: still running"),
        (SystemExit(3), "SystemExit: 3"),
    ],
)
async def test_a_tool_that_raises_fails_alone(raised: BaseException, exception: str) -> None:
    def broken(arguments: Any) -> str:
        raise raised

    server = ScriptedServer(completion(None, ("add", {})), completion("done"))
    tools = FunctionTools(add=broken)
    async with Driver(server, tools) as driver:
        driver.put(start(tools))
        await driver.at_rest()
    (failed,) = of_kind(driver, ToolFailed)
    assert failed.exception.startswith(exception)
    assert stop_reason(driver) == "finished"


async def test_the_log_records_who_resumed_the_run() -> None:
    server = ScriptedServer(completion(None, ("add", {})), completion("done"))
    tools = FunctionTools(add=lambda arguments: "x")
    async with Driver(server, tools, by="program") as driver:
        driver.put(start(tools, stops=STEP_MODE))
        await driver.at_rest()
        driver.put(Resume())
        await driver.at_rest()
    (resumed,) = of_kind(driver, Resumed)
    assert resumed.by == "program"
    assert resumed.waited_s is not None


async def test_the_frames_of_a_failed_tool_are_kept_without_our_own() -> None:
    def broken(arguments: Any) -> str:
        return str(arguments["missing"])

    server = ScriptedServer(completion(None, ("add", {})), completion("done"))
    tools = FunctionTools(add=broken)
    async with Driver(server, tools) as driver:
        driver.put(start(tools))
        await driver.at_rest()
    (failed,) = of_kind(driver, ToolFailed)
    line = broken.__code__.co_firstlineno + 1
    assert failed.frames[-1] == f"{__file__}:{line} in {broken.__qualname__}"
    assert not [frame for frame in failed.frames if "/hermes_tui/" in frame]


async def test_the_innermost_frames_of_an_endless_recursion_are_kept() -> None:
    def deeper(arguments: Any) -> str:
        return deeper(arguments)

    server = ScriptedServer(completion(None, ("add", {})), completion("done"))
    tools = FunctionTools(add=deeper)
    async with Driver(server, tools) as driver:
        driver.put(start(tools))
        await driver.at_rest()
    (failed,) = of_kind(driver, ToolFailed)
    assert failed.frames[0].endswith(" more frames")
    assert len(failed.frames) == MOST + 1


async def test_a_result_that_reads_like_an_error_is_marked() -> None:
    server = ScriptedServer(completion(None, ("add", {})), completion("done"))
    tools = FunctionTools(add=lambda arguments: '{"error": "no such file"}')
    async with Driver(server, tools) as driver:
        driver.put(start(tools))
        await driver.at_rest()
    (returned,) = of_kind(driver, ToolReturned)
    assert returned.result.error.reason


async def test_terminating_cancels_the_request_under_way() -> None:
    server = ScriptedServer(HANG)
    tools = FunctionTools()
    async with Driver(server, tools) as driver:
        driver.put(start(tools))
        while not server.bodies:
            await asyncio.sleep(0)
        driver.put(Terminate())
        await driver.at_rest()
    assert server.given_up == 1
    assert stop_reason(driver) == "terminated"


async def test_closing_leaves_no_task_behind() -> None:
    server = ScriptedServer(completion(None, ("add", {})))
    tools = FunctionTools(add=hanging)
    async with Driver(server, tools) as driver:
        driver.put(start(tools))
        while not tools.calls:
            await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_failed_request_stops_and_can_be_sent_again() -> None:
    failure = RequestFailure("500: worker died", 500, "worker died", ("InternalServerError",))
    server = ScriptedServer(failure, completion("done"))
    tools = FunctionTools()
    async with Driver(server, tools) as driver:
        driver.put(start(tools, stops=frozenset({StopPoint.REQUEST_FAILED})))
        await driver.at_rest()
        assert of_kind(driver, Stopped)[0].stop_point == StopPoint.REQUEST_FAILED
        driver.put(Retry())
        await driver.at_rest()
    assert stop_reason(driver) == "finished"
    assert server.bodies[0] == server.bodies[1]


async def test_a_temporary_failure_is_retried_as_often_as_requested() -> None:
    failure = RequestFailure("429: slow down", 429, retry_after_s=0.01)
    server = ScriptedServer(failure, failure, failure)
    tools = FunctionTools()
    async with Driver(server, tools) as driver:
        driver.put(start(tools, retries=2))
        await driver.at_rest()
    assert len(server.bodies) == 3
    assert stop_reason(driver) == "request_failed"


@pytest.mark.parametrize(
    "failure",
    [
        RequestFailure("400: bad request", 400),
        RequestFailure("429: slow down", 429, retry_after_s=1e300),
        RequestFailure("the request cannot be sent", is_unsent=True),
    ],
    ids=["wrong", "asks to wait for ever", "unsent"],
)
async def test_a_failure_that_a_retry_cannot_cure_is_not_retried(failure: RequestFailure) -> None:
    server = ScriptedServer(failure)
    tools = FunctionTools()
    async with Driver(server, tools) as driver:
        driver.put(start(tools, retries=2))
        await driver.at_rest()
    assert len(server.bodies) == 1


async def test_a_lone_surrogate_that_cannot_be_sent_is_located_in_its_message() -> None:
    class Server(ScriptedServer):
        async def reply(self, request: Request, on_piece: OnPiece) -> Reply:
            if len(request.messages) > 1:
                raise RequestFailure("the request cannot be sent", is_unsent=True)
            return await super().reply(request, on_piece)

    tools = FunctionTools(add=lambda arguments: "a\ud800b")
    async with Driver(Server(completion(None, ("add", {}))), tools) as driver:
        driver.put(start(tools))
        await driver.at_rest()
    (failed,) = of_kind(driver, RequestFailed)
    assert failed.message.endswith("message 3 contains half of a surrogate pair, edit it")


async def test_a_lone_surrogate_that_cannot_be_sent_is_located_in_its_parameter() -> None:
    class Server(ScriptedServer):
        async def reply(self, request: Request, on_piece: OnPiece) -> Reply:
            raise RequestFailure("the request cannot be sent", is_unsent=True)

    tools = FunctionTools()
    async with Driver(Server(), tools) as driver:
        driver.put(replace(start(tools), parameters={"model": "m", "stop": "a\ud800"}))
        await driver.at_rest()
    (failed,) = of_kind(driver, RequestFailed)
    assert failed.message.endswith("; stop contains half of a surrogate pair, edit it")


async def test_a_result_that_json_cannot_hold_is_reported_and_the_run_continues(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run.jsonl"
    server = ScriptedServer(completion(None, ("add", {})), completion("done"))
    tools = FunctionTools(add=lambda arguments: {"number": 10**10_000})
    async with Driver(server, tools, recording=Recording(path)) as driver:
        driver.put(start(tools))
        await driver.at_rest()
    assert stop_reason(driver) == "finished"
    (returned,) = [event for event in recorded_events(path) if isinstance(event, ToolReturned)]
    assert "too large to show" in returned.result.content


async def test_a_tool_error_with_an_unreadable_message_fails_like_any_other() -> None:
    class Unreadable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def raises(arguments: Any) -> str:
        raise Unreadable

    tools = FunctionTools(add=raises)
    async with Driver(
        ScriptedServer(completion(None, ("add", {})), completion("done")), tools
    ) as driver:
        driver.put(start(tools))
        await driver.at_rest()
    assert stop_reason(driver) == "finished"
    (failed,) = of_kind(driver, ToolFailed)
    assert failed.exception == "Unreadable (its message cannot be read: RuntimeError)"


async def test_negative_token_counts_do_not_extend_the_budget() -> None:
    cheap = completion(None, ("add", {}), prompt_tokens=-1_000_000, completion_tokens=50)
    tools = FunctionTools(add=lambda arguments: "x")
    server = ScriptedServer(*[cheap] * 5)
    async with Driver(server, tools, limits=Limits(tokens=60)) as driver:
        driver.put(start(tools))
        await driver.at_rest()
    assert stop_reason(driver) == "budget"
    assert len(server.bodies) == 2


async def test_a_run_that_cannot_be_recorded_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ScriptedServer(completion(None, ("add", {})), completion("done"))
    tools = FunctionTools(add=lambda arguments: "x")
    recording = Recording(tmp_path / "run.jsonl")
    async with Driver(server, tools, recording=recording) as driver:
        driver.put(start(tools, stops=STEP_MODE))
        await driver.at_rest()

        def full(descriptor: int, data: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "write", full)
        driver.put(Resume())
        await driver.at_rest()
        monkeypatch.undo()
        assert isinstance(driver.failure, StoreError)
        assert "No space left" in str(driver.failure)
        with pytest.raises(IllegalCommand, match="aborted"):
            driver.put(Resume())
    assert tools.calls == []


async def test_a_tool_does_not_run_if_its_dispatch_is_not_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ScriptedServer(completion(None, ("add", {})), completion("done"))
    tools = FunctionTools(add=lambda arguments: "x")

    def failing(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", failing)
    async with Driver(server, tools, recording=Recording(tmp_path / "run.jsonl")) as driver:
        driver.put(start(tools))
        await driver.at_rest()
        assert "Input/output error" in str(driver.failure)
        await asyncio.sleep(0)
    assert tools.calls == []


async def test_a_run_ends_when_its_tokens_are_spent() -> None:
    reply = completion(None, ("add", {}), prompt_tokens=60, completion_tokens=50)
    server = ScriptedServer(reply, completion("done"))
    tools = FunctionTools(add=lambda arguments: "x")
    async with Driver(server, tools, limits=Limits(tokens=100)) as driver:
        driver.put(start(tools))
        await driver.at_rest()
    assert stop_reason(driver) == "budget"
    assert len(server.bodies) == 1


async def test_a_run_ends_when_its_time_is_spent() -> None:
    server = ScriptedServer(completion(None, ("add", {})))
    tools = FunctionTools(add=hanging)
    async with Driver(server, tools, limits=Limits(time_s=0.05)) as driver:
        driver.put(start(tools))
        await driver.at_rest()
    assert stop_reason(driver) == "budget"


async def test_an_internal_error_is_raised_to_the_caller_that_awaits_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = ScriptedServer(completion("done"))
    tools = FunctionTools()
    async with Driver(server, tools) as driver:
        monkeypatch.setattr(Driver, "_send_request", None)
        driver.put(start(tools))
        with pytest.raises(TypeError):
            await driver.at_rest()
