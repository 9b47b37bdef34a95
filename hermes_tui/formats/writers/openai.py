"""A run as chat messages: one JSON object that any reader of `openai-messages` opens.

Arguments are written as the exact text that arrived, sound or not; calls that stand in the text
stay there and nowhere else. One message with several results becomes several tool messages, since a
tool message answers one call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from hermes_tui.formats.writers.text import json_text
from hermes_tui.formats.writers.transcript import (
    Entry,
    Result,
    field_reasoning,
    metadata_of,
    text_parts_only,
    tool_value,
    transcript_of,
)
from hermes_tui.log.findings import Finding
from hermes_tui.model.events import Event
from hermes_tui.model.messages import (
    ArgumentsState,
    ContentPart,
    IdState,
    Message,
    Origin,
    Reasoning,
    ToolCall,
)

_DETAIL_TEXT_KEYS: Final = {"summary": "summary", "encrypted": "data"}


def write(events: Sequence[Event], findings: Sequence[Finding] = ()) -> str:
    """Return the run as pretty-printed JSON. Findings are made anew by whoever reads it."""
    transcript = transcript_of(events, findings)
    start = transcript.start
    document: dict[str, Any] = {
        "messages": [message for entry in transcript.entries for message in _messages(entry)]
    }
    if start.tools_declared:
        document["tools"] = [tool_value(tool) for tool in start.tools]
    if start.model:
        document["model"] = start.model
    document["metadata"] = metadata_of(transcript)
    return json_text(document, pretty=True) + "\n"


def _messages(entry: Entry) -> Iterator[dict[str, Any]]:
    if entry.other is not None:
        return
    for result in entry.results:
        yield _tool_message(result, entry)
    message = entry.message
    native = [event.call for event in entry.calls if event.call.origin is not Origin.TEXT]
    # The text around several results in one tool message is only their wrapping.
    is_wrapping = bool(entry.results) and (message.role == "tool" or not entry.text_beside_results)
    if is_wrapping and not native:
        return
    content = None if is_wrapping else _content(entry)
    written: dict[str, Any] = {"role": message.role, "content": content}
    if message.role == "tool":
        written |= _raw_fields(entry, ("tool_call_id", "name"))
    written |= _reasoning(message)
    if native:
        written["tool_calls"] = [_call(call) for call in native]
    yield written | _extras(message)


def _content(entry: Entry) -> Any:
    message = entry.message
    if not text_parts_only(message):
        original = _raw_fields(entry, ("content",)).get("content")
        return original if isinstance(original, list) else [_part(part) for part in message.parts]
    if len(message.parts) > 1:
        return [{"type": "text", "text": part.text} for part in message.parts]
    return message.text if message.text or not entry.calls else None


def _raw_fields(entry: Entry, names: tuple[str, ...]) -> dict[str, Any]:
    """Return those fields of the message as it was recorded that are named and there."""
    try:
        raw = json.loads(entry.raw) if entry.raw else None
    except (ValueError, RecursionError):
        return {}
    return {name: raw[name] for name in names if name in raw} if isinstance(raw, dict) else {}


def _part(part: ContentPart) -> dict[str, Any]:
    if part.kind == "refusal":
        return {"type": "refusal", "refusal": part.text}
    if part.kind == "json":
        try:
            value = json.loads(part.text)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict) and isinstance(value.get("type"), str):
            return value
    return {"type": "text", "text": part.text}


def _reasoning(message: Message) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for piece in field_reasoning(message):
        if piece.field.startswith("reasoning_details") or piece.kind != "text":
            written.setdefault("reasoning_details", []).append(_detail(piece))
            continue
        key = "reasoning" if piece.field == "reasoning" else "reasoning_content"
        written[key] = f"{written[key]}\n\n{piece.text}" if key in written else piece.text
    return written


def _detail(piece: Reasoning) -> dict[str, Any]:
    return {
        "type": f"reasoning.{piece.kind}",
        _DETAIL_TEXT_KEYS.get(piece.kind, "text"): piece.text,
    }


def _call(call: ToolCall) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if call.id_state is IdState.NULL:
        written["id"] = None
    elif call.id_state is not IdState.MISSING:
        written["id"] = call.id or ""
    function: dict[str, Any] = {} if call.name is None else {"name": call.name}
    if call.arguments_state is ArgumentsState.NULL:
        function["arguments"] = None
    elif call.arguments_state is not ArgumentsState.MISSING:
        function["arguments"] = call.arguments_text
    return written | {"type": "function", "function": function}


def _tool_message(event: Result, entry: Entry) -> dict[str, Any]:
    result = event.result
    written: dict[str, Any] = {"role": "tool"}
    if result.call_id is not None:
        written["tool_call_id"] = result.call_id
    if result.name is not None:
        written["name"] = result.name
    media = len(entry.results) == 1 and not text_parts_only(entry.message)
    written["content"] = _content(entry) if media else result.content
    if result.error is not None and result.error.kind == "flag":
        written["is_error"] = True
    return written | (_extras(entry.message) if len(entry.results) == 1 else {})


def _extras(message: Message) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if message.finish_reason:
        extras["finish_reason"] = message.finish_reason
    if message.time_s is not None:
        extras["timestamp"] = message.time_s
    return extras
