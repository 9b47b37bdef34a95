"""The arguments of a call: the state in which they arrived, and their value."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ArgumentsState
from hermes_tui.model.spans import Span
from hermes_tui.model.wording import decoder_words
from hermes_tui.parsers.plain_values import decode, json_text, loads

_MAX_ENCODINGS = 4
_MAX_REPAIR = 1_000_000
"""Longest broken arguments, in characters, that are examined."""

_KINDS: dict[type, str] = {
    list: "a list",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


class Arguments(NamedTuple):
    """The arguments of one call.

    `text` is the exact text, or compact JSON if the field held a decoded value. `value` is the
    object that it stands for, None if there is none.
    """

    text: str
    state: ArgumentsState
    value: Any = None
    diagnostics: tuple[Diagnostic, ...] = ()


def read_arguments(raw: Any, index: int | None = None) -> Arguments:
    """Return the arguments in `raw`, the value of an arguments field.

    Diagnostics carry `index`; their spans refer to `text`. An empty text is a call without
    arguments, which every client accepts.
    """
    if isinstance(raw, str):
        return _from_text(raw, index)
    if isinstance(raw, dict):
        return Arguments(json_text(raw), ArgumentsState.OBJECT, raw, (_sent_as_object(index),))
    if raw is None:
        missing = _not_object("null", None, index, Severity.WARNING)
        return Arguments("", ArgumentsState.NULL, None, (missing,))
    text = json_text(raw)
    kind = _KINDS.get(type(raw), type(raw).__name__)
    return Arguments(
        text, ArgumentsState.NOT_OBJECT, None, (_not_object(kind, Span(0, len(text)), index),)
    )


def _from_text(text: str, index: int | None) -> Arguments:
    try:
        value = loads(text)
    except RecursionError:
        return _not_json(text, "nested too deeply to read", 0, index)
    except json.JSONDecodeError as error:
        if not text.strip():
            return Arguments(text, ArgumentsState.EMPTY, {})
        return _not_json(text, decoder_words(error.msg), error.pos, index)
    except ValueError as error:
        return _not_json(text, str(error).partition(";")[0], 0, index)
    if type(value) is dict:
        return Arguments(text, ArgumentsState.JSON_STRING, value)
    whole = Span(0, len(text))
    inner, levels = _unwrap(value)
    if isinstance(inner, dict):
        found = Diagnostic(
            Code.ARGS_DOUBLE,
            Severity.ERROR,
            f"the arguments are JSON encoded {levels} times",
            whole,
            "a client that decodes once gets a string, not an object",
            index,
        )
        return Arguments(text, ArgumentsState.DOUBLE_ENCODED, inner, (found,))
    kind = _KINDS.get(type(value), "no object")
    return Arguments(text, ArgumentsState.NOT_OBJECT, None, (_not_object(kind, whole, index),))


def _unwrap(value: Any) -> tuple[Any, int]:
    levels = 1
    while isinstance(value, str) and levels < _MAX_ENCODINGS:
        value = decode(value)
        levels += 1
    return value, levels


def _not_json(text: str, problem: str, offset: int, index: int | None) -> Arguments:
    start = min(offset, max(0, len(text) - 1))
    value, hint = _intended(text)
    found = Diagnostic(
        Code.ARGS_INVALID,
        Severity.ERROR,
        f"the arguments are not JSON: {problem} at character {offset}",
        Span(start, min(start + 1, len(text))),
        hint,
        index,
    )
    return Arguments(text, ArgumentsState.NOT_JSON, value, (found,))


def _intended(text: str) -> tuple[Any, str]:
    """Return the object that broken arguments were meant to be (None if unclear), and a hint."""
    if len(text) > _MAX_REPAIR:
        return None, ""
    start = len(text) - len(text.lstrip())
    from hermes_tui.parsers.literals import PYTHON, read_literal

    literal = read_literal(text, start, len(text))
    if literal.cut_at >= 0:
        where = "inside a string" if literal.cut_in_string else "before all brackets are closed"
        return None, f"truncated: the text ends {where}; raise max_tokens"
    if text[literal.span.end :].strip():
        return None, f"a value ends at character {literal.span.end}, and more text follows it"
    if literal.rung == PYTHON:
        value = literal.value if isinstance(literal.value, dict) else None
        return value, "reads as a Python literal: the model wrote Python, not JSON"
    if literal.flaws:
        flaw = literal.flaws[0]
        return None, f"{flaw.message}; {flaw.hint}" if flaw.hint else flaw.message
    return None, ""


def _sent_as_object(index: int | None) -> Diagnostic:
    return Diagnostic(
        Code.ARGS_OBJECT,
        Severity.NOTE,
        "the arguments were sent as an object",
        hint="OpenAI clients expect the JSON text of one",
        call_index=index,
    )


def _not_object(
    kind: str, span: Span | None, index: int | None, severity: Severity = Severity.ERROR
) -> Diagnostic:
    return Diagnostic(
        Code.ARGS_NOT_OBJECT,
        severity,
        f"the arguments are {kind}, not an object",
        span,
        'tools take named arguments: {"name": value}',
        index,
    )
