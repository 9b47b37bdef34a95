"""Helpers for the tests of normalisation."""

from __future__ import annotations

from typing import Any

from hermes_tui.model.diagnostics import Code, Diagnostic
from hermes_tui.model.messages import ToolCall, ToolResult
from hermes_tui.parsers.normalise import Normalised, TextCalls, normalise_message


def assistant(**fields: Any) -> Normalised:
    return normalise_message({"role": "assistant", "content": None, **fields})


def native(arguments: Any = "{}", name: Any = "terminal", **fields: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": "c1", "type": "function", "function": function, **fields}


def only_call(entry: Any) -> tuple[ToolCall, tuple[Diagnostic, ...]]:
    """Return the call of a message whose `tool_calls` contain only `entry`."""
    found = assistant(tool_calls=[entry])
    assert found.message.calls == len(found.calls) == 1
    return found.calls[0]


def only_result(raw: dict[str, Any], mode: TextCalls = TextCalls.SUSPECT) -> ToolResult:
    found = normalise_message({"role": "tool", **raw}, text_calls=mode)
    assert found.message.results == len(found.results) == 1
    return found.results[0][0]


def codes(diagnostics: tuple[Diagnostic, ...]) -> list[Code]:
    return [found.code for found in diagnostics]
