"""The agent loop for environments: takes the place of HermesAgentLoop, and can be debugged.

    loop = AgentLoop(server, tool_schemas, valid_tool_names, tool_handler=run_tool)
    result = await loop.run(messages)

`server` is any object with an async `chat_completion(**kwargs)`. Every run can be recorded, and a
`Debugger` decides what happens where it stops.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from hermes_tui.debugger import inputs as given
from hermes_tui.debugger.breakpoints import parse_breakpoint
from hermes_tui.debugger.outcome import outcome_of
from hermes_tui.debugger.session import Session
from hermes_tui.debugger.stepping import Phase, StopPoint
from hermes_tui.model.errors import UsageError
from hermes_tui.model.events import Event, Stopped
from hermes_tui.model.messages import ToolError
from hermes_tui.runtime.driver import Driver
from hermes_tui.runtime.servers.chat_object import ChatCompletionServer
from hermes_tui.runtime.tools.base import specs_of
from hermes_tui.runtime.tools.handler import HandlerToolbox
from hermes_tui.runtime.tools.threads import resize_tool_pool
from hermes_tui.runtime.writer import Recording

MODES = ("strict", "faithful")


@dataclass(slots=True)
class AgentResult:
    """What a run came to; all but `stop_reason` as HermesAgentLoop has it.

    `stop_reason` is finished, max_turns, request_failed, empty_response or terminated; in faithful
    mode also escaped: there HermesAgentLoop would have raised, and its result been lost.
    """

    messages: list[dict[str, Any]]
    managed_state: dict[str, Any] | None = None
    turns_used: int = 0
    finished_naturally: bool = False
    reasoning_per_turn: list[str | None] = field(default_factory=list)
    tool_errors: list[ToolError] = field(default_factory=list)
    stop_reason: str = ""


@dataclass(frozen=True, slots=True)
class Debugger:
    """Where a run stops, and what is done there.

    `breakpoints` are lines such as `before_dispatch:terminal if "rm " in args.command`. `decide` is
    given the stop and the session, and returns the next input, such as `Resume()`, `SkipCall("…")`,
    `EditArguments(0, "{…}")` or `Terminate()`; it may be async, and take its time.
    """

    decide: Callable[[Stopped, Session], given.Input | Awaitable[given.Input]]
    breakpoints: Sequence[str] = ()
    stop_points: Collection[str] = ()


class AgentLoop:
    """Runs one conversation: asks the server, runs the tools, until no more calls come."""

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
    ) -> None:
        """Take what HermesAgentLoop takes.

        `tool_handler(name, arguments, *, task_id, user_task)` may be async; the default is
        hermes-agent's `handle_function_call`. `mode` is strict, or faithful for every quirk of
        HermesAgentLoop. `record` is a new file. Raises UsageError for what cannot be.
        """
        if mode not in MODES:
            raise UsageError(f"unknown mode {mode!r}", "strict or faithful")
        self.server = server
        self.tool_schemas = tool_schemas
        self.valid_tool_names = valid_tool_names
        self.max_turns = max_turns
        self.task_id = task_id or str(uuid4())
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.extra_body = extra_body
        self.tool_handler = tool_handler
        self.mode = mode
        self.record = Path(record) if record is not None else None
        self.debugger = debugger

    async def run(self, messages: list[dict[str, Any]]) -> AgentResult:
        """Run until the model stops calling tools; `messages` grows as the conversation does."""
        server, tools, start = self.parts(messages)
        recording = Recording(self.record) if self.record is not None else None
        async with Driver(
            server, tools, recording=recording, task_id=self.task_id, by="program"
        ) as driver:
            driver.put(start)
            await driver.at_rest()
            while driver.phase is Phase.STOPPED and driver.failure is None:
                driver.put(await self._decision(driver))
                await driver.at_rest()
            if driver.failure is not None:
                raise driver.failure
            return self.result(server, messages, driver.log)

    def parts(
        self, messages: list[dict[str, Any]]
    ) -> tuple[ChatCompletionServer, HandlerToolbox, given.Start]:
        """Return what a driver runs: the server, which extends `messages`, tools, and beginning."""
        schemas = tuple(self.tool_schemas or ())
        specials = self.mode == "faithful" or self.tool_handler is None
        tools = HandlerToolbox(schemas, self.tool_handler, answers_specials=specials)
        return _adapter(self.server, messages), tools, self._start(messages, schemas)

    def result(
        self, server: ChatCompletionServer, messages: list[dict[str, Any]], log: Iterable[Event]
    ) -> AgentResult:
        """Return what a run of `parts` came to; `messages` then holds its conversation."""
        outcome = outcome_of(log)
        server.take(outcome.messages)
        return AgentResult(
            messages=messages,
            managed_state=self._managed_state(),
            turns_used=outcome.turns_used,
            finished_naturally=outcome.finished_naturally,
            reasoning_per_turn=list(outcome.reasoning_per_turn),
            tool_errors=list(outcome.tool_errors),
            stop_reason=outcome.stop_reason,
        )

    def _start(
        self, messages: list[dict[str, Any]], schemas: tuple[dict[str, Any], ...]
    ) -> given.Start:
        parameters: dict[str, Any] = {"n": 1, "temperature": self.temperature}
        if schemas:
            parameters["tools"] = list(schemas)
        if self.max_tokens is not None:
            parameters["max_tokens"] = self.max_tokens
        if self.extra_body:
            parameters["extra_body"] = self.extra_body
        debugger = self.debugger
        lines = enumerate(debugger.breakpoints if debugger else (), 1)
        return given.Start(
            tuple(messages),
            tools=specs_of(schemas) if schemas else None,
            valid_names=frozenset(self.valid_tool_names),
            parameters=parameters,
            parser="hermes",
            mode=self.mode,
            max_turns=self.max_turns,
            stop_points=frozenset(map(StopPoint, debugger.stop_points if debugger else ())),
            breakpoints=tuple(parse_breakpoint(line, breakpoint_id=f"b{n}") for n, line in lines),
            details={"task_id": self.task_id},
        )

    async def _decision(self, driver: Driver) -> given.Input:
        if self.debugger is None:
            return given.Resume()
        stop = driver.session.state.stop
        decided = self.debugger.decide(stop, driver.session)
        return await decided if inspect.isawaitable(decided) else decided

    def _managed_state(self) -> Any:
        return self.server.get_state() if hasattr(self.server, "get_state") else None


def _adapter(server: Any, messages: list[dict[str, Any]]) -> ChatCompletionServer:
    """Return what asks an environment's server; of a ManagedServer the token nodes are kept."""
    kinds = ((kind.__name__, kind.__module__.partition(".")[0]) for kind in type(server).__mro__)
    if ("ManagedServer", "atroposlib") not in kinds:
        return ChatCompletionServer(server, messages)
    from hermes_tui.runtime.servers.managed import ManagedServer

    return ManagedServer.around(server, messages)


__all__ = ["AgentLoop", "AgentResult", "Debugger", "ToolError", "resize_tool_pool"]
