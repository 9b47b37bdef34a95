"""The flaws that keep a payload from being JSON: a message and a hint for each code."""

from __future__ import annotations

from typing import Final, NamedTuple

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span

MESSAGES: Final = {
    Code.BAD_QUOTES: ("not in double quotes", 'JSON needs "…" around keys and strings'),
    Code.PY_LITERAL: ("a Python literal, not JSON", "JSON has true, false, null and plain numbers"),
    Code.NONFINITE: ("not a JSON number; read as null", "send null or a string"),
    Code.TRAILING_COMMA: ("a comma before the closing bracket", "remove it"),
    Code.COMMENT: ("a comment", "JSON has none; remove it"),
    Code.RAW_CONTROL: ("a raw control character in a string", r"escape it (\n, \t, \u00XX)"),
    Code.BAD_ESCAPE: ("an escape that JSON does not have", r"double the backslash"),
    Code.INNER_QUOTE: ("an unescaped quote inside a string", r"escape it as \""),
    Code.LEADING_ZERO: ("a number with leading zeros", "remove them, or send a string"),
    Code.BRACES_EXTRA: ("an extra closing bracket", "remove it"),
    Code.BRACES_MISSING: ("a closing bracket is missing", "add it"),
    Code.DUP_KEY: ("the key appears twice in one object; the last one counts", "send it once"),
    Code.SURROGATE: ("half a surrogate pair, which UTF-8 cannot hold", "send the whole character"),
    Code.JSON_INVALID: ("not JSON", "see the marked place"),
}
"""The message and the hint of each code."""


class Flaw(NamedTuple):
    """One thing that keeps a payload from being JSON, and where it is."""

    code: Code
    span: Span
    message: str
    hint: str
