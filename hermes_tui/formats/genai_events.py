"""Messages recorded as events of a span, as in the GenAI conventions until 1.36.

    event = ("gen_ai.system.message" | "gen_ai.user.message" | …, {"content", "tool_calls"?, "id"?})
          | ("gen_ai.choice", {"message" | "message.content" …, "finish_reason", "index"})
          | ("gen_ai.content.prompt", {"gen_ai.prompt"})          until 1.27
          | ("gen_ai.content.completion", {"gen_ai.completion"})
          | (any, {"gen_ai.input.messages"?, "gen_ai.output.messages"?})
          | (any of the first two, {"body": {…}})                 log records

pydantic-ai keeps the same as JSON in an attribute `events`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.json_values import decode_if_json
from hermes_tui.formats.span_attributes import Attributes

Events = Sequence[tuple[str, Mapping[str, Any]]]

_ROLE_EVENTS = ("system", "user", "assistant", "tool")


def messages_in_events(attributes: Attributes, events: Events) -> tuple[list[Any], list[Any]]:
    """Return the input and the output messages in the events of a span."""
    asked: list[Any] = []
    answered: list[Any] = []
    listed: list[tuple[str, Attributes]] = []
    for name, raw in events:
        body = raw.get("body")
        if not isinstance(body, dict):
            listed.append((name, Attributes(raw)))
        elif name == "gen_ai.choice":
            answered.append(_chosen(body))
        else:
            asked.append(_message(body, name))
    for one in fields.as_list(decode_if_json(attributes.first("events"))):
        if isinstance(one, dict):
            listed.append((fields.label(one, "event.name", "event_name"), Attributes(one)))
    for name, given in listed:
        if name == "gen_ai.choice":
            answered.append(_choice(given))
        elif name == "gen_ai.content.prompt":
            asked += _several(given.first("gen_ai.prompt"))
        elif name == "gen_ai.content.completion":
            answered += _several(given.first("gen_ai.completion"))
        elif name.startswith("gen_ai.") and name.endswith(".message"):
            asked.append(_said(given, name.split(".")[1]))
        else:
            asked += _several(given.first("gen_ai.input.messages"))
            answered += _several(given.first("gen_ai.output.messages"))
    return asked, answered


def _said(given: Attributes, role: str) -> dict[str, Any]:
    """Return the message in an event's attributes, in which other values than text are JSON."""
    inner = decode_if_json(given.first("message", "gen_ai.event.content", "body"))
    raw = {key: decode_if_json(value) for key, value in given.flat.items() if "." not in key}
    message = {**raw, **inner} if isinstance(inner, dict) else raw
    if isinstance(inner, str) or _are_parts(inner):
        message["content"] = inner
    calls = given.listed("tool_calls")
    if calls:
        message["tool_calls"] = calls
    message.pop("message", None)
    known = role if role in _ROLE_EVENTS else "user"
    message["role"] = fields.label(message, "role") or known
    if message["role"] == "tool" and "tool_call_id" not in message:
        message["tool_call_id"] = message.pop("id", None)
    return message


def _message(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the message in the body of a log record, whose texts are not decoded as JSON."""
    role = name.removeprefix("gen_ai.").removesuffix(".message")
    message = {"role": role if role in _ROLE_EVENTS else "user", **body}
    if message["role"] == "tool" and "tool_call_id" not in message:
        message["tool_call_id"] = message.pop("id", None)
    return message


def _chosen(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reply in the body of a log record."""
    reason = {key: body[key] for key in ("finish_reason",) if key in body}
    return {"role": "assistant", **reason, **fields.as_dict(body.get("message"))}


def _are_parts(value: Any) -> bool:
    """Return whether a message is given as the parts of its content, as in Strands."""
    return isinstance(value, list) and all(isinstance(part, dict) for part in value)


def _choice(given: Attributes) -> dict[str, Any]:
    message = _said(given, "assistant")
    inner = {key[8:]: value for key, value in given.flat.items() if key.startswith("message.")}
    if calls := given.listed("message.tool_calls"):
        inner["tool_calls"] = calls
    return {
        **message,
        **{key: decode_if_json(value) for key, value in inner.items() if "." not in key},
    }


def _several(value: Any) -> list[Any]:
    value = decode_if_json(value)
    return value if isinstance(value, list) else [] if value is None else [value]
