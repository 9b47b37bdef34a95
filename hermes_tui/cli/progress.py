"""A progress line on stderr for long work, where stderr is a terminal."""

from __future__ import annotations

import sys
import time

from hermes_tui.runtime.pace import Pace

APPEARS_AFTER_S = 0.5
EVERY_S = 0.1


class ProgressLine:
    """One line that is drawn over itself; silent for short work and where nobody looks."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._drawn = self._began + APPEARS_AFTER_S - EVERY_S
        self._width = 0
        self._wanted = sys.stderr.isatty()

    def show(self, label: str, done: int, total: int, *, before: int = 0) -> None:
        """Draw `label`, how much of `total` bytes is done, the rate and the time that is left.

        At most ten times a second. `before`: bytes that were done before this work began.
        """
        now = time.monotonic()
        if not self._wanted or now - self._drawn < EVERY_S:
            return
        self._drawn = now
        share = done / total if total else 1.0
        bar = "█" * int(share * 20)
        pace = Pace(self._began, before).text(done, total, now)
        line = f"{bar:░<20} {share:4.0%} {pace} {label[-40:]}"
        sys.stderr.write("\r" + line.ljust(self._width))
        sys.stderr.flush()
        self._width = len(line)

    def clear(self) -> None:
        """Remove the line, before other output."""
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0
