r"""Escapes in the strings of near-JSON.

    escape := "\" JSON's own | "\u" hex{4} | Python's ("\'", "\a", "\v", "\x" hex{2}, "\0", …)

A backslash before anything else stands for itself.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hermes_tui.model.diagnostics import Code

_JSON = {
    '"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
}  # fmt: skip
_PYTHON = {"'": "'", "a": "\a", "v": "\v", "\n": ""}
_HEX = re.compile(r"u([0-9a-fA-F]{4})")
_PYTHON_HEX = re.compile(r"x([0-9a-fA-F]{2})|U(00[01][0-9a-fA-F]{5})|(0[0-7]{0,2})")
_LOW_SURROGATE = re.compile(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_DRIVE = re.compile(r"[A-Za-z]:\\(?!x[\da-fA-F]{2}|u[\da-fA-F]{4})[A-Za-z]")


class Escape(NamedTuple):
    """The value of an escape, where it ends, and what is wrong with it in JSON."""

    value: str
    end: int
    code: Code | None = None


def starts_as_path(text: str, start: int, end: int) -> bool:
    """Return whether a string is a Windows path whose backslashes are not doubled."""
    return _DRIVE.match(text, start, end) is not None


def read_escape(text: str, start: int, end: int, *, strict: bool, in_path: bool) -> Escape:
    """Read the escape whose backslash is at `start`.

    `strict`: Python's escapes are flaws. `in_path`: a backslash stands for itself.
    """
    char = text[start + 1] if start + 1 < end else ""
    if not char:
        return Escape("", start + 1)
    if in_path and char not in "\\\"'":
        return Escape("\\", start + 1, Code.BAD_ESCAPE)
    if char in _JSON:
        return Escape(_JSON[char], start + 2)
    if found := _HEX.match(text, start + 1, end):
        return _unicode(text, int(found[1], 16), found.end(), end)
    flaw = Code.BAD_ESCAPE if strict else None
    if char in _PYTHON:
        return Escape(_PYTHON[char], start + 2, flaw)
    found = _PYTHON_HEX.match(text, start + 1, end)
    if not found:
        return Escape("\\", start + 1, Code.BAD_ESCAPE)
    digits = found[1] or found[2]
    number = int(digits, 16) if digits else int(found[3], 8)
    if number >= 0x110000:
        return Escape("\\", start + 1, Code.BAD_ESCAPE)
    return Escape(chr(number), found.end(), flaw)


def _unicode(text: str, unit: int, position: int, end: int) -> Escape:
    if 0xD800 <= unit < 0xDC00 and (low := _LOW_SURROGATE.match(text, position, end)):
        number = 0x10000 + ((unit - 0xD800) << 10) + int(low[1], 16) - 0xDC00
        return Escape(chr(number), low.end())
    return Escape(chr(unit), position, Code.SURROGATE if 0xD800 <= unit < 0xE000 else None)
