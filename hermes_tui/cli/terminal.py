"""The terminal that a screen is drawn on: whether it can draw, and where its keys come from."""

from __future__ import annotations

import os
import sys
from typing import Final

from hermes_tui.cli.stderr import print_notice
from hermes_tui.model.errors import HermesError, SourceError

_CANNOT_DRAW: Final = ("dumb", "unknown")
"""Names of terminals that take no escape sequences; Rich also invents a size for them."""
_TERMINAL: Final = "/dev/tty"


def check_draws() -> None:
    """Raise HermesError if TERM names a terminal that cannot draw."""
    name = os.environ.get("TERM", "")
    if name.lower() in _CANNOT_DRAW:
        hint = "say what it is, such as TERM=xterm-256color, or send the output elsewhere: | cat"
        raise HermesError(f"no screen can be drawn on a terminal with TERM={name}", hint)


def take_keys_from_terminal() -> None:
    """Read keys from the terminal itself if standard input is something else, such as the list
    that a shell loop reads.

    Raises SourceError if this process has no terminal.
    """
    stdin = sys.stdin
    if stdin is not None and not stdin.closed and stdin.isatty():
        return
    try:
        terminal = os.open(_TERMINAL, os.O_RDWR)
    except OSError as error:
        hint = "run it in a terminal: it needs one for its keys"
        raise SourceError.of(_TERMINAL, error, hint) from error
    if sys.__stdin__ is None or sys.__stdin__.closed:
        sys.stdin = sys.__stdin__ = os.fdopen(terminal)  # type: ignore[misc]
        return
    number = sys.__stdin__.fileno()
    os.dup2(terminal, number)
    os.close(terminal)


def report_end_signal(signal_name: str) -> None:
    """Report the signal that ended the screen, if any; after SIGHUP nobody is there to read it."""
    if signal_name not in ("", "SIGHUP"):
        print_notice(f"ended by {signal_name}")
