"""What the agent loop does with a call: run its tool, or answer the model with an error itself."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import Any, NamedTuple

from hermes_tui.debugger.stepping import StopPoint
from hermes_tui.model.messages import ArgumentsState, ToolCall, ToolResult
from hermes_tui.model.spans import Span
from hermes_tui.parsers.call_arguments import Arguments
from hermes_tui.parsers.plain_values import decode, json_text

_MAX_KEYS = 8
"""How many keys in the text of a call are tried, as values may contain such keys, too."""
NO_ARGUMENTS = frozenset({ArgumentsState.EMPTY, ArgumentsState.NULL, ArgumentsState.MISSING})
"""States of absent arguments: the tool gets an empty object."""


class Refusal(NamedTuple):
    """Why a call cannot be dispatched. `error` is recorded, `for_model` is sent to the model."""

    point: StopPoint
    error: str
    for_model: str


def refusal(
    name: str | None, arguments: Arguments, names: frozenset[str] | None, *, cut: bool
) -> Refusal | None:
    """Return why this call cannot be dispatched, or None if it can.

    `names` are the tools that may be called, None: any. `cut`: the reply ended before the call did,
    so that the arguments are incomplete.
    """
    if not name or (names is not None and name not in names):
        error = f"Unknown tool '{name or ''}'"
        available = f". Available tools: {sorted(names)}" if names is not None else ""
        return Refusal(StopPoint.UNKNOWN_TOOL, error, error + available)
    if cut:
        error = "The call was cut off before its end"
        return Refusal(
            StopPoint.INVALID_ARGS, error, f"{error} and was not run. Please send it again whole."
        )
    if arguments.state in NO_ARGUMENTS or isinstance(arguments.value, dict):
        return None
    if arguments.state is ArgumentsState.NOT_JSON:
        error = "Invalid JSON in tool arguments"
        return Refusal(StopPoint.INVALID_ARGS, error, f"{error}. Please retry with valid JSON.")
    error = "Tool arguments are not a JSON object"
    return Refusal(StopPoint.INVALID_ARGS, error, f"{error}. Please retry with an object.")


def arguments_are_whole(call: ToolCall, text: str) -> bool:
    """Return whether a call that `text` cuts off has whole arguments and lacks only its end."""
    # Imported here, as only a run with a call of such a shape needs them.
    from hermes_tui.parsers.shapes import ARGUMENT_KEYS

    span = call.span or Span(0, len(text))
    decode_at = json.JSONDecoder().raw_decode
    key_of = re.compile(rf'"(?:arguments|{"|".join(ARGUMENT_KEYS)})"\s*+:\s*+(?=[{{"])')
    for key in islice(key_of.finditer(text, span.start, span.end), _MAX_KEYS):
        try:
            value, _ = decode_at(text, key.end())
        except (ValueError, RecursionError):
            continue
        value = decode(value) if isinstance(value, str) else value
        if isinstance(value, dict) and json_text(value) == json_text(call.arguments):
            return True
    return False


def dispatched_arguments(arguments: Arguments) -> str:
    """Return the JSON text of the object that the tool receives: the exact text if it is one."""
    if arguments.state in NO_ARGUMENTS:
        return "{}"
    if arguments.state is ArgumentsState.DOUBLE_ENCODED:
        return json_text(arguments.value)
    return arguments.text


def call_key(name: str | None, arguments: Arguments) -> str:
    """Return a key that is the same for calls of one tool with equal arguments."""
    value: Any = arguments.value if arguments.value is not None else arguments.text
    try:
        return json.dumps([name, value], sort_keys=True)
    except (RecursionError, ValueError, TypeError):
        return f"{name} {arguments.text}"


def error_text(message: str) -> str:
    """Return the content that the model receives in place of a result."""
    return json.dumps({"error": message})


def recorded_error(result: ToolResult) -> str:
    """Return the error that the loop records for a result with a negative exit code, else ""."""
    body = decode(result.content)
    if not isinstance(body, dict) or not body.get("error"):
        return ""
    code = body.get("exit_code")
    negative = isinstance(code, (int, float)) and code < 0
    return str(body["error"]) if negative else ""
