"""The agent loop for environments: a drop-in replacement for HermesAgentLoop that can be debugged.

    loop = AgentLoop(server, tool_schemas, valid_tool_names, tool_handler=run_tool)
    result = await loop.run(messages)

`server` is any object with an async `chat_completion(**kwargs)`, such as Atropos' servers, or with
`model="…"` an AsyncOpenAI client. A run is recorded if `record` is given, and a `Debugger` decides
what happens at each stop.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from msgspec import structs

from hermes_tui.debugger import inputs as given
from hermes_tui.debugger.breakpoints import Breakpoint, parse_breakpoint, point_named
from hermes_tui.debugger.outcome import outcome_of
from hermes_tui.debugger.session import Session
from hermes_tui.debugger.stepping import Kind, Phase, StopPoint
from hermes_tui.log.event_log import MemoryLog
from hermes_tui.log.summary import fold_run
from hermes_tui.model.errors import UsageError
from hermes_tui.model.events import RunEnded, Stopped
from hermes_tui.model.messages import ToolError
from hermes_tui.parsers.plain_values import plain
from hermes_tui.runtime.decisions import checked_decision
from hermes_tui.runtime.driver import Driver
from hermes_tui.runtime.exception_text import exception_text
from hermes_tui.runtime.loop_arguments import (
    check_messages,
    check_server,
    check_tools,
    check_type,
    finite,
    finite_scores,
    integer,
)
from hermes_tui.runtime.parser_names import text_parser
from hermes_tui.runtime.scan.results import Row, finding_row
from hermes_tui.runtime.servers.chat_object import ChatCompletionServer
from hermes_tui.runtime.tools.base import specs_of
from hermes_tui.runtime.tools.handler import HandlerToolbox
from hermes_tui.runtime.tools.threads import resize_tool_pool
from hermes_tui.runtime.writer import Recording, path_in

MODES = ("strict", "faithful")


@dataclass(slots=True)
class AgentResult:
    """The result of a run; the last three fields are not HermesAgentLoop's.

    `stop_reason` is finished, max_turns, request_failed, empty_response, terminated, breakpoint
    (one with the action `fail` ended the run) or cancelled (a person left the screen); in faithful
    mode also escaped: HermesAgentLoop would have raised there and lost its result.
    `findings` lists what is wrong with the run, repairs included, as rows like those of `scan`.
    `recording` is the path of the run's recording, empty if there is none.
    """

    messages: list[dict[str, Any]]
    managed_state: dict[str, Any] | None = None
    turns_used: int = 0
    finished_naturally: bool = False
    reasoning_per_turn: list[str | None] = field(default_factory=list)
    tool_errors: list[ToolError] = field(default_factory=list)
    stop_reason: str = ""
    findings: list[Row] = field(default_factory=list)
    recording: str = ""


@dataclass(frozen=True, slots=True)
class Debugger:
    """Where a run stops, and what happens there.

    `breakpoints` are lines such as `before_dispatch:terminal if "rm " in args.command`;
    `stop_points` are names such as before_dispatch. At each stop, `decide(stop, session)` returns
    the next input, such as `Resume()`, `SkipCall("…")`, `EditArguments(0, "{…}")` or `Terminate()`.
    It may be async and take as long as it likes. An edit does not resume: `decide` is called again.
    Raises UsageError for an invalid breakpoint, an unknown stop point, or a `decide` that is no
    function.
    """

    decide: Callable[[Stopped, Session], given.Input | Awaitable[given.Input]]
    breakpoints: Sequence[str] = ()
    stop_points: Collection[str] = ()

    def __post_init__(self) -> None:
        for name in ("breakpoints", "stop_points"):
            if isinstance(getattr(self, name), str):
                raise UsageError(
                    f"{name} is a string, not a list", f"{name}=[{getattr(self, name)!r}]"
                )
        if not callable(self.decide):
            raise UsageError(
                f"decide is {self.decide!r:.80}, not a function", "def decide(stop, session)"
            )
        self.parsed()

    def parsed(self) -> tuple[tuple[Breakpoint, ...], frozenset[StopPoint]]:
        """Return the breakpoints and stop points, parsed."""
        lines = enumerate(self.breakpoints, 1)
        breakpoints = (parse_breakpoint(line, breakpoint_id=f"b{n}") for n, line in lines)
        return tuple(breakpoints), frozenset(map(point_named, self.stop_points))


class AgentLoop:
    """Runs a conversation: asks the model and runs its tool calls until it makes no more."""

    def __init__(
        self,
        server: Any,
        tool_schemas: list[dict[str, Any]],
        valid_tool_names: Collection[str],
        max_turns: int = 30,
        task_id: str | None = None,
        temperature: float = 1.0,
        max_tokens: int | None = None,
        extra_body: dict[str, Any] | None = None,
        *,
        tool_handler: Callable[..., Any] | None = None,
        mode: str = "strict",
        record: str | Path | None = None,
        debugger: Debugger | None = None,
        parser: str = "auto",
        group_id: str | int = "",
        details: dict[str, Any] | None = None,
        model: str = "",
    ) -> None:
        """Take the parameters of HermesAgentLoop, and those after the `*`.

        `tool_handler(name, arguments, *, task_id, user_task)` may be async, and may omit the last
        two parameters; the default is hermes-agent's `handle_function_call`. `mode` is strict, or
        faithful to reproduce every quirk of HermesAgentLoop. `parser` says what reads calls in the
        text of a reply: auto; none, which leaves them alone (except in faithful mode); or a name
        that `hermes-tui parsers` lists, such as vllm/mistral. `record` is the path of a new file,
        or a folder (one that exists, or a path that ends in a slash), in which every run gets its
        own file; `group_id` and `details` are stored in it, to find and group runs by. `model` is
        sent with every request: an OpenAI SDK client needs it, most other servers know theirs.
        Raises UsageError for an invalid argument.
        """
        check_server(server, model)
        check_tools(tool_schemas, valid_tool_names, tool_handler)
        if mode not in MODES:
            raise UsageError(f"unknown mode {mode!r}", " or ".join(MODES))
        check_type("debugger", debugger, Debugger, "debugger=Debugger(decide)")
        check_type("details", details, Mapping, 'details={"split": "train"}')
        self.server = server
        self.tool_schemas = tool_schemas
        self.valid_tool_names = valid_tool_names
        self.max_turns = integer("max_turns", max_turns)
        self.task_id = task_id or str(uuid4())
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.extra_body = extra_body
        self.tool_handler = tool_handler
        self.mode = mode
        self.record = Path(record) if record is not None else None
        self._is_folder = str(record).endswith(os.sep)
        self.debugger = debugger
        self.parser = text_parser(parser, mode)
        self.group_id = str(group_id)
        self.details = dict(details or {})
        self.model = model
        self._last_path: Path | None = None
        """The recording of the run that ended last; None if that was not recorded."""

    async def run(self, messages: list[dict[str, Any]]) -> AgentResult:
        """Run until the model makes no more calls, appending to `messages` in place.

        The list grows at each request and at the end; what anything else has added to it, or
        removed, is undone then. A `Debugger` can change the conversation with `EditMessage`.
        Raises UsageError if `messages` is no list, if there is already a file at `record`, or for
        an invalid decision of the debugger; StoreError if the recording cannot be written.
        """
        server, tools, start = self.parts(messages)
        path = self.recording_path()
        recording = Recording(path) if path is not None else None
        async with Driver(
            server, tools, recording=recording, task_id=self.task_id, by="program"
        ) as driver:
            driver.put(start)
            try:
                await self._drive(driver)
            except (Exception, asyncio.CancelledError) as error:
                _end_early(driver, error)
                raise
            finally:
                self._last_path = path
            return self.result(server, messages, driver.log, path)

    def scored(
        self,
        reward: float | None,
        scores: Mapping[str, float] | None = None,
        *,
        result: AgentResult | None = None,
    ) -> None:
        """Add the reward of a run to its recording; by default, of the run that has just ended.

        Of runs at the same time, `result` says which one is meant. If called again, the last values
        count. Raises UsageError if the run was not recorded or has not ended, or a value is not a
        finite number; StoreError if the file cannot be written.
        """
        check_type("result", result, AgentResult, "result=await loop.run(messages)")
        values = {
            "reward": None if reward is None else finite("reward", reward),
            "scores": finite_scores(scores or {}),
        }
        recorded = Path(result.recording) if result and result.recording else None
        path = self._last_path if result is None else recorded
        if path is None or not path.is_file():
            raise _nothing_to_score()
        recording = Recording(path, exclusive=False)
        try:
            ended = recording.last_event()
            if not isinstance(ended, RunEnded):
                raise _nothing_to_score()
            recording.append(structs.replace(ended, seq=ended.seq + 1, **values))
        finally:
            recording.close()

    async def _drive(self, driver: Driver) -> None:
        await driver.at_rest()
        while driver.phase is Phase.STOPPED and driver.failure is None:
            driver.put(await self._decision(driver))
            await driver.at_rest()
        if driver.failure is not None:
            raise driver.failure

    def recording_path(self) -> Path | None:
        """Return where the next run is to be recorded, or None if it is not."""
        if self.record is None or not (self._is_folder or self.record.is_dir()):
            return self.record
        return path_in(self.record, uuid4().hex, now=time.time())

    def parts(
        self, messages: list[dict[str, Any]]
    ) -> tuple[ChatCompletionServer, HandlerToolbox, given.Start]:
        """Return what a driver needs: a server that extends `messages`, the tools, the start."""
        check_messages(messages)
        schemas = tuple(self.tool_schemas or ())
        specials = self.mode == "faithful" or self.tool_handler is None
        tools = HandlerToolbox(schemas, self.tool_handler, answers_specials=specials)
        return _adapter(self.server, messages), tools, self._start(messages, schemas)

    def result(
        self,
        server: ChatCompletionServer,
        messages: list[dict[str, Any]],
        log: MemoryLog,
        path: Path | None,
    ) -> AgentResult:
        """Return the result of a run of `parts`; `messages` then holds its conversation.

        `path` is that of its recording, to which `scored` will add a reward by default.
        """
        self._last_path = path
        outcome, (state, findings) = outcome_of(log), fold_run(log)
        server.take(outcome.messages)
        return AgentResult(
            messages=messages,
            managed_state=getattr(self.server, "get_state", lambda: None)(),
            turns_used=outcome.turns_used,
            finished_naturally=outcome.finished_naturally,
            reasoning_per_turn=list(outcome.reasoning_per_turn),
            tool_errors=list(outcome.tool_errors),
            stop_reason=outcome.stop_reason,
            findings=[finding_row(finding, state) for finding in findings],
            recording=str(path or ""),
        )

    def _start(
        self, messages: list[dict[str, Any]], schemas: tuple[dict[str, Any], ...]
    ) -> given.Start:
        parameters: dict[str, Any] = {"n": 1, "temperature": self.temperature}
        if self.model:
            parameters["model"] = self.model
        if schemas:
            parameters["tools"] = list(schemas)
        if self.max_tokens is not None:
            parameters["max_tokens"] = self.max_tokens
        if self.extra_body:
            parameters["extra_body"] = self.extra_body
        breakpoints, stop_points = self.debugger.parsed() if self.debugger else ((), frozenset())
        parser = "hermes" if self.mode == "faithful" else self.parser
        return given.Start(
            tuple(messages),
            tools=specs_of(schemas) if schemas else None,
            valid_names=frozenset(self.valid_tool_names),
            parameters=parameters,
            parser="" if parser == "none" else parser,
            mode=self.mode,
            max_turns=self.max_turns,
            model=self.model,
            group_id=self.group_id,
            stop_points=stop_points,
            breakpoints=breakpoints,
            details={**plain(self.details), "task_id": self.task_id},
        )

    async def _decision(self, driver: Driver) -> given.Input:
        if self.debugger is None:
            return given.Resume()
        # A debugger that edits for ever must not starve other tasks, or escape cancellation.
        await asyncio.sleep(0)
        stop = driver.session.state.stop
        decision = self.debugger.decide(stop, driver.session)
        decision = await decision if inspect.isawaitable(decision) else decision
        return checked_decision(decision, stop)


def _nothing_to_score() -> UsageError:
    what = "no recorded run of this loop has ended"
    return UsageError(what, "AgentLoop(…, record=FILE), then await run(messages)")


def _end_early(driver: Driver, error: BaseException) -> None:
    """Record, if that is possible, that an exception ends the run."""
    if driver.failure is not None or Kind.TERMINATE not in driver.session.allowed:
        return
    if isinstance(error, asyncio.CancelledError):
        driver.put(given.Terminate("cancelled"))
    elif driver.mistake is None:
        driver.put(given.Terminate("debugger_failed", details={"exception": exception_text(error)}))


class _ClientServer:
    """An OpenAI SDK client with the interface of a server."""

    def __init__(self, client: Any) -> None:
        self.chat_completion = client.chat.completions.create


def _adapter(server: Any, messages: list[dict[str, Any]]) -> ChatCompletionServer:
    """Return the adapter for an environment's server; that of a ManagedServer keeps token nodes."""
    if not hasattr(server, "chat_completion"):
        return ChatCompletionServer(_ClientServer(server), messages)
    kinds = ((kind.__name__, kind.__module__.partition(".")[0]) for kind in type(server).__mro__)
    if ("ManagedServer", "atroposlib") not in kinds:
        return ChatCompletionServer(server, messages)
    from hermes_tui.runtime.servers.managed import ManagedServer

    return ManagedServer.around(server, messages)


__all__ = ["AgentLoop", "AgentResult", "Debugger", "ToolError", "resize_tool_pool"]
