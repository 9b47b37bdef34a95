"""A small real model on this machine: no key, no network, its own child process."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import deque
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from hermes_tui.model.errors import SourceError
from hermes_tui.model.wording import install
from hermes_tui.runtime.models import choose_model
from hermes_tui.runtime.own_process import command_for
from hermes_tui.runtime.tools.processes import signal_group

MAX_STDERR_LINES: Final = 200
SHOWN_STDERR_LINES: Final = 3
CONTEXT_TOKENS: Final = 4096
THREADS: Final = 1
READY_TIMEOUT_S: Final = 60.0
CLOSE_TIMEOUT_S: Final = 1.0
_TEMPLATE: Final = Path(__file__).with_name("local_template.jinja")
"""The chat template that teaches the model to call tools."""


class LocalModel:
    """Serves the installed model `name`, or the default one if that is empty."""

    def __init__(self, name: str = "", *, ready_timeout_s: float = READY_TIMEOUT_S) -> None:
        self._name = name
        self._ready_timeout_s = ready_timeout_s
        self._process: asyncio.subprocess.Process | None = None
        self._stderr_lines: deque[str] = deque(maxlen=MAX_STDERR_LINES)
        self._stderr_task: asyncio.Task[None] | None = None
        self.model = ""
        """The name of the model in requests."""

    @property
    def pid(self) -> int | None:
        """The id of the model's process, or None if it is not running."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def start(self) -> str:
        """Load the model and return the base URL, `/v1` included.

        Raises SourceError if xllamacpp or the model is missing, or if it does not start.
        """
        if find_spec("xllamacpp") is None:
            raise SourceError("local model", "xllamacpp is not installed", install("local"))
        model = choose_model(self._name)
        self.model = model.name
        config = {
            "gguf": str(model.path),
            "alias": model.name,
            "n_ctx": CONTEXT_TOKENS,
            "threads": THREADS,
            "template": _TEMPLATE.read_text("utf-8"),
        }
        self._process = await asyncio.create_subprocess_exec(
            *command_for("hermes_tui.runtime.servers.local_child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._stderr_task = asyncio.create_task(self._read_stderr())
        try:
            return await self._url(config)
        except BaseException:
            await self.close()
            raise

    async def _url(self, config: dict[str, Any]) -> str:
        """Send the configuration to the child, and wait for the line with the model's URL."""
        process, limit_s = self._process, self._ready_timeout_s
        assert process is not None and process.stdin and process.stdout, "started"
        process.stdin.write(json.dumps(config).encode() + b"\n")
        try:
            async with asyncio.timeout(limit_s):
                line = await process.stdout.readline()
        except TimeoutError as error:
            raise self._failure(f"not ready after {limit_s:g} s") from error
        try:
            return f"{json.loads(line)['url']}/v1"
        except (ValueError, KeyError, TypeError) as error:
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await process.wait()
                    if self._stderr_task is not None:
                        await asyncio.shield(self._stderr_task)
            raise self._failure("it did not start") from error

    def _failure(self, what: str) -> SourceError:
        lines = [line for line in self._stderr_lines if line.strip()][-SHOWN_STDERR_LINES:]
        return SourceError(f"local model {self.model}", what, " | ".join(lines))

    async def _read_stderr(self) -> None:
        """Read the child's stderr, so that it never blocks on a full pipe; keep the last lines."""
        process = self._process
        assert process is not None and process.stderr is not None, "started"
        while piece := await process.stderr.read(8192):
            self._stderr_lines.extend(piece.decode("utf-8", "replace").splitlines())

    async def close(self) -> None:
        """End the child within two seconds."""
        process, listening = self._process, self._stderr_task
        self._process = self._stderr_task = None
        if process is not None and process.returncode is None:
            if process.stdin is not None:
                process.stdin.close()
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await process.wait()
            except TimeoutError:
                signal_group(process.pid, signal.SIGKILL)
                await process.wait()
        if listening is not None:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
