"""The child process for foreign tools: a line of JSON names their source, every further one a call.

The first line is `{"kind": "python", "path"}` or `{"kind": "hermes", "toolsets", "workdir"}`, its
answer `{"call": 0, "schemas"}` or `{"call": 0, "message", "hint", "exit_code"}`. A call is
`{"call", "name", "arguments", "context"}`, its answer `{"call", "text"}`, `{"call", "json"}` (for a
value that is not a text) or `{"call", "raised", "frames"}`. `{"cancel": true}` ends the current
call, whose answer is then `{"call", "cancelled": true}`; a call that does not end gives no answer,
and the process is killed. All lines are ASCII, since only its escape can express a lone surrogate.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import json
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, Final, TextIO

from hermes_tui.model.errors import HermesError
from hermes_tui.parsers.plain_values import json_text
from hermes_tui.runtime.engines.child.streams import private_streams
from hermes_tui.runtime.tools.base import CallContext, Toolbox
from hermes_tui.runtime.tools.frames import tool_failed
from hermes_tui.runtime.tools.processes import MARK, NICENESS, kill_marked

CANCEL: Final = '{"cancel": true}\n'
END_GRACE_S: Final = 3.0
"""How long a running call may take to end after the last line."""


def main(_: str) -> int:
    """Answer lines until there are no more."""
    requests, answers = private_streams()
    faulthandler.enable(all_threads=False)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    source = json.loads(requests.readline())
    with asyncio.Runner() as runner:
        calls = _Calls(answers)
        reading = (requests, calls, runner.get_loop(), os.environ[MARK])
        threading.Thread(target=_read, args=reading, daemon=True).start()
        try:
            # In the main thread, since some code that runs during an import works in no other one.
            calls.box = _load(source)
        except HermesError as error:
            exit_code = error.exit_code
            _write(
                answers, 0, {"message": error.message, "hint": error.hint, "exit_code": exit_code}
            )
            return 0
        _write(answers, 0, {"schemas": calls.box.schemas})
        runner.run(calls.serve())
    return 0


def _load(source: dict[str, Any]) -> Toolbox:
    if source["kind"] == "python":
        from hermes_tui.runtime.tools.python_functions import PythonFunctions

        return PythonFunctions.load(Path(source["path"]))
    from hermes_tui.runtime.tools.hermes_agent import HermesAgentTools

    return HermesAgentTools.load(source["toolsets"], Path(source["workdir"]))


class _Calls:
    """Answers the calls that it takes; at most one is under way."""

    box: Toolbox

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers
        self._call: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    async def serve(self) -> None:
        """Answer calls until the last line has been taken, then close the toolbox."""
        await self._over.wait()
        if self._call is not None:
            self._call.cancel()
            await asyncio.wait({self._call})
        await self.box.close()

    def take(self, line: str) -> None:
        """Begin the call, or the cancellation, that a line requests; an empty line is the last."""
        if not line:
            self._over.set()
        elif line != CANCEL:
            self._call = asyncio.create_task(self._answer(line))
        elif self._call is not None:
            # After its first step: a task that never began would not answer.
            asyncio.get_running_loop().call_soon(self._call.cancel)

    async def _answer(self, line: str) -> None:
        try:
            request = json.loads(line)
            answer = await self._outcome(request)
            for stream in (sys.stdout, sys.stderr):
                # The tool may have closed or replaced the stream.
                with contextlib.suppress(Exception):
                    stream.flush()
            self._call = None
            _write(self._answers, request["call"], answer)
        except BaseException:  # noqa: BLE001  the parent would wait for ever: end the process
            faulthandler.disable()
            os.write(2, traceback.format_exc().encode("utf-8", "backslashreplace"))
            os._exit(1)

    async def _outcome(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            context = CallContext(**request["context"])
            answer = await self.box.call(request["name"], request["arguments"], context)
            is_text = isinstance(answer.value, str)
            return {"text": answer.value} if is_text else {"json": json_text(answer.value)}
        except asyncio.CancelledError:
            return {"cancelled": True}
        except BaseException as error:  # noqa: BLE001  whatever a tool raises is its own
            text, frames = tool_failed(error)
            return {"raised": text, "frames": frames}


def _read(requests: TextIO, calls: _Calls, loop: asyncio.AbstractEventLoop, mark: str) -> None:
    for line in requests:
        loop.call_soon_threadsafe(calls.take, line)
    with contextlib.suppress(RuntimeError):  # the loop has ended by itself
        loop.call_soon_threadsafe(calls.take, "")
    # Nobody else kills a call that does not end, or a thread that blocks the exit.
    time.sleep(END_GRACE_S)
    kill_marked(mark)
    os.killpg(0, signal.SIGKILL)


def _write(answers: TextIO, call: int, answer: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):
        answers.write(json.dumps({"call": call} | answer, default=repr) + "\n")
        answers.flush()
