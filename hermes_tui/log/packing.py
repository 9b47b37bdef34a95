"""Values as msgpack, regardless of what their texts contain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from hermes_tui.model.visible import without_surrogates

_MAX_INT: Final = (1 << 63) - 1
_ENCODER: Final = msgspec.msgpack.Encoder()


def packed(value: Any) -> bytes:
    """Return `value` as msgpack; lone surrogates become U+FFFD, giant integers the largest."""
    try:
        return _ENCODER.encode(value)
    except (UnicodeEncodeError, OverflowError):
        return _ENCODER.encode(_encodable(msgspec.to_builtins(value, builtin_types=(bytes,))))


def _encodable(value: Any) -> Any:
    """Return a value without what msgpack cannot hold: lone surrogates, integers over 64 bits."""
    match value:
        case str():
            return without_surrogates(value)
        case int():
            return max(-_MAX_INT, min(value, _MAX_INT))
        case Mapping():
            return {_encodable(key): _encodable(item) for key, item in value.items()}
        case list() | tuple():
            return [_encodable(item) for item in value]
        case _:
            return value
