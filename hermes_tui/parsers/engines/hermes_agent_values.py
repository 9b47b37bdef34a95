"""Values between tags as hermes-agent guesses them: JSON, else a Python literal, else the text.

No schema is consulted: "42" becomes 42 and "null" becomes null even for a string parameter.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import Refused, Trace
from hermes_tui.parsers.engines.json_text import BadJson, dumps, loads
from hermes_tui.parsers.engines.members import stripped
from hermes_tui.parsers.engines.python_literal import NotLiteral, literal_eval


class NumberTooLong(Exception):
    """A number with more digits than Python converts; the parsers handle it differently."""


def guess(trace: Trace, span: Span, *, any_case_null: bool) -> Any:
    """Return the value of the text in `span`; raises NumberTooLong, or Refused if too deep."""
    at = stripped(trace.text, span)
    text = trace.text[at.start : at.end]
    if any_case_null and text.lower() == "null":
        return None
    try:
        return loads(text)
    except BadJson as error:
        if error.deep:
            raise Refused(f"a value {error.message}") from None
        if not error.syntax:
            raise NumberTooLong(error.message) from None
    try:
        return literal_eval(text)
    except NotLiteral as error:
        if not error.caught:
            raise Refused(f"a value {error}") from None
        return text


def written(arguments: dict[str, Any]) -> str:
    """Return the arguments as JSON; raises Refused for what JSON cannot hold (sets, bytes)."""
    try:
        return dumps(arguments)
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused(f"a value that JSON cannot hold: {error}") from None


def flag_guess(trace: Trace, tool: str, key: str, value: Any, span: Span, index: int) -> None:
    """Flag a guess that differs from the text in `span`.

    Either it is not a string although one is declared, or blanks at its ends are lost.
    """
    at = stripped(trace.text, span)
    if not isinstance(value, str):
        if not _wants_text(trace, tool, key):
            return
        shown = trace.text[at.start : min(at.end, at.start + 40)]
        message = f"{key}: a string is declared, {shown!r} becomes {type(value).__name__}"
        hint = "hermes-agent consults no schema: it guesses the type of every value"
        trace.flag(Code.TYPE_GUESSED, Severity.ERROR, at, message, hint, index)
    elif at != span and trace.text[at.start : at.end] == value:
        newline = at.start == span.start and trace.text[at.end : span.end] == "\n"
        what = "the final newline of the value is" if newline else "whitespace at the ends is"
        message = f"{key}: {what} lost"
        hint = "indentation and the final newline do not survive this parser"
        trace.flag(Code.VALUE_TRIMMED, Severity.WARNING, span, message, hint, index)


def _wants_text(trace: Trace, tool: str, key: str) -> bool:
    spec = trace.tools.get(tool)
    schema = spec.parameters if spec and isinstance(spec.parameters, dict) else {}
    properties = schema.get("properties")
    one = properties.get(key) if isinstance(properties, dict) else None
    return isinstance(one, dict) and one.get("type") == "string"
