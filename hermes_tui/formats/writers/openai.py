"""A run as chat messages that the OpenAI API accepts: one JSON object that any reader of
`openai-messages` opens.

`exchange` determines which calls are written, and under which ids. A result that answers none of
them becomes a user's message, and so does a message of a role that the API does not know, with its
label as the `name`. Arguments are the exact text that arrived, sound or not, or `{}` if there was
none. The inputs of custom tools become custom calls. One message with several results becomes
several tool messages, since a tool message answers one call and comes directly after it. A call
without a result has none here either. Encrypted reasoning is left out, since its text is not known.

In addition to the API's members there are `reasoning_content`, `reasoning_details`,
`finish_reason`, `timestamp`, `is_error` and `exit_code` if the run has them. A user's images, audio
and files are kept if the record has them in a form that the API accepts; otherwise their
placeholder is written as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from hermes_tui.formats.writers.as_sent import as_sent
from hermes_tui.formats.writers.changes import ROLE_AS_USER, Change, Changes
from hermes_tui.formats.writers.exchange import Exchange, exchange_of
from hermes_tui.formats.writers.media import is_media, media_of
from hermes_tui.formats.writers.text import json_text
from hermes_tui.formats.writers.transcript import (
    Entry,
    Result,
    field_reasoning,
    metadata_of,
    text_parts_only,
    transcript_of,
)
from hermes_tui.log.findings import Finding
from hermes_tui.model.chat_api import custom_call, function_call, tool_value
from hermes_tui.model.events import Event
from hermes_tui.model.messages import ArgumentsState, ContentPart, Message, Origin, ToolCall

_ROLES: Final = frozenset({"system", "developer", "user", "assistant"})
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_NAME: Final = 64
_ROLE_AS_ASSISTANT: Final = Change("role", "written as assistant")
_MISSING_NAME: Final = Change("missing name", "written as an empty one")
_MISSING_ARGUMENTS: Final = Change("missing argument", "written as {}")
_OBJECT_ARGUMENTS: Final = Change("argument object", "written as text")
_READ_ARGUMENTS: Final = Change("argument text", "written as it was read")
_MOVED: Final = Change("result", "moved right after the calls")
_NOTE_KEYS: Final = frozenset({"finish_reason", "timestamp", "is_error", "exit_code"})
"""Members written in addition to those that a server accepts."""
_EMPTY_STATES: Final = (ArgumentsState.MISSING, ArgumentsState.NULL)


def write(
    events: Sequence[Event],
    findings: Sequence[Finding] = (),
    *,
    changes: Changes | None = None,
    pretty: bool = True,
) -> str:
    """Return the run as JSON; `changes` counts what the API cannot take unchanged.

    Findings are not written, since a reader derives them again.
    """
    transcript = transcript_of(events, findings)
    changes = Changes() if changes is None else changes
    conversation = as_sent(transcript.entries, changes)
    chat = _Chat(exchange_of(conversation), changes)
    start = transcript.start
    document: dict[str, Any] = {"messages": chat.messages(conversation)}
    if start.tools_declared:
        document["tools"] = [tool_value(tool) for tool in start.tools]
    if start.model:
        document["model"] = start.model
    document["metadata"] = metadata_of(transcript)
    return json_text(document, pretty=pretty) + "\n"


def without_notes(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message written here without the members that a server does not accept."""
    if _NOTE_KEYS.isdisjoint(message):
        return message
    return {name: value for name, value in message.items() if name not in _NOTE_KEYS}


class _Chat:
    """Writes messages, and counts the changes."""

    def __init__(self, exchange: Exchange, changes: Changes) -> None:
        self._exchange = exchange
        self._changes = changes

    def messages(self, entries: Iterable[Entry]) -> list[dict[str, Any]]:
        """Return all messages, with results directly after their calls, as the API requires."""
        ordered: list[dict[str, Any]] = []
        place = 0
        for message in (message for entry in entries for message in self._messages_of(entry)):
            if message["role"] == "tool":
                self._changes.add(_MOVED, place < len(ordered))
                ordered.insert(place, message)
                place += 1
                continue
            ordered.append(message)
            if "tool_calls" in message:
                place = len(ordered)
        return ordered

    def _messages_of(self, entry: Entry) -> Iterator[dict[str, Any]]:
        exchange, message = self._exchange, entry.message
        self._changes.of_results(entry)
        for result in entry.results:
            yield self._result(result, entry, exchange.answers.get(result.seq))
        calls = exchange.calls(entry)
        if entry.is_only_results and not calls:
            return
        self._changes.of_calls(entry, exchange)
        written = self._role_fields(message.role, calling=bool(calls))
        text = "" if entry.is_only_results else exchange.text(entry)
        written["content"] = self._content(entry, text, written["role"])
        if calls:
            written["content"] = written["content"] or None
            written["tool_calls"] = [self._call(call, call_id) for call_id, call in calls]
        self._changes.of_reasoning(message)
        yield written | _reasoning(message) | _extras(message)

    def _role_fields(self, label: str, *, calling: bool = False) -> dict[str, Any]:
        """Return the API's role for a label, with the label as a name if the API does not know
        it."""
        role = "assistant" if calling else label if label in _ROLES else "user"
        if role == label:
            return {"role": role}
        self._changes.add(_ROLE_AS_ASSISTANT if calling else ROLE_AS_USER)
        name = _NOT_IN_NAMES.sub("_", label)[:_LONGEST_NAME]
        return {"role": role, "name": name} if name else {"role": role}

    def _content(self, entry: Entry, text: str, role: str) -> str | list[dict[str, Any]]:
        message = entry.message
        if text_parts_only(message):
            if len(message.parts) < 2 or text != message.text:
                return text
            return [{"type": "text", "text": part.text} for part in message.parts]
        media = media_of(entry) if role == "user" else []
        parts = message.parts
        if text != message.text:
            others = (part for part in message.parts if part.kind != "text")
            parts = (ContentPart("text", text), *others) if text else tuple(others)
        return [self._part(part, role, media) for part in parts]

    def _part(
        self, part: ContentPart, role: str, media: list[dict[str, Any] | None]
    ) -> dict[str, Any]:
        """Return a part of a message; one that is not text takes the next element of `media`."""
        if part.kind == "refusal" and role == "assistant":
            return {"type": "refusal", "refusal": part.text}
        if is_media(part) and (kept := media.pop(0) if media else None):
            return kept
        self._changes.of_part(part, "written as text")
        return {"type": "text", "text": part.text}

    def _call(self, call: ToolCall, call_id: str) -> dict[str, Any]:
        self._changes.add(_MISSING_NAME, call.name is None)
        name = call.name or ""
        if call.verdict == "custom":
            return custom_call(call_id, name, call.arguments_text)
        return function_call(call_id, name, self._arguments(call))

    def _arguments(self, call: ToolCall) -> str:
        state = call.arguments_state
        if state in _EMPTY_STATES:
            self._changes.add(_MISSING_ARGUMENTS)
            return "{}"
        is_json = state in (ArgumentsState.OBJECT, ArgumentsState.JSON_STRING)
        if call.origin is Origin.TEXT and not is_json and isinstance(call.arguments, dict):
            # The arguments as the agent read them from the text.
            self._changes.add(_READ_ARGUMENTS)
            return json_text(call.arguments)
        is_object = state is ArgumentsState.OBJECT and call.origin is Origin.DICT
        self._changes.add(_OBJECT_ARGUMENTS, is_object)
        return call.arguments_text

    def _result(self, event: Result, entry: Entry, call_id: str | None) -> dict[str, Any]:
        result = event.result
        if call_id is None:
            written = self._role_fields("user" if entry.message.role == "user" else "tool")
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


def _extras(message: Message) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if message.finish_reason:
        extras["finish_reason"] = message.finish_reason
    if message.time_s is not None:
        extras["timestamp"] = message.time_s
    return extras
