"""Messages on standard error: one line each, beginning with the name of the program."""

from __future__ import annotations

import sys

from hermes_tui.model.visible import visible_row


def print_notice(line: str) -> None:
    """Write one line; characters that would act on a terminal are made visible."""
    sys.stderr.write(f"hermes-tui: {visible_row(line)}\n")
