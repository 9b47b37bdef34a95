"""Reads JSON-like payloads by a ladder of rungs: as strict JSON, else as a person would read them.

Valid JSON is read as it is. Anything else goes to `near_json`, which reads it in one pass and
reports each flaw. A payload whose flaws Python's own literals would allow is a `python-literal`,
any other is `repaired`. Nothing is evaluated.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NamedTuple

import msgspec

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.model.wording import decoder_words
from hermes_tui.parsers.json_flaws import Flaw
from hermes_tui.parsers.near_json import MAX_DEPTH, NearJson, Unreadable

JSON = "json"
PYTHON = "python-literal"
REPAIRED = "repaired"
FAILED = "failed"
UNCLOSED = "unclosed"
"""Not a rung, but the verdict on a call whose payload or block never ends."""

MILD = frozenset({Code.DUP_KEY, Code.NONFINITE, Code.SURROGATE})
"""Flaws that engines accept."""

_PYTHON_CODES = frozenset({Code.BAD_QUOTES, Code.PY_LITERAL})
_PYTHON_ALLOWS = _PYTHON_CODES | {Code.TRAILING_COMMA, Code.DUP_KEY, Code.SURROGATE}
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_BETWEEN = re.compile(r"[ \t\r\n]*+[:,]?+[ \t\r\n]*+")
_VALUE_STARTS = '{["-0123456789tfnNI'
"""First characters of JSON values, and of the other values that Python's decoder accepts."""
_TOO_DEEP = "nested too deeply to read"
_PLAIN_DECODER = json.JSONDecoder()
_COMPACT_ENCODER = json.JSONEncoder(ensure_ascii=False)


class Literal(msgspec.Struct, frozen=True):
    """A payload as it was read. `rung` is json, python-literal, repaired or failed.

    `error` and `error_at` are the message and position of the strict JSON decoder (empty and -1 if
    it accepts the payload). `cut_at` marks a payload that the end of the text cuts: it is the start
    of the string in which the text ends, else the end (-1 if the payload is whole). `reached` is
    how far a failed payload was read.
    """

    value: Any
    span: Span
    rung: str
    flaws: tuple[Flaw, ...] = ()
    error: str = ""
    error_at: int = -1
    cut_at: int = -1
    cut_in_string: bool = False
    near_members: dict[int, dict[str, Span]] = {}
    reached: int = -1

    @property
    def verdict(self) -> str:
        """Return the verdict on a call with this payload: `unclosed` if the payload is cut."""
        return UNCLOSED if self.cut_at >= 0 else self.rung

    def members(self, text: str, start: int) -> dict[str, Span]:
        """Return the spans of the values of the object at `start`, by key."""
        if self.rung == JSON:
            return _members_of_json(text, start)
        return self.near_members.get(start, {})


def read_literal(text: str, start: int, end: int) -> Literal:
    """Read the payload at `start`.

    Valid JSON may extend beyond `end` (a closing tag inside a string); anything else stops there.
    """
    odd: list[str] = []
    found = _decode(text, start, end, odd)
    if found.error == _TOO_DEEP:
        return _too_deep(start, end)
    if found.error:
        return _read_near(text, start, end, found.error, found.position)
    value, stop = found.value, found.position
    if _is_too_deep(text, start, stop):
        return _too_deep(start, stop)
    flaws: tuple[Flaw, ...] = ()
    if odd or _SURROGATE_ESCAPE.search(text, start, stop):
        flaws = _flaws_of_json(text, start, stop)
    return Literal(value, Span(start, stop), JSON, flaws)


def is_json(text: str, start: int, end: int) -> bool:
    """Return whether valid JSON begins at `start` and ends before `end`."""
    try:
        _PLAIN_DECODER.raw_decode(text[start:end])
    except (ValueError, RecursionError):
        return False
    return True


def compact(value: Any) -> str:
    """Return `value` as JSON on one line; non-ASCII is escaped only if UTF-8 cannot encode it."""
    text = _COMPACT_ENCODER.encode(value)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return text


class _Decoded(NamedTuple):
    """A decoded value and where it ends, or an `error` and where it is."""

    value: Any
    position: int
    error: str = ""


def _decode(text: str, start: int, end: int, odd: list[str]) -> _Decoded:
    """Read the JSON at `start` in windows that grow while the value extends beyond their end.

    An error of the decoder costs time in proportion to the text before it, so it is not given the
    whole text.
    """
    if text[start : start + 1] not in _VALUE_STARTS:
        return _Decoded(None, start, "Expecting value")
    size = max(end - start, 1)
    decoder = _STRICT_DECODER
    while True:
        window = text[start : start + size]
        odd.clear()
        try:
            value, stop = decoder.raw_decode(window)
        except _OddJson:
            decoder = _recording_decoder(odd)
        except RecursionError:
            return _Decoded(None, start, _TOO_DEEP)
        except json.JSONDecodeError as error:
            near_end = error.pos + 12 >= len(window)
            in_string = error.msg.startswith("Invalid") and near_end
            in_string = in_string or error.msg.startswith("Unterminated")
            runs_over = in_string or (near_end and size > end - start)
            if not runs_over or start + size >= len(text):
                return _Decoded(None, start + error.pos, decoder_words(error.msg))
            size *= 4
        except ValueError as error:
            return _Decoded(None, start, str(error).partition(";")[0])
        else:
            return _Decoded(value, start + stop)


class _OddJson(Exception):
    """Valid JSON contains something that other decoders may not accept."""


def _members(items: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(items)
    if len(members) < len(items):
        raise _OddJson
    return members


def _constant(_: str) -> Any:
    raise _OddJson


def _finite(digits: str) -> float:
    found = float(digits)
    if math.isinf(found):
        raise _OddJson
    return found


_STRICT_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_constant=_constant, parse_float=_finite
)
"""Shared, as most texts contain nothing odd. Those that do are read again by a
`_recording_decoder`."""


def _recording_decoder(odd: list[str]) -> json.JSONDecoder:
    """Return a decoder that records in `odd` what other decoders may not accept."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(items)
        if len(members) < len(items):
            odd.append("duplicate key")
        return members

    def number(digits: str) -> float | None:
        found = float(digits)
        if not math.isinf(found):
            return found
        odd.append(digits)
        return None

    return json.JSONDecoder(object_pairs_hook=pairs, parse_constant=odd.append, parse_float=number)


def _read_near(text: str, start: int, end: int, error: str, error_at: int) -> Literal:
    reader = NearJson(text, start, end)
    try:
        value = reader.read()
    except Unreadable:
        reached = reader.position
        return Literal(None, Span(start, end), FAILED, (), error, error_at, reached=reached)
    codes = set(reader.flaws)
    pythonic = reader.pythonic and codes & _PYTHON_CODES and codes <= _PYTHON_ALLOWS
    return Literal(
        value,
        Span(start, reader.position),
        PYTHON if pythonic and reader.cut_at < 0 else REPAIRED,
        tuple(reader.flaws.values()),
        error,
        error_at,
        reader.cut_at,
        reader.cut_in_string,
        reader.members,
    )


def _flaws_of_json(text: str, start: int, stop: int) -> tuple[Flaw, ...]:
    """Return the mild flaws of valid JSON, found by reading it again."""
    reader = NearJson(text, start, stop)
    try:
        reader.read()
    except Unreadable:
        return ()
    return tuple(flaw for code, flaw in reader.flaws.items() if code in MILD)


def _too_deep(start: int, end: int) -> Literal:
    return Literal(None, Span(start, end), FAILED, (), _TOO_DEEP, start)


_BRACKET_OR_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]]', re.DOTALL)


def _is_too_deep(text: str, start: int, stop: int) -> bool:
    if text.count("{", start, stop) + text.count("[", start, stop) <= MAX_DEPTH:
        return False
    depth = 0
    for token in _BRACKET_OR_STRING.finditer(text, start, stop):
        if token[0] in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif token[0] in "}]":
            depth -= 1
    return False


def _members_of_json(text: str, start: int) -> dict[str, Span]:
    """Return the spans of the values of the valid JSON object or list at `start`."""
    spans: dict[str, Span] = {}
    position = _skip(text, start + 1)
    while text[position] not in "}]":
        key = str(len(spans))
        if text[start] == "{":
            key, position = _PLAIN_DECODER.raw_decode(text, position)
            position = _skip(text, position)
        _, end = _PLAIN_DECODER.raw_decode(text, position)
        spans[key] = Span(position, end)
        position = _skip(text, end)
    return spans


def _skip(text: str, position: int) -> int:
    """Return where the next value or bracket begins: after blanks and at most one `,` or `:`."""
    found = _BETWEEN.match(text, position)
    return found.end() if found else position
