"""Converts the text of an argument to a value, as the tool's schema and a person would read it.

Engines do this silently and differently; here each change of type is reported. Without a schema,
text stays text.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.parsers.coercion import coerce, parameter_schema, required_names, types_of
from hermes_tui.parsers.literals import FAILED
from hermes_tui.parsers.wire.cursor import WireCursor

_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|#39|#x27);")
_WHOLE = re.compile(r"\s*+([-+]?\d{1,30})\.0+\s*+")
_JSON_NULL = frozenset({"null", "None", "nil"})
_KINDS: dict[type, tuple[str, ...]] = {
    bool: ("boolean",),
    int: ("integer", "number"),
    float: ("number",),
    str: ("string",),
    list: ("array",),
    dict: ("object",),
}


def schema_of(cursor: WireCursor, name: str | None, key: str) -> Any:
    """Return the schema of an argument, or None if it is not declared."""
    spec = cursor.tools.get(name or "")
    return parameter_schema(spec.parameters, key) if spec else None


def text_value(cursor: WireCursor, raw: str, schema: Any, span: Span) -> Any:
    """Return the value of an argument's text; report what had to be changed for it."""
    types = types_of(schema)
    raw = _without_entities(cursor, raw, span) if types else raw
    word = raw.strip()
    if "string" in types and word in _JSON_NULL:
        if types == {"string"}:
            message = f"{word!r} for a string parameter: the word, or no value?"
            hint = "some engines pass null, some the word"
            cursor.warn(Code.TYPE_GUESSED, span, message, hint)
        return coerce(raw, schema).value
    if not types or "string" in types:
        return raw
    if "number" not in types and "integer" in types and (whole := _WHOLE.fullmatch(raw)):
        message, hint = f"{word} for an integer", "engines pass 5.0, '5.0' or 5"
        cursor.warn(Code.COERCED, span, message, hint)
        return int(whole[1])
    found = coerce(raw, schema)
    if found.python:
        near = word[:1] in ("{", "[")
        code = Code.BAD_QUOTES if near else Code.PY_LITERAL
        message = "a Python literal where the schema requires a JSON one"
        hint = "engines pass it on as text; write true, false, null or JSON"
        cursor.error(code, span, message, hint)
    elif isinstance(found.value, str):
        type_names = " or ".join(sorted(types))
        message = f"the schema requires {type_names}, and this cannot be read as one"
        cursor.warn(Code.COERCE_FAILED, span, message, "engines pass the text on unchanged")
    return found.value


def json_value(cursor: WireCursor, raw: str, span: Span) -> Any:
    """Return the value of a text that is declared to be JSON, the text itself if it is not."""
    word = raw.strip()
    if not word:
        return raw
    if word[0] in "{[":
        start = span.start + len(raw) - len(raw.lstrip())
        literal = cursor.literal(start, span.end).literal
        whole = literal.rung != FAILED and literal.cut_at < 0
        return literal.value if whole and literal.span.end == start + len(word) else raw
    try:
        return json.loads(word) if len(word) < 400 else raw
    except ValueError:
        return raw


def _without_entities(cursor: WireCursor, raw: str, span: Span) -> str:
    """Decode and report HTML escapes in a text that contains no literal `<` or `>`."""
    if "&" not in raw or "<" in raw or ">" in raw:
        return raw
    first = _ENTITY.search(raw)
    if first is None:
        return raw
    at = Span(span.start + first.start(), span.start + first.end())
    if at.end > span.end:
        at = span
    message, hint = "HTML escapes in a value", "engines pass them on unchanged"
    cursor.warn(Code.BAD_ESCAPE, at, message, hint)
    return html.unescape(raw)


def check_types(
    cursor: WireCursor, name: str, value: dict[str, Any], spans: dict[str, Span], whole: Span
) -> None:
    """Report where the arguments of a call violate the schema of its tool."""
    spec = cursor.tools.get(name)
    schema = spec.parameters if spec else None
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(schema, dict) or not isinstance(properties, dict):
        return
    open_ended = bool(schema.get("additionalProperties"))
    for key, item in value.items():
        at = spans.get(key, whole)
        if key not in properties:
            if not open_ended:
                message = f"{name} has no parameter {key!r}"
                cursor.warn(Code.SCHEMA_VIOLATION, at, message, _known_parameters(properties))
            continue
        types = types_of(properties[key])
        if item is None or not types or types & set(_KINDS.get(type(item), ())):
            continue
        if isinstance(item, str):
            continue
        message = f"{key!r} is {_json_type(item)}, the schema requires {' or '.join(sorted(types))}"
        cursor.warn(Code.SCHEMA_VIOLATION, at, message, "engines handle it differently")
    required = required_names(schema)
    missing = [key for key in required if key not in value]
    for key in required:
        if value.get(key) == "":
            at = spans.get(key, whole)
            hint = "was it cut, or did a parser lose it?"
            cursor.warn(Code.SCHEMA_VIOLATION, at, f"{key!r} is required and empty", hint)
    if missing:
        message = f"{name} requires {', '.join(missing[:5])}"
        cursor.warn(Code.SCHEMA_VIOLATION, whole, message, "the tool will refuse the call")


def _json_type(value: Any) -> str:
    return next((names[0] for kind, names in _KINDS.items() if type(value) is kind), "null")


def _known_parameters(properties: dict[str, Any]) -> str:
    return "it has " + (", ".join(list(properties)[:8]) or "none")
