"""A child process that answers each line of JSON with a line, and is reliably ended."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from hermes_tui.runtime.tools.output_pipe import OutputPipe
from hermes_tui.runtime.tools.processes import signal_group

END_GRACE_S: Final = 1.0
"""How long the last output of a process may take to arrive after it has ended."""
POLL_S: Final = 0.01
MAX_LINE_BYTES: Final = 256 << 20
KEPT_BYTES: Final = 1 << 16
_EXIT_POLL_S: Final = 0.25


class JsonLinesProcess:
    """A process in its own session, made by `started`.

    Its printed output is what it writes to standard error; at most `KEPT_BYTES` of it are kept.
    """

    def __init__(self, process: asyncio.subprocess.Process, prints: OutputPipe) -> None:
        self._process = process
        self._prints = prints
        self._has_ended = False

    @classmethod
    async def started(
        cls, command: Sequence[str], *, environment: Mapping[str, str], folder: str | None = None
    ) -> JsonLinesProcess:
        """Run `command` in `folder`, which is the current one by default; raises OSError."""
        prints = OutputPipe(KEPT_BYTES)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=prints.write_end,
                limit=MAX_LINE_BYTES,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )
        except BaseException:
            prints.close()
            raise
        prints.listen()
        return cls(process, prints)

    @property
    def pid(self) -> int | None:
        """The process id, or None if the process has ended."""
        return self._process.pid if self._process.returncode is None else None

    async def send(self, request: Mapping[str, Any]) -> None:
        """Write a request as a line; if the process has ended, do nothing.

        Raises ValueError, TypeError or RecursionError if the request cannot be encoded as JSON.
        """
        assert self._process.stdin is not None, "a pipe"
        line = json.dumps(request).encode("ascii") + b"\n"
        with suppress(BrokenPipeError, ConnectionResetError):
            self._process.stdin.write(line)
            await self._process.stdin.drain()

    async def answer(self) -> bytes:
        """Return the next line, cut short if the process ends; raise ValueError if too long."""
        assert self._process.stdout is not None, "a pipe"
        reading = asyncio.ensure_future(self._process.stdout.readline())
        try:
            # Its own children may keep the pipe open after it has ended.
            while self.pid is not None and not reading.done():
                await asyncio.wait({reading}, timeout=_EXIT_POLL_S)
            await asyncio.wait({reading}, timeout=END_GRACE_S)
            return reading.result() if reading.done() else b""
        finally:
            reading.cancel()

    async def ask(self, request: Mapping[str, Any]) -> bytes:
        """Send a request and return the line that answers it."""
        await self.send(request)
        return await self.answer()

    def take_printed(self) -> str:
        """Return the output printed since the last call."""
        return self._prints.take()

    def listen(self, on_output: Callable[[bytes], None] | None) -> None:
        """Call `on_output` with the output as it is printed from now on; None: stop doing so."""
        self._prints.on_output = on_output

    async def ending(self) -> int:
        """Wait until the process has ended and its output has arrived; return the exit code.

        The code is negative if a signal ended it. A process that does not end is killed.
        """
        await self._end_group(END_GRACE_S)
        await self._prints.ends_within(END_GRACE_S)
        return self._process.returncode or 0

    async def last_words(self) -> tuple[int, list[str]]:
        """Wait for the end; return the exit code and the last printed lines that are not blank."""
        code = await self.ending()
        lines = [line.strip() for line in self.take_printed().splitlines() if line.strip()]
        return code, lines

    async def end(self, grace_s: float = 0.0) -> None:
        """Close its standard input, and kill its process group after `grace_s` seconds."""
        if self._has_ended:
            return
        self._has_ended = True
        try:
            await self._end_group(grace_s)
        finally:
            signal_group(self._process.pid, signal.SIGKILL)
            self._prints.close()
            close_pipes(self._process)

    async def _end_group(self, grace_s: float) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        await has_ended_within(self._process, grace_s)
        signal_group(self._process.pid, signal.SIGKILL)
        await has_ended_within(self._process, END_GRACE_S)


async def has_ended_within(process: asyncio.subprocess.Process, seconds: float) -> bool:
    """Return whether a process ends in time. (`Process.wait` would also wait for the pipes.)"""
    deadline = time.monotonic() + seconds
    while process.returncode is None:
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True


def close_pipes(process: asyncio.subprocess.Process) -> None:
    """Close our ends of the pipes, which a child that left the process group may hold open."""
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()
