"""The brackets of a JSON text that arrives in pieces; each is examined once."""

from __future__ import annotations

import re

_MARK = re.compile(r'["{}\[\]]|\\.?', re.DOTALL)
_BLANKS = " \t\r\n"


class Brackets:
    """Follows the brackets of a text, which need not be JSON, to where the outermost one closes."""

    def __init__(self) -> None:
        self.are_closed = False
        self.has_more = False
        """Whether anything but blanks follows the bracket that closed."""
        self._depth = 0
        self._is_in_text = False
        self._is_escaped = False
        """Whether the text so far ends with a backslash that escapes the next character."""

    def take(self, piece: str) -> None:
        """Continue with the next piece of the text."""
        if not piece:
            return
        end = 0 if self.are_closed else self._closed_at(piece)
        if self.are_closed and piece[end:].strip(_BLANKS):
            self.has_more = True

    def _closed_at(self, piece: str) -> int:
        """Return where in `piece` the outermost bracket closes, or its length if it does not."""
        begin, self._is_escaped = int(self._is_escaped), False
        for mark in _MARK.finditer(piece, begin):
            if mark[0] == '"':
                self._is_in_text = not self._is_in_text
            elif mark[0][0] == "\\":
                self._is_escaped = mark[0] == "\\"
            elif not self._is_in_text:
                self._depth += 1 if mark[0] in "{[" else -1
                if self._depth <= 0:
                    self.are_closed = True
                    return mark.end()
        return len(piece)
