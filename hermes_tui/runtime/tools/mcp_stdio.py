"""Tools of a real MCP server that runs as a child process, connected by its stdin and stdout."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import Collection, Sequence
from typing import Any

from hermes_tui.model.chat_api import tool_schema
from hermes_tui.model.errors import HermesError, SourceError
from hermes_tui.model.messages import ErrorMark
from hermes_tui.model.wording import install, title
from hermes_tui.runtime.tools.base import Answer, CallContext, ToolFailure, specs_of
from hermes_tui.runtime.tools.mcp_process import McpProcess

INSTALL = install("mcp")
START_S = 30.0
CLOSE_S = 2.5
ENDING_S = 0.4
"""How long a server may take to end after its connection was closed."""
MAX_PAGES = 100
FLAGGED = "the server flags its answer as an error"


class McpTools:
    """The tools of one server.

    The connection lives in a separate task, because the task that opens it must also close it.
    """

    manual: frozenset[str] = frozenset()

    def __init__(self, arguments: Sequence[str], withheld: Collection[str] = ()) -> None:
        self.schemas: tuple[dict[str, Any], ...] = ()
        self.specs = specs_of(())
        self._process = McpProcess(arguments, withheld)
        self._client: Any = None
        self._is_ready = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        arguments: Sequence[str],
        *,
        start_s: float = START_S,
        withheld: Collection[str] = (),
    ) -> McpTools:
        """Start the server and list its tools; `withheld` is as in `clean_environment`.

        Raises HermesError without the `mcp` package, SourceError if the server does not start.
        """
        if importlib.util.find_spec("mcp") is None:
            raise HermesError("MCP servers need the mcp package", INSTALL)
        box = cls(arguments, withheld)
        box._task = task = asyncio.create_task(box._serve())
        ready = asyncio.create_task(box._is_ready.wait())
        try:
            await asyncio.wait({task, ready}, timeout=start_s, return_when="FIRST_COMPLETED")
            if box._client is None:
                raise await box._start_failure(start_s)
        except BaseException:
            await box.close()
            raise
        finally:
            ready.cancel()
        return box

    async def _serve(self) -> None:
        from mcp import Client

        # Without a handler, Python writes a library's warnings to the terminal.
        logger = logging.getLogger("mcp")
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
        async with Client(self._process) as client:
            self.schemas = tuple(
                tool_schema(tool.name, tool.description or "", tool.input_schema)
                for tool in await _list_tools(client)
            )
            self.specs = specs_of(self.schemas)
            self._client = client
            self._is_ready.set()
            await self._closing.wait()

    async def _start_failure(self, start_s: float) -> HermesError:
        task, process = self._task, self._process
        error = task.exception() if task is not None and task.done() else None
        if isinstance(error, ImportError):
            return HermesError(f"the mcp package is too old: {error}", INSTALL)
        if isinstance(error, FileNotFoundError | PermissionError):
            reason = f"cannot be started: {error.strerror}"
        elif error is None:
            output = f": {process.last_words}" if process.last_words else ""
            reason = f"did not answer within {start_s:g} s{output}"
        else:
            reason = await process.ending() or f"{type(error).__name__}: {error}"
        return SourceError(f"mcp:{process.command}", reason, "run the command by hand to see more")

    async def call(self, name: str, arguments: Any, context: CallContext) -> Answer:
        """Call a tool. Raises ToolFailure for a protocol error, and if the server has ended.

        A cancellation is passed on to the server, which may or may not heed it.
        """
        from mcp import MCPError
        from mcp_types import CONNECTION_CLOSED

        if arguments is not None and not isinstance(arguments, dict):
            raise TypeError(f"MCP tools take an object, not {type(arguments).__name__}")
        if self._client is None or self._closing.is_set():
            raise ToolFailure("ConnectionError: the MCP server is closed")
        try:
            result = await self._client.call_tool(name, arguments or {})
        except MCPError as error:
            is_closed = error.code == CONNECTION_CLOSED
            ending = await self._process.ending(ENDING_S if is_closed else 0)
            if ending:
                message = f"ConnectionError: the MCP server {self._process.command} {ending}"
                raise ToolFailure(message) from error
            raise ToolFailure(f"MCPError {error.code}: {error.message}") from error
        value = _value(result)
        return Answer(value, _error_mark(value) if result.is_error else None)

    async def close(self) -> None:
        """Close the connection and end the server, within two seconds or so."""
        self._closing.set()
        task = self._task
        if task is None:
            return
        if self._client is None:
            task.cancel()
        await asyncio.wait({task}, timeout=CLOSE_S)
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CLOSE_S)
        if task.done() and not task.cancelled():
            task.exception()  # retrieved: it was already raised where the task was awaited


async def _list_tools(client: Any) -> list[Any]:
    tools: list[Any] = []
    cursor = None
    for _ in range(MAX_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return tools


def _error_mark(value: Any) -> ErrorMark:
    """Return the mark of an answer that the server flags, with its first line if it is a text."""
    text = title(value) if isinstance(value, str) else ""
    return ErrorMark("flag", f"{FLAGGED}: {text}" if text else FLAGGED)


def _value(result: Any) -> Any:
    """Return the text if all blocks are text, else the blocks or, without any, structured data."""
    blocks = list(result.content or ())
    if blocks and all(block.type == "text" for block in blocks):
        return "\n".join(block.text for block in blocks)
    if not blocks:
        return result.structured_content if result.structured_content is not None else ""
    return [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in blocks]
