"""The regular expression by which engines recognise a list of Python calls, in linear time.

    list  := "[" first* last+ "]"
    first := NAME "(" (NAME "=" any "," _)* (NAME "=" any blank)? ")," _
    last  := NAME "(" (NAME "=" any "," _)* (NAME "=" any _)? ")" _          any := any text at all

`any` makes a backtracking engine exponential (SGLang) or run into its time limit (vLLM). The end
that it would find depends only on the text that follows. The positions where a value can end are
therefore computed once, from right to left; the last one that works is what a greedy `any` takes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from operator import itemgetter
from typing import NamedTuple

from hermes_tui.model.spans import Span

_BLANK = re.compile(r"\s*+")
_NAME_CALL = re.compile(r"[a-zA-Z]++\w*+\(")
_NAME_VALUE = re.compile(r"[a-zA-Z]++\w*+=")
_NAMED_COMMA = re.compile(r",\s*+[a-zA-Z]++\w*+=")
_LAST_COMMA = re.compile(r",\s*+\)")
_BLANK_CLOSE = re.compile(r"\s\)(?=,\s*+[a-zA-Z]++\w*+\()")
_FAIL = -1


class _Exit(NamedTuple):
    """The last position where a value can end in a certain way, and the end of the match then."""

    position: int = _FAIL
    end: int = _FAIL

    def after(self, position: int) -> int:
        return self.end if self.position >= position else _FAIL


class CallLists:
    """Finds lists of calls in a text. `head_end` is how far the last failed attempt matched."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.head_end = 0
        self._close = _last_close(text)
        self._first_comma = self._first_blank = self._last_comma = _Exit()
        self._named: list[tuple[int, int]] = []

    @property
    def closes_at(self) -> int:
        """The end of the last `)` and `]` in the text, or -1 if there is none."""
        return self._close.end

    def begins(self, start: int) -> bool:
        """Return whether a list of calls begins at `start`, wherever it ends."""
        self.head_end = start
        return self._text.startswith("[", start) and self._match_call(start + 1) >= 0

    def search(self) -> Span | None:
        """Return the span of the first list, or None if there is none."""
        start = self._text.find("[") if self._close.position >= 0 else _FAIL
        while start >= 0 and not self.begins(start):
            start = self._text.find("[", start + 1)
        if start < 0:
            return None
        self._compute_exits(start)
        return Span(start, self._match_call(start + 1))

    def arguments(self, span: Span) -> int:
        """Return the number of arguments after a comma; each doubles the cost of backtracking."""
        return sum(1 for _ in _NAMED_COMMA.finditer(self._text, span.start, span.end))

    def _compute_exits(self, start: int) -> None:
        """Find the exits, trying the positions where a value can end from right to left."""
        text, close = self._text, self._close.position
        self._named = [found.span() for found in _NAMED_COMMA.finditer(text, start, close + 1)]
        commas = [found.start() for found in _LAST_COMMA.finditer(text, start, close + 1)]
        blanks = [found.start() for found in _BLANK_CLOSE.finditer(text, start)]
        while commas or blanks:
            at_comma = not blanks or (commas and commas[-1] > blanks[-1])
            position = commas.pop() if at_comma else blanks.pop()
            self._use_named_commas(position)
            if self._first_comma.end >= 0 and self._last_comma.end >= 0:
                # Exits further left are never taken: any value before them tries these two first.
                return
            if at_comma:
                self._try_comma(position)
            elif self._first_blank.end < 0:
                end = self._match_call(self._skip_blanks(position + 3))
                self._first_blank = _Exit(position, end)
        self._use_named_commas(_FAIL)

    def _use_named_commas(self, position: int) -> None:
        """Use commas before a named argument as exits if they come after `position`.

        In a last call such a comma always works; in a first one, only if the argument can end
        later.
        """
        if self._named and self._last_comma.end < 0 and self._named[-1][0] > position:
            self._last_comma = _Exit(self._named[-1][0], self._close.end)
        if self._first_comma.end < 0 <= self._first_blank.end:
            index = bisect_right(self._named, self._first_blank.position, key=itemgetter(1)) - 1
            if index >= 0 and self._named[index][0] > position:
                self._first_comma = _Exit(self._named[index][0], self._first_blank.end)

    def _try_comma(self, comma: int) -> None:
        """Set the exits at this comma, which is followed by `)`, if a value can end there."""
        inner = self._skip_blanks(comma + 1) + 1
        if self._last_comma.end < 0:
            self._last_comma = _Exit(comma, self._match_after_last(inner))
        if self._first_comma.end < 0 and self._text.startswith(",", inner):
            self._first_comma = _Exit(comma, self._match_call(self._skip_blanks(inner + 1)))

    def _match_call(self, position: int) -> int:
        """Return the end of the match from the start of a call of either kind."""
        while call := _NAME_CALL.match(self._text, position):
            inner = call.end()
            if named := _NAME_VALUE.match(self._text, inner):
                return self._match_value(named.end())
            if not self._text.startswith(")", inner):
                return self._fail(inner)
            if not self._text.startswith(",", inner + 1):
                return self._match_after_last(inner + 1)
            position = self._skip_blanks(inner + 2)
        return self._fail(position)

    def _match_value(self, position: int) -> int:
        """Return the end of the match from the first value of a call; `first` is tried first."""
        exits = (self._first_comma, self._first_blank, self._last_comma, self._close)
        found = (way.after(position) for way in exits)
        return next((end for end in found if end >= 0), _FAIL)

    def _match_after_last(self, position: int) -> int:
        """Return the end of the match after the `)` of a last call: another call, or `]`."""
        while True:
            position = self._skip_blanks(position)
            call = _NAME_CALL.match(self._text, position)
            if call is None:
                closed = self._text.startswith("]", position)
                return position + 1 if closed else self._fail(position)
            inner = call.end()
            if named := _NAME_VALUE.match(self._text, inner):
                end = self._last_comma.after(named.end())
                return end if end >= 0 else self._close.after(named.end())
            if not self._text.startswith(")", inner):
                return self._fail(inner)
            position = inner + 1

    def _fail(self, position: int) -> int:
        self.head_end = max(self.head_end, position)
        return _FAIL

    def _skip_blanks(self, position: int) -> int:
        found = _BLANK.match(self._text, position)
        return found.end() if found else position


def _last_close(text: str) -> _Exit:
    """Return the last `)` that is followed by `]`, with only blanks between them."""
    bracket = text.rfind("]")
    while bracket >= 0:
        before = bracket
        while before and text[before - 1].isspace():
            before -= 1
        if before and text[before - 1] == ")":
            return _Exit(before - 1, bracket + 1)
        bracket = text.rfind("]", 0, bracket)
    return _Exit()
