"""The tools that a source declares, in any of the usual spellings.

tools = [tool, …] | JSON text of such a list
tool  = {"type": "function", "function": {"name", "description", "parameters"}}
      | {"name", "description", "parameters" | "input_schema" | "inputSchema"}
      | JSON text of one of these
text  = system prompt with "<tools>" tools "</tools>"
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.model.messages import ToolSpec

_SCHEMA_KEYS = ("parameters", "input_schema", "inputSchema")


def tool_specs(raw: Any) -> tuple[ToolSpec, ...] | None:
    """Return the declared tools, or None if `raw` is not a declaration."""
    if isinstance(raw, str):
        return _tool_specs_in(raw)
    if not isinstance(raw, list):
        return None
    found = (_tool_spec(decode_if_json(item)) for item in raw)
    return tuple(tool for tool in found if tool is not None)


def _tool_spec(item: Any) -> ToolSpec | None:
    if not isinstance(item, dict):
        return None
    inner = item.get("function")
    body = inner if isinstance(inner, dict) else item
    name, description = body.get("name"), body.get("description")
    if not isinstance(name, str) or not name:
        return None
    return ToolSpec(
        name,
        description if isinstance(description, str) else "",
        next((body[key] for key in _SCHEMA_KEYS if key in body), None),
    )


@lru_cache(maxsize=4)
def _tool_specs_in(text: str) -> tuple[ToolSpec, ...] | None:
    """Return the tools in JSON text; most runs of a file repeat it word for word."""
    raw = decode_if_json(text)
    return tool_specs(raw) if isinstance(raw, list) else None


@lru_cache(maxsize=4)
def tools_in_text(text: str) -> tuple[ToolSpec, ...] | None:
    """Return the tools declared in a system prompt; most runs of a file have the same prompt."""
    return tool_specs(tools_block(text))


def tools_in_prompt(messages: Any) -> tuple[ToolSpec, ...] | None:
    """Return the tools declared in the system prompt that a list of messages begins with."""
    if not fields.begins_with_system(messages):
        return None
    return tools_in_text(fields.text_of(fields.first_object(messages).get("content")))


def tools_block(text: str) -> list[Any] | None:
    """Return the tools in the first `<tools>` block that holds JSON: a list, or one tool a line."""
    decoder = json.JSONDecoder(strict=False)
    start = text.find("<tools>")
    while start >= 0:
        position = _skip_blank(text, start + len("<tools>"))
        found: list[Any] = []
        while text[position : position + 1] in ("[", "{"):
            try:
                value, position = decoder.raw_decode(text, position)
            except (ValueError, RecursionError):
                break
            found.append(value)
            position = _skip_blank(text, position)
        if found:
            declared: list[Any] = found[0] if isinstance(found[0], list) else found
            return declared
        start = text.find("<tools>", start + 1)
    return None


def _skip_blank(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position
