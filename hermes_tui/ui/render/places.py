"""The place of a run, and of a message in it, from which others can open it. Pure."""

from __future__ import annotations

import shlex
from typing import NamedTuple

from hermes_tui.model.visible import visible_row


class RunPlace(NamedTuple):
    """The place of a run: its file, and its number in the file, from 1.

    `format` is the format requested for the file, empty if it was detected from the content.
    """

    path: str
    number: int
    format: str = ""

    def command(self, message: int = 0) -> str:
        """Return the command line that opens the run, at a message of it (from 1; 0: none)."""
        at = f"{self.number}:{message}" if message else str(self.number)
        path = shlex.quote(visible_row(self.path))
        given = f" --format {self.format}" if self.format else ""
        return f"hermes-tui open {path} --at {at}{given}"
