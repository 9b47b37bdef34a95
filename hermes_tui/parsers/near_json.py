"""Near-JSON: one pass from left to right over a payload that is not JSON, reporting each flaw.

    value    := object | list | string | number | word
    object   := "{" (key ":" value ","?)* "}"          list := "[" (value ","?)* "]" | "(" … ")"
    key      := string | number | bare word            word := true True null None NaN … | bare text
    string   := any kind of quotes; a quote inside it ends it only where the syntax could go on

Brackets close what they can: a missing one is assumed, a surplus one is ignored. Braces that a
template doubled count once; an unclosed object in a list ends where the next one begins.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.parsers.escapes import read_escape, starts_as_path
from hermes_tui.parsers.json_flaws import MESSAGES, Flaw

MAX_DEPTH = 256

_CLOSER = {"{": "}", "[": "]", "(": ")"}
_QUOTES = {
    '"': '"', "'": "'", "`": "`", "“": "”“\"", "”": "”\"", "„": "“”\"", "＂": "＂",
    "‘": "’‘'", "’": "’'",
}  # fmt: skip
_WORDS: dict[str, tuple[Any, Code | None]] = {
    "true": (True, None),
    "false": (False, None),
    "null": (None, None),
    "True": (True, Code.PY_LITERAL),
    "False": (False, Code.PY_LITERAL),
    "None": (None, Code.PY_LITERAL),
    "undefined": (None, Code.PY_LITERAL),
    "NaN": (None, Code.NONFINITE),
    "nan": (None, Code.NONFINITE),
    "inf": (None, Code.NONFINITE),
    "Infinity": (None, Code.NONFINITE),
    "-Infinity": (None, Code.NONFINITE),
    "-inf": (None, Code.NONFINITE),
}
# A separate name, as each access to an enumeration member is a call in Python 3.11.
_BRACES_EXTRA = Code.BRACES_EXTRA
_BLANK = re.compile(r"\s*+")
_SYNTAX_CHARACTERS = frozenset("{}[]:,\"'")
"""Characters of the syntax, which begin neither a blank nor a comment."""
_COMMENT = re.compile(r"//[^\n]*+|#[^\n]*+|/\*.*?\*/", re.DOTALL)
_PLAIN = {q: re.compile(rf"[^{q}{''.join(_QUOTES[q])}\\\x00-\x1f]*+") for q in _QUOTES}
_NUMBER = re.compile(
    r"[-+]?(?:0[xX][0-9a-fA-F]+|(?:\d[\d_]*+(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?)(?![\w.])"
)
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d*+)(?:\.\d++)?(?:[eE][-+]?\d++)?")
_BARE_KEY = re.compile(r"[^\W\d][\w$.-]*+")
_BARE_TEXT = re.compile(r"[^,{}\[\]()\"'“”‘’\n]++")

_KEY_AHEAD = (
    r"(?:\"(?:[^\"\\\n]|\\.){0,200}+\"|'(?:[^'\\\n]|\\.){0,200}+'"
    r"|[“‘][^”’\n]{0,200}[”’]|[\w$.-]{1,80})\s*+:"
)
_AFTER_KEY = re.compile(r"\s*+[:=：]")
_NEXT_MEMBER = r"\s++\"[\w.-]{1,80}\"\s*+:"
"""The key of the next member if the comma before it is missing."""
_AFTER_MEMBER = re.compile(
    rf"\s*+(?:[}}\])]|\Z|[/#]|,\s*+(?:[}}\])]|\Z|[/#]|{_KEY_AHEAD}))|{_NEXT_MEMBER}"
)
_AFTER_ITEM = re.compile(
    r"\s*+(?:[}\])]|\Z|[/#]|,\s*+(?:[}\])]|\Z|[/#\"'“‘`{\[(\d.+-]|(?:true|false|null|True|False"
    r"|None|NaN)\b))"
)
_PLAIN_KEY = re.compile(r'"([^"\\\x00-\x1f]*+)"\s*+:')
_PLAIN_STRING = {
    after: re.compile(rf"\"([^\"\\\x00-\x1f]*+)\"(?={after.pattern})")
    for after in (_AFTER_KEY, _AFTER_MEMBER, _AFTER_ITEM)
}
"""A whole string as JSON allows it, followed by what must come next."""


class Unreadable(Exception):
    """The payload cannot be read even as near-JSON."""


class _Frame(msgspec.Struct):
    """An open bracket: its container, the key whose value comes next, and what `expects` allows."""

    start: int
    closer: str
    container: Any
    expects: str
    key: str = ""
    spans: dict[str, Span] = {}
    value_start: int = 0
    doubled: bool = False


class NearJson:
    """Reads the payload at `start`, up to `end` at most; keeps the first flaw of each kind."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text = text
        self.position = start
        self.end = end
        self.flaws: dict[Code, Flaw] = {}
        self.members: dict[int, dict[str, Span]] = {}
        self.pythonic = True
        self.cut_at = -1
        self.cut_in_string = False
        self._stack: list[_Frame] = []
        self._root: Any = None

    def read(self) -> Any:
        """Return the value; raise Unreadable if the payload makes no sense."""
        text, end, stack = self.text, self.end, self._stack
        self._open(text[self.position] if self.position < end else "")
        while stack:
            char = text[self.position] if self.position < end else ""
            if char not in _SYNTAX_CHARACTERS and not (char := self._past_blank()):
                self._close_all()
                break
            frame = stack[-1]
            if char in "}])":
                self._close(char, frame)
            elif frame.expects == "key":
                if char == "{":
                    self._brace_for_key(frame)
                else:
                    self._key(frame, char)
            elif frame.expects == "colon":
                self._colon(frame, char)
            elif frame.expects == "comma":
                self._comma(frame, char)
            else:
                self._value(frame, char)
        return self._root

    def _flag(self, code: Code, start: int, end: int, message: str = "") -> None:
        if code not in self.flaws:
            text, hint = MESSAGES[code]
            span = Span(start, min(max(end, start + 1), self.end))
            self.flaws[code] = Flaw(code, span, message or text, hint)

    def _past_blank(self) -> str:
        """Skip blanks and comments; return the character after them, empty at the end."""
        while True:
            found = _BLANK.match(self.text, self.position, self.end)
            self.position = found.end() if found else self.position
            comment = _COMMENT.match(self.text, self.position, self.end)
            if comment is None:
                return self.text[self.position] if self.position < self.end else ""
            self._flag(Code.COMMENT, comment.start(), comment.end())
            self.position = comment.end()

    def _open(self, char: str) -> None:
        at = self.position
        if len(self._stack) >= MAX_DEPTH:
            raise Unreadable
        if char == "{":
            self._stack.append(_Frame(at, "}", {}, "key"))
        elif char in _CLOSER:
            self._stack.append(_Frame(at, _CLOSER[char], [], "value"))
        else:
            raise Unreadable
        if char == "(":
            self._flag(Code.PY_LITERAL, at, at + 1)
        self.position = at + 1

    def _close(self, char: str, frame: _Frame) -> None:
        at = self.position
        if char != frame.closer and not any(other.closer == char for other in self._stack):
            self._flag(_BRACES_EXTRA, at, at + 1)
            self.position += 1
            return
        self._settle(frame, at)
        if char == frame.closer:
            doubled = frame.doubled and self.text.startswith("}", at + 1, self.end)
            self.position += 2 if doubled else 1
        else:
            self._flag(Code.BRACES_MISSING, at, at + 1, f"{frame.closer} is missing before this")
        self._leave(frame, self.position)

    def _settle(self, frame: _Frame, at: int) -> None:
        """Accept a closing bracket although more was expected."""
        if frame.expects == "colon":
            raise Unreadable
        if frame.expects == "after comma" or (frame.expects == "key" and frame.container):
            comma = self.text.rfind(",", frame.start, at)
            self._flag(Code.TRAILING_COMMA, comma, comma + 1)
        if isinstance(frame.container, dict) and frame.expects == "value":
            self._flag(Code.JSON_INVALID, at, at + 1, f"the value of {frame.key!r} is missing")
            self._put(frame, None, at)

    def _close_all(self) -> None:
        """Close every bracket that is open at the end."""
        if self.cut_at < 0:
            self.cut_at = self.end
        while self._stack:
            frame = self._stack[-1]
            if frame.expects == "value" and isinstance(frame.container, dict):
                self._put(frame, None, self.end)
            self._leave(frame, self.end)

    def _leave(self, frame: _Frame, end: int) -> None:
        """Put the container of the innermost bracket into the one around it."""
        self.members[frame.start] = frame.spans
        self._stack.pop()
        if self._stack:
            self._put(self._stack[-1], frame.container, end)
        else:
            self._root = frame.container

    def _put(self, frame: _Frame, value: Any, end: int) -> None:
        if isinstance(frame.container, dict):
            frame.container[frame.key] = value
            frame.spans[frame.key] = Span(frame.value_start, end)
        else:
            frame.spans[str(len(frame.container))] = Span(frame.value_start, end)
            frame.container.append(value)
        frame.expects = "comma"

    def _key(self, frame: _Frame, char: str) -> None:
        start = self.position
        sound = _PLAIN_KEY.match(self.text, start, self.end)
        if sound:
            key = sound[1]
        elif char in _QUOTES:
            key = self._string(char, _AFTER_KEY)
        elif found := _NUMBER.match(self.text, start, self.end):
            key, self.position = found[0], found.end()
            self._flag(Code.PY_LITERAL, start, found.end())
        elif found := _BARE_KEY.match(self.text, start, self.end):
            key, self.position = found[0], found.end()
            self._flag(Code.BAD_QUOTES, start, found.end())
            self.pythonic = False
        else:
            raise Unreadable
        if self.cut_at >= 0:
            return
        if key in frame.container:
            self._flag(Code.DUP_KEY, start, sound.end(1) + 1 if sound else self.position)
        frame.key, frame.expects = key, "value" if sound else "colon"
        if sound:
            self.position = frame.value_start = sound.end()

    def _brace_for_key(self, frame: _Frame) -> None:
        """Read a brace in place of a key: a doubled one at the start, else the next list item."""
        at = self.position
        if not frame.container and not frame.doubled:
            self._flag(_BRACES_EXTRA, at, at + 1, "an opening bracket too many")
            frame.doubled = True
            self.position += 1
            return
        in_list = len(self._stack) > 1 and isinstance(self._stack[-2].container, list)
        before = self._solid_before(frame.start)
        if not in_list or not frame.container or self.text[before] != ",":
            raise Unreadable
        self._flag(Code.BRACES_MISSING, before - 1, before + 1, "} is missing before this")
        self._leave(frame, before)
        self._stack[-1].expects = "value"

    def _colon(self, frame: _Frame, char: str) -> None:
        if char not in ":=：":
            raise Unreadable
        if char != ":":
            self._flag(Code.JSON_INVALID, self.position, self.position + 1, "a colon is expected")
        self.position += 1
        frame.expects = "value"
        frame.value_start = self.position

    def _comma(self, frame: _Frame, char: str) -> None:
        frame.expects = "key" if isinstance(frame.container, dict) else "after comma"
        if char == ",":
            self.position += 1
        else:
            before = self._solid_before(frame.start)
            self._flag(Code.JSON_INVALID, before, self.position + 1, "a comma is missing")
            self.pythonic = False

    def _solid_before(self, start: int) -> int:
        """Return the position of the last character that is not blank before the current one."""
        at = self.position - 1
        while at > start and self.text[at].isspace():
            at -= 1
        return at

    def _value(self, frame: _Frame, char: str) -> None:
        frame.value_start = self.position
        if char in _CLOSER:
            frame.expects = "value"
            self._open(char)
        elif char in _QUOTES:
            after = _AFTER_MEMBER if isinstance(frame.container, dict) else _AFTER_ITEM
            value = self._string(char, after)
            self._put(frame, value, self.position)
        else:
            self._put(frame, self._atom(), self.position)

    def _atom(self) -> Any:
        start = self.position
        if found := _NUMBER.match(self.text, start, self.end):
            self.position = found.end()
            return self._number(found[0], start)
        found = _BARE_TEXT.match(self.text, start, self.end)
        text = found[0].rstrip() if found else ""
        if not text or text == "...":
            raise Unreadable
        self.position = start + len(text)
        if text in _WORDS:
            value, code = _WORDS[text]
            if code is not None:
                self._flag(code, start, self.position)
            return value
        if self.position >= self.end:
            self.cut_at = start
            return None
        self._flag(Code.BAD_QUOTES, start, self.position)
        self.pythonic = False
        if self.text[self.position] in _QUOTES:
            self.position += 1
        return text

    def _number(self, digits: str, start: int) -> Any:
        end = start + len(digits)
        bare = digits.replace("_", "").lstrip("+")
        if not _JSON_NUMBER.fullmatch(digits):
            zeros = bare.lstrip("-").startswith("0") and bare.lstrip("-").isdigit()
            self._flag(Code.LEADING_ZERO if zeros else Code.PY_LITERAL, start, end)
        try:
            if bare.lstrip("-")[:2] in ("0x", "0X"):
                return int(bare, 16)
            if bare.lstrip("-").isdigit():
                return int(bare)
            value = float(bare)
        except ValueError:
            self._flag(Code.JSON_INVALID, start, end, "a number too long to read")
            return digits
        if value in (float("inf"), float("-inf")):
            self._flag(Code.NONFINITE, start, end)
            return None
        return value

    def _string(self, quote: str, after: re.Pattern[str]) -> str:
        """Read a string; `after` matches what must follow its closing quote."""
        text, start = self.text, self.position
        if sound := _PLAIN_STRING[after].match(text, start, self.end):
            self.position = sound.end()
            return sound[1]
        if quote != '"':
            self._flag(Code.BAD_QUOTES, start, start + 1)
            self.pythonic = self.pythonic and quote == "'"
        in_path = quote != "'" and starts_as_path(text, start + 1, self.end)
        plain, closers = _PLAIN[quote], _QUOTES[quote]
        pieces: list[str] = []
        self.position = start + 1
        while True:
            found = plain.match(text, self.position, self.end)
            if found and found[0]:
                pieces.append(found[0])
                self.position = found.end()
            if self.position >= self.end:
                return self._cut_string(start, "".join(pieces))
            char = text[self.position]
            if char == "\\":
                strict = quote == '"'
                escape = read_escape(text, self.position, self.end, strict=strict, in_path=in_path)
                if escape.code is not None:
                    self._flag(escape.code, self.position, max(escape.end, self.position + 2))
                pieces.append(escape.value)
                self.position = escape.end
                continue
            self.position += 1
            if char in closers and after.match(text, self.position, self.end):
                return "".join(pieces)
            if char in _QUOTES:
                self._flag(Code.INNER_QUOTE, self.position - 1, self.position)
            elif char < " ":
                self._flag(Code.RAW_CONTROL, self.position - 1, self.position)
            pieces.append(char)

    def _cut_string(self, start: int, value: str) -> str:
        """Return what there is of a string that the end cuts.

        If all open brackets are closed at its end, only the closing quote is missing.
        """
        bare = value.rstrip("}]) \t\r\n")
        brackets = [char for char in value[len(bare) :] if char in "}])"]
        if len(self._stack) > 1 and brackets == [f.closer for f in reversed(self._stack)]:
            at = self.end - len(value) + len(bare)
            self._flag(Code.BAD_QUOTES, start, at, "the closing quote is missing")
            self.pythonic = False
            self.position = at
            if (control := self.flaws.get(Code.RAW_CONTROL)) and control.span.start >= at:
                del self.flaws[Code.RAW_CONTROL]
            return bare
        self.cut_at = start
        self.cut_in_string = True
        return value
