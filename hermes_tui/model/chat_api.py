"""Calls and tools as requests and replies of the chat completions API write them."""

from __future__ import annotations

from typing import Any

from hermes_tui.model.messages import ToolSpec


def function_call(call_id: Any, name: Any, arguments: Any) -> dict[str, Any]:
    """Return a call as chat messages write it.

    Where a format decodes arguments itself they belong in here as text: that they are an object
    there says nothing of how the model wrote them.
    """
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def custom_call(call_id: Any, name: Any, given: Any) -> dict[str, Any]:
    """Return a call whose input is a text of its own, never JSON, as chat messages write it."""
    return {"id": call_id, "type": "custom", "custom": {"name": name, "input": given}}


def tool_schema(name: str, description: str, parameters: Any) -> dict[str, Any]:
    """Return a tool as requests declare it; `parameters` is a JSON Schema."""
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


def tool_value(tool: ToolSpec) -> dict[str, Any]:
    """Return a tool as a request declared it, without what that left out."""
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    return {"type": "function", "function": function}
