"""A progress line for long work, if stderr is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from hermes_tui.cli.caret import first_cells, last_cells
from hermes_tui.cli.terminal_width import USUAL_COLUMNS, columns_of
from hermes_tui.model.visible import ELLIPSIS, cells, visible_row
from hermes_tui.model.wording import counted
from hermes_tui.runtime.pace import Pace

APPEARS_AFTER_S = 0.5
DRAW_EVERY_S = 0.1
BAR_WIDTH = 20
MAX_LABEL_WIDTH = 40


class ProgressLine:
    """A line that is redrawn in place; silent for short work and without a terminal."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._drawn_at = self._began + APPEARS_AFTER_S - DRAW_EVERY_S
        self._line = ""
        """The text on the terminal now."""
        self._is_enabled = sys.stderr.isatty()

    def looking(self, found: int) -> None:
        """Draw how many files have been found so far, at most ten times a second."""
        if self._is_due():
            self._draw(f"looking for transcripts: {found:,} found")

    def reading(self, lines: int) -> None:
        """Draw how many lines have been read so far, at most ten times a second."""
        if self._is_due():
            self._draw(f"{counted(lines, 'line')} read")

    def waiting(self, what: str) -> None:
        """Draw at once what the program waits for."""
        if self._is_enabled:
            self._draw(f"waiting for {visible_row(what)} …")

    def show(self, label: str, done: int, total: int, *, before: int = 0, files: int = 0) -> None:
        """Draw `label`, how much of `total` bytes is done, the rate and the remaining time.

        Draws at most ten times a second. `before`: bytes that were done before this work began.
        `files`: how many files are done, if there are many.
        """
        if not self._is_due():
            return
        share = done / total if total else 1.0
        bar = "█" * int(share * BAR_WIDTH)
        pace = Pace(self._began, before).text(done, total, self._drawn_at, files=files)
        line = f"{bar:░<{BAR_WIDTH}} {share:4.0%} {pace} "
        room = min(MAX_LABEL_WIDTH, _room() - cells(line))
        self._draw(line + _label_end(label, room))

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the line away while other output is written."""
        line = self._line
        self.clear()
        yield
        if line:
            self._draw(line)

    def clear(self) -> None:
        """Remove the line, before other output."""
        if self._line:
            width = min(cells(self._line), _room())
            sys.stderr.write("\r" + " " * width + "\r")
            sys.stderr.flush()
            self._line = ""

    def _is_due(self) -> bool:
        now = time.monotonic()
        if not self._is_enabled or now - self._drawn_at < DRAW_EVERY_S:
            return False
        self._drawn_at = now
        return True

    def _draw(self, line: str) -> None:
        """Draw a line over the previous one, cut to fit: a wrapped line could not be redrawn."""
        room = _room()
        drawn = line if cells(line) <= room else first_cells(line, room - 1)[0] + ELLIPSIS
        rest = min(cells(self._line), room) - cells(drawn)
        sys.stderr.write("\r" + drawn + " " * rest)
        sys.stderr.flush()
        self._line = drawn


def _room() -> int:
    """Return the usable cells of a line: some terminals wrap in the last column already."""
    return max(1, (columns_of(sys.stderr) or USUAL_COLUMNS) - 1)


def _label_end(label: str, room: int) -> str:
    """Return the end of a label, which is more specific than its beginning, made visible."""
    shown = visible_row(label[-MAX_LABEL_WIDTH - 1 :])
    return shown if cells(shown) <= room else ELLIPSIS + last_cells(shown, room - 1)[0]
