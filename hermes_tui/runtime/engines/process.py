"""The process that an engine's parsers run in: started, asked, and ended for certain."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.engines.added import AddedEngine
from hermes_tui.runtime.tools.processes import clean_environment, signal_group

END_GRACE_S: Final = 1.0
"""What a process that ended said last has this long to arrive."""
START_TIMEOUT_S: Final = {"wheel": 30.0, "path": 30.0, "python": 120.0}
MAX_LINE_BYTES: Final = 256 << 20
_MAX_STDERR_BYTES: Final = 1 << 16
_HERE: Final = str(Path(__file__).parent)
_RUN: Final = "; ".join(
    (
        f"import sys; sys.path.insert(0, {_HERE!r})",
        "from child.serve import main; del sys.path[0]; main()",
    )
)
_OFFLINE: Final = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CONFIGURE_LOGGING": "0",
}


class EngineProcess:
    """A running process of `engine`, made by `started`. `hello` is what it said of itself."""

    def __init__(self, engine: AddedEngine, process: asyncio.subprocess.Process) -> None:
        self._engine = engine
        self._process = process
        self._stderr = bytearray()
        self._listening = asyncio.create_task(self._listen())
        self.hello: dict[str, Any] = {}

    @classmethod
    async def started(cls, engine: AddedEngine, memory_mb: int) -> EngineProcess:
        """Return a process that has loaded the engine; raises SourceError where none can."""
        if engine.problem:
            raise SourceError(engine.name, engine.problem)
        made = cls(engine, await _spawned(engine))
        try:
            await made._load(memory_mb)
        except BaseException:
            await made.end()
            raise
        return made

    @property
    def pid(self) -> int | None:
        """The process, None where it has ended."""
        return self._process.pid if self._process.returncode is None else None

    @property
    def within(self) -> str:
        """What the paths of the engine's own files hold."""
        return self._engine.source or f"{os.sep}{self._engine.engine}{os.sep}"

    async def ask(self, request: Mapping[str, Any], limit_s: float) -> bytes:
        """Send a request and return the line that answers it, cut short where the process ended.

        Raises TimeoutError, or ValueError, TypeError or RecursionError for what is no line.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None, "pipes"
        line = json.dumps(request).encode("ascii") + b"\n"
        self._stderr.clear()
        async with asyncio.timeout(limit_s):
            with suppress(BrokenPipeError, ConnectionResetError):
                stdin.write(line)
                await stdin.drain()
            return await stdout.readline()

    async def last_words(self) -> tuple[int, list[str]]:
        """Wait for the end, and return the exit code and the last lines on stderr.

        The code is negative where a signal ended it. One that lives on is killed.
        """
        try:
            async with asyncio.timeout(END_GRACE_S):
                await self._process.wait()
                await asyncio.shield(self._listening)
        except TimeoutError:
            await self.end()
        lines = self._stderr.decode("utf-8", "replace").splitlines()
        said = [line.strip() for line in lines if line.strip()]
        return self._process.returncode or 0, said

    async def end(self) -> None:
        """Kill the process; nothing in it is worth an orderly end."""
        if self._process.returncode is None:
            signal_group(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def _load(self, memory_mb: int) -> None:
        engine = self._engine
        config = {
            "engine": engine.engine,
            "source": engine.source,
            "deps": engine.deps,
            "version": engine.version if engine.kind != "python" else "",
            "within": self.within,
            "memory_mb": memory_mb,
        }
        limit_s = START_TIMEOUT_S[engine.kind]
        try:
            hello = json.loads(await self.ask(config, limit_s))
        except TimeoutError as error:
            raise await self.unusable(f"not ready after {limit_s:g} s") from error
        except ValueError as error:
            raise await self.unusable("its process does not start") from error
        if "error" in hello:
            raise SourceError(engine.name, f"cannot be loaded: {hello['error']}")
        self.hello = hello

    async def unusable(self, what: str) -> SourceError:
        """Return an error that says `what`, and what the process said last."""
        _, said = await self.last_words()
        return SourceError(self._engine.name, what, " | ".join(said[-3:]))

    async def _listen(self) -> None:
        """Keep the end of stderr, so that the process never blocks on a full pipe."""
        assert self._process.stderr is not None, "a pipe"
        while piece := await self._process.stderr.read(8192):
            self._stderr += piece
            del self._stderr[:-_MAX_STDERR_BYTES]


async def _spawned(engine: AddedEngine) -> asyncio.subprocess.Process:
    # Isolated: neither the current folder nor the user's packages. A wheel brings all it needs.
    flags = ("-I", "-S") if engine.kind == "wheel" else ("-I",)
    python = engine.python or sys.executable
    try:
        return await asyncio.create_subprocess_exec(
            *(python, *flags, "-c", _RUN),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=MAX_LINE_BYTES,
            cwd=_HERE,
            env=clean_environment() | _OFFLINE,
            start_new_session=True,
        )
    except OSError as error:
        raise SourceError(python, error.strerror or "cannot be run") from error
