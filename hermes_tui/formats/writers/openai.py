"""A run as chat messages that the OpenAI API takes: one JSON object that any reader of
`openai-messages` opens.

Which calls are written, and under what ids, is told in `exchange`. A result that answers none of
them is what a user says, and so is whatever a role says that the API does not know: its label is
the `name`. Arguments are the exact text that arrived, sound or not, `{}` where none did. The inputs
of custom tools are custom calls. One message with several results becomes several tool messages,
since a tool message answers one call, and stands right behind it. A call that got no result has
none here either. Encrypted reasoning is left out: its text is not known here.

Beside what the API knows stand `reasoning_content`, `reasoning_details`, `finish_reason`,
`timestamp`, `is_error` and `exit_code` where the run has them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import custom_call, function_call
from hermes_tui.formats.writers.exchange import Exchange, exchange_of
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
from hermes_tui.model.messages import ArgumentsState, ContentPart, Message, Origin, ToolCall

_ROLES: Final = frozenset({"system", "developer", "user", "assistant"})
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_NAME: Final = 64
_MEDIA: Final = frozenset({"image_url", "input_audio", "file"})
_NO_ARGUMENTS: Final = (ArgumentsState.MISSING, ArgumentsState.NULL)


def write(events: Sequence[Event], findings: Sequence[Finding] = ()) -> str:
    """Return the run as pretty-printed JSON. Findings are made anew by whoever reads it."""
    transcript = transcript_of(events, findings)
    conversation = transcript.conversation
    exchange = exchange_of(conversation)
    start = transcript.start
    messages = (message for entry in conversation for message in _messages(entry, exchange))
    document: dict[str, Any] = {"messages": _in_order(messages)}
    if start.tools_declared:
        document["tools"] = [tool_value(tool) for tool in start.tools]
    if start.model:
        document["model"] = start.model
    document["metadata"] = metadata_of(transcript)
    return json_text(document, pretty=True) + "\n"


def _in_order(messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put tool messages right behind the calls before them, where the API wants them."""
    ordered: list[dict[str, Any]] = []
    place = 0
    for message in messages:
        if message["role"] == "tool":
            ordered.insert(place, message)
            place += 1
            continue
        ordered.append(message)
        if "tool_calls" in message:
            place = len(ordered)
    return ordered


def _messages(entry: Entry, exchange: Exchange) -> Iterator[dict[str, Any]]:
    for result in entry.results:
        yield _result(result, entry, exchange.answers.get(result.seq))
    calls = exchange.calls(entry)
    if entry.only_wraps and not calls:
        return
    message = entry.message
    written = _speaker(message.role, calling=bool(calls))
    text = "" if entry.only_wraps else exchange.text(entry)
    written["content"] = _content(entry, text, written["role"])
    if calls:
        written["content"] = written["content"] or None
        written["tool_calls"] = [_call(call, call_id) for call_id, call in calls]
    yield written | _reasoning(message) | _extras(message)


def _speaker(label: str, *, calling: bool = False) -> dict[str, Any]:
    """Return the role that the API has for a label, and the label itself where it has none."""
    role = "assistant" if calling else label if label in _ROLES else "user"
    name = _NOT_IN_NAMES.sub("_", label)[:_LONGEST_NAME]
    return {"role": role} if role == label or not name else {"role": role, "name": name}


def _content(entry: Entry, text: str, role: str) -> str | list[dict[str, Any]]:
    message = entry.message
    if text_parts_only(message):
        if len(message.parts) < 2 or text != message.text:
            return text
        return [{"type": "text", "text": part.text} for part in message.parts]
    media = _media(entry) if role == "user" else []
    parts = message.parts
    if text != message.text:
        others = (part for part in message.parts if part.kind != "text")
        parts = (ContentPart("text", text), *others) if text else tuple(others)
    return [_part(part, role, media) for part in parts]


def _media(entry: Entry) -> list[dict[str, Any]]:
    """Return the media of a message as they were recorded, as far as the API takes them."""
    try:
        raw = json.loads(entry.raw) if entry.raw else None
    except (ValueError, RecursionError):
        return []
    items = fields.as_list(fields.as_dict(raw).get("content"))
    found = [item for item in items if isinstance(item, dict) and item.get("type") in _MEDIA]
    shown = sum(part.kind in ("image", "audio", "file") for part in entry.message.parts)
    return found if len(found) == shown else []


def _part(part: ContentPart, role: str, media: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a part of a message; takes the next of `media` for one that is no text."""
    if part.kind == "refusal" and role == "assistant":
        return {"type": "refusal", "refusal": part.text}
    if media and part.kind in ("image", "audio", "file"):
        return media.pop(0)
    return {"type": "text", "text": part.text}


def _reasoning(message: Message) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for piece in field_reasoning(message):
        if piece.kind == "encrypted":
            continue
        if piece.field.startswith("reasoning_details") or piece.kind != "text":
            key = "summary" if piece.kind == "summary" else "text"
            detail = {"type": f"reasoning.{piece.kind}", key: piece.text}
            written.setdefault("reasoning_details", []).append(detail)
            continue
        key = "reasoning" if piece.field == "reasoning" else "reasoning_content"
        written[key] = f"{written[key]}\n\n{piece.text}" if key in written else piece.text
    return written


def _call(call: ToolCall, call_id: str) -> dict[str, Any]:
    name = call.name or ""
    if call.verdict == "custom":
        return custom_call(call_id, name, call.arguments_text)
    return function_call(call_id, name, _arguments(call))


def _arguments(call: ToolCall) -> str:
    if call.arguments_state in _NO_ARGUMENTS:
        return "{}"
    is_json = call.arguments_state in (ArgumentsState.OBJECT, ArgumentsState.JSON_STRING)
    if call.origin is Origin.TEXT and not is_json and isinstance(call.arguments, dict):
        # What the agent read from the text.
        return json_text(call.arguments)
    return call.arguments_text


def _result(event: Result, entry: Entry, call_id: str | None) -> dict[str, Any]:
    result = event.result
    if call_id is None:
        written = _speaker("user" if entry.message.role == "user" else "tool")
    else:
        written = {"role": "tool", "tool_call_id": call_id}
        if result.name is not None:
            written["name"] = result.name
    written["content"] = result.content
    if result.error is not None and result.error.kind == "flag":
        written["is_error"] = True
    if result.exit_code is not None:
        written["exit_code"] = result.exit_code
    return written | (_extras(entry.message) if len(entry.results) == 1 else {})


def _extras(message: Message) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if message.finish_reason:
        extras["finish_reason"] = message.finish_reason
    if message.time_s is not None:
        extras["timestamp"] = message.time_s
    return extras
