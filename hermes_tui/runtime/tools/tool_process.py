"""Tools of foreign code, in a process of their own: what they do to it, the debugger survives."""

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
from hermes_tui.runtime.asked_process import AskedProcess
from hermes_tui.runtime.own_process import command_for
from hermes_tui.runtime.tools.base import Answer, CallContext, ToolFailure, specs_of
from hermes_tui.runtime.tools.frames import Crash, crash_in
from hermes_tui.runtime.tools.processes import MARK, kill_marked, signal_name
from hermes_tui.runtime.tools.tool_child import END_GRACE_S

CANCEL_S: Final = 0.6
"""How long a cancelled call may take to end before its process is killed."""
_CHILD: Final = "hermes_tui.runtime.tools.tool_child"
_LONG_BYTES: Final = 1 << 18


class ToolProcess:
    """The tools of a source, as `tool_child` takes it; they have the environment that we have.

    Where the process ended, or a call would not end, it is started anew for the next call: what
    the tools kept in their modules is gone then.
    """

    manual: frozenset[str] = frozenset()

    def __init__(self, source: Mapping[str, Any]) -> None:
        self._source = source
        self._mark = uuid4().hex
        self._process: AskedProcess | None = None
        self.schemas: tuple[dict[str, Any], ...] = ()
        self.specs: tuple[ToolSpec, ...] = ()

    @classmethod
    async def open(cls, source: Mapping[str, Any]) -> ToolProcess:
        """Load the tools; raises UsageError or HermesError where that fails."""
        box = cls(source)
        box.schemas = tuple(await box._start())
        box.specs = specs_of(box.schemas)
        return box

    async def call(self, name: str, arguments: Any, context: CallContext) -> Answer:
        """Run the tool; what it raises, and how it ended its process, is a ToolFailure."""
        if self._process is None or self._process.pid is None:
            await self._end()
            await self._start()
        process = self._process
        assert process is not None, "started"
        process.take_printed()
        try:
            line = await self._ask(process, name, arguments, context)
            code = 0 if line.endswith(b"\n") else await process.ending()
        finally:
            crash = crash_in(process.take_printed())
            context.prints.append(crash.printed)
        if not line.endswith(b"\n"):
            await self._end()
            raise _failure_of_end(code, crash)
        is_long = len(line) > _LONG_BYTES
        answer = await asyncio.to_thread(json.loads, line) if is_long else json.loads(line)
        if "raised" in answer:
            raise ToolFailure(answer["raised"], tuple(answer["frames"]))
        return Answer(answer["text"] if "text" in answer else decode(answer["json"]))

    async def _ask(
        self, process: AskedProcess, name: str, arguments: Any, context: CallContext
    ) -> bytes:
        told = {"task_id": context.task_id, "user_task": context.user_task}
        try:
            return await process.ask({"name": name, "arguments": arguments, "context": told})
        except asyncio.CancelledError:
            await self._cancel(process)
            raise
        except RecursionError as error:
            raise ToolFailure(f"RecursionError: {error}") from error
        except ValueError as error:
            await self._end()
            raise ToolFailure(f"ValueError: an answer beyond all bounds: {error}") from error

    async def close(self) -> None:
        """End the process by its own means, else by force, and all that was started from it."""
        await self._end(END_GRACE_S)

    async def _start(self) -> list[dict[str, Any]]:
        """Start the process and return the schemas of its tools."""
        self._process = await AskedProcess.started(
            command_for(_CHILD), environment=os.environ | {MARK: self._mark}
        )
        try:
            line = await self._process.ask(self._source)
            if not line.endswith(b"\n"):
                raise await self._unusable(self._process)
            hello = json.loads(line)
            if "schemas" in hello:
                return list(hello["schemas"])
            of_usage = hello["exit_code"] == UsageError.exit_code
            raise (UsageError if of_usage else HermesError)(hello["message"], hello["hint"])
        except BaseException:
            await self._end()
            raise

    async def _unusable(self, process: AskedProcess) -> HermesError:
        code, said = await process.last_words()
        named = self._source.get("path", self._source["kind"])
        return UsageError(f"{named}: loading it {_ended(code)}", " | ".join(said[-1:]))

    async def _cancel(self, process: AskedProcess) -> None:
        """Have the call end by itself, else with its process; a second cancel makes it quicker."""
        try:
            async with asyncio.timeout(CANCEL_S):
                await process.send({"cancel": True})
                if (await process.answer()).endswith(b"\n"):
                    return
        except (TimeoutError, ValueError, asyncio.CancelledError):
            pass
        await self._end()

    async def _end(self, grace_s: float = 0.0) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.end(grace_s)
            kill_marked(self._mark)


def _failure_of_end(code: int, crash: Crash) -> ToolFailure:
    said = [line.strip() for line in crash.printed.splitlines() if line.strip()]
    why = crash.error or (said[-1] if said else "")
    text = f"ChildProcessError: the tool {_ended(code)}"
    return ToolFailure(f"{text}: {why}" if why else text, crash.frames)


def _ended(code: int) -> str:
    how = f"with {signal_name(-code)}" if code < 0 else f"with exit code {code}"
    return f"ended its process {how}"
