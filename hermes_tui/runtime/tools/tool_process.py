"""Runs the tools of foreign code in a separate process, whose crash the debugger survives."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from hermes_tui.model.errors import HermesError, UsageError
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.plain_values import decode
from hermes_tui.runtime.json_lines_process import JsonLinesProcess
from hermes_tui.runtime.own_process import command_for
from hermes_tui.runtime.tools.base import Answer, CallContext, ToolFailure, specs_of, within
from hermes_tui.runtime.tools.changed_schemas import schemas_changed
from hermes_tui.runtime.tools.frames import Crash, crash_in
from hermes_tui.runtime.tools.processes import MARK, kill_marked, signal_name
from hermes_tui.runtime.tools.tool_child import END_GRACE_S

CANCEL_S: Final = 0.6
"""How long a cancelled call may take to end before its process is killed."""
_CHILD: Final = "hermes_tui.runtime.tools.tool_child"
_LONG_BYTES: Final = 1 << 18


class ToolProcess:
    """The tools of a source, as `tool_child` takes it, with the environment of this process.

    If the process has ended or was killed since a call did not end, it is started again for the
    next call. The state that the tools kept in their modules is then lost.
    """

    manual: frozenset[str] = frozenset()

    def __init__(self, source: Mapping[str, Any], timeout_s: float | None) -> None:
        self._source, self._timeout_s = source, timeout_s
        self._mark = uuid4().hex
        self._process: JsonLinesProcess | None = None
        self._call_lock = asyncio.Lock()
        self._number = 0
        """The number of the latest call."""
        self.schemas: tuple[dict[str, Any], ...] = ()
        self.specs: tuple[ToolSpec, ...] = ()
        self.news = ""
        """A message about tools that have changed since the process was started again."""

    @classmethod
    async def open(
        cls, source: Mapping[str, Any], *, timeout_s: float | None = None
    ) -> ToolProcess:
        """Load the tools, whose calls may take at most `timeout_s` each.

        Raises UsageError or HermesError if they cannot be loaded.
        """
        box = cls(source, timeout_s)
        box.schemas = tuple(await box._start())
        box.specs = specs_of(box.schemas)
        return box

    async def call(self, name: str, arguments: Any, context: CallContext) -> Answer:
        """Run the tool; raises ToolFailure for its exceptions, and if it ends its process."""
        # The branches of a run share the process, which answers one call at a time.
        async with self._call_lock:
            process = await self._running()
            call_context = {"task_id": context.task_id, "user_task": context.user_task}
            request = {"name": name, "arguments": arguments, "context": call_context}
            process.take_printed()
            process.listen(context.prints.on_output)
            try:
                line = await within(self._timeout_s, self._ask(process, request))
                code = 0 if line.endswith(b"\n") else await process.ending()
            finally:
                process.listen(None)
                context.prints.append(process.take_printed())
            if line.endswith(b"\n"):
                return await self._answer_in(line)
            await self._end()
            crash = crash_in(context.prints.pop(), code)
            context.prints.append(crash.printed)
            raise ToolFailure(f"ChildProcessError: the tool {_end_text(code, crash)}", crash.frames)

    async def _running(self) -> JsonLinesProcess:
        """Return the process, or a new one if it has ended."""
        if self._process is None or self._process.pid is None:
            await self._end()
            changed = schemas_changed(self.schemas, await self._start())
            named = self._source.get("path", self._source["kind"])
            self.news = f"{named}: {changed}" if changed else ""
        assert self._process is not None, "started"
        return self._process

    async def _ask(self, process: JsonLinesProcess, request: dict[str, Any]) -> bytes:
        self._number += 1
        try:
            await process.send({"call": self._number, **request})
            return await self._reply(process)
        except asyncio.CancelledError:
            await self._cancel(process)
            raise
        except RecursionError as error:
            raise ToolFailure(f"RecursionError: {error}") from error
        except ValueError as error:
            await self._end()
            raise ToolFailure(f"ValueError: a result that is far too large: {error}") from error

    async def _reply(self, process: JsonLinesProcess) -> bytes:
        """Return the answer to the latest call, cut short if the process ended before.

        Other lines are skipped: a tool may find the pipe and write to it.
        """
        beginning = b'{"call": %d, ' % self._number
        line = await process.answer()
        while line.endswith(b"\n") and not line.startswith(beginning):
            line = await process.answer()
        return line

    async def _answer_in(self, line: bytes) -> Answer:
        is_long = len(line) > _LONG_BYTES
        answer = await asyncio.to_thread(json.loads, line) if is_long else json.loads(line)
        if "cancelled" in answer:
            # Nobody requested that: the tool ended the event loop, so its process will end, too.
            await self._end()
            raise ToolFailure("CancelledError: the tool cancelled its own task")
        if "raised" in answer:
            raise ToolFailure(answer["raised"], tuple(answer["frames"]))
        return Answer(answer["text"] if "text" in answer else decode(answer["json"]))

    async def close(self) -> None:
        """Let the process end by itself, else kill it, and all processes started from it."""
        await self._end(END_GRACE_S)

    async def _start(self) -> list[dict[str, Any]]:
        """Start the process and return the schemas of its tools."""
        self._number = 0
        self._process = process = await JsonLinesProcess.started(
            command_for(_CHILD), environment=os.environ | {MARK: self._mark}
        )
        try:
            await process.send(self._source)
            line = await self._reply(process)
            if not line.endswith(b"\n"):
                code = await process.ending()
                named = self._source.get("path", self._source["kind"])
                how = _end_text(code, crash_in(process.take_printed(), code))
                raise UsageError(f"{named}: importing it {how}")
            hello = json.loads(line)
            if "schemas" in hello:
                return list(hello["schemas"])
            of_usage = hello["exit_code"] == UsageError.exit_code
            raise (UsageError if of_usage else HermesError)(hello["message"], hello["hint"])
        except BaseException:
            await self._end()
            raise

    async def _cancel(self, process: JsonLinesProcess) -> None:
        """Cancel the call, or else end the process; another cancellation ends it at once."""
        try:
            async with asyncio.timeout(CANCEL_S):
                await process.send({"cancel": True})
                if (await self._reply(process)).endswith(b"\n"):
                    return
        except (TimeoutError, ValueError, asyncio.CancelledError):
            pass
        await self._end()

    async def _end(self, grace_s: float = 0.0) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.end(grace_s)
            kill_marked(self._mark)


def _end_text(code: int, crash: Crash) -> str:
    """Return how a process ended, with the reason that it printed last."""
    how = f"with {signal_name(-code)}" if code < 0 else f"with exit code {code}"
    lines = [line.strip() for line in crash.printed.splitlines() if line.strip()]
    why = crash.error or (lines[-1] if lines else "")
    return f"ended its process {how}: {why}" if why else f"ended its process {how}"
