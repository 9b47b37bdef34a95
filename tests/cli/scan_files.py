"""Files to scan, made for a test: runs of every kind, some of them with errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CHAT = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]


def chat(run_id: str = "", *texts: str, **fields: Any) -> dict[str, Any]:
    """Return a run in which the model's messages are `texts`."""
    replies = [{"role": "assistant", "content": text} for text in texts or ("hello",)]
    run = {"messages": [{"role": "user", "content": f"task {run_id}"}, *replies], **fields}
    return {"id": run_id, **run} if run_id else run


def called(run_id: str, tool: str, *, result: str = "done", **fields: Any) -> dict[str, Any]:
    """Return a run of four messages: a prompt, a tool call, its result and a last reply."""
    function = {"name": tool, "arguments": "{}"}
    call = {"id": "c1", "type": "function", "function": function}
    messages = [
        {"role": "user", "content": f"task {run_id}"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": result},
        {"role": "assistant", "content": "that is all"},
    ]
    tools = [{"type": "function", "function": {"name": "ls"}}]
    return {"id": run_id, "messages": messages, "tools": tools, **fields}


def with_defect(run_id: str) -> str:
    """Return a run whose line contains a number that is too long."""
    return json.dumps(chat(run_id))[:-1] + f', "n": {"9" * 5000}}}'


def lines(path: Path, *values: object) -> Path:
    """Write values as JSON lines; a text is written as it is."""
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    path.write_text("".join(text + "\n" for text in texts), "utf-8")
    return path


def many_runs(path: Path, count: int, *, size: int = 0) -> Path:
    """Write `count` runs of at least `size` characters, every seventh with an error."""
    return lines(
        path,
        *(
            called(f"run-{n}", "ls" if n % 7 else "sl", result="x" * (size + n % 50))
            for n in range(count)
        ),
    )
