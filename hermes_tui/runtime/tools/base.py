"""The interface of tools to the loop: their names and schemas, and the dispatch of calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.model.messages import ErrorMark, ToolSpec
from hermes_tui.runtime.tools.prints import Prints


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a tool receives in addition to its arguments."""

    task_id: str
    user_task: str = ""
    """The first user message, at most 500 characters."""
    call_id: str = ""
    turn: int = 0
    call_index: int = 0
    accepted: bool = False
    """In a replay: answer as recorded although the call differs."""
    prints: Prints = field(default_factory=Prints)
    """Collects the tool's printed output while it runs, regardless of how its call ends."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A tool's answer. `value` is a text, or any other value that the tool returned.

    `error` is set if the tool itself flags its answer as an error.
    """

    value: Any
    error: ErrorMark | None = None
    exit_code: int | None = None


class ToolFailure(Exception):
    """A tool did not answer: it timed out, was killed, raised elsewhere, or could not be started.

    The text is recorded as it is, for example `TimeoutError: still running after 5 s`.
    """

    def __init__(self, text: str, frames: tuple[str, ...] = ()) -> None:
        """`frames` are the tool's own, as `tool_frames` returns them."""
        super().__init__(text)
        self.frames = frames


_Returned = TypeVar("_Returned")


async def within(seconds: float | None, work: Awaitable[_Returned]) -> _Returned:
    """Return the result of `work`; raises ToolFailure if it takes longer than `seconds`.

    None is no limit.
    """
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await work
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise ToolFailure(f"TimeoutError: still running after {seconds:g} s") from error


class Toolbox(Protocol):
    """A set of tools. Any exception of `call` is the tool's failure, never the end of the run.

    Cancelling `call` ends within a second whatever the tool started.
    """

    schemas: tuple[dict[str, Any], ...]
    """Schemas as in the `tools` of a request: `{"type": "function", "function": {…}}`."""
    specs: tuple[ToolSpec, ...]
    manual: frozenset[str]
    """The names of tools whose calls a person answers."""

    async def call(self, name: str, arguments: Any, context: CallContext) -> Answer:
        """Run the tool `name`; `arguments` is the decoded JSON value, usually an object."""
        ...

    async def close(self) -> None:
        """End every remaining process, thread and connection."""
        ...


def specs_of(schemas: tuple[dict[str, Any], ...]) -> tuple[ToolSpec, ...]:
    """Return the declared tools of OpenAI-style schemas; entries without a name are left out."""
    return tool_specs(list(schemas)) or ()
