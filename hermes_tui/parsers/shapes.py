"""The shape of a call whose payload is decoded: where its name and its arguments are.

call := {"name": NAME, "arguments": {…}}                   the expected shape
      | {"name": NAME, "parameters"|"args"|…: {…}}         another key
      | {"name": NAME, KEY: VALUE, …} | {"name": NAME}     flat, or no arguments at all
      | {"type": "function", "function": call}             the envelope of the OpenAI API
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.literals import FAILED, JSON, read_literal

ARGUMENT_KEYS = ("parameters", "args", "params", "input", "kwargs", "tool_input")
NAME_KEYS = ("tool", "tool_name", "function", "function_name", "action")
_ENVELOPE_KEYS = frozenset({"name", "type", "id", "call_id", "index"})

Members = Callable[[int], dict[str, Span]]
"""Returns the spans of the values of the object at a position, by key."""


class Misfit(NamedTuple):
    """How a call departs from the expected shape, and where."""

    code: Code
    severity: Severity
    span: Span
    message: str
    hint: str = ""


class CallShape(NamedTuple):
    """The call in a payload; `name` is None if the payload names nothing to call."""

    name: str | None
    value: Any
    span: Span
    name_span: Span | None
    arguments_span: Span | None
    misfits: tuple[Misfit, ...]


def call_shape(
    payload: Any, span: Span, members: Members, known_names: Collection[str]
) -> CallShape:
    """Return the call in the payload at `span`, with every departure from the expected shape."""
    if not isinstance(payload, dict):
        misfit = Misfit(
            Code.NAME_MISSING, Severity.ERROR, span, "the payload is not an object", _SHAPE_HINT
        )
        return CallShape(None, payload, span, None, None, (misfit,))
    misfits: list[Misfit] = []
    spans = members(span.start)
    inner = payload.get("function")
    if isinstance(inner, dict):
        at = spans.get("function", span)
        misfits.append(_args_key(at, "the call is wrapped in an OpenAI envelope"))
        payload, spans = inner, members(at.start)
    name, name_span = _name(payload, spans, span, misfits)
    if name is not None and name_span is not None and known_names:
        name = _declared_name(name, name_span, known_names, misfits)
    key, value = _arguments(payload, name)
    arguments_span = spans.get(key) if key else None
    if key != "arguments":
        message = f"the arguments are in `{key}`" if key else "there is no `arguments` key"
        misfits.append(_args_key(arguments_span or span, message))
    value = _decoded(value, arguments_span or span, misfits)
    return CallShape(name, value, span, name_span, arguments_span, tuple(misfits))


def looks_like_call(payload: Any) -> bool:
    """Return whether `payload` can only be a call: a name, and arguments under a usual key."""
    if not isinstance(payload, dict):
        return False
    inner = payload.get("function")
    if isinstance(inner, dict) and payload.get("type", "function") == "function":
        payload = inner
    name = payload.get("name")
    if not isinstance(name, str) or not name:
        return False
    arguments = payload.get("arguments", payload.get("parameters"))
    if isinstance(arguments, str):
        return arguments.lstrip()[:1] == "{"
    return isinstance(arguments, dict) and "properties" not in arguments


_SHAPE_HINT = 'send {"name": "…", "arguments": {…}}'


def _args_key(span: Span, message: str) -> Misfit:
    return Misfit(
        Code.ARGS_KEY, Severity.ERROR, span, message, f"vLLM refuses the block; {_SHAPE_HINT}"
    )


def _name(
    payload: dict[str, Any], spans: dict[str, Span], span: Span, misfits: list[Misfit]
) -> tuple[str | None, Span | None]:
    name = payload.get("name")
    if isinstance(name, str) and name.strip():
        return name, _unquoted(spans.get("name"))
    if "name" in payload:
        at = spans.get("name", span)
        misfits.append(
            Misfit(Code.NAME_TYPE, Severity.ERROR, at, "the name is not a string", _SHAPE_HINT)
        )
        return None, at
    for key in NAME_KEYS:
        other = payload.get(key)
        if isinstance(other, str) and other:
            message = f"the name is in `{key}`"
            at = spans.get(key, span)
            misfits.append(Misfit(Code.NAME_MISSING, Severity.ERROR, at, message, _SHAPE_HINT))
            return other, _unquoted(spans.get(key))
    misfits.append(
        Misfit(Code.NAME_MISSING, Severity.ERROR, span, "the call has no name", _SHAPE_HINT)
    )
    return None, None


def _unquoted(span: Span | None) -> Span | None:
    return Span(span.start + 1, span.end - 1) if span and len(span) > 2 else span


def _declared_name(
    name: str, span: Span, known_names: Collection[str], misfits: list[Misfit]
) -> str:
    """Return the declared tool that a decorated name stands for, else the name unchanged."""
    if name in known_names:
        return name
    bare = name.strip().removesuffix("()").removesuffix("[ARGS]")
    guesses = (bare, bare.rpartition(".")[2], bare.rpartition("/")[2], bare.rpartition(":")[2])
    for guess in dict.fromkeys(guesses):
        for candidate in (guess, guess.replace(" ", "_"), guess.replace("-", "_"), guess.lower()):
            if candidate in known_names:
                message = f"the tool is called {candidate!r}, not {name!r}"
                hint = "engines use the name unchanged: the call finds no tool"
                misfits.append(Misfit(Code.NAME_DECORATED, Severity.ERROR, span, message, hint))
                return candidate
    return name


def _arguments(payload: dict[str, Any], name: str | None) -> tuple[str, Any]:
    """Return the key of the arguments ("" if there is none) and their value."""
    flat = {key: value for key, value in payload.items() if key not in _ENVELOPE_KEYS}
    for key in ("arguments", *ARGUMENT_KEYS):
        if key in payload and (
            key == "arguments" or len(flat) == 1 or _are_all_arguments(payload[key])
        ):
            return key, payload[key]
    if name is not None:
        for key in NAME_KEYS:
            if flat.get(key) == name:
                del flat[key]
    return "", flat


def _are_all_arguments(value: Any) -> bool:
    """Return whether a value can be all arguments, not one argument called `params` or so."""
    return isinstance(value, dict) or (isinstance(value, str) and value.lstrip()[:1] == "{")


def _decoded(value: Any, span: Span, misfits: list[Misfit]) -> Any:
    """Decode arguments that arrived as text; report that, and a value that is not an object."""
    levels, near = 0, False
    while isinstance(value, str) and levels < 3:
        try:
            value, rung = _loads(value)
        except ValueError:
            break
        near = near or rung != JSON
        levels += 1
    if near:
        message = "the text of the arguments is almost JSON"
        misfits.append(Misfit(Code.ARGS_INVALID, Severity.ERROR, span, message, "send an object"))
    if levels:
        code = Code.ARGS_STRING if levels == 1 else Code.ARGS_DOUBLE
        times = {1: "once", 2: "twice", 3: "three times"}[levels]
        message = f"the arguments are a string, encoded {times}, not an object"
        hint = "engines pass the string on unchanged; decode it or send an object"
        misfits.append(Misfit(code, Severity.WARNING, span, message, hint))
    if isinstance(value, dict):
        return value
    kind = "null" if value is None else type(value).__name__
    message = f"the arguments are {kind}, not an object"
    misfits.append(Misfit(Code.ARGS_NOT_OBJECT, Severity.WARNING, span, message, "send {…}"))
    return {} if value is None else value


def _loads(text: str) -> tuple[Any, str]:
    """Return the value of an encoded text and the rung that read it; raise ValueError if none."""
    words = text.strip()
    if not words:
        return {}, JSON
    if words[0] not in "{[":
        return json.loads(words), JSON
    literal = read_literal(words, 0, len(words))
    if literal.rung == FAILED or literal.cut_at >= 0 or literal.span.end < len(words):
        raise ValueError(literal.error)
    return literal.value, literal.rung
