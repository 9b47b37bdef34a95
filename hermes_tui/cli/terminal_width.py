"""How wide the terminal is that is printed on."""

from __future__ import annotations

import os
from typing import Final, TextIO

USUAL_COLUMNS: Final = 80
"""Where none is there, or it does not say how wide it is."""


def columns_of(stream: TextIO) -> int:
    """Return how wide the terminal is that a stream goes to; 0 where it is none."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0
