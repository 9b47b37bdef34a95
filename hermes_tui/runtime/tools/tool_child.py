"""The process of foreign tools: a line of JSON names their source, every further one is a call.

The first line is `{"kind": "python", "path"}` or `{"kind": "hermes", "toolsets", "workdir"}`, its
answer `{"schemas"}` or `{"message", "hint", "exit_code"}`. A call is `{"name", "arguments",
"context"}`, its answer `{"text"}`, `{"json"}` (of a value that is no text) or `{"raised",
"frames"}`. `{"cancel": true}` ends the call under way, whose answer is then `{"cancelled": true}`;
one that does not end gives no answer, and the process is killed. All lines are ASCII, as a lone
surrogate in a text has no other spelling.
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
from pathlib import Path
from typing import Any, Final, TextIO

from hermes_tui.model.errors import HermesError
from hermes_tui.parsers.plain_values import json_text
from hermes_tui.runtime.engines.child.streams import private_streams
from hermes_tui.runtime.tools.base import CallContext, Toolbox
from hermes_tui.runtime.tools.frames import tool_failed
from hermes_tui.runtime.tools.processes import NICENESS

CANCEL: Final = '{"cancel": true}\n'
END_GRACE_S: Final = 3.0
"""How long after the last line what still runs may take to end."""


def main(_: str) -> int:
    """Answer lines until there are no more."""
    requests, answers = private_streams()
    faulthandler.enable(all_threads=False)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    asyncio.run(_serve(requests, answers))
    return 0


async def _serve(requests: TextIO, answers: TextIO) -> None:
    source = json.loads(requests.readline())
    try:
        box = await _opened(source)
    except HermesError as error:
        _write(
            answers,
            {"message": error.message, "hint": error.hint, "exit_code": error.exit_code},
        )
        return
    _write(answers, {"schemas": box.schemas})
    calls = _Calls(box, answers)
    threading.Thread(
        target=_read, args=(requests, calls, asyncio.get_running_loop()), daemon=True
    ).start()
    await calls.over.wait()
    await calls.cancel()
    await box.close()


async def _opened(source: dict[str, Any]) -> Toolbox:
    if source["kind"] == "python":
        from hermes_tui.runtime.tools.python_functions import PythonFunctions

        return await PythonFunctions.open(Path(source["path"]))
    from hermes_tui.runtime.tools.hermes_agent import HermesAgentTools

    return await HermesAgentTools.open(source["toolsets"], Path(source["workdir"]))


class _Calls:
    """Answers one call at a time."""

    def __init__(self, box: Toolbox, answers: TextIO) -> None:
        self._box = box
        self._answers = answers
        self._call: asyncio.Task[None] | None = None
        self.over = asyncio.Event()

    def take(self, line: str) -> None:
        """Begin what a line asks for."""
        if not line:
            self.over.set()
        elif line != CANCEL:
            self._call = asyncio.create_task(self._answer(line))
        elif self._call is not None:
            self._call.cancel()

    async def cancel(self) -> None:
        """End the call under way."""
        if self._call is not None:
            self._call.cancel()
            await asyncio.wait({self._call})

    async def _answer(self, line: str) -> None:
        answer = await self._outcome(line)
        sys.stdout.flush()
        sys.stderr.flush()
        self._call = None
        _write(self._answers, answer)

    async def _outcome(self, line: str) -> dict[str, Any]:
        try:
            request = json.loads(line)
            context = CallContext(**request["context"])
            answer = await self._box.call(request["name"], request["arguments"], context)
            is_text = isinstance(answer.value, str)
            return {"text": answer.value} if is_text else {"json": json_text(answer.value)}
        except asyncio.CancelledError:
            return {"cancelled": True}
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a tool raises is its own
            text, frames = tool_failed(error)
            return {"raised": text, "frames": frames}


def _read(requests: TextIO, calls: _Calls, loop: asyncio.AbstractEventLoop) -> None:
    for line in requests:
        loop.call_soon_threadsafe(calls.take, line)
    with contextlib.suppress(RuntimeError):  # the loop has ended by itself
        loop.call_soon_threadsafe(calls.take, "")
    # Nobody is there to kill a call that goes on, or a thread that holds up the exit.
    time.sleep(END_GRACE_S)
    os.killpg(0, signal.SIGKILL)


def _write(answers: TextIO, answer: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
