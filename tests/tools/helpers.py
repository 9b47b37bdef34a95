"""Helpers shared by the tests of the tools."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hermes_tui.runtime.tools.base import Answer, CallContext
from hermes_tui.runtime.tools.tool_process import ToolProcess

CONTEXT = CallContext(task_id="task-1", user_task="try it", call_id="call_1")


async def open_python_tools(path: Path) -> ToolProcess:
    """Return the tools of a Python file."""
    return await ToolProcess.open({"kind": "python", "path": str(path)})


async def answer_of(box: Any, name: str, **arguments: Any) -> dict[str, Any]:
    """Return the answer of a built-in tool, decoded."""
    answer = await box.call(name, arguments, CONTEXT)
    assert isinstance(answer.value, str)
    return dict(json.loads(answer.value))


async def value_of(box: Any, name: str, **arguments: Any) -> Any:
    answer: Answer = await box.call(name, arguments, CONTEXT)
    return answer.value


async def until(condition: Callable[[], Any], within_s: float = 30.0) -> None:
    """Wait until `condition` is true; fail if it is not within `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


def processes_with(text: str) -> list[int]:
    """Return the ids of running processes whose command line contains the words of `text`.

    NUL bytes separate the words there.
    """
    words = text.replace(" ", "\0").encode()
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if state != "Z" and words in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found
