"""Steps of a run whose pieces are on separate lines: each step is a reply.

The content and the calls of a step arrive piece by piece, and its token counts after its results.
So a reply is appended, followed by its results, when its step ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, append_message
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.messages import Usage

_FAILURES = frozenset({"error", "aborted", "cancelled", "interrupted"})
_REASONS = {"tool_use": "tool_calls", "end_turn": "stop", "truncated": "length"}


@dataclass(slots=True)
class Steps:
    """Collects the pieces of steps, and appends each step when it ends.

    `written` holds the arguments as the model wrote them, by call id, if they are kept.
    """

    build: RunBuilder
    written: dict[str, str] = field(default_factory=dict)
    _content: list[Any] = field(default_factory=list)
    _calls: list[tuple[SourceValue, dict[str, Any]]] = field(default_factory=list)
    _names: dict[str, Any] = field(default_factory=dict)
    """The tools of all calls so far, by call id."""
    _results: list[tuple[ChatMessage, float | None]] = field(default_factory=list)
    _usage: Usage | None = None
    _first: SourceValue | None = None
    _ts: float | None = None
    _is_open: bool = False

    def say(
        self, message: dict[str, Any], source: SourceValue, ts: float | None, *flags: str
    ) -> None:
        """Append a message that does not belong to a step."""
        self.end()
        chat = ChatMessage(message, source.pointer, flags=flags, line=source.line)
        append_message(self.build, chat, ts=ts)

    def begin(self) -> None:
        self.end()
        self._is_open = True

    def part(self, part: Any, source: SourceValue, ts: float | None) -> None:
        self._begin_at(source, ts)
        self._content.append(part)

    def call(self, call: dict[str, Any], source: SourceValue, ts: float | None) -> None:
        """Add a call with its `id`, its `name`, and its `arguments` as an object or a text."""
        self._begin_at(source, ts)
        call_id, text = call.get("id"), fields.json_text(call.get("arguments"))
        if isinstance(call_id, str):
            self._names[call_id] = call.get("name")
            text = self.written.get(call_id, text)
        self._calls.append((source, function_call(call_id, call.get("name"), text)))

    def result(self, members: dict[str, Any], source: SourceValue, ts: float | None) -> None:
        """Add the result of a call; its tool is that of the call unless the result names one."""
        name = self._names.get(fields.label(members, "tool_call_id"))
        members = {"name": name, **members} if name else members
        answer = ChatMessage(
            {"role": "tool", **members}, source.pointer, (source,), line=source.line
        )
        self._results.append((answer, ts))

    def used(self, counts: Usage | None) -> None:
        self._usage = counts or self._usage

    def end(self, reason: str = "") -> None:
        """Append the step, if there is one: its reply, then the results of its calls."""
        if self._first is not None:
            self._append_reply(self._first, reason)
        for answer, ts in self._results:
            append_message(self.build, answer, ts=ts)
        self._content, self._calls, self._results = [], [], []
        self._usage, self._first, self._ts, self._is_open = None, None, None, False

    def _append_reply(self, first: SourceValue, reason: str) -> None:
        failed = reason in _FAILURES
        raw: dict[str, Any] = {"role": "assistant", "content": self._content or None}
        if self._calls:
            raw["tool_calls"] = [call for _, call in self._calls]
        if reason and not failed:
            raw["finish_reason"] = _REASONS.get(reason, reason)
        is_cut = failed or (self._is_open and not reason and not self._results)
        chat = ChatMessage(
            raw,
            first.pointer,
            tuple(source for source, _ in self._calls),
            ("partial",) if is_cut and self._usage is None else (),
            first.line,
            used=self._usage,
        )
        append_message(self.build, chat, ts=self._ts)

    def _begin_at(self, source: SourceValue, ts: float | None) -> None:
        if self._first is None:
            self._first, self._ts = source, ts
