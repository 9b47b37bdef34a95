"""Converts foreign values to plain JSON values and text; runs no foreign code but attributes."""

from __future__ import annotations

import json
from typing import Any

import orjson

MAX_DEPTH = 100
"""How many levels of a foreign object are followed."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)
_DECODER = json.JSONDecoder()
_CALL_ATTRIBUTES = ("id", "type", "function", "custom", "name", "arguments", "input")
_PLAIN = (str, int, float, type(None))
_CONTAINERS = frozenset({dict, list})


def json_text(value: Any) -> str:
    """Return `value` as compact JSON on one line, or a placeholder if it cannot be encoded."""
    try:
        return _ENCODER.encode(value)
    except (RecursionError, ValueError):
        return json.dumps(f"[{type(value).__name__}, nested too deeply or too large to show]")
    except TypeError:
        return json.dumps(f"[{type(value).__name__} with keys that JSON does not have]")


def loads(text: str) -> Any:
    """Decode JSON exactly as `json.loads` does, errors included, with orjson if possible."""
    try:
        return plain_loads(text)
    except ValueError:
        return _DECODER.decode(text)


def plain_loads(text: str) -> Any:
    """Decode JSON that `json` and orjson read and write alike; raise ValueError for any other.

    They differ in floats, and orjson reads integers beyond 64 bits as floats.
    """
    value = orjson.loads(text)
    if _holds_float(value):
        raise ValueError("a number that is written in several ways")
    return value


def _holds_float(value: Any) -> bool:
    level = [[value]]
    while level:
        inner: list[Any] = []
        for items in level:
            kinds = set(map(type, items))
            if float in kinds:
                return True
            if dict in kinds:
                inner += [one.values() for one in items if type(one) is dict]
            if list in kinds:
                inner += [one for one in items if type(one) is list]
        level = inner
    return False


def may_repeat_key(value: Any, colons: int) -> bool:
    """Return whether an object repeats a key in the JSON of `value`, which has so many colons.

    Each key has one and the rest are in texts, so more of them belong to repeated keys, of which
    only the last is kept. Only a text with `\\u003a` may be blamed, or excuse a repeated key.
    """
    return colons != _count_colons(value, quick=True) and colons != _count_colons(value)


def _count_colons(value: Any, *, quick: bool = False) -> int:
    """Return the number of colons in the JSON of `value`.

    If `quick`, those in keys are not counted, and a list that begins with a number is assumed to
    hold only numbers: token ids come in lists of thousands.
    """
    total = 0
    level = [value] if type(value) in _CONTAINERS else []
    while level:
        inner: list[Any] = []
        for item in level:
            values = item
            if type(item) is dict:
                values = item.values()
                total += len(item) if quick else len(item) + sum(key.count(":") for key in item)
            elif quick and item and type(item[0]) in (int, float):
                continue
            for one in values:
                kind = type(one)
                if kind is str:
                    total += one.count(":")
                elif kind is dict or kind is list:
                    inner.append(one)
        level = inner
    return total


def plain_text(value: Any) -> str:
    """Return the same as `json_text`, faster, for a value that `plain_loads` returned."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # orjson reads deeper nesting than it writes.
        return json_text(value)


def quick_text(value: Any) -> str:
    """Return the same as `json_text`, with orjson if possible."""
    return json_text(value) if _holds_float(value) else plain_text(value)


def decode(text: str) -> Any:
    """Return the value of the JSON `text`, or None if it is not JSON; never raises."""
    try:
        return loads(text)
    except (ValueError, RecursionError):
        return None


def attributes(value: Any) -> dict[str, Any] | None:
    """Return the attributes of an SDK object, nested objects unchanged; None for a plain value.

    For a pydantic model only the fields that were set count, so that absent differs from null.
    """
    if isinstance(value, (*_PLAIN, list, dict, tuple, bytes, type)):
        return None
    found = getattr(value, "__dict__", None)
    if isinstance(found, dict):
        given = getattr(value, "__pydantic_fields_set__", None)
        extra = getattr(value, "__pydantic_extra__", None)
        fields = {k: v for k, v in found.items() if not isinstance(given, set) or k in given}
        if isinstance(extra, dict):
            fields.update(extra)
    else:
        fields = {k: getattr(value, k) for k in _CALL_ATTRIBUTES if hasattr(value, k)}
    return {k: v for k, v in fields.items() if not k.startswith("_") and not callable(v)}


def members(value: Any, depth: int = 0) -> dict[str, Any] | None:
    """Return the attributes of an SDK object as a JSON object; None for a plain value."""
    fields = attributes(value)
    return fields and {key: plain(item, depth + 1) for key, item in fields.items()}


def plain(value: Any, depth: int = 0) -> Any:
    """Return `value` with every object inside it converted to a mapping."""
    if isinstance(value, _PLAIN):
        return value
    if depth > MAX_DEPTH:
        return f"[{type(value).__name__}, nested too deeply]"
    if isinstance(value, dict):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    fields = members(value, depth)
    return fields if fields else str(value)
