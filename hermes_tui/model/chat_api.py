"""Calls and tools in the form of the chat completions API."""

from __future__ import annotations

from typing import Any

from hermes_tui.model.messages import ToolSpec


def function_call(call_id: Any, name: Any, arguments: Any) -> dict[str, Any]:
    """Return a function call as an entry of `tool_calls`.

    If a format stores decoded arguments, pass them as JSON text: that the file has an object
    says nothing about how the model wrote them.
    """
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def custom_call(call_id: Any, name: Any, input_text: Any) -> dict[str, Any]:
    """Return a custom tool call, whose input is free text and never JSON, for `tool_calls`."""
    return {"id": call_id, "type": "custom", "custom": {"name": name, "input": input_text}}


def tool_schema(name: str, description: str, parameters: Any) -> dict[str, Any]:
    """Return a tool in the form in which requests declare it; `parameters` is a JSON Schema."""
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


def tool_value(tool: ToolSpec) -> dict[str, Any]:
    """Return `tool` in the form in which requests declare it, without fields that it lacks."""
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    return {"type": "function", "function": function}
