"""`responses-items`: OpenAI's Responses API, requests, replies, and lists of items.

    file    = item* | made*       one run: an array of items, or an item a line
            | run*                lines, an array or one document
    run     = reply | request | {"object": "list", "data": [item, …]} | session
    reply   = {"object": "response", "output": [item, …], "instructions", "tools", "usage", …}
            | {"output": [item, …], "usage": {…}, "response_id"}
    request = {"input": [item, …] | text, "instructions"?, "tools"?, "model"?}
    made    = {"type": "tool_call_item" | "message_output_item" | …, "rawItem" | "raw_item": item}
    session = {"_table": "agent_sessions", "session_id", "items": [item, …]}

A session is one of the OpenAI Agents SDK, from its SQLite file. A reply with a `response_id` is one
of its `ModelResponse`s, which do not contain the tools' answers. The SDK for JavaScript writes the
same in camel case; its `newItems` are items with the agents that made them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import (
    ChatMessage,
    SourceValue,
    append_messages,
    raw_messages,
    source_values,
    values_under,
)
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.dialects.responses_items import (
    ITEM_TYPES,
    given_messages,
    instructions_of,
    messages_of_values,
    snake_item,
    why_incomplete,
    with_reason,
)
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.outcomes import is_cut
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.events import RequestFailed, ResponseReceived
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import time_of, usage

_RESPONSE_IDS = ("response_id", "responseId")
_SESSIONS_TABLE = "agent_sessions"
_LISTS = {"response": "output", "list": "data"}
_OWN_KEYS = ("output", "input", "data", "items", "instructions", "tools", "model", "usage", "error")
_NOISE = ("object", "_table", "session_id", *_RESPONSE_IDS, "text", "text_format", "raw_usage")
_APPROVAL = "tool_approval_item"
_RAW_KEYS = ("rawItem", "raw_item")
_CAMEL_KEYS = frozenset({"callId", "providerData"})
_PART_TYPES = frozenset({"input_text", "output_text", "input_image", "input_file"})


class Responses:
    """Reads items and the objects around them, all lines together: a reply may span several
    items."""

    name = "responses-items"
    summary = (
        "OpenAI Responses items, requests and replies; Agents SDK sessions (SQLite, read-only)"
    )

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        if _are_items(values):
            return Match(0.8, Unit.RUNS, layout.together())
        return sample.match_of_runs(0.8, _is_run)

    def read(self, value: Any, build: RunBuilder) -> None:
        if isinstance(value, list):
            messages = list(_messages_of(source_values(value, build)))
            build.start(task=fields.title_of(raw_messages(messages)))
            append_messages(build, messages)
        elif isinstance(value, dict) and _key_of(value):
            _read_run(value, _key_of(value), build)
        else:
            build.defect("no item of a response in this record", value)


def _messages_of(sources: list[SourceValue]) -> Iterator[ChatMessage]:
    """Yield the messages of items in either spelling; what they carry is the file's own value."""
    if not any(_is_of_javascript(source.value) for source in sources):
        return messages_of_values(sources)
    known = {(source.pointer, source.line): source for source in sources}
    # An approval repeats the call that waits for it.
    spelled = [
        replace(source, value=snake_item(_inner(source.value)))
        for source in sources
        if fields.as_dict(source.value).get("type") != _APPROVAL
    ]
    return (
        replace(
            message,
            carried=tuple(known[source.pointer, source.line] for source in message.carried),
        )
        for message in messages_of_values(spelled)
    )


def _inner(value: Any) -> Any:
    """Return the item that an agent made, or `value` if it is an item itself."""
    row = fields.as_dict(value)
    return next((row[key] for key in _RAW_KEYS if isinstance(row.get(key), dict)), value)


def _is_of_javascript(value: Any) -> bool:
    inner = _inner(value)
    return inner is not value or (isinstance(inner, dict) and not _CAMEL_KEYS.isdisjoint(inner))


def _spelled_as_in_api(value: Any) -> Any:
    return snake_item(_inner(value)) if _is_of_javascript(value) else value


def _is_item(value: Any) -> bool:
    value = _spelled_as_in_api(value)
    if not isinstance(value, dict):
        return False
    return fields.label(value, "type") in ITEM_TYPES or fields.is_message(value)


def _is_distinctive(value: Any) -> bool:
    """Return whether an item is one that no other format writes."""
    value = _spelled_as_in_api(value)
    if not isinstance(value, dict):
        return False
    kind = fields.label(value, "type")
    if kind in ITEM_TYPES:
        return kind != "reasoning" or "summary" in value or "encrypted_content" in value
    content = value.get("content")
    parts = content if isinstance(content, list) else []
    return kind == "message" and any(
        isinstance(part, dict) and fields.label(part, "type") in _PART_TYPES for part in parts
    )


def _are_items(values: Any) -> bool:
    return fields.are_own(values, _is_item, _is_distinctive)


def _is_run(value: Any) -> bool:
    return isinstance(value, dict) and bool(_key_of(value))


def _key_of(value: dict[str, Any]) -> str:
    """Return the member of `value` that holds its items, or "" if `value` is not a run."""
    if value.get("_table") == _SESSIONS_TABLE:
        return "items"
    if _is_model_response(value):
        return "output"
    key = _LISTS.get(fields.label(value, "object"), "")
    if key == "output":
        return key if isinstance(value.get(key), list) else ""
    if key and _are_items(value.get(key)):
        return key
    return "input" if "output" not in value and _are_items(value.get("input")) else ""


def _is_model_response(value: dict[str, Any]) -> bool:
    known = any(key in value for key in _RESPONSE_IDS) and isinstance(value.get("usage"), dict)
    return known and _are_items(value.get("output"))


def _read_run(value: dict[str, Any], key: str, build: RunBuilder) -> None:
    before = list(instructions_of(value))
    if key == "output" and isinstance(value.get("input"), (list, str)):
        before += given_messages(value["input"], "/input")
    items = value.get(key)
    after = with_reason(list(_messages_of(values_under(items, f"/{key}"))), value)
    build.start(
        run_id=fields.label(value, "id", "session_id", *_RESPONSE_IDS),
        task=fields.title_of(raw_messages((*before, *after))),
        model=fields.model_of(value) or fields.model_of(fields.as_dict(value.get("providerData"))),
        tools=tool_specs(value["tools"]) if value.get("tools") else None,
        group_id=_conversation(value),
        lone_reply=_is_model_response(value),
        details=_details(value),
        ts=time_of(value),
    )
    append_messages(build, before)
    if key == "output":
        _append_response(value, build)
    append_messages(build, after)
    if not isinstance(items, list):
        build.defect(f"`{key}` is not a list of items", items, pointer=f"/{key}")
    if key == "output":
        _end(value, build)


def _conversation(value: dict[str, Any]) -> str:
    return fields.label(fields.as_dict(value.get("conversation")), "id")


def _details(value: dict[str, Any]) -> dict[str, Any]:
    return fields.without_empty(fields.details_of(value, without=(*_OWN_KEYS, *_NOISE)))


def _append_response(value: dict[str, Any], build: RunBuilder) -> None:
    build.add(
        ResponseReceived,
        turn=1,
        finish_reason=why_incomplete(value),
        usage=usage(value.get("usage")),
    )


def _end(value: dict[str, Any], build: RunBuilder) -> None:
    error, status = value.get("error"), fields.label(value, "status")
    reason = why_incomplete(value)
    outcome, stop = "unknown", ""
    if error:
        what = error if isinstance(error, dict) else {"message": error}
        message = fields.label(what, "message", "code") or fields.excerpt(error)
        build.add(RequestFailed, pointer="/error", turn=1, message=title(message))
        outcome, stop = "error", title(fields.label(what, "code"))
    elif reason or status == "incomplete":
        outcome = "truncated" if not reason or is_cut(reason) else "error"
        stop = reason or status
    elif status in ("failed", "cancelled"):
        outcome, stop = "error", status
    build.end(status=outcome, stop_reason=stop, usage=usage(value.get("usage")))


FORMAT = Responses()
