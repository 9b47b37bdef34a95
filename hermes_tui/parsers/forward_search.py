"""Repeated searches in one text that together cost about one pass over it."""

from __future__ import annotations

import re


class ForwardSearch:
    """Finds markers from left to right; remembers the last answer for each marker.

    The positions given for one marker must not decrease.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._next: dict[str, tuple[int, int]] = {}
        self._last: dict[str, tuple[int, int]] = {}
        self._matches: dict[re.Pattern[str], tuple[int, re.Match[str] | None]] = {}

    def find(self, marker: str, position: int) -> int:
        """Return where `marker` next occurs from `position`; the length of the text if nowhere."""
        searched_from, found = self._next.get(marker, (0, -1))
        if not searched_from <= position <= found:
            found = self.text.find(marker, position)
            found = found if found >= 0 else len(self.text)
            self._next[marker] = (position, found)
        return found

    def match(self, pattern: re.Pattern[str], position: int) -> re.Match[str] | None:
        """Return the next match of `pattern` from `position`, or None if there is none."""
        searched_from, found = self._matches.get(pattern, (-1, None))
        if 0 <= searched_from <= position and (found is None or found.start() >= position):
            return found
        found = pattern.search(self.text, position)
        self._matches[pattern] = (position, found)
        return found

    def last(self, marker: str, start: int, end: int) -> int:
        """Return where `marker` last occurs between `start` and `end`, -1 if nowhere.

        Repeated calls with the same `end` search once.
        """
        known_end, found = self._last.get(marker, (-1, -1))
        if known_end != end:
            found = self.text.rfind(marker, start, end)
            self._last[marker] = (end, found)
        return found if found >= start else -1
