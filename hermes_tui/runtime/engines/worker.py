"""A real engine as the lab uses it: one text at a time, with a verdict in every case."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from hermes_tui.model.chat_api import tool_schema
from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.model.messages import ToolSpec
from hermes_tui.runtime.engines.added import AddedEngine
from hermes_tui.runtime.engines.process import EngineProcess
from hermes_tui.runtime.engines.verdicts import (
    EngineOutcome,
    EngineVerdict,
    timed_out,
    verdict_of,
)
from hermes_tui.runtime.tools.processes import signal_name

DEFAULT_TIMEOUT_S: Final = 5.0
DEFAULT_MEMORY_MB: Final = 1024
GRACE_S: Final = 1.0
"""The process stops a parse itself; this many seconds later it is killed."""
PROBE_TIMEOUT_S: Final = 120.0
_LONG_BYTES: Final = 1 << 18
_FORCED_END: Final = "Timeout ("
"""The beginning of faulthandler's output when it ends a process; a traceback follows it."""

Tool = ToolSpec | Mapping[str, Any]
"""A tool of the request: as decoded, or as its JSON schema with `type` and `function`."""


class EngineWorker:
    """Keeps one process of `engine`; it is started when needed, and restarted if it has ended."""

    def __init__(self, engine: AddedEngine, *, memory_mb: int = DEFAULT_MEMORY_MB) -> None:
        self.engine = engine
        self._memory_mb = memory_mb
        self._process: EngineProcess | None = None
        self._lock = asyncio.Lock()
        self._request_task: asyncio.Task[EngineVerdict] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, or None if no process is running."""
        return self._process.pid if self._process is not None else None

    def is_ready(self, parser: str) -> bool:
        """Return whether a process is running that has loaded the parser."""
        return (
            self.pid is not None and self._process is not None and self._process.has_loaded(parser)
        )

    async def start(self) -> dict[str, Any]:
        """Ensure that a process is ready, and return its `version`, `names` and `python`.

        Raises SourceError if it cannot be started.
        """
        async with self._lock:
            await self._finish_abandoned()
            return (await self._ensure_started()).hello

    async def failures(self) -> dict[str, str]:
        """Load every parser and return why some cannot be loaded, by name; raises SourceError."""
        async with self._lock:
            await self._finish_abandoned()
            process = await self._ensure_started()
            try:
                line = await process.ask({"probe": True}, PROBE_TIMEOUT_S)
                return dict(json.loads(line)["failures"])
            except (TimeoutError, ValueError, KeyError, TypeError) as error:
                raise await process.unusable("its parsers cannot be loaded") from error
            except asyncio.CancelledError:
                await self._end()
                raise

    async def parse(
        self,
        parser: str,
        text: str,
        tools: Sequence[Tool] = (),
        *,
        stream: Sequence[int] | None = None,
        by_characters: bool = False,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        reasoning_parser: str = "",
    ) -> EngineVerdict:
        """Return the engine's verdict on `text`; any failure is a verdict, too.

        The limit is that of the reading; starting the process and importing the parser have their
        own. `stream` are the sizes of the deltas to feed, in pseudo-tokens (a marker, a word, a
        digit or a punctuation mark) or characters; the last size is repeated until the end.
        """
        request = {
            "parser": parser,
            "text": text,
            "tools": [_schema(tool) for tool in tools],
            "sizes": list(stream or ()),
            "unit": "characters" if by_characters else "tokens",
            "reasoning_parser": reasoning_parser,
            "timeout_s": timeout_s,
        }
        async with self._lock:
            await self._finish_abandoned()
            self._request_task = asyncio.create_task(self._verdict(request, timeout_s))
            # A cancelled caller does not end the process: its answer is read and discarded.
            return await asyncio.shield(self._request_task)

    async def close(self) -> None:
        """End the process."""
        if self._request_task is not None:
            self._request_task.cancel()
            await asyncio.gather(self._request_task, return_exceptions=True)
        await self._end()

    async def _finish_abandoned(self) -> None:
        """Wait until the process has finished a request whose caller was cancelled."""
        if self._request_task is not None:
            await asyncio.wait((self._request_task,))
            self._request_task = None

    async def _ensure_started(self) -> EngineProcess:
        if self._process is None or self._process.pid is None:
            await self._end()
            self._process = await EngineProcess.started(self.engine, self._memory_mb)
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.end()

    async def _verdict(self, request: dict[str, Any], limit_s: float) -> EngineVerdict:
        try:
            process = await self._ensure_started()
            await process.load(request["parser"])
        except (SourceError, UsageError) as error:
            await self._end()
            is_wrong = isinstance(error, UsageError)
            return EngineVerdict(EngineOutcome.UNKNOWN, error=str(error), is_refused=is_wrong)
        began = time.monotonic()
        try:
            line = await process.ask(request, limit_s + GRACE_S)
            if not line.endswith(b"\n"):
                return await self._ended(process, limit_s, time.monotonic() - began)
            # A long stream in small deltas takes long to decode; the screen must not wait for it.
            reading = partial(verdict_of, limit_s=limit_s, memory_mb=self._memory_mb)
            is_long = len(line) > _LONG_BYTES
            verdict = await asyncio.to_thread(reading, line) if is_long else reading(line)
        except TimeoutError:
            await self._end()
            return _timed_out(limit_s, time.monotonic() - began)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            # Either our tools are not JSON or nest too deeply, or the engine's line is malformed.
            await self._end()
            return EngineVerdict(
                EngineOutcome.UNKNOWN, error=f"request or answer malformed: {error}"
            )
        if verdict.is_last:
            await self._end()
        return verdict

    async def _ended(
        self, process: EngineProcess, limit_s: float, duration_s: float
    ) -> EngineVerdict:
        """Return a verdict on a process that ended in the middle of a parse."""
        code, stderr_lines = await process.last_words()
        await self._end()
        if any(line.startswith(_FORCED_END) for line in stderr_lines):
            return _timed_out(limit_s, duration_s, _place_in_dump(stderr_lines, process.within))
        how = signal_name(-code) if code < 0 else f"exit code {code}"
        why = f": {stderr_lines[-1]}" if stderr_lines else ""
        error = f"the parser ended its process ({how}){why}"
        return EngineVerdict(EngineOutcome.RAISED, error=error, duration_s=duration_s)


def _timed_out(limit_s: float, duration_s: float, where: str = "") -> EngineVerdict:
    error = timed_out(limit_s, where)
    return EngineVerdict(EngineOutcome.TIMED_OUT, error=error, duration_s=duration_s)


def _place_in_dump(stderr_lines: Sequence[str], within: str) -> str:
    """Return the engine's innermost line in faulthandler's output: `file.py:12 in name`.

    Empty if there is none.
    """
    for line in stderr_lines:
        if line.startswith('File "') and within in line:
            path, _, rest = line.removeprefix('File "').partition('", line ')
            number, _, name = rest.partition(" in ")
            return f"{Path(path).name}:{number} in {name}"
    return ""


def _schema(tool: Tool) -> dict[str, Any]:
    if not isinstance(tool, ToolSpec):
        return dict(tool)
    return tool_schema(tool.name, tool.description, tool.parameters)
