"""Go over JSON in a source, value by value, with no more than a window of it in memory.

A value that stands in the window is decoded, which takes C code 7 ms a megabyte; one that does not
is gone into, member by member. (A tokeniser of regular expressions is three times slower, and a
parser that calls back for every token, such as ijson's, more than that.)
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
"""Containers that reach beyond a window, one in the other: with more the value counts as broken."""
_LONGEST_WORD = 1 << 12
_SEPARATORS = re.compile(r"[ \t\r\n,:]*")
_IN_STRING = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_DECODER = json.JSONDecoder(strict=False)


class Outcome(Enum):
    """How a value ended: `TORN` by the end of what there is, `BROKEN` by what is no JSON."""

    WHOLE = 1
    TORN = 2
    BROKEN = 3


class JsonWalk:
    """A place in a source, and the text from there on.

    Latin-1 gives one character a byte, and JSON's own characters are ASCII: places are bytes.
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
        """Go to the next character that separates nothing and return it; empty at the end."""
        while True:
            found = _SEPARATORS.match(self._text, self._position)
            self._position = found.end() if found else self._position
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._refill():
                return ""

    def step(self) -> None:
        """Go one character on."""
        self._position += 1

    def value(self) -> Outcome:
        """Go behind the value here if the window holds all of it, else stay."""
        outcome, end = self._decode()
        # What the end of the window tears may stand in the next one as a whole.
        if outcome is Outcome.TORN and self._refill():
            outcome, end = self._decode()
        if outcome is not Outcome.WHOLE:
            return outcome
        self._last, self._position = self._position, end
        return Outcome.WHOLE

    def _decode(self) -> tuple[Outcome, int]:
        """Return how the value here ends, and where if it is whole."""
        try:
            _, end = _DECODER.raw_decode(self._text, self._position)
        except RecursionError:
            return Outcome.BROKEN, 0
        except ValueError:
            return Outcome.TORN, 0
        # A number that ends where the window does may go on: 1.5, 1.5e+30.
        near_end = end + len("e+") >= len(self._text) and not self._is_last
        if near_end and self._text[end - 1] not in '"]}':
            return Outcome.TORN, 0
        return Outcome.WHOLE, end

    def taken(self) -> Any:
        """Return the value that `value` went over last."""
        data = self._text[self._last : self._position].encode("latin-1")
        return json.loads(data.decode("utf-8", "replace"), strict=False)

    def skip(self) -> Outcome:
        """Go behind the value here, however long it is."""
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
        left = len(self._text) - self._position
        return Outcome.TORN if left < _LONGEST_WORD and not self._is_last else Outcome.BROKEN

    def _skip_string(self) -> Outcome:
        while True:
            found = _IN_STRING.match(self._text, self._position)
            self._position = found.end() if found else self._position
            if self._text.startswith('"', self._position):
                self.step()
                return Outcome.WHOLE
            # A backslash at the very end waits for what it escapes.
            if not self._refill():
                return Outcome.TORN

    @property
    def _is_last(self) -> bool:
        return self._source.complete and self._base + len(self._text) >= self._source.size

    def _refill(self) -> bool:
        """Let the window begin here; return whether it holds more than before."""
        here = self._text[self._position :]
        if len(here) == WINDOW:
            return False
        self._base += self._position
        self._position = 0
        self._text = self._source.read(self._base, WINDOW).decode("latin-1")
        return len(self._text) > len(here)
