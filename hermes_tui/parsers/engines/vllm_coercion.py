"""Coercion of arguments to the tool's schema by vLLM 0.33's engine parsers, after the call is read.

    string      → the first of null, integer, number, boolean, object, array, string that the schema
                  allows and the text can be; else whatever JSON the text is; else the text
    other value → its JSON text, by the same rule (a 42 for a string becomes "42")
    object      → its members by `properties`;  list → its items by `items`

Nothing is coerced without tools, for an unknown tool, or if the arguments are not a JSON object.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.model.wording import shortened
from hermes_tui.parsers.engines.base import EngineRaised, Trace
from hermes_tui.parsers.engines.json_text import TYPE_NAMES, BadJson, dumps, loads
from hermes_tui.parsers.engines.members import members_in

TOO_DEEP = "RecursionError: maximum recursion depth exceeded"
_SHOWN = 60
_PATH_SEPARATOR = re.compile(r"[.\[]")
"""The characters by which a path continues into a value; they may also occur in a key."""


class Change(NamedTuple):
    """A value changed by coercion; `path` is dotted, with [n] for items of lists.

    `fits`: the new value is of a type that the schema names.
    """

    path: str
    before: Any
    after: Any
    fits: bool


class CoercedArguments(NamedTuple):
    """Arguments as emitted: the exact input text if nothing changed.

    `failed` are the paths of texts that cannot be converted to the type that the schema declares.
    """

    arguments: str
    changes: tuple[Change, ...] = ()
    failed: tuple[str, ...] = ()


def coerce_arguments(arguments: str, tool: ToolSpec | None) -> CoercedArguments:
    """Return `arguments` coerced to the schema of `tool`.

    Raises EngineRaised if they are nested so deeply that the engine runs out of stack.
    """
    if tool is None or arguments == "{}":
        return CoercedArguments(arguments)
    try:
        value = _loads(arguments)
    except BadJson:
        value = None
    properties = _properties(tool.parameters)
    if not isinstance(value, dict) or not properties:
        return CoercedArguments(arguments)
    coercer = _Coercer()
    try:
        coercer.members(value, properties, "")
        after = dumps(value) if coercer.changes else arguments
    except RecursionError:
        raise EngineRaised(TOO_DEEP) from None
    return CoercedArguments(after, tuple(coercer.changes), tuple(coercer.failed))


def flag_changes(
    trace: Trace,
    coerced: CoercedArguments,
    span: Span,
    index: int,
    *,
    places: Mapping[str, Span] | None = None,
) -> None:
    """Flag what coercion did to the arguments of call `index`, which are at `span`.

    `places` are the spans of the values if they are text between tags: then a conversion to a
    fitting type is expected. Without `places`, the arguments are JSON.
    """
    typed = places is None
    if places is None:
        places = members_in(trace.text, span) if coerced.changes or coerced.failed else {}
    whole = span
    for path, before, after, fits in coerced.changes:
        span = _place_of(path, places) or whole
        severity = Severity.NOTE if fits and not typed else Severity.WARNING
        message = f"{path}: the schema turns {_short(before)} into {_short(after)}"
        hint = "the value that runs is not the value that the model wrote"
        trace.flag(Code.COERCED, severity, span, message, hint, index)
    for path in coerced.failed:
        span = _place_of(path, places) or whole
        message = f"{path}: the text is not of the type that the schema requires, and stays text"
        hint = "the tool gets a string; validate before running it"
        trace.flag(Code.COERCE_FAILED, Severity.WARNING, span, message, hint, index)
    if coerced.changes:
        listed = ", ".join(change.path for change in coerced.changes[:8])
        trace.step("coerce to the schema", whole, "changed", listed)


def _place_of(path: str, places: Mapping[str, Span]) -> Span | None:
    """Return the span of the argument that a path leads into, or None if it is not known."""
    ends = [len(path), *reversed([inner.start() for inner in _PATH_SEPARATOR.finditer(path)])]
    return next((places[key] for end in ends if (key := path[:end]) in places), None)


def types_of(schema: Any) -> set[str]:
    """Return the JSON types that a schema names or implies; {"string"} if there are none."""
    if not isinstance(schema, dict):
        return {"string"}
    kind = schema.get("type")
    found = {item for item in (kind if isinstance(kind, list) else [kind]) if isinstance(item, str)}
    options = schema.get("enum")
    found |= {_type_name(option) for option in options} if isinstance(options, list) else set()
    for field in ("anyOf", "oneOf", "allOf"):
        branches = schema.get(field)
        for branch in branches if isinstance(branches, list) else ():
            found |= types_of(branch)
    return found or {"string"}


def coerce_text(text: str, types: set[str]) -> Any:
    """Return `text` converted to the first of the types that it can be converted to."""
    allowed = _canonical(types)
    for name, read in _READERS:
        if name not in allowed:
            continue
        try:
            return read(text)
        except (ValueError, BadJson):
            continue
    try:
        return _finite_json(text)
    except (ValueError, BadJson):
        return text


class _Coercer:
    """Coerces values in place and records which changed and which could not be converted."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.failed: list[str] = []

    def members(self, value: dict[str, Any], properties: dict[str, Any], path: str) -> None:
        for key in value:
            schema = properties.get(key)
            if isinstance(schema, dict):
                value[key] = self.coerce(value[key], schema, f"{path}{key}")

    def coerce(self, value: Any, schema: dict[str, Any], path: str) -> Any:
        if isinstance(value, dict):
            inner = schema.get("properties")
            if isinstance(inner, dict):
                self.members(value, inner, f"{path}.")
            return value
        if isinstance(value, list):
            items = schema.get("items")
            if isinstance(items, dict):
                for position, item in enumerate(value):
                    value[position] = self.coerce(item, items, f"{path}[{position}]")
            return value
        types = types_of(schema)
        after = coerce_text(value if isinstance(value, str) else dumps(value), types)
        if type(after) is not type(value) or after != value:
            self.changes.append(Change(path, value, after, _fits(after, types)))
            return after
        if isinstance(value, str) and not types & _STRING_TYPES:
            self.failed.append(path)
        return value


def _canonical(types: set[str]) -> set[str]:
    """Return the canonical names of the types."""
    plain = (name.strip().lower() for name in types)
    return {_ALIASES.get(name, name) for name in plain}


def _fits(value: Any, types: set[str]) -> bool:
    """Return whether a value is of one of the types; "number" includes "integer"."""
    allowed, kind = _canonical(types), _type_name(value)
    return kind in allowed or (kind == "integer" and "number" in allowed)


def _null(text: str) -> None:
    if text.lower() != "null":
        raise ValueError


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return int(value) if value == int(value) else value


def _boolean(text: str) -> bool:
    word = text.lower().strip()
    if word not in ("true", "1", "false", "0"):
        raise ValueError
    return word in ("true", "1")


def _finite_json(text: str) -> Any:
    value = _loads(text)
    if not _is_finite(value):
        raise ValueError
    return value


def _is_finite(value: Any) -> bool:
    """Return whether every number in the value, at any depth, is finite."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, float) and not math.isfinite(item):
            return False
        if isinstance(item, dict | list):
            waiting.extend(item.values() if isinstance(item, dict) else item)
    return True


_READERS: tuple[tuple[str, Callable[[str], Any]], ...] = (
    ("null", _null),
    ("integer", int),
    ("number", _number),
    ("boolean", _boolean),
    ("object", _finite_json),
    ("array", _finite_json),
    ("string", str),
)

_ALIASES = {
    **dict.fromkeys(("str", "text", "varchar", "char", "enum"), "string"),
    **dict.fromkeys(("int", "int32", "int64", "uint", "uint32", "uint64"), "integer"),
    **dict.fromkeys(("long", "short", "unsigned"), "integer"),
    **dict.fromkeys(("float", "float32", "float64", "double"), "number"),
    **dict.fromkeys(("arr", "list", "sequence"), "array"),
    "bool": "boolean",
    "dict": "object",
}

_STRING_TYPES = {"string", *(alias for alias, name in _ALIASES.items() if name == "string")}


def _type_name(value: Any) -> str:
    return TYPE_NAMES.get(type(value), "string")


def _properties(parameters: Any) -> dict[str, Any]:
    found = parameters.get("properties") if isinstance(parameters, dict) else None
    return found if isinstance(found, dict) else {}


def _loads(text: str) -> Any:
    """Decode like `loads`; raises EngineRaised if the value is nested too deeply."""
    try:
        return loads(text)
    except BadJson as error:
        if error.deep:
            raise EngineRaised(TOO_DEEP) from None
        raise


def _short(value: Any) -> str:
    return shortened(json.dumps(value, ensure_ascii=False, default=str), _SHOWN)
