"""Schemas of Python functions, from their type hints and docstrings."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import inspect
import pathlib
import re
import types
import typing
from collections.abc import Callable
from typing import Any

from hermes_tui.model.chat_api import tool_schema

MAX_DEPTH = 8
"""How many levels of a type that contains itself are described."""
_SIMPLE = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
    bytes: "string",
    pathlib.Path: "string",
    list: "array",
    tuple: "array",
    set: "array",
    frozenset: "array",
    dict: "object",
}
_LISTS = (list, set, frozenset, collections.abc.Sequence, collections.abc.Iterable)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def schema_of_function(name: str, function: Callable[..., Any]) -> dict[str, Any]:
    """Return the OpenAI-style schema of a function.

    The docstring's first paragraph is the description; `Args:` and `:param` describe parameters.
    """
    described, notes = parse_docstring(inspect.getdoc(function) or "")
    hints = hints_of(function)
    properties, required, is_open = {}, [], False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            is_open = True
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        schema = schema_of_type(hints.get(parameter.name, Any))
        if parameter.name in notes:
            schema = {**schema, "description": notes[parameter.name]}
        if parameter.default is parameter.empty:
            required.append(parameter.name)
        elif isinstance(parameter.default, str | int | float | bool):
            schema = {**schema, "default": parameter.default}
        properties[parameter.name] = schema
    parameters = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": is_open,
    }
    return tool_schema(name, described, parameters)


def hints_of(function: Any) -> dict[str, Any]:
    """Return the resolved type hints; empty if any of them cannot be resolved."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError):
        return {}


def schema_of_type(hint: Any, depth: int = 0) -> dict[str, Any]:
    """Return the JSON Schema of a type, or `{}`, which allows anything, if it has none."""
    if depth > MAX_DEPTH:
        return {}
    if isinstance(hint, type) and hint in _SIMPLE:
        return {"type": _SIMPLE[hint]}
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        notes = [note for note in hint.__metadata__ if isinstance(note, str)]
        schema = schema_of_type(arguments[0], depth)
        return {**schema, "description": notes[0]} if notes else schema
    if origin in (typing.Required, typing.NotRequired):
        return schema_of_type(arguments[0], depth)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [schema_of_type(item, depth + 1) for item in arguments]}
    if origin is typing.Literal:
        return _choice(arguments)
    if origin is tuple:
        return _tuple_schema(arguments, depth)
    if origin in _LISTS:
        return {"type": "array", "items": schema_of_type(arguments[0], depth + 1)}
    if origin in _MAPPINGS:
        return {"type": "object", "additionalProperties": schema_of_type(arguments[-1], depth + 1)}
    return _class_schema(hint, depth)


def _tuple_schema(arguments: tuple[Any, ...], depth: int) -> dict[str, Any]:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return {"type": "array", "items": schema_of_type(arguments[0], depth + 1)}
    items = [schema_of_type(item, depth + 1) for item in arguments]
    count = len(items)
    return {"type": "array", "prefixItems": items, "minItems": count, "maxItems": count}


def _choice(values: tuple[Any, ...]) -> dict[str, Any]:
    kinds = {_SIMPLE.get(type(value)) for value in values}
    kind = kinds.pop() if len(kinds) == 1 else None
    return {"type": kind, "enum": list(values)} if kind else {"enum": list(values)}


def _class_schema(hint: Any, depth: int) -> dict[str, Any]:
    if not isinstance(hint, type):
        return {}
    if issubclass(hint, enum.Enum):
        return _choice(tuple(member.value for member in hint))
    if issubclass(hint, pathlib.PurePath):
        return {"type": "string"}
    hints = hints_of(hint)
    if typing.is_typeddict(hint):
        names = list(hints)
        required = [name for name in names if _is_required(hint, name, hints[name])]
    elif dataclasses.is_dataclass(hint):
        names = [field.name for field in dataclasses.fields(hint) if field.init]
        required = [field.name for field in dataclasses.fields(hint) if _has_no_default(field)]
    else:
        return {}
    properties = {name: schema_of_type(hints.get(name, Any), depth + 1) for name in names}
    return {"type": "object", "properties": properties, "required": required}


def _is_required(hint: Any, name: str, item: Any) -> bool:
    # `__required_keys__` does not see markers inside annotations that are strings.
    marker = typing.get_origin(item)
    if marker in (typing.Required, typing.NotRequired):
        return marker is typing.Required
    return name in getattr(hint, "__required_keys__", ())


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.init and field.default is missing and field.default_factory is missing


def convert(value: Any, hint: Any) -> Any:
    """Convert a JSON value to the enum member, dataclass, path, tuple or set that a hint requires.

    A value that fits no hint is returned unchanged: the function itself judges whether it is valid.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return convert(value, arguments[0])
    if origin in (typing.Union, types.UnionType):
        choices = [item for item in arguments if item is not type(None)]
        return convert(value, choices[0]) if len(choices) == 1 and value is not None else value
    if isinstance(value, list) and origin in (list, tuple, set, frozenset):
        items = [convert(item, arguments[0]) for item in value] if origin is not tuple else value
        return items if origin is list else origin(items)
    if isinstance(value, dict) and origin is dict:
        return {key: convert(item, arguments[-1]) for key, item in value.items()}
    if not isinstance(hint, type):
        return value
    if issubclass(hint, enum.Enum) or (issubclass(hint, pathlib.Path) and isinstance(value, str)):
        return hint(value)
    if isinstance(value, list) and hint in (tuple, set, frozenset):
        return hint(value)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        hints = hints_of(hint)
        return hint(**{key: convert(item, hints.get(key, Any)) for key, item in value.items()})
    return value


_SECTION = re.compile(r"(Args|Arguments|Parameters|Params)\s*:\s*$")
_GOOGLE = re.compile(r"(\s*+)\*{0,2}+(\w++)\s*+(?:\([^)]*+\)\s*+)?+:\s*+(.*)$")
_SPHINX = re.compile(r"\s*+:param\s++(?:[^:]*\s)?\*{0,2}+(\w++)\s*+:\s*+(.*)$")


def parse_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Return the first paragraph on one line, and the descriptions of parameters."""
    lines = text.splitlines()
    first: list[str] = []
    for line in lines:
        if not line.strip() or _SECTION.match(line.strip()) or _SPHINX.match(line):
            break
        first.append(line.strip())
    return " ".join(first), _parameter_notes(lines)


def _parameter_notes(lines: list[str]) -> dict[str, str]:
    notes: dict[str, str] = {}
    name, indent, section = "", 0, False
    for line in lines:
        if _SECTION.match(line.strip()):
            name, indent, section = "", 0, True
            continue
        if found := _SPHINX.match(line):
            name, notes[found[1]] = found[1], found[2].strip()
            continue
        depth = len(line) - len(line.lstrip())
        if not line.strip() or line.lstrip().startswith(":"):
            name = ""
        elif section and depth == 0:
            name, section = "", False
        elif name and depth > indent:
            notes[name] = f"{notes[name]} {line.strip()}".strip()
        elif section and (found := _GOOGLE.match(line)):
            name, indent, notes[found[2]] = found[2], depth, found[3].strip()
    return notes
