"""What commands say on standard error: a line that begins with the name of the program."""

from __future__ import annotations

import sys

from hermes_tui.model.visible import visible_row


def say(line: str) -> None:
    """Say one line; what would act on a terminal is made visible."""
    sys.stderr.write(f"hermes-tui: {visible_row(line)}\n")
