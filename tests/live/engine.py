"""A model server with scripted replies, and tools that are plain functions, for tests."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hermes_tui.debugger.inputs import Start
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.plain_values import json_text
from hermes_tui.runtime.branches import Branches
from hermes_tui.runtime.servers.base import OnPiece, Piece, Reply, Request, RequestFailure, Server
from hermes_tui.runtime.tools.base import Answer, CallContext, Toolbox, specs_of

Scripted = dict[str, Any] | RequestFailure | Callable[..., Any]


class ScriptedServer:
    """A server that returns its replies in order: messages, failures, or results of functions.

    A function is called with the request and `on_piece`, and may be asynchronous.
    """

    url = "http://scripted.test/v1"

    def __init__(self, replies: Sequence[Scripted]) -> None:
        self.replies = list(replies)
        self.requests: list[Request] = []
        self.is_closed = False

    async def reply(self, request: Request, on_piece: OnPiece) -> Reply:
        self.requests.append(request)
        if not self.replies:
            return _reply(says("nothing left to say"))
        scripted: Any = self.replies.pop(0)
        if callable(scripted):
            scripted = scripted(request, on_piece)
            if inspect.isawaitable(scripted):
                scripted = await scripted
        await asyncio.sleep(0)
        if isinstance(scripted, RequestFailure):
            raise scripted
        return scripted if isinstance(scripted, Reply) else _reply(scripted)

    async def close(self) -> None:
        self.is_closed = True


class FunctionTools:
    """A toolbox that calls functions with keyword arguments; coroutines are awaited."""

    def __init__(
        self, functions: Mapping[str, Callable[..., Any]], *, manual: Sequence[str] = ()
    ) -> None:
        self.functions = dict(functions)
        self.schemas = tuple(
            {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
            for name in functions
        )
        self.specs: tuple[ToolSpec, ...] = specs_of(self.schemas)
        self.manual = frozenset(manual)
        self.calls: list[tuple[str, Any]] = []
        self.is_closed = False

    async def call(self, name: str, arguments: Any, context: CallContext) -> Answer:
        self.calls.append((name, arguments))
        value = self.functions[name](**arguments)
        return Answer(await value if inspect.isawaitable(value) else value)

    async def close(self) -> None:
        self.is_closed = True


def _reply(message: dict[str, Any]) -> Reply:
    body = {
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7},
    }
    return Reply(json_text(body), message, "stop", body["usage"])


def says(text: str, *calls: tuple[str, Any], ids: bool = True) -> dict[str, Any]:
    """Return an assistant message; each call is a pair of name and arguments."""
    entries = [
        {
            **({"id": f"call_{number}"} if ids else {}),
            "type": "function",
            "function": {
                "name": name,
                "arguments": arguments if isinstance(arguments, str) else json_text(arguments),
            },
        }
        for number, (name, arguments) in enumerate(calls, 1)
    ]
    message: dict[str, Any] = {"role": "assistant", "content": text}
    return message | ({"tool_calls": entries} if entries else {})


def streamed(text: str, *, pieces: int, until: asyncio.Event | None = None) -> Callable[..., Any]:
    """Return a scripted reply that is streamed in pieces and completed once `until` is set."""

    async def reply(request: Request, on_piece: OnPiece) -> dict[str, Any]:
        size = max(1, len(text) // pieces)
        for start in range(0, len(text), size):
            on_piece(Piece("content", text[start : start + size]))
            await asyncio.sleep(0)
        if until is not None:
            await until.wait()
        return says(text)

    return reply


def never(*_: Any, **__: Any) -> Any:
    """Return an awaitable that never finishes."""
    return asyncio.Event().wait()


def branches_of(
    server: Server,
    tools: Toolbox,
    *,
    record: Path | None = None,
    messages: Sequence[dict[str, Any]] = ({"role": "user", "content": "Say hello"},),
    **start: Any,
) -> Branches:
    """Return branches with the first one started; without `record` nothing is written."""
    branches = Branches(server, tools, record=record, recorded=record is not None)
    branches.start(
        Start(
            tuple(messages),
            tools=tools.specs,
            parameters={"model": "scripted", "temperature": 1.0},
            model="scripted",
            manual=tools.manual,
            **start,
        )
    )
    return branches
