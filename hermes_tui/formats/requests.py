"""A request to a model in any form that a log keeps: body, HTTP envelope, messages or text.

request = {"messages"|"input"|"prompt"|"text"|"inputs", …} | [message, …] | text
        | {"method", "url", "headers", "body": request}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.dialects.responses_items import is_item, messages_of_items
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.replies import openai_messages
from hermes_tui.formats.texts.text_replies import messages_of_prompt

INPUTS = ("input", "body", "prompt")
PROMPTS = ("prompt", "text", "inputs")
"""Servers' names for a text to be continued; `text` and `inputs` have no other meaning."""
_TEXT_ONLY_KEYS = PROMPTS[1:]
_WIRE_BODIES = ("body", "json", "data", "content")

Placed = list[tuple[str, dict[str, Any]]]
"""Messages, each with its pointer."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request. See `Exchange` for `wire_request` and `wire_response`."""

    body: Any
    pointer: str
    url: str = ""
    headers: Mapping[str, Any] = field(default_factory=dict)
    messages_key: str = "messages"
    wire_request: Any = None
    wire_response: Any = None

    def messages(self, pointer: str) -> Placed:
        """Return the messages of a request inside the value at `pointer`."""
        return _messages(self.body, pointer + self.pointer, self.messages_key)


def request_in(value: dict[str, Any], key: str) -> Request:
    """Read the request under `key`, or the agent's own conversation if the log has that too."""
    if key or "raw_messages" not in value:
        return _request(value[key] if key else value, key)
    return Request(
        {**value, "messages": value["raw_messages"]},
        "",
        messages_key="raw_messages",
        wire_request=value.get("messages"),
        wire_response=value.get("raw_response"),
    )


def is_request(side: Any, around: dict[str, Any]) -> bool:
    """Return whether `side` can be a request; a bare text only if a model is named next to it."""
    side = decode_if_json(side)
    if isinstance(side, dict):
        return any(key in side for key in ("messages", *INPUTS))
    if isinstance(side, list):
        return fields.is_message_list(side)
    return isinstance(side, str) and bool(fields.model_of(around))


def _request(side: Any, key: str) -> Request:
    """Unwrap an HTTP request to its body."""
    pointer = f"/{key}" if key else ""
    side = decode_if_json(side)
    if not isinstance(side, dict):
        return Request(side, pointer)
    scope, path = fields.label(side, "scope"), fields.label(side, "path")
    url = fields.label(side, "url", "uri") or (scope + path if "method" in side else "")
    headers = side.get("headers")
    if url or isinstance(headers, dict):
        kept = fields.as_dict(headers)
        for name in _WIRE_BODIES:
            if side.get(name) is not None and "messages" not in side:
                return Request(decode_if_json(side[name]), f"{pointer}/{name}", url, kept)
        return Request(side, pointer, url, kept)
    return Request(side, pointer)


def _messages(body: Any, pointer: str, key: str, levels: int = 3) -> Placed:
    """Return the messages of a request, with pointers; its body may be nested `levels` deep."""
    body = decode_if_json(body)
    if isinstance(body, str):
        return [(pointer, {"role": "user", "content": body})] if body.strip() else []
    if isinstance(body, list):
        return _listed(body, pointer)
    if not isinstance(body, dict):
        return []
    found: Placed = []
    for name in ("system", "instructions"):
        if isinstance(body.get(name), (str, list)) and body[name]:
            found.append((f"{pointer}/{name}", {"role": "system", "content": body[name]}))
    for name in ("messages", "input", *PROMPTS):
        value = decode_if_json(body.get(name))
        place = f"{pointer}/{key if name == 'messages' else name}"
        if isinstance(value, list):
            are_tokens = name in PROMPTS and not any(isinstance(one, (str, dict)) for one in value)
            return found if are_tokens else found + _listed(value, place)
        if isinstance(value, dict) and levels and name not in _TEXT_ONLY_KEYS:
            return found + _messages(value, place, "messages", levels - 1)
        if isinstance(value, str) and value:
            is_prompt = name in PROMPTS
            turns = _prompt_messages(value) if is_prompt else [{"role": "user", "content": value}]
            return found + [(place, turn) for turn in turns]
    return found


def _prompt_messages(prompt: str) -> list[dict[str, Any]]:
    """Return the messages of a prompt, or the whole prompt if it contains the beginning of the
    reply, since the log has only the rest."""
    messages, prefill = messages_of_prompt(prompt)
    return [{"role": "user", "content": prompt}] if prefill else messages


def _listed(items: list[Any], pointer: str) -> Placed:
    items = [decode_if_json(item) for item in items]
    if any(map(is_item, items)):
        return [(chat.pointer, chat.raw) for chat in messages_of_items(items, pointer)]
    found: Placed = []
    for index, item in enumerate(items):
        if isinstance(item, str):
            item = {"role": "user", "content": item}
        elif not isinstance(item, dict):
            item = {"role": "unknown", "content": fields.json_text(item)}
        place = f"{pointer}/{index}"
        found.extend((place + inner, message) for inner, message in openai_messages(item))
    return found
