"""`kimi`: the `wire.jsonl` of a session of Kimi Code, or of its predecessor Kimi CLI.

    file  = {"type": "metadata", "protocol_version"} line*
    line  = {"type": "turn.prompt" | "profile.bind" | "llm.tools_snapshot" | …, "time", …}
          | {"type": "context.append_message", "message": message, "time"}
          | {"type": "context.append_loop_event", "event": event, "time"}
          | {"type": "context.apply_compaction", "summary", "contextSummary"?}
          | {"type": "agent.message.appended", …}          repeats other lines
          | {"timestamp", "message": {"type", "payload"}}                         of Kimi CLI
    event = {"type": "step.begin"} | {"type": "content.part", "part"}
          | {"type": "tool.call", "toolCallId", "name", "args"}
          | {"type": "tool.result", "toolCallId", "result": {"output", "isError"?, "durationMs"?}}
          | {"type": "step.end", "finishReason", "rawFinishReason"?, "usage"?}

Kimi Code keeps arguments as it parsed them; the model's own text is in the repeated messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import SourceValue, source_values
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.failures import status_of
from hermes_tui.formats.readers.kimi.cli import append_event, content_of, is_cli_line, used
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.steps import Steps
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.diagnostics import Severity
from hermes_tui.parsers.measures import timestamp

_MESSAGE: Final = "context.append_message"
_EVENT: Final = "context.append_loop_event"
_REPEATED: Final = "agent.message.appended"
_OWN_TYPES: Final = frozenset({_MESSAGE, _EVENT, "profile.bind", "turn.prompt", "llm.request"})


class Kimi:
    """Reads all lines of a session together, since a step spans many and some repeat it."""

    name = "kimi"
    summary = "Kimi Code and Kimi CLI sessions: wire.jsonl of each agent; context.jsonl of Kimi CLI"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_lines(0.97, _is_own)

    def read(self, value: Any, build: RunBuilder) -> None:
        lines = [(source, fields.as_dict(source.value)) for source in source_values(value, build)]
        _start([row for _, row in lines], build)
        steps = Steps(build, written=dict(_argument_texts(row for _, row in lines)))
        for source, row in lines:
            build.locate(source.line)
            if "role" in row or is_cli_line(row):
                append_event(row, source, steps)
            elif fields.label(row, "type"):
                _append(row, source, steps, build)
            else:
                build.defect("not a line of a session", source.value, pointer=source.pointer)
        steps.end()


def _is_own(row: Any) -> bool:
    if not isinstance(row, dict):
        return False
    return (fields.label(row, "type") in _OWN_TYPES and "time" in row) or is_cli_line(row)


def _start(rows: list[dict[str, Any]], build: RunBuilder) -> None:
    def first(kind: str, key: str) -> Any:
        return next((row[key] for row in rows if row.get("type") == kind and row.get(key)), None)

    profile = next((row for row in rows if row.get("type") == "profile.bind"), {})
    details = {
        "agent": profile.get("agentId"),
        "profile": profile.get("profileName"),
        "cwd": fields.as_dict(profile.get("environmentDisclosure")).get("cwd"),
        "provider": first("llm.request", "provider"),
        "protocol_version": first("metadata", "protocol_version"),
    }
    times = (
        timestamp(row.get("time", row.get("created_at", row.get("timestamp")))) for row in rows
    )
    build.locate(0)
    build.start(
        task=fields.title_of([{"role": "user", "content": _first_prompt(rows)}]),
        model=fields.text_of(first("llm.request", "model")) or fields.label(profile, "modelAlias"),
        tools=tool_specs(first("llm.tools_snapshot", "tools")),
        details=fields.details_of(fields.without_falsy(details)),
        ts=next(filter(None, times), None),
    )


def _first_prompt(rows: Iterable[dict[str, Any]]) -> Any:
    """Return the first prompt of a person, or None if there is none."""
    for row in rows:
        if row.get("type") == "turn.prompt":
            return row.get("input")
        message = fields.as_dict(row.get("message"))
        if message.get("type") == "TurnBegin":
            return fields.as_dict(message.get("payload")).get("user_input")
        if row.get("role") == "user":
            return row.get("content")
    return None


def _argument_texts(rows: Iterable[dict[str, Any]]) -> Iterable[tuple[str, str]]:
    """Yield the arguments that the model wrote, by the ids of their calls."""
    for row in rows:
        if row.get("type") != _REPEATED:
            continue
        message = fields.as_dict(fields.as_dict(row.get("message")).get("message"))
        for call in map(fields.as_dict, fields.as_list(message.get("toolCalls"))):
            if isinstance(text := call.get("arguments"), str) and (
                name := fields.label(call, "id")
            ):
                yield name, text


def _append(row: dict[str, Any], source: SourceValue, steps: Steps, build: RunBuilder) -> None:
    ts = timestamp(row.get("time"))
    match fields.label(row, "type"):
        case "context.append_message":
            _append_message(fields.as_dict(row.get("message")), source, steps, ts)
        case "context.append_loop_event":
            event = fields.as_dict(row.get("event"))
            if take := _EVENTS.get(fields.label(event, "type")):
                take(
                    event,
                    SourceValue(source.value, f"{source.pointer}/event", source.line),
                    steps,
                    ts,
                )
        case "profile.bind" if row.get("systemPrompt"):
            steps.say({"role": "system", "content": row["systemPrompt"]}, source, ts)
        case "context.apply_compaction":
            summary = row.get("contextSummary") or row.get("summary")
            steps.say({"role": "user", "content": summary}, source, ts, "compaction")
        case "turn.step.retrying":
            _fail(row.get("errorMessage"), status_of(row), source, build, ts, is_retried=True)
        case "turn.ended" if isinstance(error := row.get("error"), dict):
            steps.end()
            status = status_of(fields.as_dict(error.get("details")))
            _fail(error.get("message"), status, source, build, ts, is_retried=False)


def _append_message(
    message: dict[str, Any], source: SourceValue, steps: Steps, ts: float | None
) -> None:
    chat_message: dict[str, Any] = {
        key: message[key] for key in ("role", "content") if key in message
    }
    content = chat_message.get("content")
    if isinstance(content, list):
        chat_message["content"] = [content_of(part) for part in content] or None
    calls = [fields.as_dict(call) for call in fields.as_list(message.get("toolCalls"))]
    if calls:
        chat_message["tool_calls"] = [
            function_call(call.get("id"), call.get("name"), call.get("arguments")) for call in calls
        ]
    if "toolCallId" in message:
        chat_message["tool_call_id"] = message["toolCallId"]
    kind = fields.label(fields.as_dict(message.get("origin")), "kind")
    is_typed = kind in ("", "user") or chat_message.get("role") != "user"
    place = SourceValue(source.value, f"{source.pointer}/message", source.line)
    steps.say(chat_message, place, ts, *(() if is_typed else ("injected",)))


def _fail(
    message: Any,
    status: int | None,
    source: SourceValue,
    build: RunBuilder,
    ts: float | None,
    *,
    is_retried: bool,
) -> None:
    build.locate(source.line)
    build.request_failed(
        fields.text_of(message),
        severity=Severity.WARNING if is_retried else Severity.ERROR,
        pointer=source.pointer,
        ts=ts,
        status=status,
        retryable=is_retried,
    )


def _call(event: dict[str, Any], source: SourceValue, steps: Steps, ts: float | None) -> None:
    call = {
        "id": event.get("toolCallId"),
        "name": event.get("name"),
        "arguments": event.get("args"),
    }
    steps.call(call, source, ts)


def _result(event: dict[str, Any], source: SourceValue, steps: Steps, ts: float | None) -> None:
    result = fields.as_dict(event.get("result"))
    answer = {
        "tool_call_id": event.get("toolCallId"),
        "content": result.get("output"),
        "is_error": result.get("isError"),
        "duration_ms": result.get("durationMs"),
    }
    steps.result(answer, source, ts)


def _step_end(event: dict[str, Any], source: SourceValue, steps: Steps, ts: float | None) -> None:
    steps.used(used(event.get("usage")))
    raw, own = fields.label(event, "rawFinishReason"), fields.label(event, "finishReason")
    steps.end(own if own == "error" else raw or own)


_EventReader = Callable[[dict[str, Any], SourceValue, Steps, float | None], None]
_EVENTS: Final[dict[str, _EventReader]] = {
    "step.begin": lambda event, source, steps, ts: steps.begin(),
    "content.part": lambda event, source, steps, ts: steps.part(
        content_of(event.get("part")), source, ts
    ),
    "tool.call": _call,
    "tool.result": _result,
    "step.end": _step_end,
}

FORMAT = Kimi()
