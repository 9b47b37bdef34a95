"""The pipe that a process prints to. It is read as it fills; output that is not kept is dropped."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Callable

from hermes_tui.runtime.tools.kept_output import KeptOutput

READ_BYTES = 1 << 18
PIPE_BYTES = 1 << 20


class OutputPipe:
    """Keeps at most `keep_bytes`, head and tail, of what is written to `write_end`."""

    def __init__(self, keep_bytes: int) -> None:
        self._keep_bytes = keep_bytes
        self._kept = KeptOutput(keep_bytes)
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self.on_output: Callable[[bytes], None] | None = None
        """Called with the output as it is read, if set."""
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(self._read_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def listen(self) -> None:
        """Start reading, and close our own write end."""
        os.close(self.write_end)
        self.write_end = -1
        self._loop.add_reader(self._read_end, self._read)

    def _read(self) -> bool:
        """Read the available bytes; return False if there are none."""
        try:
            data = os.read(self._read_end, READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(self._read_end)
            self._ended.set()
            return False
        self._kept.add(data)
        if self.on_output is not None:
            self.on_output(data)
        return True

    async def ends_within(self, seconds: float) -> None:
        """Wait at most `seconds` until all write ends of the pipe are closed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()

    def take(self) -> str:
        """Return the output since the last call, including what is still in the pipe.

        At most one full pipe of that is read, since it may be filled faster than it is read.
        """
        self._drain()
        text, self._kept = self._kept.text(), KeptOutput(self._keep_bytes)
        return text

    def _drain(self) -> None:
        for _ in range(PIPE_BYTES // READ_BYTES + 1):
            if self._ended.is_set() or not self._read():
                break

    def close(self) -> None:
        """Read what is still in the pipe, and close it."""
        self._drain()
        self._ended.set()
        if self.write_end >= 0:
            os.close(self.write_end)
        else:
            self._loop.remove_reader(self._read_end)
        os.close(self._read_end)
