"""A progress line on stderr for long work, where stderr is a terminal."""

from __future__ import annotations

import sys
import time

from hermes_tui.model.visible import visible_row
from hermes_tui.runtime.pace import Pace

APPEARS_AFTER_S = 0.5
EVERY_S = 0.1
BAR_WIDTH = 20
LONGEST_LABEL = 40


class ProgressLine:
    """One line that is drawn over itself; silent for short work and where nobody looks."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._drawn = self._began + APPEARS_AFTER_S - EVERY_S
        self._width = 0
        self._wanted = sys.stderr.isatty()

    def looking(self, found: int) -> None:
        """Draw how many files have been found so far; at most ten times a second."""
        if self._is_due():
            self._draw(f"looking for transcripts: {found:,} found")

    def waiting(self, what: str) -> None:
        """Draw at once what is waited for."""
        if self._wanted:
            self._draw(f"waiting for {what} …")

    def show(self, label: str, done: int, total: int, *, before: int = 0) -> None:
        """Draw `label`, how much of `total` bytes is done, the rate and the time that is left.

        At most ten times a second. `before`: bytes that were done before this work began.
        """
        if not self._is_due():
            return
        share = done / total if total else 1.0
        bar = "█" * int(share * BAR_WIDTH)
        pace = Pace(self._began, before).text(done, total, self._drawn)
        name = visible_row(label[-LONGEST_LABEL:])
        line = f"{bar:░<{BAR_WIDTH}} {share:4.0%} {pace} {name}"
        self._draw(line)

    def _is_due(self) -> bool:
        now = time.monotonic()
        if not self._wanted or now - self._drawn < EVERY_S:
            return False
        self._drawn = now
        return True

    def _draw(self, line: str) -> None:
        sys.stderr.write("\r" + line.ljust(self._width))
        sys.stderr.flush()
        self._width = len(line)

    def clear(self) -> None:
        """Remove the line, before other output."""
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0
