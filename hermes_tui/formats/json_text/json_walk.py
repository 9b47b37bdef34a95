"""Walk over JSON in a source, value by value, with no more than a window of it in memory.

A value that fits into the window is decoded, which takes C code 7 ms a megabyte; a longer one is
entered, member by member. (A tokeniser of regular expressions is three times slower, and a parser
that calls back for every token, such as ijson's, is slower still.)
"""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hermes_tui.formats.base import Source

WINDOW = 1 << 20
MAX_DEPTH = 64
"""Nested containers that reach beyond a window; with more of them a value counts as broken."""
_LONGEST_WORD = 1 << 12
_SEPARATORS = re.compile(r"[ \t\r\n,:]*")
_IN_STRING = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_DECODER = json.JSONDecoder(strict=False)


class Outcome(Enum):
    """How a value ended: `TORN` at the end of the source, `BROKEN` at something not JSON."""

    WHOLE = 1
    TORN = 2
    BROKEN = 3


class JsonWalk:
    """A position in a source, and a window of text from there.

    The text is decoded as Latin-1, one character a byte, and JSON's own characters are ASCII:
    positions are byte offsets.
    """

    def __init__(self, source: Source, start: int = 0) -> None:
        self._source = source
        self._base = start
        self._text = ""
        self._position = self._last = 0
        self._refill()

    @property
    def at(self) -> int:
        return self._base + self._position

    def peek(self) -> str:
        """Skip blanks, commas and colons; return the next character, or "" at the end."""
        while True:
            found = _SEPARATORS.match(self._text, self._position)
            self._position = found.end() if found else self._position
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._refill():
                return ""

    def step(self) -> None:
        """Advance by one character."""
        self._position += 1

    def value(self) -> Outcome:
        """Advance past the value here if the window holds all of it, else stay."""
        outcome, end = self._decode()
        # A value that the end of this window tears may be whole in the next one.
        if outcome is Outcome.TORN and self._refill():
            outcome, end = self._decode()
        if outcome is not Outcome.WHOLE:
            return outcome
        self._last, self._position = self._position, end
        return Outcome.WHOLE

    def _decode(self) -> tuple[Outcome, int]:
        """Return how the value here ends, and where it ends if it is whole."""
        try:
            _, end = _DECODER.raw_decode(self._text, self._position)
        except RecursionError:
            return Outcome.BROKEN, 0
        except ValueError:
            return Outcome.TORN, 0
        # A number that ends where the window does may continue: 1.5, 1.5e+30.
        near_end = end + len("e+") >= len(self._text) and not self._is_last
        if near_end and self._text[end - 1] not in '"]}':
            return Outcome.TORN, 0
        return Outcome.WHOLE, end

    def taken(self) -> Any:
        """Return the value that `value` advanced past last."""
        data = self._text[self._last : self._position].encode("latin-1")
        return json.loads(data.decode("utf-8", "replace"), strict=False)

    def skip(self) -> Outcome:
        """Advance past the value here, however long it is."""
        closers: list[str] = []
        while char := self.peek():
            if char in "]}":
                if not closers or closers.pop() != char:
                    return Outcome.BROKEN
                self.step()
            else:
                outcome = self._skip_one(char, closers)
                if outcome is not Outcome.WHOLE:
                    return outcome
            if not closers:
                return Outcome.WHOLE
        return Outcome.TORN

    def _skip_one(self, char: str, closers: list[str]) -> Outcome:
        outcome = self.value()
        if outcome is not Outcome.TORN:
            return outcome
        if char == '"':
            self.step()
            return self._skip_string()
        if char in "[{" and len(closers) < MAX_DEPTH:
            closers.append("]" if char == "[" else "}")
            self.step()
            return Outcome.WHOLE
        remaining = len(self._text) - self._position
        return Outcome.TORN if remaining < _LONGEST_WORD and not self._is_last else Outcome.BROKEN

    def _skip_string(self) -> Outcome:
        while True:
            found = _IN_STRING.match(self._text, self._position)
            self._position = found.end() if found else self._position
            if self._text.startswith('"', self._position):
                self.step()
                return Outcome.WHOLE
            # A backslash at the very end needs the character that it escapes.
            if not self._refill():
                return Outcome.TORN

    @property
    def _is_last(self) -> bool:
        return self._source.complete and self._base + len(self._text) >= self._source.size

    def _refill(self) -> bool:
        """Move the window so that it begins here; return whether it holds more than before."""
        here = self._text[self._position :]
        if len(here) == WINDOW:
            return False
        self._base += self._position
        self._position = 0
        self._text = self._source.read(self._base, WINDOW).decode("latin-1")
        return len(self._text) > len(here)
