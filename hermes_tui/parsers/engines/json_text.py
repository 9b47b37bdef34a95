"""JSON as the engines' own libraries read and write it. The only exception raised is BadJson."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import orjson

from hermes_tui.model.wording import decoder_words

_STRICT = json.JSONDecoder()
MAX_DEPTH = 800
"""Python's own limit is about 990 minus the current stack depth, which we cannot know exactly."""

TYPE_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
"""The JSON Schema names of the types of values."""

_WINDOW = 256
_TOKEN_LENGTH = 12
"""The longest token that a window may cut: `-Infinity`, an escaped surrogate pair."""

_TOKEN = re.compile(r'"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+("?)|[{}\[\]]', re.DOTALL)


_OBJECT = re.compile(r'\{[ \t\n\r]*+["}]')
_FILLER = re.compile(
    r"(?:[^\"{\[]++"
    r"|\"[^\"\\\x00-\x1f]{0,64}+\""
    r"|\{(?![ \t\n\r]*+[\"}])"
    r"|\[(?![ \t\n\r]*+[\[\]{\"\-\dtfnNI]))*+"
)
"""Text without a container: plain text, short strings, brackets that open nothing."""


class BadJson(Exception):
    """The text is not JSON. `position` counts from the beginning of the text.

    `kind` is the exception that Python raises: JSONDecodeError, RecursionError (nested too
    deeply) or ValueError (a number too long).
    """

    def __init__(self, message: str, position: int, kind: str = "JSONDecodeError") -> None:
        super().__init__(message)
        self.message = decoder_words(message)
        self.position = position
        self.kind = kind

    @property
    def deep(self) -> bool:
        return self.kind == "RecursionError"

    @property
    def syntax(self) -> bool:
        """Whether engines that only catch JSONDecodeError survive it."""
        return self.kind == "JSONDecodeError"

    @property
    def raised(self) -> str:
        """The text of the exception that an engine raises if it does not catch this."""
        return f"{self.kind}: {self}"


class Decoded(NamedTuple):
    """A value, and the position after it."""

    value: Any
    end: int


def loads(text: str) -> Any:
    """Return what Python's json.loads returns (NaN and lone surrogates pass); raises BadJson."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        _check_depth(text, error.pos)
        raise BadJson(error.msg, error.pos) from None
    except (RecursionError, ValueError) as error:
        raise _bad_json_from(error, 0) from None
    _check_depth(text, len(text))
    return value


def value_of(arguments: str) -> Any:
    """Return the value that a client reads from emitted arguments, or None if they are not JSON."""
    if arguments == "{}":
        return {}
    try:
        return loads(arguments)
    except BadJson:
        return None


def is_json(text: str) -> bool:
    """Return whether a client's json.loads accepts the text."""
    try:
        loads(text)
    except BadJson:
        return False
    return True


def decode_at(text: str, position: int = 0) -> Decoded:
    """Return the value at exactly `position`, like raw_decode; any text may follow it.

    The text is read in windows that grow while the value extends beyond their end: an error of
    the decoder costs as much as the text before it, so many of them would cost too much.
    Raises BadJson.
    """
    size = _WINDOW
    while True:
        window = text[position : position + size]
        whole = position + size >= len(text)
        try:
            value, end = _STRICT.raw_decode(window)
        except json.JSONDecodeError as error:
            runs_over = error.pos + _TOKEN_LENGTH >= len(window) or "Unterminated" in error.msg
            if whole or not runs_over:
                _check_depth(window, error.pos, position)
                raise BadJson(error.msg, position + error.pos) from None
        except (RecursionError, ValueError) as error:
            raise _bad_json_from(error, position) from None
        else:
            if whole or end + _TOKEN_LENGTH < len(window):
                _check_depth(window, end, position)
                return Decoded(value, position + end)
        size *= 4


def _check_depth(text: str, end: int, offset: int = 0) -> None:
    """Raise BadJson if containers are nested deeper than MAX_DEPTH before `end`."""
    if text.count("{", 0, end) + text.count("[", 0, end) <= MAX_DEPTH:
        return
    depth = 0
    for token in _TOKEN.finditer(text, 0, end):
        if token[0] in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise _bad_json_from(RecursionError(), offset)
        elif token[0] in "}]":
            depth -= 1


def _bad_json_from(error: RecursionError | ValueError, position: int) -> BadJson:
    if isinstance(error, RecursionError):
        return BadJson("maximum recursion depth exceeded", position, "RecursionError")
    return BadJson(str(error).partition(";")[0], position, "ValueError")


class Scanner:
    """Decodes values at many positions of one text without reading the same damage repeatedly.

    If a value breaks off, every container that is open there and every quote of a string that
    never ends breaks off at the same position: these are remembered.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._broken: dict[int, BadJson] = {}
        self._unclosed_string: tuple[int, int, BadJson] | None = None

    def decode(self, position: int) -> Decoded:
        """Return the value at `position`; raises BadJson."""
        if error := self._known_error(position):
            raise error
        try:
            return decode_at(self.text, position)
        except BadJson as error:
            if error.position > position + _WINDOW or "Unterminated" in error.message:
                self._remember(position, error)
            raise

    def next_object(self, position: int) -> int:
        """Return where an object may start at or after `position`; the text's length if nowhere."""
        found = _OBJECT.search(self.text, position)
        return found.start() if found else len(self.text)

    def next_container(self, position: int) -> int:
        """Return where an object, a list or a long string may start; short strings are skipped."""
        found = _FILLER.match(self.text, position)
        return found.end() if found else position

    def _known_error(self, position: int) -> BadJson | None:
        if position in self._broken:
            return self._broken[position]
        if self._unclosed_string and self.text[position] == '"':
            start, end, error = self._unclosed_string
            return error if start <= position < end else None
        return None

    def _remember(self, position: int, error: BadJson) -> None:
        open_at: list[int] = []
        for token in _TOKEN.finditer(self.text, position, len(self.text)):
            if token.start() > error.position:
                break
            char = token[0][0]
            if char == '"':
                if token[1] == "":
                    end = max(token.end(), error.position)
                    self._unclosed_string = (token.start(), end, error)
            elif char in "{[":
                # A bracket exactly where the value breaks off was never opened.
                if token.start() < error.position:
                    open_at.append(token.start())
            elif open_at:
                open_at.pop()
        self._broken.update(dict.fromkeys(open_at, error))


def is_strict_json(text: str) -> bool:
    """Return whether orjson accepts the text: no NaN, no lone surrogates."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def dumps(value: Any) -> str:
    """Return the value as the engines write arguments: one line, non-ASCII unescaped."""
    return json.dumps(value, ensure_ascii=False)
