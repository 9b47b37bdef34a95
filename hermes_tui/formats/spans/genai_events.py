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
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.spans.attributes import Attributes

Events = Sequence[tuple[str, Mapping[str, Any]]]

_ROLE_EVENTS = ("system", "user", "assistant", "tool")


def messages_in_events(attributes: Attributes, events: Events) -> tuple[list[Any], list[Any]]:
    """Return the input and the output messages in the events of a span."""
    inputs: list[Any] = []
    outputs: list[Any] = []
    listed: list[tuple[str, Attributes]] = []
    for name, raw in events:
        body = raw.get("body")
        if not isinstance(body, dict):
            listed.append((name, Attributes(raw)))
        elif name == "gen_ai.choice":
            outputs.append(_reply_in_body(body))
        else:
            inputs.append(_message_in_body(body, name))
    for one in fields.objects_in(decode_if_json(attributes.first("events"))):
        listed.append((fields.label(one, "event.name", "event_name"), Attributes(one)))
    for name, event_attributes in listed:
        if name == "gen_ai.choice":
            outputs.append(_reply_of_event(event_attributes))
        elif name == "gen_ai.content.prompt":
            inputs += _decoded_list(event_attributes.first("gen_ai.prompt"))
        elif name == "gen_ai.content.completion":
            outputs += _decoded_list(event_attributes.first("gen_ai.completion"))
        elif name.startswith("gen_ai.") and name.endswith(".message"):
            inputs.append(_message_of_event(event_attributes, name.split(".")[1]))
        else:
            inputs += _decoded_list(event_attributes.first("gen_ai.input.messages"))
            outputs += _decoded_list(event_attributes.first("gen_ai.output.messages"))
    return inputs, outputs


def _message_of_event(attributes: Attributes, role: str) -> dict[str, Any]:
    """Return the message in an event's attributes, which hold all values but texts as JSON."""
    inner = decode_if_json(attributes.first("message", "gen_ai.event.content", "body"))
    raw = {key: decode_if_json(value) for key, value in attributes.flat.items() if "." not in key}
    message = {**raw, **inner} if isinstance(inner, dict) else raw
    if isinstance(inner, str) or _are_parts(inner):
        message["content"] = inner
    calls = attributes.listed("tool_calls")
    if calls:
        message["tool_calls"] = calls
    message.pop("message", None)
    default_role = role if role in _ROLE_EVENTS else "user"
    message["role"] = fields.label(message, "role") or default_role
    if message["role"] == "tool" and "tool_call_id" not in message:
        message["tool_call_id"] = message.pop("id", None)
    return message


def _message_in_body(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the message in the body of a log record, whose texts are not decoded as JSON."""
    role = name.removeprefix("gen_ai.").removesuffix(".message")
    message = {"role": role if role in _ROLE_EVENTS else "user", **body}
    if message["role"] == "tool" and "tool_call_id" not in message:
        message["tool_call_id"] = message.pop("id", None)
    return message


def _reply_in_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reply in the body of a log record."""
    reason = {key: body[key] for key in ("finish_reason",) if key in body}
    return {"role": "assistant", **reason, **fields.as_dict(body.get("message"))}


def _are_parts(value: Any) -> bool:
    """Return whether a message is given as the parts of its content, as in Strands."""
    return isinstance(value, list) and all(isinstance(part, dict) for part in value)


def _reply_of_event(attributes: Attributes) -> dict[str, Any]:
    message = _message_of_event(attributes, "assistant")
    inner = {key[8:]: value for key, value in attributes.flat.items() if key.startswith("message.")}
    if calls := attributes.listed("message.tool_calls"):
        inner["tool_calls"] = calls
    return {
        **message,
        **{key: decode_if_json(value) for key, value in inner.items() if "." not in key},
    }


def _decoded_list(value: Any) -> list[Any]:
    value = decode_if_json(value)
    return value if isinstance(value, list) else [] if value is None else [value]
