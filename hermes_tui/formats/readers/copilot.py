"""`copilot`: a session of GitHub Copilot CLI, and what `copilot --output-format json` prints.

    file  = event*
    event = {"type", "data", "id", "timestamp", "parentId", "ephemeral"?}       with the types
            session.start       {"sessionId", "copilotVersion", "selectedModel", "context": {"cwd"}}
            system.message | user.message      {"content"}
            session.usage_record               {"usage": {"inputTokens", …, "finishReason"}}
            assistant.message   {"content", "reasoningText"?, "model",
                                 "toolRequests": [{"toolCallId", "name", "arguments"}]}
            tool.execution_start               {"toolCallId", "toolName", …}
            tool.execution_complete            {"toolCallId", "success", "result"?: {"content"},
                                 "error"?: {"message"}, "shellExecution"?: {"exitCode"}}
            session.compaction_complete        {"summaryContent"}
            session.error                      {"message", "statusCode"?}
            model.call_failure                 {"errorMessage"?, "statusCode"?}       sent again
          | {"type": "result", "sessionId", "exitCode"}

The usage of a reply is recorded before it. A subagent's messages (`parentToolCallId`) have a flag.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import (
    ChatMessage,
    SourceValue,
    append_message,
    objects_under,
    source_values,
)
from hermes_tui.formats.dialects.anthropic_lines import SUBAGENT
from hermes_tui.formats.failures import status_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.messages import Usage
from hermes_tui.parsers.measures import counted_usage, timestamp

_EVENT_KEYS: Final = frozenset({"type", "data", "id", "timestamp", "parentId"})
_TYPE_PREFIXES: Final = ("session.", "user.", "assistant.", "tool.", "system.")
_MESSAGE_ROLES: Final = {"system.message": "system", "user.message": "user"}


class Copilot:
    """Reads all events of a session together, since only the event of a call has its name."""

    name = "copilot"
    summary = (
        "GitHub Copilot CLI sessions: ~/.copilot/session-state/*/events.jsonl; its JSON output"
    )

    def sniff(self, sample: Sample) -> Match | None:
        found = sample.match_of_rows(0.96, _is_event)
        return found and sample.match_of_lines(0.96, _is_own)

    def read(self, value: Any, build: RunBuilder) -> None:
        events = [(source, fields.as_dict(source.value)) for source in source_values(value, build)]
        _start([row for _, row in events], build)
        session = _Session(build)
        for source, row in events:
            build.locate(source.line)
            if fields.label(row, "type"):
                session.take(row, source)
            else:
                build.defect("not an event", source.value, pointer=source.pointer)


def _is_event(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("data"), dict):
        return False
    return value.keys() >= _EVENT_KEYS and "." in fields.label(value, "type")


def _is_own(value: Any) -> bool:
    return _is_event(value) and fields.label(value, "type").startswith(_TYPE_PREFIXES)


def _start(rows: list[dict[str, Any]], build: RunBuilder) -> None:
    start = next((_data(row) for row in rows if row.get("type") == "session.start"), {})
    prompts = (_data(row) for row in rows if row.get("type") == "user.message")
    messages = [{"role": "user", "content": data.get("content")} for data in prompts]
    session_kinds = Counter(
        kind for row in rows if (kind := fields.label(row, "type")).startswith("session.")
    )
    details = {
        "cwd": fields.as_dict(start.get("context")).get("cwd"),
        "version": start.get("copilotVersion"),
        "other_records": dict(session_kinds.most_common(20)),
    }
    models = (fields.model_of(_data(row)) for row in rows)
    build.locate(0)
    build.start(
        run_id=fields.label(start, "sessionId") or _session_of(rows),
        task=fields.title_of(messages),
        model=fields.label(start, "selectedModel") or next(filter(None, models), ""),
        details=fields.details_of(fields.without_falsy(details)),
        ts=timestamp(rows[0].get("timestamp")) if rows else None,
    )


def _session_of(rows: list[dict[str, Any]]) -> str:
    """Return the id of the session in the last line of the output, or ""."""
    return fields.label(rows[-1], "sessionId") if rows else ""


def _data(row: dict[str, Any]) -> dict[str, Any]:
    return fields.as_dict(row.get("data"))


class _Session:
    """Receives the events of a session in their order."""

    def __init__(self, build: RunBuilder) -> None:
        self.build = build
        self._used: dict[str, Any] = {}
        self._tools: dict[str, str] = {}
        """The names of called tools, by the ids of the calls."""

    def take(self, row: dict[str, Any], source: SourceValue) -> None:
        data, kind = _data(row), fields.label(row, "type")
        ts = timestamp(row.get("timestamp"))
        place = SourceValue(source.value, f"{source.pointer}/data", source.line)
        flags = (SUBAGENT,) if data.get("parentToolCallId") else ()
        match kind:
            case "system.message" | "user.message":
                raw = {"role": _MESSAGE_ROLES[kind], "content": data.get("content")}
                self._append(ChatMessage(raw, place.pointer, flags=flags, line=source.line), ts)
            case "session.usage_record":
                self._used = fields.as_dict(data.get("usage"))
            case "assistant.message":
                self._append(self._reply(data, place, flags), ts)
            case "tool.execution_complete":
                self._append(self._result(data, place), ts)
            case "session.compaction_complete" if data.get("summaryContent"):
                raw = {"role": "user", "content": data["summaryContent"]}
                flags = ("compaction",)
                self._append(ChatMessage(raw, place.pointer, flags=flags, line=source.line), ts)
            case "session.error":
                self._fail(data, place, ts, Severity.ERROR)
            case "model.call_failure":
                self._fail(data, place, ts, Severity.WARNING)
            case "result":
                code = row.get("exitCode")
                status = ("ok" if code == 0 else "error") if type(code) is int else "unknown"
                self.build.end(status=status, ts=ts)

    def _fail(
        self, data: dict[str, Any], source: SourceValue, ts: float | None, severity: Severity
    ) -> None:
        self.build.request_failed(
            fields.label(data, "message", "errorMessage", "failureKind"),
            severity=severity,
            pointer=source.pointer,
            ts=ts,
            status=status_of(data),
            retryable=severity is Severity.WARNING,
        )

    def _append(self, message: ChatMessage, ts: float | None) -> None:
        append_message(self.build, message, ts=ts)

    def _reply(
        self, data: dict[str, Any], source: SourceValue, flags: tuple[str, ...]
    ) -> ChatMessage:
        place = f"{source.pointer}/toolRequests"
        requests = objects_under(data.get("toolRequests"), place, source.line)
        raw: dict[str, Any] = {"role": "assistant", "content": data.get("content")}
        if reasoning := data.get("reasoningText"):
            raw["reasoning_content"] = reasoning
        if requests:
            raw["tool_calls"] = [self._call(one.value) for one in requests]
        if reason := self._used.get("finishReason"):
            raw["finish_reason"] = reason
        used, self._used = _usage(self._used), {}
        return ChatMessage(
            raw, source.pointer, tuple(requests), flags=flags, line=source.line, used=used
        )

    def _call(self, request: dict[str, Any]) -> dict[str, Any]:
        name, arguments = request.get("name"), request.get("arguments")
        self._tools[fields.label(request, "toolCallId")] = fields.label(request, "name")
        return function_call(request.get("toolCallId"), name, fields.json_text(arguments))

    def _result(self, data: dict[str, Any], source: SourceValue) -> ChatMessage:
        error, result = (fields.as_dict(data.get(key)) for key in ("error", "result"))
        raw = {
            "role": "tool",
            "tool_call_id": data.get("toolCallId"),
            "name": self._tools.get(fields.label(data, "toolCallId")) or data.get("toolName"),
            "content": result.get("content") or error.get("message"),
            "is_error": data.get("success") is False or None,
            "exit_code": fields.as_dict(data.get("shellExecution")).get("exitCode"),
        }
        return ChatMessage(raw, source.pointer, (source,), line=source.line)


def _usage(counts: dict[str, Any]) -> Usage | None:
    return counted_usage(
        counts,
        prompt=("inputTokens",),
        completion="outputTokens",
        cached="cacheReadTokens",
        reasoning="reasoningTokens",
    )


FORMAT = Copilot()
