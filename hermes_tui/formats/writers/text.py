"""Text that is safe to write: JSON for any value, and control characters made visible."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import orjson

MAX_DEPTH: Final = 100

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible_controls(text: str) -> str:
    """Return `text` with every character made visible that would have an effect instead of being
    seen.

    C0 controls become their pictures (␛); C1 controls, direction marks, invisible characters and
    lone surrogates become their code (⟨U+202E⟩). Newlines and tabs stay.
    """
    return _INVISIBLE.sub(_visible, text)


def _visible(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"


def json_text(value: Any, *, pretty: bool = False) -> str:
    """Return any JSON value as JSON that can be written as UTF-8.

    Lone surrogates are written as escapes. Values nested too deeply to be written are replaced by a
    text that says so.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 if pretty else 0).decode()
    except (TypeError, ValueError):
        pass  # lone surrogates, integers beyond 64 bits, nesting beyond 254
    text = json.dumps(
        _shallow(value, MAX_DEPTH), ensure_ascii=False, indent=2 if pretty else None, default=str
    )
    return escape_surrogates(text)


def escape_surrogates(text: str) -> str:
    """Return JSON text with each lone surrogate, which UTF-8 cannot encode, as its JSON escape."""
    return _SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _shallow(value: Any, depth: int) -> Any:
    if not isinstance(value, dict | list | tuple):
        return value
    if depth == 0:
        return "(nested too deeply to be written)"
    if isinstance(value, dict):
        return {str(key): _shallow(item, depth - 1) for key, item in value.items()}
    return [_shallow(item, depth - 1) for item in value]
