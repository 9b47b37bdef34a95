"""Conversion of the text of an argument to its value, as in SGLang 0.5.23's XML readers."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from hermes_tui.parsers.engines.json_text import BadJson, dumps, is_json, loads
from hermes_tui.parsers.engines.python_literal import NotLiteral, literal_eval
from hermes_tui.parsers.engines.sglang_schema import (
    TypeSets,
    inferred_type,
    json_type,
    properties_of,
)
from hermes_tui.parsers.engines.sglang_values import UnexpectedValue


class Read(NamedTuple):
    """A converted value.

    `failed` names the type that the text could not be converted to, empty if it could.
    `guessed`: the value was converted without a schema. `pythonic`: the text is not JSON but a
    Python literal.
    """

    value: Any
    failed: str = ""
    guessed: bool = False
    pythonic: bool = False


_STRING_TYPES = ("string", "str", "text", "varchar", "char", "enum")
_INTEGER_PREFIXES = ("int", "uint", "long", "short", "unsigned")
_BOOLEAN_TYPES = ("boolean", "bool", "binary")


def by_schema(text: str, key: str, parameters: Any) -> Read:
    """Convert as qwen3_coder does: null for any type, else by the prefix of the type's name."""
    if text.lower() == "null":
        return Read(None)
    known = _declared_properties(parameters)
    if key not in known:
        return Read(text)
    declared = inferred_type(known[key])
    kind = "string" if declared is None else str(declared).strip().lower()
    if kind in _STRING_TYPES:
        return Read(text)
    if kind.startswith(_INTEGER_PREFIXES):
        return _number(text, as_integer=True)
    if kind.startswith(("num", "float")):
        return _number(text, as_integer=False)
    if kind in _BOOLEAN_TYPES:
        word = text.lower()
        return Read(word == "true", "" if word in ("true", "false") else "a boolean")
    return _structure(text, kind)


def _declared_properties(parameters: Any) -> dict[str, Any]:
    if not isinstance(parameters, dict):
        return {}
    found = properties_of(parameters)
    return found if found or "properties" in parameters else parameters


def _number(text: str, *, as_integer: bool) -> Read:
    try:
        if as_integer:
            return Read(int(text))
        value = float(text)
    except ValueError:
        return Read(text, "an integer" if as_integer else "a number")
    plain = "." not in text and "e" not in text.lower()
    return Read(int(value) if plain and value.is_integer() else value)


def _structure(text: str, kind: str) -> Read:
    if kind in ("object", "array", "arr") or kind.startswith(("dict", "list")):
        try:
            return Read(loads(text))
        except BadJson:
            pass
    try:
        return Read(literal_eval(text), pythonic=True)
    except NotLiteral:
        return Read(text, f"of type {kind}")


def glm45_values(pairs: list[tuple[str, str]], parameters: Any) -> dict[str, Read]:
    """Convert as glm45 does: to JSON, escaped JSON or a literal if possible, then by the schema."""
    found: dict[str, Read] = {}
    known = properties_of(parameters)
    for key, text in pairs:
        kind = inferred_type(known[key]) if key in known else None
        value = _parsed(text, kind, numbers=("number",))
        if kind == "string" and not isinstance(value, str):
            value = dumps(value) if isinstance(value, dict | list) else str(value)
            found[key] = Read(value)
        else:
            mismatched = kind in ("integer", "number", "boolean") and not _fits(value, kind)
            guessed = kind is None and not isinstance(value, str)
            found[key] = Read(
                value, f"of type {kind}" if mismatched else "", guessed, _is_not_json(value, text)
            )
    return found


def glm47_values(pairs: list[tuple[str, str]], parameters: Any) -> dict[str, Read]:
    """Convert as glm47 does; ambiguous types are resolved by the arguments already read.

    Raises UnexpectedValue.
    """
    try:
        return _glm47_values(pairs, TypeSets(parameters))
    except KeyError:
        raise UnexpectedValue("a value that JSON has no type for") from None


def _glm47_values(pairs: list[tuple[str, str]], types: TypeSets) -> dict[str, Read]:
    known: dict[str, Any] = {}
    if len(pairs) > 1 and types.needs_context():
        for key, text in pairs:
            value = _glm47_value(types, key, text, {}).value
            native = types.all(key, None, text)
            if isinstance(value, str) or native is None or "string" not in native:
                known[key] = value
    found: dict[str, Read] = {}
    for key, text in pairs:
        found[key] = _glm47_value(types, key, text, known)
        known[key] = found[key].value
    return found


def _glm47_value(types: TypeSets, key: str, text: str, known: dict[str, Any]) -> Read:
    kind = types.one(key, known)
    value = _parsed(text, kind or "string", numbers=("number", "integer"))
    if kind == "string":
        return Read(value if isinstance(value, str) else text)
    if kind is not None:
        mismatched = kind in ("integer", "number", "boolean") and not _fits(value, kind)
        return Read(
            value, f"of type {kind}" if mismatched else "", pythonic=_is_not_json(value, text)
        )
    allowed, native = types.all(key, known, value), types.all(key, known, text)
    mismatched = allowed is not None and json_type(value) not in allowed
    if mismatched and native is not None and "string" in native:
        value = text
    return Read(value, guessed=not isinstance(value, str))


def _fits(value: Any, kind: str) -> bool:
    """Return whether a value is of the numeric or boolean type that the schema declares."""
    if isinstance(value, bool) or kind == "boolean":
        return isinstance(value, bool) and kind == "boolean"
    return isinstance(value, int) or (kind == "number" and isinstance(value, float))


def _is_not_json(value: Any, text: str) -> bool:
    """Return whether a container was read although its text is not JSON."""
    return isinstance(value, dict | list) and not is_json(text)


def _parsed(text: str, kind: str | None, *, numbers: tuple[str, ...]) -> Any:
    """Return the value of JSON, of JSON escaped as in a string, or of a literal; else the text."""
    try:
        return _as_number(_loads(text), kind if kind in numbers else None)
    except BadJson:
        pass
    try:
        return _as_number(_unescaped(text), kind if kind in numbers else None)
    except (BadJson, KeyError):
        pass
    if kind == "string":
        quoted = len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'"
        return text[1:-1] if quoted else text
    try:
        return literal_eval(text)
    except NotLiteral as error:
        if error.unhashable or not error.caught:
            raise UnexpectedValue(f"what Python cannot hold: {error}") from None
        return text


def _unescaped(text: str) -> Any:
    inner = _loads('{"tmp": "' + text + '"}')["tmp"]
    if not isinstance(inner, str):
        raise UnexpectedValue("a quote in the value opens another member")
    return _loads(inner)


def _loads(text: str) -> Any:
    try:
        return loads(text)
    except BadJson as error:
        if error.deep:
            raise UnexpectedValue("nested too deeply") from None
        raise


def _as_number(value: Any, kind: str | None) -> Any:
    """Return a string as the number that the schema declares, if it is one."""
    if not isinstance(value, str) or kind is None:
        return value
    fraction = kind == "number" and ("." in value or "e" in value.lower())
    try:
        return float(value) if fraction else int(value)
    except ValueError:
        return value


def written(values: dict[str, Read]) -> str:
    """Return the arguments as emitted; raises UnexpectedValue if JSON cannot hold them."""
    try:
        return json.dumps({key: read.value for key, read in values.items()}, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UnexpectedValue(f"what JSON cannot hold: {error}") from None
