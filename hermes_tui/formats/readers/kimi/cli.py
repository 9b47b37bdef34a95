"""Lines of Kimi CLI, the predecessor of Kimi Code: what it displayed, and what the model receives.

line    = {"timestamp", "message": {"type", "payload"}}                       wire.jsonl
        | {"role", "content", …}          chat messages                    context.jsonl
        | {"role": "_system_prompt", "content"} | {"role": "_usage", "token_count"}
        | {"role": "_checkpoint", "id"}
type    = "TurnBegin" {"user_input"} | "StepBegin" | "ContentPart" part
        | "ToolCall" {"id", "function": {"name", "arguments"}}
        | "ToolResult" {"tool_call_id", "return_value": {"is_error", "output", "message"}}
        | "StatusUpdate" {"token_usage"} | "TurnEnd" | "StepInterrupted" | …
"""

from __future__ import annotations

from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import SourceValue
from hermes_tui.formats.steps import Steps
from hermes_tui.model.messages import Usage
from hermes_tui.parsers.measures import counted_usage, timestamp

_BOOKKEEPING_ROLES: Final = frozenset({"_system_prompt", "_usage", "_checkpoint"})
_WIRE_TYPES: Final = frozenset({
    "TurnBegin", "TurnEnd", "StepBegin", "StepInterrupted", "ContentPart", "ToolCall",
    "ToolResult", "StatusUpdate", "CompactionBegin", "CompactionEnd", "SubagentEvent",
})  # fmt: skip


def is_cli_line(row: Any) -> bool:
    """Return whether a value is a line that only Kimi CLI writes."""
    if not isinstance(row, dict):
        return False
    message = fields.as_dict(row.get("message"))
    if "timestamp" in row and fields.label(message, "type") in _WIRE_TYPES:
        return "payload" in message
    return fields.label(row, "role") in _BOOKKEEPING_ROLES


def append_event(row: dict[str, Any], source: SourceValue, steps: Steps) -> None:
    """Append the message or event of a line; a chat message needs no conversion."""
    if "role" in row:
        _append_message(row, source, steps)
        return
    message = fields.as_dict(row.get("message"))
    payload, ts = fields.as_dict(message.get("payload")), timestamp(row.get("timestamp"))
    place = SourceValue(source.value, f"{source.pointer}/message/payload", source.line)
    match fields.label(message, "type"):
        case "TurnBegin" | "SteerInput":
            steps.say({"role": "user", "content": payload.get("user_input")}, place, ts)
        case "StepBegin":
            steps.begin()
        case "ContentPart":
            steps.part(content_of(payload), place, ts)
        case "ToolCall":
            call = fields.as_dict(payload.get("function"))
            steps.call({**call, "id": payload.get("id")}, place, ts)
        case "ToolResult":
            steps.result(_result(payload), place, ts)
        case "StatusUpdate":
            steps.used(used(payload.get("token_usage")))
        case "StepInterrupted":
            steps.end("interrupted")
        case "TurnEnd":
            steps.end()


def content_of(part: Any) -> Any:
    """Return a part of a message in the form of chat messages."""
    if isinstance(part, dict) and part.get("type") == "think":
        return {"type": "thinking", "thinking": part.get("think")}
    return part


def used(counts: Any) -> Usage | None:
    """Return token counts from the keys of either program, or None if nothing was counted."""
    return counted_usage(
        {fields.snake_case(key): value for key, value in fields.as_dict(counts).items()},
        prompt=("input_other", "input_cache_read", "input_cache_creation"),
        completion="output",
        cached="input_cache_read",
    )


def _append_message(row: dict[str, Any], source: SourceValue, steps: Steps) -> None:
    role = fields.label(row, "role")
    if role == "_system_prompt":
        steps.say({"role": "system", "content": row.get("content")}, source, None)
    elif role not in _BOOKKEEPING_ROLES:
        content = row.get("content")
        shown = [content_of(part) for part in content] if isinstance(content, list) else content
        steps.say({**row, "content": shown or None}, source, None)


def _result(payload: dict[str, Any]) -> dict[str, Any]:
    """Return a result as the model receives it: the message before the output."""
    value = fields.as_dict(payload.get("return_value"))
    output, message = value.get("output"), fields.text_of(value.get("message"))
    if isinstance(output, list):
        content: Any = [*([{"type": "text", "text": message}] if message else []), *output]
    else:
        content = "\n".join(filter(None, (message, fields.text_of(output))))
    return {
        "tool_call_id": payload.get("tool_call_id"),
        "content": content,
        "is_error": value.get("is_error"),
    }
