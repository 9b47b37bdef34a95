"""Items of a Codex rollout as chat messages.

item = {"type": "message", "role", "content"} | {"type": "reasoning", "summary", …}
     | {"type": "function_call" | "custom_tool_call" | "local_shell_call", "call_id", …}
     | {"type": "function_call_output" | "custom_tool_call_output", "call_id", "output"}
     | {"type": "web_search_call" | …}      done by the server: shown, never answered
"""

from __future__ import annotations

import re
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.json_values import decode_if_json

_CALLS = frozenset({"function_call", "custom_tool_call", "local_shell_call"})
_OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output", "local_shell_call_output"})
ITEM_TYPES = _CALLS | _OUTPUTS | {"message", "reasoning", "web_search_call"}

_INJECTED = (
    "<environment_context>",
    "<user_instructions>",
    "<permissions instructions>",
    "# AGENTS.md instructions",
    "<turn_aborted>",
)
_HEAD = 400
"""Characters of an output in which its time stands."""
_WALL_TIME = re.compile(r"^Wall time: (\d{1,9}(?:\.\d{1,9})?) seconds$", re.MULTILINE)


def is_injected(text: str) -> bool:
    """Say whether a text in the user's name was written by the program."""
    return text.lstrip().startswith(_INJECTED)


def is_call(item: dict[str, Any]) -> bool:
    return fields.label(item, "type") in _CALLS


def is_of_model(item: dict[str, Any]) -> bool:
    """Say whether an item is a part of a reply: no output, nothing that others say."""
    if fields.label(item, "type") in _OUTPUTS:
        return False
    return "role" not in item or item["role"] == "assistant"


def message_of_reply(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the items of one reply as one message: reasoning, texts and calls."""
    content: list[Any] = []
    reasoning: list[Any] = []
    calls: list[Any] = []
    for item in items:
        raw = message_of_item(item, {})
        held = raw.get("content")
        content += held if isinstance(held, list) else [] if held is None else [held]
        for key, several in (("reasoning_details", reasoning), ("tool_calls", calls)):
            found = raw.get(key)
            several += found if isinstance(found, list) else []
    whole: dict[str, Any] = {"role": "assistant", "content": content or None}
    if reasoning:
        whole["reasoning_details"] = reasoning
    return whole | {"tool_calls": calls} if calls else whole


def message_of_item(item: dict[str, Any], end: dict[str, Any]) -> dict[str, Any]:
    """Return an item as a message; `end` is what an event says of how its call ended."""
    kind = fields.label(item, "type")
    if kind == "reasoning":
        return {"role": "assistant", "content": None, "reasoning_details": _reasoning(item)}
    if kind in _CALLS:
        return {"role": "assistant", "content": None, "tool_calls": [_call(item, kind)]}
    if kind in _OUTPUTS:
        return _answer(item, end)
    if "role" in item:
        return item
    return {"role": "assistant", "content": [item]}


def _reasoning(item: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for key, kind, held in (
        ("summary", "reasoning.summary", "summary"),
        ("content", "reasoning.text", "text"),
    ):
        pieces = item.get(key)
        for piece in pieces if isinstance(pieces, list) else [pieces]:
            text = fields.text_of(piece)
            if text:
                found.append({"type": kind, held: text})
    if item.get("encrypted_content"):
        found.append({"type": "reasoning.encrypted", "data": item["encrypted_content"]})
    return found


def _call(item: dict[str, Any], kind: str) -> dict[str, Any]:
    if kind == "local_shell_call":
        return {
            "name": "local_shell",
            "arguments": item.get("action"),
            "id": item.get("call_id", item.get("id")),
        }
    # `id` is the item's own; results name the `call_id`.
    without = ("id",) if "call_id" in item else ()
    return {key: value for key, value in item.items() if key not in without}


def _answer(item: dict[str, Any], end: dict[str, Any]) -> dict[str, Any]:
    output = item.get("output")
    decoded = decode_if_json(output, 1)
    told: dict[str, Any] = {}
    if isinstance(decoded, dict) and "output" in decoded:
        held = decoded.get("metadata")
        told = held if isinstance(held, dict) else {}
        output = decoded["output"]
    raw = {"role": "tool", "tool_call_id": item.get("call_id"), "content": output}
    code = told.get("exit_code", end.get("exit_code"))
    if code is not None:
        raw["exit_code"] = code
    duration = _duration(told.get("duration_seconds", end.get("duration")), output)
    if duration is not None:
        raw["duration_s"] = duration
    if end.get("success") is False:
        raw["success"] = False
    return raw


def _duration(told: Any, output: Any) -> float | None:
    if isinstance(told, dict):
        whole, part = fields.number(told.get("secs")), fields.number(told.get("nanos"))
        return None if whole is None else whole + (part or 0) / 1e9
    found = fields.number(told)
    if found is None and isinstance(output, str):
        shown = _WALL_TIME.search(output[:_HEAD])
        found = float(shown[1]) if shown else None
    return found
