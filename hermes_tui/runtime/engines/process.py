"""The process that runs an engine's parsers: it receives a configuration, then requests."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.runtime.engines.added import AddedEngine
from hermes_tui.runtime.json_lines_process import JsonLinesProcess
from hermes_tui.runtime.tools.processes import clean_environment

START_TIMEOUT_S: Final = {"wheel": 30.0, "path": 30.0, "python": 120.0}
_HERE: Final = str(Path(__file__).parent)
_BOOTSTRAP: Final = "; ".join(
    (
        f"import sys; sys.path.insert(0, {_HERE!r})",
        "from child.serve import main; del sys.path[0]; main()",
    )
)
_OFFLINE_VARIABLES: Final = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CONFIGURE_LOGGING": "0",
}


class EngineProcess:
    """A running process of `engine`, created by `started`. `hello` is its first message."""

    def __init__(self, engine: AddedEngine, process: JsonLinesProcess) -> None:
        self._engine = engine
        self._process = process
        self.hello: dict[str, Any] = {}
        self._loaded: set[str] = set()

    @classmethod
    async def started(cls, engine: AddedEngine, memory_mb: int) -> EngineProcess:
        """Start a process, load the engine and return it.

        Raises SourceError if that fails, UsageError if its file does not have the parser named.
        """
        if engine.problem:
            raise SourceError(engine.name, engine.problem)
        process = cls(engine, await _spawn(engine))
        try:
            await process._configure(memory_mb)
        except BaseException:
            await process.end()
            raise
        return process

    @property
    def pid(self) -> int | None:
        """The process id, or None if the process has ended."""
        return self._process.pid

    @property
    def within(self) -> str:
        """The text that the paths of the engine's own files contain."""
        return self._engine.file or self._engine.source or f"{os.sep}{self._engine.engine}{os.sep}"

    def has_loaded(self, parser: str) -> bool:
        """Return whether `load` has imported the parser."""
        return parser in self._loaded

    async def load(self, parser: str) -> None:
        """Import a parser if that has not been done; raises SourceError if it takes too long."""
        if parser in self._loaded:
            return
        limit_s = START_TIMEOUT_S[self._engine.kind]
        try:
            line = await self.ask({"load": parser}, limit_s)
        except TimeoutError as error:
            raise await self.unusable(f"{parser} is not loaded after {limit_s:g} s") from error
        if not line.endswith(b"\n"):
            raise await self.unusable(f"its process ended while {parser} was loaded")
        self._loaded.add(parser)

    async def ask(self, request: Mapping[str, Any], limit_s: float) -> bytes:
        """Send a request and return the line that answers it, cut short if the process ended.

        Raises TimeoutError, or ValueError, TypeError or RecursionError if the request or the answer
        is not a JSON line.
        """
        async with asyncio.timeout(limit_s):
            line = await self._process.ask(request)
        if line.endswith(b"\n"):
            self._process.take_printed()
        return line

    async def last_words(self) -> tuple[int, list[str]]:
        """Wait for the process to end; return the exit code and the last lines on stderr.

        The code is negative if a signal ended the process. A process that does not end is killed.
        """
        return await self._process.last_words()

    async def end(self) -> None:
        """Kill the process; it holds nothing that needs an orderly shutdown."""
        await self._process.end()

    async def _configure(self, memory_mb: int) -> None:
        engine = self._engine
        config = {
            "engine": engine.engine,
            "source": engine.source,
            "deps": engine.deps,
            "version": engine.version if engine.kind != "python" else "",
            "within": self.within,
            "memory_mb": memory_mb,
            "file": engine.file,
            "parser": engine.parser,
        }
        limit_s = START_TIMEOUT_S[engine.kind]
        try:
            hello = json.loads(await self.ask(config, limit_s))
        except TimeoutError as error:
            raise await self.unusable(f"not ready after {limit_s:g} s") from error
        except ValueError as error:
            raise await self.unusable("its process did not start") from error
        if hello.get("refused"):
            raise UsageError(f"{engine.name}: {hello['error']}")
        if "error" in hello:
            raise SourceError(engine.name, f"cannot be loaded: {hello['error']}")
        self.hello = hello

    async def unusable(self, what: str) -> SourceError:
        """Return an error with the message `what` and the last lines on stderr as its hint."""
        _, stderr_lines = await self.last_words()
        return SourceError(self._engine.name, what, " | ".join(stderr_lines[-3:]))


async def _spawn(engine: AddedEngine) -> JsonLinesProcess:
    # Isolated: neither the current folder nor the user's packages. A wheel contains all it needs.
    flags = ("-I", "-S") if engine.kind == "wheel" else ("-I",)
    python = engine.python or sys.executable
    command = (python, *flags, "-c", _BOOTSTRAP)
    environment = clean_environment() | _OFFLINE_VARIABLES
    try:
        return await JsonLinesProcess.started(command, environment=environment, folder=_HERE)
    except OSError as error:
        raise SourceError(python, error.strerror or "cannot be run") from error
