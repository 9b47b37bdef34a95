"""What tools are to the loop: names with schemas, and something that answers calls of them."""

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
    """What a tool is told beside its arguments."""

    task_id: str
    user_task: str = ""
    """The first user message, at most 500 characters."""
    call_id: str = ""
    turn: int = 0
    call_index: int = 0
    accepted: bool = False
    """In a replay: answer as recorded though the call differs."""
    prints: Prints = field(default_factory=Prints)
    """Takes what the tool printed, however its call ended, and hears of it while it runs."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool answered. `value` is a text, or any value where the tool returned no text.

    `error` is set where the tool itself flags its answer as an error.
    """

    value: Any
    error: ErrorMark | None = None
    exit_code: int | None = None


class ToolFailure(Exception):
    """A tool did not answer: it timed out, was killed, raised elsewhere, or could not be started.

    The text is the whole of what is recorded, such as `TimeoutError: still running after 5 s`.
    """

    def __init__(self, text: str, frames: tuple[str, ...] = ()) -> None:
        """`frames` are the tool's own, as `tool_frames` gives them."""
        super().__init__(text)
        self.frames = frames


_Returned = TypeVar("_Returned")


async def within(seconds: float | None, work: Awaitable[_Returned]) -> _Returned:
    """Return what `work` returns; raises ToolFailure where it takes longer."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await work
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise ToolFailure(f"TimeoutError: still running after {seconds:g} s") from error


class Toolbox(Protocol):
    """A set of tools. Whatever `call` raises is the tool's failure, never the end of the run.

    Cancelling `call` ends what the tool started, within a second.
    """

    schemas: tuple[dict[str, Any], ...]
    """As in the `tools` of a request: `{"type": "function", "function": {…}}`."""
    specs: tuple[ToolSpec, ...]
    manual: frozenset[str]
    """Names of tools that a person answers."""

    async def call(self, name: str, arguments: Any, context: CallContext) -> Answer:
        """Run the tool `name`; `arguments` is the decoded JSON value, usually an object."""
        ...

    async def close(self) -> None:
        """End every process, thread and connection that is left."""
        ...


def specs_of(schemas: tuple[dict[str, Any], ...]) -> tuple[ToolSpec, ...]:
    """Return the declared tools of OpenAI-style schemas; entries without a name are left out."""
    return tool_specs(list(schemas)) or ()
