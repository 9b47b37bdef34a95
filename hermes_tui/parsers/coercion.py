"""Converts the text of a parameter to the type that its schema requires."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from hermes_tui.parsers.literals import FAILED, read_literal

_INTEGER = re.compile(r"[-+]?\d{1,400}")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?")
_BOOLEANS = {"true": True, "false": False}


class Coerced(NamedTuple):
    """A converted value. `python`: its text was the Python spelling (`True`, `None`, …)."""

    value: Any
    python: bool = False


def parameter_schema(schema: Any, key: str) -> Any:
    """Return the schema of one parameter, or None if there is none."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return properties.get(key) if isinstance(properties, dict) else None


def required_names(schema: dict[str, Any]) -> list[str]:
    """Return the names of the parameters that a schema requires."""
    required = schema.get("required")
    return [key for key in required if isinstance(key, str)] if isinstance(required, list) else []


def coerce(text: str, schema: Any) -> Coerced:
    """Return `text` converted to the schema's type, unchanged if it cannot be converted."""
    types = types_of(schema)
    word = text.strip()
    if not types:
        return Coerced(text)
    if word == "null" and ("null" in types or "string" not in types):
        return Coerced(None)
    if "string" in types:
        return Coerced(text)
    if word == "None":
        return Coerced(None, python=True)
    if "boolean" in types and word.lower() in _BOOLEANS:
        return Coerced(_BOOLEANS[word.lower()], python=word in ("True", "False"))
    if "integer" in types and _INTEGER.fullmatch(word):
        return Coerced(int(word))
    if types & {"number", "integer"} and _NUMBER.fullmatch(word):
        return Coerced(_number(word))
    if types & {"object", "array"} and word[:1] in ("{", "["):
        return _container(text, word)
    return Coerced(text)


def coerced_arguments(arguments: dict[str, Any], schema: Any) -> dict[str, Any]:
    """Return `arguments` with every text converted as the schema of its parameter requires.

    Some dispatchers, such as hermes-agent's, do this before they call the tool.
    """
    return {
        key: coerce(value, parameter_schema(schema, key)).value if isinstance(value, str) else value
        for key, value in arguments.items()
    }


def _number(word: str) -> Any:
    try:
        value = json.loads(word)
    except ValueError:
        value = float(word)
    return word if value in (float("inf"), float("-inf")) else value


def _container(text: str, word: str) -> Coerced:
    literal = read_literal(word, 0, len(word))
    whole = literal.cut_at < 0 and not word[literal.span.end :].strip()
    if literal.rung == FAILED or not whole:
        return Coerced(text)
    return Coerced(literal.value, python=literal.rung != "json")


def types_of(schema: Any) -> set[str]:
    """Return the JSON types that a schema allows, empty if it names none."""
    if not isinstance(schema, dict):
        return set()
    found: set[str] = set()
    options = [schema, *_list(schema.get("anyOf")), *_list(schema.get("oneOf"))]
    for option in options:
        kind = option.get("type") if isinstance(option, dict) else None
        found.update(item for item in [kind, *_list(kind)] if isinstance(item, str))
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
