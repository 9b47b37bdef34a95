"""The built-in tools: a shell, files and a task list, in one working folder."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hermes_tui.model.chat_api import tool_schema
from hermes_tui.model.messages import ErrorMark
from hermes_tui.runtime.tools.base import Answer, CallContext, ToolFailure, specs_of
from hermes_tui.runtime.tools.processes import kill_marked, run_shell
from hermes_tui.runtime.tools.threads import tool_pool
from hermes_tui.runtime.tools.todo import STATUSES, TodoStore
from hermes_tui.runtime.tools.workspace import DEFAULT_LINES, Refused, Workspace

DEFAULT_TIMEOUT_S = 30.0
MAX_TIMEOUT_S = 600.0
KEEP_BYTES = 100_000


def _schema(
    name: str, description: str, properties: dict[str, Any], required: Sequence[str] = ()
) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
    return tool_schema(name, description, parameters)


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


_PATH = _text("Path of the file, relative to the working folder.")
_TODO = {
    "type": "object",
    "properties": {
        "id": _text("Stays the same as long as the item does."),
        "content": _text("What is to be done."),
        "status": {"type": "string", "enum": list(STATUSES)},
    },
    "required": ["id", "content", "status"],
}
SCHEMAS = {
    "terminal": _schema(
        "terminal",
        "Run a shell command in the working folder and return its output and exit code. Nothing"
        " can be typed into it, and what it starts in the background ends with it.",
        {
            "command": _text("The command, as for `bash -c`."),
            "timeout_s": {
                "type": "number",
                "description": "Seconds after which the command is ended; 30 by default.",
                "exclusiveMinimum": 0,
            },
        },
        ["command"],
    ),
    "read_file": _schema(
        "read_file",
        "Return lines of a text file.",
        {
            "path": _PATH,
            "offset": {
                "type": "integer",
                "description": "How many lines to leave out at the beginning.",
                "minimum": 0,
            },
            "limit": {
                "type": "integer",
                "description": f"How many lines to return at most; {DEFAULT_LINES} by default.",
                "minimum": 1,
            },
        },
        ["path"],
    ),
    "write_file": _schema(
        "write_file",
        "Write a text file. A file that exists is replaced; missing folders are created.",
        {"path": _PATH, "content": _text("The whole new content.")},
        ["path", "content"],
    ),
    "todo": _schema(
        "todo",
        "Read or change the list of tasks; without `todos` it is only read.",
        {
            "todos": {"type": "array", "items": _TODO},
            "merge": {
                "type": "boolean",
                "description": "Change items by id and add new ones instead of replacing the list.",
            },
        },
    ),
}


class BuiltinTools:
    """The built-in tools of one run. Answers are JSON texts, with an `error` if the call fails.

    `workdir` must exist. `timeout_s` is the default time limit of a command, `max_timeout_s` the
    longest limit that it may ask for, `keep_bytes` how much of an output or a file is kept, and
    `withheld` what is kept out of the environment of commands.
    """

    manual: frozenset[str] = frozenset()

    def __init__(
        self,
        workdir: Path,
        names: Sequence[str] = tuple(SCHEMAS),
        *,
        outside: bool = False,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        max_timeout_s: float = MAX_TIMEOUT_S,
        keep_bytes: int = KEEP_BYTES,
        withheld: Collection[str] = (),
    ) -> None:
        self.schemas = tuple(SCHEMAS[name] for name in names)
        self.specs = specs_of(self.schemas)
        self._workspace = Workspace(workdir, outside, keep_bytes)
        self._timeout_s = min(timeout_s, max_timeout_s)
        self._max_timeout_s = max_timeout_s
        self._withheld = withheld
        self._todos = TodoStore()
        self._mark = uuid.uuid4().hex
        self._calls = 0
        handlers: dict[str, Callable[..., Awaitable[Answer]]] = {
            "terminal": self._terminal,
            "read_file": self._read_file,
            "write_file": self._write_file,
            "todo": self._todo,
        }
        self._handlers = {name: handlers[name] for name in names}

    async def call(self, name: str, arguments: Any, context: CallContext) -> Answer:
        """Run a tool; raises ToolFailure for an unknown name."""
        if name not in self._handlers:
            raise ToolFailure(f"LookupError: no built-in tool is called {name!r}")
        arguments = {} if arguments is None else arguments
        problem = _argument_error(name, arguments)
        if problem:
            return _answer({"error": problem})
        extra = {"on_output": context.prints.on_output} if name == "terminal" else {}
        return await self._handlers[name](**arguments, **extra)

    async def close(self) -> None:
        """Kill the processes that commands left running in their own sessions."""
        if self._calls:
            kill_marked(f"{self._mark}.")
        tool_pool().end_idle()

    async def _terminal(
        self, command: Any, timeout_s: Any = None, *, on_output: Callable[[bytes], None]
    ) -> Answer:
        limit_s = self._timeout_s if timeout_s is None else _positive_number(timeout_s)
        if not isinstance(command, str) or limit_s is None:
            problem = "command must be a text" if limit_s else "timeout_s must be a positive number"
            return _answer({"output": "", "error": problem})
        self._calls += 1
        ended = await run_shell(
            command,
            workdir=self._workspace.root,
            timeout_s=min(limit_s, self._max_timeout_s),
            keep_bytes=self._workspace.keep_bytes,
            mark=f"{self._mark}.{self._calls}.",
            withheld=self._withheld,
            on_output=on_output,
        )
        result = {"output": ended.output, "exit_code": ended.exit_code}
        return _answer(result | ({"error": ended.error} if ended.error else {}))

    async def _read_file(self, path: Any, offset: Any = 0, limit: Any = DEFAULT_LINES) -> Answer:
        first, count = _whole_number(offset), _whole_number(limit)
        if first is None or not count:
            problem = "offset must be a whole number" if first is None else "limit must be positive"
            return _answer({"error": problem})
        return await _in_thread(partial(self._workspace.read, path, first, count))

    async def _write_file(self, path: Any, content: Any) -> Answer:
        return await _in_thread(partial(self._workspace.write, path, content))

    async def _todo(self, todos: Any = None, merge: Any = False) -> Answer:
        return _answer(self._todos.update(todos, merge))


async def _in_thread(work: Callable[[], dict[str, Any]]) -> Answer:
    try:
        return _answer(await tool_pool().run(work))
    except Refused as refused:
        return _answer({"error": str(refused)})


def _argument_error(name: str, arguments: Any) -> str:
    """Return why `arguments` cannot be passed to a tool; empty if they can."""
    if not isinstance(arguments, dict):
        return f"arguments must be an object, not {type(arguments).__name__}"
    parameters = SCHEMAS[name]["function"]["parameters"]
    unknown = [repr(key) for key in arguments if key not in parameters["properties"]]
    missing = [repr(key) for key in parameters["required"] if key not in arguments]
    if missing:
        return f"missing argument {', '.join(missing)}"
    takes = ", ".join(parameters["properties"])
    return f"unknown argument {', '.join(unknown)}; {name} takes {takes}" if unknown else ""


def _answer(result: dict[str, Any]) -> Answer:
    # A lone surrogate becomes its JSON escape.
    text = json.dumps(result, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    error = result.get("error")
    return Answer(text, ErrorMark("flag", error) if error else None, result.get("exit_code"))


def _positive_number(value: Any) -> float | None:
    """Return a positive number that is given as a number or as text; None for anything else."""
    try:
        number = float(value) if not isinstance(value, bool) else 0.0
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number > 0 and math.isfinite(number) else None


def _whole_number(value: Any) -> int | None:
    """Return a whole number, at least 0, given as a number or as text; None for anything else."""
    try:
        number = int(value) if not isinstance(value, bool) and value == value else -1
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number >= 0 else None
