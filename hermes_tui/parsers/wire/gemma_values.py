"""The arguments of Gemma's calls: almost JSON, but with special marks around strings.

    object := "{" (KEY ":" value ("," KEY ":" value)*)? "}"
    value  := MARK text MARK | object | "[" value* "]" | bare text up to "," or a bracket

A mark ends a text only if the syntax continues after it.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.parsers.wire.cursor import WireCursor
from hermes_tui.parsers.wire.fit import schema_of, text_value

MAX_DEPTH = 48

_BARE_KEY = re.compile(r"[\w$.-]{1,200}")
_PLAIN = re.compile(r"\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+'")
_BARE = re.compile(r"[^,{}\[\]\n<]*+")


class Marks(NamedTuple):
    """The patterns of a format's text marks, and of what may follow them."""

    mark: re.Pattern[str]
    text_end: re.Pattern[str]
    """A mark after which the syntax continues."""
    no_mark_end: re.Pattern[str]
    """Brackets and the closing marker: the end of a text without its closing mark."""
    member: re.Pattern[str]
    """The next member up to its opening mark."""


def marks(mark: str, close: str) -> Marks:
    """Return the patterns for a text mark and a closing marker, given as regular expressions."""
    after = rf"\s*+(?:,\s*+(?:[\w$\"]|{mark}|[{{\[])|[}}\]]|\Z)"
    return Marks(
        re.compile(mark),
        re.compile(rf"{mark}(?={after})"),
        re.compile(rf"[}}\]]++\s*+(?:{close})"),
        re.compile(rf",\s*+[\w$.-]{{1,80}}\s*+:\s*+{mark}"),
    )


class GemmaValues:
    """Reads the object of one call up to `position`.

    `cut`: the text ended inside. `broken`: the rest is unreadable.
    """

    def __init__(self, cursor: WireCursor, position: int, marks: Marks, name: str | None) -> None:
        self.cursor = cursor
        self.position = position
        self.cut = False
        self.broken = False
        self.spans: dict[str, Span] = {}
        self._marks = marks
        self._name = name

    def object(self, depth: int = 0) -> dict[str, Any]:
        """Read members up to the closing brace; the opening one is already read."""
        values: dict[str, Any] = {}
        while not self.cut and not self.broken:
            char = self._next_char()
            if char in ("}", ""):
                self._close(char)
                break
            if char == ",":
                self._skip_comma("}")
                continue
            self._member(values, depth)
        return values

    def _member(self, values: dict[str, Any], depth: int) -> None:
        start = self.position
        key = self._key()
        if key is None or self._next_char() != ":":
            self._break(start)
            return
        self.position += 1
        if key in values:
            message = f"{key!r} appears twice; the last one counts"
            span = Span(start, self.position)
            self.cursor.warn(
                Code.DUP_KEY, span, message, "some engines use the first, some the last"
            )
        begin = self.position
        schema = None if depth else schema_of(self.cursor, self._name, key)
        values[key] = self._value(schema, depth)
        if not depth:
            self.spans[key] = Span(begin, max(self.position, begin + 1))

    def _next_char(self) -> str:
        self.position = self.cursor.skip_blank(self.position)
        return self.cursor.text[self.position : self.position + 1]

    def _close(self, char: str) -> None:
        if char:
            self.position += 1
            return
        self._end_of_text(self.position)

    def _end_of_text(self, start: int) -> None:
        self.cut = True
        span = Span(min(start, len(self.cursor.text) - 1), len(self.cursor.text))
        hint = "raise max_tokens; do not run it: what is shown is only its beginning"
        self.cursor.error(Code.TRUNCATED, span, "the text ends inside the arguments", hint)

    def _skip_comma(self, closer: str) -> None:
        comma = self.position
        self.position += 1
        if self._next_char() == closer:
            message = "a comma before the closing bracket"
            self.cursor.error(Code.TRAILING_COMMA, Span(comma, comma + 1), message, "remove it")

    def _break(self, start: int) -> None:
        self.broken = True
        span = Span(start, self.position + 1)
        message, hint = "this is not an argument", "see the marked place"
        self.cursor.error(Code.JSON_INVALID, span, message, hint)

    def _key(self) -> str | None:
        text = self.cursor.text
        quoted = _PLAIN.match(text, self.position)
        if quoted:
            self.position = quoted.end()
            span = Span(*quoted.span())
            hint = "engines read the quotes as part of the key"
            self.cursor.error(Code.BAD_QUOTES, span, "a key in plain quotes", hint)
            return quoted[0][1:-1]
        mark = self._marks.mark.match(text, self.position)
        if mark:
            self.position = mark.end()
            return self._marked_text(None)
        bare = _BARE_KEY.match(text, self.position)
        if not bare:
            return None
        self.position = bare.end()
        return bare[0]

    def _value(self, schema: Any, depth: int) -> Any:
        text, char = self.cursor.text, self._next_char()
        if mark := self._marks.mark.match(text, self.position):
            start = mark.end()
            self.position = start
            raw = self._marked_text(mark)
            if depth:
                return raw
            return text_value(self.cursor, raw, schema, Span(start, max(start, self.position)))
        if char in ("{", "[") and depth >= MAX_DEPTH:
            self._break(self.position)
            return None
        if char == "{":
            self.position += 1
            return self.object(depth + 1)
        if char == "[":
            self.position += 1
            return self._list(depth + 1)
        if quoted := _PLAIN.match(text, self.position):
            self.position = quoted.end()
            hint = "engines read the quotes as part of the value"
            span = Span(*quoted.span())
            self.cursor.error(Code.BAD_QUOTES, span, "a text in plain quotes", hint)
            return quoted[0][1:-1].replace('\\"', '"')
        return self._bare(schema, depth)

    def _list(self, depth: int) -> list[Any]:
        items: list[Any] = []
        while not self.cut and not self.broken:
            char = self._next_char()
            if char in ("]", "}", ""):
                self._close(char if char != "}" else "")
                break
            if char == ",":
                self._skip_comma("]")
                continue
            items.append(self._value(None, depth))
        return items

    def _bare(self, schema: Any, depth: int) -> Any:
        found = _BARE.match(self.cursor.text, self.position)
        start = self.position
        word = found[0].strip() if found else ""
        self.position = found.end() if found else start
        if not word:
            if self.position >= len(self.cursor.text):
                self._end_of_text(start)
                return ""
            if self.cursor.text[self.position] not in ",}]":
                self._break(start)
            return ""
        span = Span(start, start + len(word))
        if self.position >= len(self.cursor.text):
            self._end_of_text(start)
        if schema is not None and not depth:
            value = text_value(self.cursor, word, schema, span)
        else:
            try:
                value = json.loads(word) if len(word) < 300 else word
            except ValueError:
                value = word
        if isinstance(value, str):
            message, hint = "a text without marks around it", "engines cut it at a comma"
            self.cursor.error(Code.BAD_QUOTES, span, message, hint)
        elif self._marks.mark.pattern == "<escape>":
            message = "a value without <escape> around it"
            self.cursor.error(Code.BAD_QUOTES, span, message, "vLLM ignores the argument")
        return value

    def _marked_text(self, opening: re.Match[str] | None) -> str:
        """Read a text up to its closing mark; the opening one is already read."""
        cursor, start = self.cursor, self.position
        end = cursor.seek(self._marks.text_end, start)
        bare_end = cursor.seek(self._marks.no_mark_end, start)
        first = cursor.seek(self._marks.mark, start)
        if opening is None and first:
            end = first
        member = cursor.seek(self._marks.member, start)
        if member and first and member.end() == first.end():
            bare_end, end = member, None
        if bare_end and (not end or bare_end.start() < (first.start() if first else 0)):
            at = Span(opening.start() if opening else start, bare_end.start() + 1)
            message, hint = "no closing mark after this value", "engines drop it or read on"
            cursor.error(Code.PARAM_UNCLOSED, at, message, hint)
            self.position = bare_end.start()
            return cursor.text[start : bare_end.start()]
        if end is None:
            self.position = len(cursor.text)
            self._end_of_text(opening.start() if opening else start)
            return cursor.text[start:].rstrip("\n")
        if first and first.start() < end.start():
            message = "a mark inside the text that it should end"
            hint = "engines cut the text there"
            cursor.error(Code.MARKER_IN_VALUE, Span(*first.span()), message, hint)
        self.position = end.end()
        return cursor.text[start : end.start()]
