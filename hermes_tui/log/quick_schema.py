"""A fast check for values that fit a JSON Schema, as nearly all arguments do.

It knows only the keywords that nearly all schemas of tools use. If any other keyword could decide,
the result is not certain.
"""

from __future__ import annotations

import json
from typing import Any, Final

_ANNOTATION_KEYWORDS: Final = frozenset(
    {"$comment", "$schema", "default", "deprecated", "description", "example", "examples", "format"}
    | {"readOnly", "strict", "title", "writeOnly"}
)
_CHECKED_KEYWORDS: Final = frozenset(
    {"additionalProperties", "anyOf", "enum", "items", "properties", "required", "type"}
)
_SIZE_KEYWORDS: Final = frozenset(
    {"maximum", "maxItems", "maxLength", "minimum", "minItems", "minLength"}
)
_KNOWN_KEYWORDS: Final = _ANNOTATION_KEYWORDS | _CHECKED_KEYWORDS | _SIZE_KEYWORDS
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}


_PYTHON_WORDS: Final = {"True": "true", "False": "false", "None": "null"}


class AnyText(str):
    """A text whose content is not known."""

    __slots__ = ()


_ANY_TEXT: Final = AnyText()


def spelled(arguments: dict[str, Any], schema: Any, *, trimmed: bool) -> dict[str, Any]:
    """Return `arguments` with each text that may not fit replaced by the value that it spells.

    `trimmed`: texts are exactly what the tool would receive, whitespace included.
    """
    properties = schema.get("properties") if type(schema) is dict else None
    schemas = properties if type(properties) is dict else {}
    values = {}
    for key, text in arguments.items():
        unchanged = text if trimmed else _ANY_TEXT
        value = unchanged if surely_fits(unchanged, schemas.get(key, True)) else spelled_value(text)
        values[key] = unchanged if type(value) is str else value
    return values


def spelled_value(text: Any) -> Any:
    """Return the value that a text spells as JSON or in Python, or the text if it spells none."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(_PYTHON_WORDS.get(text.strip(), text))
    except (RecursionError, ValueError):
        return text


def surely_fits(value: Any, schema: Any) -> bool:
    """Return whether `value` certainly fits `schema`, or the schema is broken.

    False if that is not certain.
    """
    try:
        return _fits(value, schema)
    except RecursionError:
        return False


def _fits(value: Any, schema: Any) -> bool:
    if type(schema) is not dict or not schema.keys() <= _KNOWN_KEYWORDS:
        return schema is True
    kind = schema.get("type")
    if kind is not None:
        kinds = kind if type(kind) is list else [kind]
        if any(type(one) is not str or one not in _TYPES for one in kinds):
            return True
        if not any(_is_of_type(value, one) for one in kinds):
            return False
    values, options = schema.get("enum"), schema.get("anyOf")
    if values is not None and not _is_among(value, values):
        return False
    if options is not None and not _fits_any(value, options):
        return False
    if not _SIZE_KEYWORDS.isdisjoint(schema) and not _has_size(value, schema):
        return False
    if type(value) is dict:
        return _members_fit(value, schema)
    if type(value) is list and (items := schema.get("items")) is not None:
        return all(_fits(one, items) for one in value)
    return True


def _is_of_type(value: Any, kind: str) -> bool:
    if type(value) is bool:
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])


def _is_among(value: Any, values: Any) -> bool:
    # Only texts, as 1 == True == 1.0 in Python.
    return type(value) is str and type(values) is list and value in values


def _has_size(value: Any, schema: dict[str, Any]) -> bool:
    kind = type(value)
    if kind is int or kind is float:
        size, minimum, maximum = value, schema.get("minimum"), schema.get("maximum")
    elif kind is str:
        size, minimum, maximum = len(value), schema.get("minLength"), schema.get("maxLength")
    elif kind is list:
        size, minimum, maximum = len(value), schema.get("minItems"), schema.get("maxItems")
    else:
        return kind is not AnyText
    is_large_enough = minimum is None or (type(minimum) in (int, float) and size >= minimum)
    return is_large_enough and (
        maximum is None or (type(maximum) in (int, float) and size <= maximum)
    )


def _fits_any(value: Any, schemas: Any) -> bool:
    return type(schemas) is list and any(_fits(value, one) for one in schemas)


def _members_fit(value: dict[str, Any], schema: dict[str, Any]) -> bool:
    required, properties = schema.get("required"), schema.get("properties")
    if required is not None and not _has_keys(value, required):
        return False
    if properties is None:
        properties = {}
    if type(properties) is not dict:
        return False
    others = schema.get("additionalProperties")
    are_free = others is None or others is True
    for key, member in value.items():
        member_schema = properties.get(key)
        if not (are_free if member_schema is None else _fits(member, member_schema)):
            return False
    return True


def _has_keys(value: dict[str, Any], keys: Any) -> bool:
    return type(keys) is list and all(type(key) is str and key in value for key in keys)
