"""`codex-exec`: what `codex exec --json` prints, and the events that the Codex SDKs yield.

    file  = event*
    event = {"type": "thread.started", "thread_id"} | {"type": "turn.started"}
          | {"type": "item.started" | "item.updated" | "item.completed", "item"}
          | {"type": "turn.completed", "usage"} | {"type": "turn.failed", "error": {"message"}}
          | {"type": "error", "message"}
    item  = {"id", "type": "agent_message" | "reasoning", "text"}
          | {"id", "type": "command_execution", "command", "aggregated_output", "exit_code", …}
          | {"id", "type": "mcp_tool_call", "server", "tool", "arguments", "result", "error", …}
          | {"id", "type": "file_change" | "collab_tool_call" | "web_search", …}
          | {"id", "type": "todo_list", "items"} | {"id", "type": "error", "message"}

The prompt is not among them, nor are calls of unknown tools. A message of the model comprises its
items up to the end of the first call that it begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, Held, append_message
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.diagnostics import Severity
from hermes_tui.parsers.measures import usage

_ITEMS = ("item.started", "item.updated", "item.completed")
_ENDS = ("turn.completed", "turn.failed")
_START = "thread.started"
_SILENT = (_START, "turn.started")
_SAID = {"agent_message": "content", "reasoning": "reasoning_content"}
_CALLS = {
    "command_execution": ("command",),
    "file_change": ("changes",),
    "mcp_tool_call": ("arguments",),
    "collab_tool_call": ("prompt", "sender_thread_id", "receiver_thread_ids"),
    "web_search": ("query", "action"),
}
"""The members of an item that are the arguments of each kind of call."""
_SENT_AGAIN = "Reconnecting..."


class CodexExec:
    """Reads all events of a thread together, since a call is in several of them."""

    name = "codex-exec"
    summary = "events that `codex exec --json` prints and the Codex SDKs give"

    def sniff(self, sample: Sample) -> Match | None:
        if not any(map(_tells_of_thread, sample.values)):
            return None
        return Match(0.95, Unit.RUNS, sample.layout.together())

    def read(self, value: Any, build: RunBuilder) -> None:
        rows = list(build.placed(value))
        events = [row for _, _, row in rows if _is_event(row)]
        first: dict[str, Any] = next((e for e in events if e["type"] == _START), {})
        build.start(run_id=fields.label(first, "thread_id"))
        thread = _Thread(build)
        for pointer, line, row in rows:
            build.locate(line)
            if _is_event(row):
                thread.take(row, pointer, line)
            else:
                build.defect("not an event of a thread", fields.excerpt(row), pointer=pointer)
        thread.flush()
        _end(events, build)


def _is_event(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("type"), str)


def _tells_of_thread(row: Any) -> bool:
    if not _is_event(row):
        return False
    if row["type"] in _ITEMS:
        item = fields.as_dict(row.get("item"))
        return "id" in item and "type" in item
    return row["type"] == _START and "thread_id" in row


@dataclass(slots=True)
class _Thread:
    """Assembles replies from the events of a thread."""

    build: RunBuilder
    reply: dict[str, Any] = field(default_factory=dict)
    begun: list[Held] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    """Ids of the calls that have begun so far."""
    place: tuple[str, int] = ("", 0)
    shown: str = ""
    """The to-do list as last appended."""
    failure: str = ""
    """The last error appended."""

    def take(self, row: dict[str, Any], pointer: str, line: int) -> None:
        item, is_done = fields.as_dict(row.get("item")), row["type"] == "item.completed"
        kind = fields.label(item, "type")
        if row["type"] in (*_ENDS, "error"):
            self._fail(row, pointer)
        elif kind in _SAID and is_done:
            self._say(_SAID[kind], fields.label(item, "text"), pointer, line)
        elif kind in _CALLS:
            self._call(item, Held(item, f"{pointer}/item", line), is_done)
        elif kind == "todo_list" or (is_done and kind not in _SAID):
            self._note(kind, item, f"{pointer}/item", line)
        elif row["type"] not in (*_ITEMS, *_SILENT):
            self._note(row["type"], row, pointer, line)

    def flush(self) -> None:
        """Append the reply so far."""
        if self.reply:
            pointer, line = self.place
            raw = {"role": "assistant", "content": None, **self.reply}
            append_message(self.build, ChatMessage(raw, pointer, tuple(self.begun), line=line))
        self.reply, self.begun = {}, []

    def _say(self, key: str, text: str, pointer: str, line: int) -> None:
        if self.begun or "content" in self.reply:
            self.flush()
        self._begin(pointer, line)
        self.reply[key] = "\n\n".join(filter(None, (self.reply.get(key), text)))

    def _begin(self, pointer: str, line: int) -> None:
        if not self.reply:
            self.place = pointer, line

    def _call(self, item: dict[str, Any], held: Held, is_done: bool) -> None:
        name = fields.label(item, "id")
        if name not in self.known:
            self.known.add(name)
            self._begin(held.pointer.removesuffix("/item"), held.line)
            self.reply.setdefault("tool_calls", []).append(_call_of(item))
            self.begun.append(held)
        if is_done:
            self.flush()
            raw = {"role": "tool", "tool_call_id": name, **_answer(item)}
            append_message(self.build, ChatMessage(raw, held.pointer, (held,), line=held.line))

    def _note(self, kind: str, item: dict[str, Any], pointer: str, line: int) -> None:
        text = fields.label(item, "message") or "\n".join(_to_do(item)) or fields.json_text(item)
        if kind == "todo_list" and text == self.shown:
            return
        self.shown = text if kind == "todo_list" else self.shown
        self.flush()
        raw = {"role": "environment", "name": kind, "content": text}
        append_message(self.build, ChatMessage(raw, pointer, line=line))

    def _fail(self, row: dict[str, Any], pointer: str) -> None:
        """Append a failed request, unless it repeats the last, as the end of a turn mostly does."""
        self.flush()
        said = fields.label(row, "message") or _error_of(row)
        if row["type"] == "turn.completed" or said == self.failure:
            return
        self.failure = said
        is_retried = said.startswith(_SENT_AGAIN)
        severity = Severity.WARNING if is_retried else Severity.ERROR
        self.build.request_failed(said, severity=severity, pointer=pointer, retryable=is_retried)


def _error_of(row: dict[str, Any]) -> str:
    return fields.label(fields.as_dict(row.get("error")), "message")


def _call_of(item: dict[str, Any]) -> dict[str, Any]:
    kind = fields.label(item, "type")
    name = ".".join(filter(None, (fields.label(item, "server"), fields.label(item, "tool"))))
    given = {key: item[key] for key in _CALLS[kind] if item.get(key) is not None}
    arguments = given.get("arguments", {}) if kind == "mcp_tool_call" else given
    return function_call(item.get("id"), name or kind, fields.json_text(arguments))


def _answer(item: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a call: its error or its output, or else its status."""
    error = _error_of(item)
    result = fields.as_dict(item.get("result"))
    output = item.get("aggregated_output", result.get("content", item.get("agents_states")))
    if isinstance(output, dict):
        output = fields.json_text(output)
    status = fields.label(item, "status") or "completed"
    found: dict[str, Any] = {"content": error or (status if output is None else output)}
    if item.get("exit_code") is not None:
        found["exit_code"] = item["exit_code"]
    elif error or status in ("failed", "declined"):
        found["is_error"] = True
    return found


def _to_do(item: dict[str, Any]) -> Iterator[str]:
    for entry in map(fields.as_dict, fields.as_list(item.get("items"))):
        yield f"[{'x' if entry.get('completed') is True else ' '}] {fields.label(entry, 'text')}"


def _end(events: list[dict[str, Any]], build: RunBuilder) -> None:
    last = next((row for row in reversed(events) if row["type"] in _ENDS), None)
    if last is None:
        return
    used = (row.get("usage") for row in reversed(events) if row["type"] == "turn.completed")
    build.end(
        status="error" if last["type"] == "turn.failed" else "unknown",
        stop_reason=_error_of(last) or last["type"],
        usage=usage(next(used, None)),
    )


FORMAT = CodexExec()
