"""Searches in one text that together cost one pass, however often they are asked."""

from __future__ import annotations

import re


class ForwardSearch:
    """Finds markers from left to right; each remembers its last answer.

    Positions asked for one marker must not go back. Not found: the length of the text.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._next: dict[str, tuple[int, int]] = {}
        self._last: dict[str, tuple[int, int]] = {}
        self._matches: dict[re.Pattern[str], tuple[int, re.Match[str] | None]] = {}

    def find(self, marker: str, position: int) -> int:
        """Return where `marker` stands next, from `position`."""
        asked, found = self._next.get(marker, (0, -1))
        if not asked <= position <= found:
            found = self.text.find(marker, position)
            found = found if found >= 0 else len(self.text)
            self._next[marker] = (position, found)
        return found

    def match(self, pattern: re.Pattern[str], position: int) -> re.Match[str] | None:
        """Return where `pattern` matches next, from `position`."""
        asked, found = self._matches.get(pattern, (-1, None))
        if 0 <= asked <= position and (found is None or found.start() >= position):
            return found
        found = pattern.search(self.text, position)
        self._matches[pattern] = (position, found)
        return found

    def last(self, marker: str, start: int, end: int) -> int:
        """Return where `marker` stands last between `start` and `end`, -1 if nowhere.

        Asked many times with one `end`, it searches once.
        """
        known_end, found = self._last.get(marker, (-1, -1))
        if known_end != end:
            found = self.text.rfind(marker, start, end)
            self._last[marker] = (end, found)
        return found if found >= start else -1
