"""Copies values of Python functions to plain JSON-like values, which no longer change."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

MAX_DEPTH = 60


def plain(value: Any, depth: int = 0) -> Any:
    """Return a copy of `value` made of dicts, lists, texts, numbers, booleans and None.

    Dataclasses become objects, enum members their values, tuples and sets lists, bytes texts, and
    everything else its `repr`.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        return plain(value.value, depth + 1)
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "backslashreplace")
    if depth > MAX_DEPTH:
        return _described(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: plain(getattr(value, name, None), depth + 1) for name in names}
    if isinstance(value, dict):
        return {_key(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item, depth + 1) for item in value]
    return _described(value)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(plain(key, MAX_DEPTH))


def _described(value: Any) -> str:
    """Return the `repr`, or a placeholder if that raises."""
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  foreign code of a tool
        return f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"
