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
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, append_message
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.diagnostics import Severity
from hermes_tui.parsers.measures import usage

_ITEM_EVENTS = ("item.started", "item.updated", "item.completed")
_END_EVENTS = ("turn.completed", "turn.failed")
_START = "thread.started"
_SILENT_EVENTS = (_START, "turn.started")
_TEXT_KEYS = {"agent_message": "content", "reasoning": "reasoning_content"}
_CALL_ARGUMENTS = {
    "command_execution": ("command",),
    "file_change": ("changes",),
    "mcp_tool_call": ("arguments",),
    "collab_tool_call": ("prompt", "sender_thread_id", "receiver_thread_ids"),
    "web_search": ("query", "action"),
}
"""The members of an item that are the arguments of each kind of call."""
_RETRY_PREFIX = "Reconnecting..."


class CodexExec:
    """Reads all events of a thread together, since a call is in several of them."""

    name = "codex-exec"
    summary = "events that `codex exec --json` prints and the Codex SDKs give"

    def sniff(self, sample: Sample) -> Match | None:
        if not any(map(_is_thread_event, sample.values)):
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
                build.defect("not an event of a thread", row, pointer=pointer)
        thread.flush()
        _end(events, build)


def _is_event(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("type"), str)


def _is_thread_event(row: Any) -> bool:
    if not _is_event(row):
        return False
    if row["type"] in _ITEM_EVENTS:
        item = fields.as_dict(row.get("item"))
        return "id" in item and "type" in item
    return row["type"] == _START and "thread_id" in row


@dataclass(slots=True)
class _Thread:
    """Assembles replies from the events of a thread."""

    build: RunBuilder
    reply: dict[str, Any] = field(default_factory=dict)
    begun_calls: list[SourceValue] = field(default_factory=list)
    call_ids: set[str] = field(default_factory=set)
    """Ids of the calls that have begun so far."""
    place: tuple[str, int] = ("", 0)
    todo_text: str = ""
    """The to-do list as last appended."""
    failure: str = ""
    """The last error appended."""

    def take(self, row: dict[str, Any], pointer: str, line: int) -> None:
        item, is_done = fields.as_dict(row.get("item")), row["type"] == "item.completed"
        kind = fields.label(item, "type")
        if row["type"] in (*_END_EVENTS, "error"):
            self._fail(row, pointer)
        elif kind in _TEXT_KEYS and is_done:
            self._add_text(_TEXT_KEYS[kind], fields.label(item, "text"), pointer, line)
        elif kind in _CALL_ARGUMENTS:
            self._call(item, SourceValue(item, f"{pointer}/item", line), is_done)
        elif kind == "todo_list" or (is_done and kind not in _TEXT_KEYS):
            self._append_note(kind, item, f"{pointer}/item", line)
        elif row["type"] not in (*_ITEM_EVENTS, *_SILENT_EVENTS):
            self._append_note(row["type"], row, pointer, line)

    def flush(self) -> None:
        """Append the reply so far."""
        if self.reply:
            pointer, line = self.place
            raw = {"role": "assistant", "content": None, **self.reply}
            append_message(
                self.build, ChatMessage(raw, pointer, tuple(self.begun_calls), line=line)
            )
        self.reply, self.begun_calls = {}, []

    def _add_text(self, key: str, text: str, pointer: str, line: int) -> None:
        if self.begun_calls or "content" in self.reply:
            self.flush()
        self._begin(pointer, line)
        self.reply[key] = "\n\n".join(filter(None, (self.reply.get(key), text)))

    def _begin(self, pointer: str, line: int) -> None:
        if not self.reply:
            self.place = pointer, line

    def _call(self, item: dict[str, Any], source: SourceValue, is_done: bool) -> None:
        name = fields.label(item, "id")
        if name not in self.call_ids:
            self.call_ids.add(name)
            self._begin(source.pointer.removesuffix("/item"), source.line)
            self.reply.setdefault("tool_calls", []).append(_call_of(item))
            self.begun_calls.append(source)
        if is_done:
            self.flush()
            raw = {"role": "tool", "tool_call_id": name, **_answer(item)}
            append_message(
                self.build, ChatMessage(raw, source.pointer, (source,), line=source.line)
            )

    def _append_note(self, kind: str, item: dict[str, Any], pointer: str, line: int) -> None:
        text = (
            fields.label(item, "message") or "\n".join(_todo_lines(item)) or fields.json_text(item)
        )
        if kind == "todo_list" and text == self.todo_text:
            return
        self.todo_text = text if kind == "todo_list" else self.todo_text
        self.flush()
        raw = {"role": "environment", "name": kind, "content": text}
        append_message(self.build, ChatMessage(raw, pointer, line=line))

    def _fail(self, row: dict[str, Any], pointer: str) -> None:
        """Append a failed request, unless it repeats the last, as the end of a turn mostly does."""
        self.flush()
        message = fields.label(row, "message") or _error_of(row)
        if row["type"] == "turn.completed" or message == self.failure:
            return
        self.failure = message
        is_retried = message.startswith(_RETRY_PREFIX)
        severity = Severity.WARNING if is_retried else Severity.ERROR
        self.build.request_failed(message, severity=severity, pointer=pointer, retryable=is_retried)


def _error_of(row: dict[str, Any]) -> str:
    return fields.label(fields.as_dict(row.get("error")), "message")


def _call_of(item: dict[str, Any]) -> dict[str, Any]:
    kind = fields.label(item, "type")
    name = ".".join(filter(None, (fields.label(item, "server"), fields.label(item, "tool"))))
    members = {key: item[key] for key in _CALL_ARGUMENTS[kind] if item.get(key) is not None}
    arguments = members.get("arguments", {}) if kind == "mcp_tool_call" else members
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


def _todo_lines(item: dict[str, Any]) -> Iterator[str]:
    for entry in map(fields.as_dict, fields.as_list(item.get("items"))):
        yield f"[{'x' if entry.get('completed') is True else ' '}] {fields.label(entry, 'text')}"


def _end(events: list[dict[str, Any]], build: RunBuilder) -> None:
    last = next((row for row in reversed(events) if row["type"] in _END_EVENTS), None)
    if last is None:
        return
    usages = (row.get("usage") for row in reversed(events) if row["type"] == "turn.completed")
    build.end(
        status="error" if last["type"] == "turn.failed" else "unknown",
        stop_reason=_error_of(last) or last["type"],
        usage=usage(next(usages, None)),
    )


FORMAT = CodexExec()
