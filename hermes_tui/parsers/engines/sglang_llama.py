"""SGLang 0.5.23's reader of Llama 3 calls, non-streaming; the most tolerant of its JSON readers.

    llama3 := text "<|python_tag|>" values | values that start the text with "{"
    values := (JSON any-character | python-dict any-character | text up to `{"name":`)*

One character after each value is swallowed as its separator, whatever it is. Text after the last
value that could be read is kept as content.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Any, NamedTuple

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.audit import flag_payload
from hermes_tui.parsers.engines.base import EngineRaised, Refused, Trace
from hermes_tui.parsers.engines.emulated import emulated
from hermes_tui.parsers.engines.json_text import BadJson, Scanner, dumps, loads
from hermes_tui.parsers.engines.members import stripped
from hermes_tui.parsers.engines.python_literal import NotLiteral, literal_eval
from hermes_tui.parsers.engines.sglang_values import UnexpectedValue, deliver, need_tools
from hermes_tui.parsers.literals import read_literal

TAG = "<|python_tag|>"
NEXT = '{"name":'
_MAX_LITERAL_CHARS = 300_000
"""The number of characters tried as Python literals; beyond it, SGLang itself takes seconds."""


class _Value(NamedTuple):
    """A value that could be read, and its span."""

    value: Any
    span: Span
    python: bool = False


class _Braces:
    """Finds where the count of open braces returns to an earlier value, ignoring strings."""

    def __init__(self, text: str) -> None:
        self._places: list[int] = []
        self._depths: list[int] = [0]
        self._closings: dict[int, list[int]] = {}
        depth = 0
        for brace in re.finditer(r"[{}]", text):
            depth += 1 if brace[0] == "{" else -1
            self._places.append(brace.start())
            self._depths.append(depth)
            if brace[0] == "}":
                self._closings.setdefault(depth, []).append(brace.start())

    def end(self, start: int) -> int:
        """Return the end of the braces that open at or after `start`, or -1 if they never close."""
        depth = self._depths[bisect_left(self._places, start)]
        closings = self._closings.get(depth, [])
        found = bisect_left(closings, start)
        return closings[found] + 1 if found < len(closings) else -1


class _Reader:
    """Reads the values one by one. `safe` is the end of the last value, separator included."""

    def __init__(self, trace: Trace, start: int) -> None:
        self.trace = trace
        self.text = trace.text
        self.position = start
        self.safe = start
        self.values: list[_Value] = []
        self._scanner = Scanner(trace.text)
        self._braces: _Braces | None = None
        self._budget = _MAX_LITERAL_CHARS

    def run(self) -> None:
        while self.position < len(self.text):
            if not (self._read_json() or self._read_python()):
                following = self.text.find(NEXT, self.position + 1)
                if following < 0:
                    return
                self.position = following

    def _read_json(self) -> bool:
        start = self.position
        try:
            value, end = self._scanner.decode(start)
        except BadJson as error:
            if not error.syntax:
                raise EngineRaised(error.raised) from None
            stop = min(len(self.text), error.position + 1)
            self.trace.step("raw_decode", Span(start, stop), "refused", error.message)
            return False
        span = Span(start, end)
        self.trace.step("raw_decode", span, "read", type(value).__name__)
        if not isinstance(value, dict):
            self._refuse_value(value, span)
        self._add(_Value(value, span))
        return True

    def _refuse_value(self, value: Any, span: Span) -> None:
        """Raise what SGLang raises in the end for a value that is no object, whatever follows."""
        kind = type(value).__name__
        message = f"a {kind} where a call object is expected"
        hint = "llama3 reads any JSON after the tag as a call; write {…} only"
        self.trace.flag(Code.NAME_MISSING, Severity.ERROR, span, message, hint)
        raise EngineRaised(f"AttributeError: {kind!r} object has no attribute 'get'")

    def _read_python(self) -> bool:
        """Read the next pair of braces as a Python dict; return whether that succeeds."""
        start = self.position
        self._braces = self._braces or _Braces(self.text)
        end = self._braces.end(start)
        if end < 0:
            return False
        span = Span(start, end)
        value = self._python_dict(span)
        self.trace.step("python dict", span, "refused" if value is None else "read")
        if value is None:
            return False
        self._add(_Value(value, span, python=True))
        return True

    def _python_dict(self, span: Span) -> Any:
        self._budget -= len(span)
        if self._budget < 0:
            message = "SGLang reads this stretch again and again: seconds for long texts"
            hint = "set a time limit for the request"
            self.trace.flag(Code.PARSER_TIMEOUT, Severity.NOTE, span, message, hint)
            return None
        raw = self.text[span.start : span.end]
        try:
            value = literal_eval(raw.strip())
            written = dumps(value)
            return loads(written) if isinstance(value, dict) and written != raw else None
        except (NotLiteral, BadJson, TypeError, ValueError, RecursionError):
            return None

    def _add(self, value: _Value) -> None:
        self.values.append(value)
        self.position = self.safe = value.span.end + 1


def _read(trace: Trace) -> None:
    need_tools(trace)
    tag = trace.text.find(TAG)
    if tag < 0 and not trace.text.startswith("{"):
        _flag_text_before(trace)
        raise Refused("no <|python_tag|>, and the text does not start with a brace")
    before = max(tag, 0)
    start = before + len(TAG) if tag >= 0 else 0
    reader = _Reader(trace, start)
    reader.run()
    _deliver(trace, reader, before)
    _flag_failure(trace, reader, start)
    rest = stripped(trace.text, Span(min(reader.safe, len(trace.text)), len(trace.text)))
    trace.keep(Span(0, before))
    trace.keep(rest)
    trace.say(trace.text[:before] + trace.text[rest.start : rest.end] or None)


def _flag_text_before(trace: Trace) -> None:
    """Flag a call that does not start the text."""
    at = trace.text.find(NEXT)
    if at >= 0:
        message = "text before the call: without <|python_tag|> it must start the answer"
        hint = "begin the answer with the call, or write the tag before it"
        trace.flag(Code.EXTRA_TEXT, Severity.ERROR, Span(0, at), message, hint)


def _deliver(trace: Trace, reader: _Reader, before: int) -> None:
    for number, read in enumerate(reader.values):
        start = read.span.start if number else before
        first_index = len(trace.calls)
        try:
            deliver(trace, read.value, read.span, Span(start, read.span.end))
        except UnexpectedValue as error:
            raise EngineRaised(str(error)) from None
        if read.python:
            _flag_python(trace, read, first_index)


def _flag_python(trace: Trace, read: _Value, first_index: int) -> None:
    """Mark and flag calls that are read as a Python literal, which only this reader does."""
    for index in range(first_index, len(trace.calls)):
        trace.calls[index] = trace.calls[index]._replace(verdict="python-literal")
    inner = stripped(trace.text, read.span)
    flaws = read_literal(trace.text, inner.start, inner.end).flaws
    if flaws:
        message = f"not JSON ({flaws[0].message}): SGLang reads it as a Python literal"
        hint = "do not rely on it: ask for JSON"
        trace.flag(Code.PY_LITERAL, Severity.NOTE, inner, message, hint)
        return
    start = max(read.span.start - 1, 0)
    message = "whitespace before valid JSON: SGLang's JSON decoder fails, and it is read as Python"
    hint = "Python has no true, false and null: write the next call right after one separator"
    trace.flag(Code.EXTRA_TEXT, Severity.NOTE, Span(start, inner.start), message, hint)


def _flag_failure(trace: Trace, reader: _Reader, start: int) -> None:
    """Flag what is wrong with the unread rest of the text if it looks like a call."""
    position = start if not reader.values else reader.safe
    at = trace.text.find("{", min(position, len(trace.text)))
    if at >= 0 and (at == stripped(trace.text, Span(position, len(trace.text))).start):
        flag_payload(trace, Span(at, len(trace.text)))


PARSERS = (
    emulated("sglang/llama3", "llama3_json", "Llama 3.x", "json, then python dict", (TAG,), _read),
)
