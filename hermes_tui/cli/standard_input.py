"""Standard input before it is read: it may be a terminal, or stay silent for a while."""

from __future__ import annotations

import select
import sys
from collections.abc import Iterable
from typing import Final

from hermes_tui.cli.progress import ProgressLine
from hermes_tui.model.errors import UsageError

SILENT_S: Final = 1.0
"""After this time the progress line shows what the program waits for."""


def is_all(paths: Iterable[str]) -> bool:
    """Return whether standard input is the only path."""
    return set(paths) == {"-"}


def refuse_terminal() -> None:
    """Raise UsageError if somebody would have to type the input: runs are piped in."""
    if sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty():
        raise UsageError(
            "standard input is a terminal", "pipe something in, or name a file instead of -"
        )


def await_input() -> None:
    """Wait for input or its end; if that takes long, show it on stderr if that is a terminal.

    Raises UsageError if standard input is a terminal.
    """
    refuse_terminal()
    if sys.stdin is None or sys.stdin.closed:
        return
    stdin = sys.stdin.fileno()
    if select.select([stdin], [], [], SILENT_S)[0]:
        return
    line = ProgressLine()
    line.waiting("standard input")
    try:
        select.select([stdin], [], [])
    finally:
        line.clear()
