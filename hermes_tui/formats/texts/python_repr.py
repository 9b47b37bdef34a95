"""Output of Python's `repr`, read without evaluating anything.

members = (name "=" value)+                                   what pydantic's `str` writes
value   = string+ | number | word | list | tuple | dict | call | opaque | cut
cut     = string " ... " string | list " ... " list           what SGLang's log leaves of a long one
call    = name "(" ((name "=")? value ("," …)*)? ")"          an object, such as a dataclass
opaque  = "<" … ">"                                           kept as its text
list    = "[" … "]"     tuple = "(" … ")"     dict = "{" (value ":" value | value) … "}"
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

MAX_DEPTH = 60
MAX_TEXT = 4_000_000

_BLANK = re.compile(r"\s*+")
_STRING = re.compile(
    r"[bBuU]?(?:'([^'\\]*+(?:\\.[^'\\]*+)*+)'|\"([^\"\\]*+(?:\\.[^\"\\]*+)*+)\")", re.DOTALL
)
_NUMBER = re.compile(r"-?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?")
_NAME = re.compile(r"[^\W\d]\w*+(?:\.[^\W\d]\w*+)*+")
_OPAQUE = re.compile(r"<[^<>]*+>")
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(\n)|(.))", re.DOTALL
)
_PLAIN_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_WORDS = {"None": None, "nan": None, "inf": None, "True": True, "False": False}
_CUT = " ... "
_CLOSERS = {"[": "]", "(": ")", "{": "}"}


class ReprObject(NamedTuple):
    """An object as its constructor call: the class's name and the arguments."""

    name: str
    arguments: tuple[Any, ...]
    members: dict[str, Any]


class NotRepr(ValueError):
    """The text is not a `repr`, is cut off, or is nested too deeply."""


def read_repr(text: str) -> Any:
    """Return the value whose `repr` is `text`, with objects as `ReprObject`. Raises NotRepr.

    Non-finite numbers become None, tuples and sets become lists, and keys of dicts become text.
    """
    if len(text) > MAX_TEXT:
        raise NotRepr("too long")
    reader = _Reader(text)
    value = reader.value(0)
    if reader.skip() != len(text):
        raise NotRepr(f"something follows at {reader.position}")
    return value


def read_first(text: str) -> tuple[Any, int]:
    """Return the value that `text` begins with, and where it ends. Raises NotRepr."""
    if len(text) > MAX_TEXT:
        raise NotRepr("too long")
    reader = _Reader(text)
    return reader.value(0), reader.position


def read_members(text: str) -> dict[str, Any]:
    """Return the members listed in `text`, as in `role='user' content='hi'`. Raises NotRepr."""
    if len(text) > MAX_TEXT:
        raise NotRepr("too long")
    reader = _Reader(text)
    members: dict[str, Any] = {}
    while reader.skip() != len(text):
        name = reader.take(_NAME)
        if name is None or reader.peek() != "=":
            raise NotRepr(f"no member at {reader.position}")
        reader.position += 1
        members[name[0]] = reader.value(0)
    return members


class _Reader:
    """A cursor over the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def skip(self) -> int:
        found = _BLANK.match(self.text, self.position)
        self.position = found.end() if found else self.position
        return self.position

    def peek(self) -> str:
        self.skip()
        return self.text[self.position : self.position + 1]

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.position)
        if found:
            self.position = found.end()
        return found

    def value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise NotRepr("nested too deeply")
        first = self.peek()
        if first in ("[", "(", "{"):
            return self.rest_of_cut(self.items(depth), depth)
        if (strings := self.strings()) is not None:
            return self.rest_of_cut(strings, depth)
        if found := self.take(_NUMBER):
            return _number(found[0])
        if found := self.take(_OPAQUE):
            return found[0]
        if found := self.take(_NAME):
            return self.named(found[0], depth)
        raise NotRepr(f"no value at {self.position}")

    def rest_of_cut(self, beginning: Any, depth: int) -> Any:
        """Return a value with the rest that follows, if its middle was left out."""
        if not self.text.startswith(_CUT.lstrip(), self.skip()):
            return beginning
        self.position += len(_CUT.lstrip())
        rest = self.value(depth + 1)
        if isinstance(beginning, str) and isinstance(rest, str):
            return beginning + _CUT + rest
        if isinstance(beginning, list) and isinstance(rest, list):
            return beginning + rest
        raise NotRepr(f"two values at {self.position}")

    def strings(self) -> str | None:
        pieces = []
        while found := self.take(_STRING):
            pieces.append(_ESCAPE.sub(_unescaped, found[1] if found[1] is not None else found[2]))
            self.skip()
        return "".join(pieces) if pieces else None

    def named(self, name: str, depth: int) -> Any:
        if name in _WORDS:
            return _WORDS[name]
        if self.peek() != "(":
            return name
        self.position += 1
        arguments: list[Any] = []
        members: dict[str, Any] = {}
        while self.peek() != ")":
            start = self.position
            key = self.take(_NAME)
            if key and self.peek() == "=":
                self.position += 1
                members[key[0]] = self.value(depth + 1)
            else:
                self.position = start
                arguments.append(self.value(depth + 1))
            self.comma(")")
        self.position += 1
        return ReprObject(name, tuple(arguments), members)

    def items(self, depth: int) -> list[Any] | dict[str, Any]:
        opener = self.peek()
        closer = _CLOSERS[opener]
        self.position += 1
        listed: list[Any] = []
        members: dict[str, Any] = {}
        while self.peek() != closer:
            value = self.value(depth + 1)
            if opener == "{" and self.peek() == ":":
                self.position += 1
                members[str(value)] = self.value(depth + 1)
            else:
                listed.append(value)
            self.comma(closer)
        self.position += 1
        return members if opener == "{" and not listed else listed

    def comma(self, closer: str) -> None:
        found = self.peek()
        if found == ",":
            self.position += 1
        elif found != closer:
            raise NotRepr(f"neither a comma nor {closer} at {self.position}")


def _number(digits: str) -> int | float | None:
    if digits.lstrip("-").isdecimal() and len(digits) < 400:
        return int(digits)
    number = float(digits)
    return number if abs(number) != float("inf") else None


def _unescaped(found: re.Match[str]) -> str:
    code = found[1] or found[2] or found[3]
    if code:
        point = int(code, 16)
        return chr(point) if point <= 0x10FFFF else found[0]
    if found[4]:
        return ""
    return _PLAIN_ESCAPES.get(found[5], found[5])
