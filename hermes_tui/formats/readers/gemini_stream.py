"""`gemini-stream-json`: what `gemini -p --output-format stream-json` prints.

    file  = event*
    event = {"type": "init", "session_id", "model", "timestamp"}
          | {"type": "message", "role": "user" | "assistant", "content", "delta"?}
          | {"type": "tool_use", "tool_name", "tool_id", "parameters"}
          | {"type": "tool_result", "tool_id", "status": "success" | "error", "output"?, "error"?}
          | {"type": "error", "severity": "warning" | "error", "message"}
          | {"type": "result", "status", "error"?, "stats"}

The model's text comes in pieces; a message comprises its text and the calls that follow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, append_message
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.messages import Usage
from hermes_tui.parsers.measures import timestamp, whole

_OWN_KEYS = {"tool_use": "tool_name", "tool_result": "tool_id", "result": "stats"}
_TOKEN_KEYS = ("input_tokens", "output_tokens", "cached")


class GeminiStreamJson:
    """Reads all events of a session together."""

    name = "gemini-stream-json"
    summary = "what `gemini -p --output-format stream-json` prints"

    def sniff(self, sample: Sample) -> Match | None:
        first = sample.first_object()
        begins = first.get("type") == "init" and "session_id" in first and "model" in first
        if not begins and not any(map(_is_own, sample.values)):
            return None
        return Match(0.9, Unit.RUNS, sample.layout.together())

    def read(self, value: Any, build: RunBuilder) -> None:
        rows = list(build.placed(value))
        events = [row for _, _, row in rows if isinstance(row, dict)]
        init = next((row for row in events if row.get("type") == "init"), {})
        prompts = (row for row in events if row.get("role") == "user")
        build.start(
            run_id=fields.label(init, "session_id"),
            task=fields.title_of(prompts),
            model=fields.label(init, "model"),
            ts=timestamp(init.get("timestamp")),
        )
        reply = _Reply(build)
        for pointer, line, row in rows:
            build.locate(line)
            if isinstance(row, dict) and isinstance(row.get("type"), str):
                reply.take(row, pointer, line)
            else:
                build.defect("not an event", row, pointer=pointer)
        reply.flush()
        _end(events, build)


def _is_own(row: Any) -> bool:
    if not isinstance(row, dict) or "timestamp" not in row:
        return False
    own_key = _OWN_KEYS.get(fields.label(row, "type"))
    return own_key is not None and own_key in row


@dataclass(slots=True)
class _Reply:
    """Assembles a reply from its pieces."""

    build: RunBuilder
    raw: dict[str, Any] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    calls: list[SourceValue] = field(default_factory=list)
    place: tuple[str, int] = ("", 0)

    def take(self, row: dict[str, Any], pointer: str, line: int) -> None:
        match row["type"]:
            case "message" if row.get("role") == "assistant":
                if self.calls or (self.raw and row.get("delta") is not True):
                    self.flush()
                self._begin(row, pointer, line)
                self.raw.setdefault("content", "")
                self.texts.append(fields.text_of(row.get("content")))
            case "tool_use":
                self._begin(row, pointer, line)
                arguments = fields.json_text(row.get("parameters"))
                call = function_call(row.get("tool_id"), row.get("tool_name"), arguments)
                self.raw.setdefault("tool_calls", []).append(call)
                self.calls.append(SourceValue(row, pointer, line))
            case "init" | "result":
                pass
            case _:
                self.flush()
                self._append_other(row, pointer, line)

    def flush(self) -> None:
        """Append the reply so far."""
        if self.raw:
            pointer, line = self.place
            content = "".join(self.texts) if "content" in self.raw else None
            raw = {**self.raw, "content": content}
            append_message(self.build, ChatMessage(raw, pointer, tuple(self.calls), line=line))
        self.raw, self.texts, self.calls = {}, [], []

    def _begin(self, row: dict[str, Any], pointer: str, line: int) -> None:
        if not self.raw:
            self.place = pointer, line
            self.raw = {"role": "assistant", "timestamp": row.get("timestamp")}

    def _append_other(self, row: dict[str, Any], pointer: str, line: int) -> None:
        kind, when = row["type"], {"timestamp": row.get("timestamp")}
        if kind == "error":
            _fail(fields.label(row, "message"), fields.label(row, "severity"), pointer, self.build)
            return
        sources: tuple[SourceValue, ...] = ()
        if kind == "tool_result":
            error = fields.label(fields.as_dict(row.get("error")), "message")
            output = "\n".join(filter(None, (fields.text_of(row.get("output")), error)))
            failed = {"is_error": True} if row.get("status") == "error" else {}
            raw = {"role": "tool", "tool_call_id": row.get("tool_id"), "content": output, **failed}
            sources = (SourceValue(row, pointer, line),)
        else:
            content = row.get("content") if kind == "message" else fields.json_text(row)
            role = fields.label(row, "role") if kind == "message" else "environment"
            raw = {"role": role, "content": content}
        append_message(self.build, ChatMessage({**raw, **when}, pointer, sources, line=line))


def _fail(message: str, severity: str, pointer: str, build: RunBuilder) -> None:
    level = Severity.WARNING if severity == "warning" else Severity.ERROR
    default = "an error without a text"
    build.request_failed(message, otherwise=default, severity=level, pointer=pointer)


def _end(events: list[dict[str, Any]], build: RunBuilder) -> None:
    last = next((row for row in reversed(events) if row.get("type") == "result"), None)
    if last is None:
        return
    stats = fields.as_dict(last.get("stats"))
    error = fields.label(fields.as_dict(last.get("error")), "message")
    failed = last.get("status") == "error"
    if error:
        _fail(error, "error", "", build)
    build.end(
        status="error" if failed else "ok",
        stop_reason=error or fields.label(last, "status"),
        usage=Usage(*(whole(fields.number(stats.get(key))) for key in _TOKEN_KEYS)),
        duration_s=fields.seconds(stats.get("duration_ms")),
        ts=timestamp(last.get("timestamp")),
    )


FORMAT = GeminiStreamJson()
