"""JSON that is safe to print on a terminal: control characters are escaped, the value is equal."""

from __future__ import annotations

import codecs
import io
import json
import re
import sys
from typing import Any, Final

import orjson

from hermes_tui.model.visible import BIDI_CONTROLS, LINE_SEPARATORS

_UNSAFE_CHARACTERS = re.compile(
    "[" + "".join(map(chr, (*range(0x7F, 0xA0), *BIDI_CONTROLS, *LINE_SEPARATORS, 0xFEFF))) + "]"
)

_ESCAPES: Final = "hermes-tui-json"
"""The error handler that writes characters missing in the encoding as JSON escapes."""


def escaped_json(text: str) -> str:
    r"""Return the same JSON with DEL, C1, bidi controls and line separators as `\uXXXX`.

    Encoders escape C0 themselves.
    """
    return _UNSAFE_CHARACTERS.sub(lambda found: json.dumps(found.group())[1:-1], text)


def json_line(value: Any) -> str:
    """Return a value as one line of JSON; lone surrogates and huge numbers as far as JSON can."""
    try:
        return escaped_json(orjson.dumps(value).decode()) + "\n"
    except (TypeError, ValueError):
        return ascii_line(value)


def ascii_line(value: Any) -> str:
    """Return a value as one line of ASCII JSON, for readers that know no other encoding."""
    return json.dumps(value).replace("\x7f", "\\u007f") + "\n"


def print_json() -> None:
    """Prepare standard output for JSON: ASCII if the locale's encoding is not UTF-8."""
    codecs.register_error(_ESCAPES, _escape)
    _print_ascii(_ESCAPES)


def print_xml() -> None:
    """Prepare standard output for XML: ASCII if the locale's encoding is not UTF-8."""
    _print_ascii("xmlcharrefreplace")


def _print_ascii(errors: str) -> None:
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper) and codecs.lookup(out.encoding).name != "utf-8":
        out.reconfigure(encoding="ascii", errors=errors)


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
