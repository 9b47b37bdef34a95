r"""One call in Python syntax, read and never run.

    call   := NAME "(" (argument ("," argument)* ","?)? ")"
    argument := KEY "=" value | "**" object | value
    value  := text+ | number (("+" | "-" | "*" | "/") number)* | word | "[" … "]" | "{" … "}"
    text   := quotes of any kind, single or triple, prefixed by r, b or u or not

An argument that is not a literal (a variable, another call, an f-string) makes the call unreadable:
its value is not guessed. Sums of numbers are evaluated. Both are reported.
"""

from __future__ import annotations

import re
from keyword import iskeyword
from typing import Any

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.parsers.escapes import read_escape, starts_as_path
from hermes_tui.parsers.literals import FAILED
from hermes_tui.parsers.wire.arithmetic import calculated
from hermes_tui.parsers.wire.cursor import WireCursor

_KEY = re.compile(r"(?P<key>[^\W\d]\w{0,200})\s*+=(?!=)")
_WORD = re.compile(r"[^\W\d][\w.]*+")
_TEXT = re.compile(r"(?P<prefix>[rRbBuUfF]{0,2})(?P<quote>'''|\"\"\"|'|\"|“|‘)")
_NUMBER = re.compile(
    r"[-+(]*+\s*+(?:0[xX][0-9a-fA-F]++|\d[\d_]*+(?:\.\d*+)?(?:[eE][-+]?\d++)?|\.\d++)"
)
_SIMPLE = re.compile(r"-?(?:0|[1-9]\d{0,300}+)(?=\s*+[,)\]}])")
_SUM = re.compile(r"[\d\s.+\-*/()_]{1,200}")
_WORDS: dict[str, tuple[Any, bool]] = {
    "True": (True, True), "False": (False, True), "None": (None, True),
    "true": (True, False), "false": (False, False), "null": (None, False),
}  # fmt: skip
_CONTAINER_TOKEN = re.compile(
    r"'(?:[^'\\]|\\.)*+'|\"(?:[^\"\\]|\\.)*+\"|“[^”]*+”|‘[^’]*+’|`[^`]*+`|\d[\w.]*+"
    r"|(?P<word>[^\W\d][\w.]*+)(?!\s*+:|['\"])",
    re.DOTALL,
)
_PLAIN_FLAWS = frozenset({Code.BAD_QUOTES, Code.PY_LITERAL, Code.TRAILING_COMMA})
_AFTER_TEXT = re.compile(
    r"\s*+(?:[)\]}]|\Z|<|,\s*+(?:[^\W\d]\w*+\s*+[=(.]|\*\*|[)\]}'\"\d\[{(-]|\Z|[^\W\d][\w.-]*+\()"
    r"|[rRbBuUfF]{0,2}['\"]|[+%*]|\n\s*+[^\W\d][\w.-]*+\()"
)
_PLAIN = {quote: re.compile(rf"[^{quote}\\\n\t]*+") for quote in ("'", '"', "”", "’")}
_CLOSERS = {"“": "”", "‘": "’"}
_LITERALS_HINT = "engines accept only literals: they drop the call, or keep all as text"


class PythonCall:
    """Reads the arguments of one call up to `position`.

    `readable` is False if an argument is not a literal. `cut`: the text ended inside the call.
    """

    def __init__(self, cursor: WireCursor, position: int, end: int) -> None:
        self.cursor = cursor
        self.position = position
        self.end = end
        self.values: dict[str, Any] = {}
        self.positional: list[Any] = []
        self.spans: dict[str, Span] = {}
        self.readable = True
        self.closed = False
        self.cut = False
        self.repaired = False

    def read(self) -> None:
        """Read up to the closing parenthesis; the opening one is already read."""
        while True:
            char = self._next_char()
            if not char:
                self._cut(self.position)
                return
            if char == ")":
                self.position += 1
                self.closed = True
                return
            if char in "]}<" or (char == "\n" and not self.values):
                self._unclosed()
                return
            if char == ",":
                self.position += 1
                continue
            start = self.position
            self._argument()
            if self.cut or not self.readable or self.position == start:
                self.readable = self.readable and self.position > start
                return

    def _next_char(self) -> str:
        if self.position < self.end and not (char := self.cursor.text[self.position]).isspace():
            return char
        self.position = min(self.cursor.skip_blank(self.position), self.end)
        return self.cursor.text[self.position : min(self.position + 1, self.end)]

    def _cut(self, start: int) -> None:
        self.cut = True
        if self.end < len(self.cursor.text):
            self._unclosed()
        else:
            span = Span(start, self.end)
            hint = "raise max_tokens; do not run it: what is shown is only its beginning"
            self.cursor.error(Code.TRUNCATED, span, "the text ends inside the call", hint)

    def _unclosed(self) -> None:
        span = Span(self.position - 1, self.position + 1)
        message = "the closing parenthesis is missing here"
        self.cursor.error(Code.BRACES_MISSING, span, message, "add it")
        self.repaired = True

    def _argument(self) -> None:
        text, start = self.cursor.text, self.position
        if text.startswith("**", start):
            self.position += 2
            self._expanded(start)
            return
        key = _KEY.match(text, start, self.end)
        if key:
            self.position = self.cursor.skip_blank(key.end())
        begin = self.position
        value = self._value()
        span = Span(begin, max(self.position, begin + 1))
        if not key:
            message = "an argument without a name"
            self.cursor.error(Code.EXPR_NOT_LITERAL, span, message, "write NAME=value")
            self.positional.append(value)
            self.repaired = True
            return
        name = key["key"]
        if name in self.values:
            message = f"{name!r} appears twice; the last one counts"
            self.cursor.error(Code.DUP_KEY, Span(*key.span()), message, "Python refuses it")
        if iskeyword(name):
            message = f"{name!r} is a Python keyword and cannot name an argument"
            hint = "engines that parse Python refuse the call"
            self.cursor.error(Code.EXPR_NOT_LITERAL, Span(*key.span("key")), message, hint)
            self.repaired = True
        self.values[name] = value
        self.spans[name] = span

    def _expanded(self, start: int) -> None:
        """ "**" object — use its members as arguments."""
        value = self._value()
        span = Span(start, max(self.position, start + 2))
        message = "arguments given as **{…}"
        self.cursor.error(Code.EXPR_NOT_LITERAL, span, message, _LITERALS_HINT)
        self.repaired = True
        if isinstance(value, dict):
            self.values.update(value)
        else:
            self.readable = False

    def _value(self) -> Any:
        char = self._next_char()
        text, start = self.cursor.text, self.position
        if char in ("[", "{"):
            return self._container()
        if opening := _TEXT.match(text, start, self.end):
            return self._texts(opening)
        if _NUMBER.match(text, start, self.end):
            return self._number()
        word = _WORD.match(text, start, self.end)
        if not char:
            self._cut(start)
            return None
        if word and word[0] in _WORDS and not text.startswith("(", word.end()):
            value, python = _WORDS[word[0]]
            self.position = word.end()
            if not python:
                self._flag_json_word(Span(*word.span()))
            return value
        self.readable = False
        stop = word.end() if word else start + 1
        self.position = stop
        span = Span(start, stop)
        if word and stop >= self.end:
            self._cut(start)
            return None
        self.cursor.error(Code.EXPR_NOT_LITERAL, span, "this is not a literal", _LITERALS_HINT)
        return None

    def _container(self) -> Any:
        piece = self.cursor.literal(self.position, self.end)
        literal = piece.literal
        if literal.rung == FAILED:
            self.readable = False
            span = Span(self.position, self.position + 1)
            message = "this list or object cannot be read"
            self.cursor.error(Code.EXPR_NOT_LITERAL, span, message, _LITERALS_HINT)
            return None
        odd = [flaw for flaw in literal.flaws if flaw.code not in _PLAIN_FLAWS]
        for flaw in odd:
            self.cursor.error(flaw.code, flaw.span, flaw.message, flaw.hint)
            self.repaired = True
        if not odd and literal.cut_at < 0:
            self._flag_words(literal.span)
        self.position = literal.span.end
        if literal.cut_at >= 0:
            self._cut(literal.span.start)
        return literal.value

    def _flag_words(self, span: Span) -> None:
        """Report what in a list or an object is not a Python literal: words and odd quotes."""
        reported: set[str] = set()
        for found in _CONTAINER_TOKEN.finditer(self.cursor.text, span.start, span.end):
            word, quote = found["word"], found[0][0]
            if quote in "“‘`" and quote not in reported:
                reported.add(quote)
                self._flag_quotes(Span(found.start(), found.start() + 1))
            if word is None or word in reported:
                continue
            reported.add(word)
            at = Span(*found.span("word"))
            if word not in _WORDS:
                self.readable = False
                self.cursor.error(
                    Code.EXPR_NOT_LITERAL, at, "this is not a literal", _LITERALS_HINT
                )
                return
            if not _WORDS[word][1]:
                self._flag_json_word(at)

    def _flag_quotes(self, span: Span) -> None:
        self.cursor.error(Code.BAD_QUOTES, span, "typographic quotes", "write ' or \"")
        self.repaired = True

    def _flag_json_word(self, span: Span) -> None:
        message = f"{self.cursor.text[span.start : span.end]} is JSON, not Python"
        hint = "vLLM reads it, SGLang drops the call; write True, False or None"
        self.cursor.warn(Code.EXPR_NOT_LITERAL, span, message, hint)

    def _number(self) -> Any:
        text, start = self.cursor.text, self.position
        if simple := _SIMPLE.match(text, start, self.end):
            self.position = simple.end()
            return int(simple[0])
        found = _SUM.match(text, start, self.end)
        words = found[0] if found else ""
        size = _balanced(words)
        raw = words[:size].rstrip().rstrip("+-*/")
        plain = _NUMBER.match(text, start, self.end)
        if plain and (plain.end() - start > len(raw) or len(raw.split()) == 0):
            raw = plain[0]
        self.position = start + len(raw)
        span = Span(start, max(self.position, start + 1))
        value, how = calculated(raw)
        if how == "leading zero":
            message, hint = "a number with leading zeros", "Python refuses it"
            self.cursor.error(Code.LEADING_ZERO, span, message, hint)
            self.repaired = True
        elif how == "sum":
            message = f"a sum, read as {value}"
            self.cursor.error(Code.EXPR_NOT_LITERAL, span, message, _LITERALS_HINT)
            self.repaired = True
        elif how == "unreadable":
            self.readable = False
            self.cursor.error(Code.EXPR_NOT_LITERAL, span, "this is not a number", _LITERALS_HINT)
        return value

    def _texts(self, opening: re.Match[str] | None) -> str:
        """text+ — adjacent texts are one."""
        pieces = []
        while opening and not self.cut:
            if "f" in opening["prefix"].lower():
                span = Span(*opening.span())
                message = "an f-string: its value is not in the text"
                self.cursor.error(Code.EXPR_NOT_LITERAL, span, message, _LITERALS_HINT)
                self.readable = False
            self.position = opening.end()
            pieces.append(self._text(opening))
            after = self.cursor.skip_blank(self.position)
            opening = _TEXT.match(self.cursor.text, after, self.end)
        return "".join(pieces)

    def _text(self, opening: re.Match[str]) -> str:
        quote, raw = opening["quote"], "r" in opening["prefix"].lower()
        if len(quote) == 3:
            return self._triple(quote, opening.start())
        closer = _CLOSERS.get(quote, quote)
        if closer != quote:
            self._flag_quotes(Span(*opening.span()))
        text, plain, pieces = self.cursor.text, _PLAIN[closer], []
        in_path = starts_as_path(text, self.position, self.end)
        while True:
            found = plain.match(text, self.position, self.end)
            if found and found[0]:
                pieces.append(found[0])
                self.position = found.end()
            if self.position >= self.end:
                self._cut(opening.start())
                return "".join(pieces)
            char, at = text[self.position], self.position
            if char == "\\" and not raw:
                escape = read_escape(text, at, self.end, strict=False, in_path=in_path)
                if escape.code is not None:
                    self._flag_odd(escape.code, at, max(escape.end, at + 2), "not a Python escape")
                pieces.append(escape.value)
                self.position = escape.end
                continue
            self.position += 1
            if char == closer:
                if _AFTER_TEXT.match(text, self.position, self.end):
                    return "".join(pieces)
                self._flag_odd(Code.INNER_QUOTE, at, at + 1, "an unescaped quote inside a text")
            elif char == "\n":
                self._flag_odd(Code.RAW_CONTROL, at, at + 1, "a raw line break in a text")
            pieces.append(char)

    def _triple(self, quote: str, start: int) -> str:
        end = self.cursor.text.find(quote, self.position, self.end)
        stop = end if end >= 0 else self.end
        inner = self.cursor.text[self.position : stop]
        self.position = stop + (3 if end >= 0 else 0)
        if end < 0:
            self._cut(start)
        return inner.replace("\\n", "\n") if "\\" in inner and "\n" not in inner else inner

    def _flag_odd(self, code: Code, start: int, end: int, message: str) -> None:
        self.repaired = True
        self.cursor.error(code, Span(start, end), message, "engines that parse Python refuse it")


def _balanced(words: str) -> int:
    """Return the length of the part of `words` that is one sum, with balanced parentheses."""
    depth = 0
    for i, char in enumerate(words):
        depth += (char == "(") - (char == ")")
        if depth < 0 or char == "\n":
            return i
    return len(words)
