"""An MCP server as a child process: its messages on two streams, its stderr never on the terminal.

The `mcp` package has its own stdio transport, but that one hides the exit status and gives a
stubborn server four seconds to end. This one has the same interface, keeps the last lines of stderr
and ends within two seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import signal
from collections import deque
from collections.abc import Collection, Sequence
from typing import Any

from hermes_tui.runtime.json_lines_process import close_pipes, has_ended_within
from hermes_tui.runtime.tools.processes import clean_environment, signal_group, signal_name

STDIN_GRACE_S = 0.8
TERM_GRACE_S = 0.5
KILL_GRACE_S = 0.4
READ_BYTES = 1 << 16
MAX_LINE_BYTES = 1 << 26
STDERR_LINES = 5
STDERR_LINE_CHARACTERS = 300


class McpProcess:
    """A server's process as a transport for `mcp.Client`."""

    def __init__(self, arguments: Sequence[str], withheld: Collection[str]) -> None:
        """`withheld` are names and values that its environment must not have."""
        self.command = shlex.join(arguments)
        self._arguments, self._withheld = tuple(arguments), withheld
        self._process: asyncio.subprocess.Process | None = None
        self._stderr: deque[str] = deque(maxlen=STDERR_LINES)
        self._tasks: list[asyncio.Task[None]] = []
        self._streams: tuple[Any, ...] = ()

    async def __aenter__(self) -> Any:
        import anyio

        self._process = process = await asyncio.create_subprocess_exec(
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=clean_environment(withheld=self._withheld),
            start_new_session=True,
        )
        incoming_end, incoming = anyio.create_memory_object_stream[Any](0)
        outgoing_end, outgoing = anyio.create_memory_object_stream[Any](0)
        self._streams = (incoming_end, incoming, outgoing_end, outgoing)
        self._tasks = [
            asyncio.create_task(self._read(process.stdout, incoming_end)),
            asyncio.create_task(self._write(process.stdin, outgoing, incoming_end)),
            asyncio.create_task(self._keep_stderr(process.stderr)),
        ]
        return incoming, outgoing_end

    async def __aexit__(self, *exc_info: object) -> None:
        """Close its stdin, then send TERM, then KILL to its group; this takes up to two seconds."""
        process = self._process
        if process is None:
            return
        try:
            await self._end(process)
        finally:
            for number in (signal.SIGTERM, signal.SIGKILL):
                signal_group(process.pid, number)
            for task in self._tasks:
                task.cancel()
            for stream in self._streams:
                stream.close()
            close_pipes(process)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is not None:
            process.stdin.close()
        if not await has_ended_within(process, STDIN_GRACE_S):
            signal_group(process.pid, signal.SIGTERM)
            if not await has_ended_within(process, TERM_GRACE_S):
                signal_group(process.pid, signal.SIGKILL)
                await has_ended_within(process, KILL_GRACE_S)

    async def ending(self, within_s: float = KILL_GRACE_S) -> str:
        """Return how the process ended and its last lines on stderr; empty while it runs."""
        if self._process is None or not await has_ended_within(self._process, within_s):
            return ""
        if len(self._tasks) > 2:
            await asyncio.wait({self._tasks[2]}, timeout=KILL_GRACE_S)
        status = self._process.returncode or 0
        how = f"was killed by {signal_name(-status)}" if status < 0 else f"ended, status {status}"
        return f"{how}: {self.last_words}" if self.last_words else how

    @property
    def last_words(self) -> str:
        """The last lines of its stderr, joined into one."""
        return " | ".join(self._stderr)

    async def _read(self, stdout: Any, incoming_end: Any) -> None:
        import anyio
        from mcp.shared.message import SessionMessage
        from mcp_types import jsonrpc_message_adapter

        buffer = bytearray()
        with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            async with incoming_end:
                while data := await stdout.read(READ_BYTES):
                    *lines, rest = data.split(b"\n")
                    for line in lines:
                        whole = bytes(buffer) + line
                        buffer.clear()
                        try:
                            message = jsonrpc_message_adapter.validate_json(whole, by_name=False)
                        except ValueError:
                            self._note(whole)  # not a message: output that should go to stderr
                            continue
                        await incoming_end.send(SessionMessage(message))
                    buffer += rest
                    if len(buffer) > MAX_LINE_BYTES:
                        self._stderr.append(f"sent a line of over {MAX_LINE_BYTES:,} bytes")
                        return

    async def _write(self, stdin: Any, outgoing: Any, incoming_end: Any) -> None:
        try:
            async with outgoing:
                async for item in outgoing:
                    text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
                    stdin.write(text.encode() + b"\n")
                    await stdin.drain()
        except OSError:
            # Closing the other stream signals the end of the connection to the session.
            incoming_end.close()

    async def _keep_stderr(self, stderr: Any) -> None:
        rest = b""
        while data := await stderr.read(READ_BYTES):
            *lines, rest = (rest + data)[-READ_BYTES:].split(b"\n")
            for line in lines:
                self._note(line)
        self._note(rest)

    def _note(self, line: bytes) -> None:
        if text := line.decode("utf-8", "replace").strip():
            self._stderr.append(text[:STDERR_LINE_CHARACTERS])
