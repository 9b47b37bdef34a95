"""The width of the terminal that output goes to."""

from __future__ import annotations

import os
from typing import Final, TextIO

USUAL_COLUMNS: Final = 80
"""The width if there is no terminal, or if it does not report one."""


def columns_of(stream: TextIO) -> int:
    """Return the width of the terminal that a stream goes to, or 0 if it goes to none."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0
