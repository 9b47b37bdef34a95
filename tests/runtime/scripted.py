"""A server and tools with scripted answers; they hang, fail and raise on demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from hermes_tui.debugger.inputs import Start
from hermes_tui.debugger.stepping import StopPoint
from hermes_tui.runtime.servers.base import OnPiece, Reply, Request, RequestFailure
from hermes_tui.runtime.tools.base import Answer, CallContext, specs_of

HANG = "hang"


def completion(content: str | None = None, *calls: tuple[str, Any], **usage: int) -> dict[str, Any]:
    """Return a chat completion with calls as (name, arguments); texts are passed on verbatim."""
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if calls:
        message["tool_calls"] = [
            {
                "id": f"c{number}",
                "type": "function",
                "function": {
                    "name": name,
                    "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments),
                },
            }
            for number, (name, arguments) in enumerate(calls)
        ]
    reason = "tool_calls" if calls else "stop"
    return {"choices": [{"message": message, "finish_reason": reason}], "usage": usage or None}


class ScriptedServer:
    """Gives its replies in turn and keeps the bodies of the requests."""

    url = "http://127.0.0.1:1/v1"

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.bodies: list[dict[str, Any]] = []
        self.given_up = 0

    async def reply(self, request: Request, on_piece: OnPiece) -> Reply:
        self.bodies.append(json.loads(request.body))
        reply = self.replies.pop(0)
        if reply == HANG:
            try:
                await asyncio.Event().wait()
            finally:
                self.given_up += 1
        if isinstance(reply, RequestFailure):
            raise reply
        choice = reply["choices"][0]
        return Reply(
            json.dumps(reply),
            choice["message"],
            finish_reason=choice["finish_reason"],
            usage=reply["usage"],
        )

    async def close(self) -> None:
        return


class FunctionTools:
    """Tools that are functions of their arguments."""

    manual: frozenset[str] = frozenset()

    def __init__(self, **functions: Callable[[Any], Any]) -> None:
        self._functions = functions
        self.calls: list[tuple[str, Any]] = []
        self.schemas: tuple[dict[str, Any], ...] = tuple(
            {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
            for name in functions
        )
        self.specs = specs_of(self.schemas)

    async def call(self, name: str, arguments: Any, context: CallContext) -> Answer:
        self.calls.append((name, arguments))
        value = self._functions[name](arguments)
        return Answer(await value if asyncio.iscoroutine(value) else value)

    async def close(self) -> None:
        return


def start(tools: FunctionTools, *, stops: frozenset[StopPoint] = frozenset(), **more: Any) -> Start:
    """Return the start of a run that stops only at `stops`."""
    return Start(
        ({"role": "user", "content": "do it"},),
        tools=tools.specs,
        parameters={"model": "m"},
        parser="auto",
        stop_points=stops,
        **more,
    )
