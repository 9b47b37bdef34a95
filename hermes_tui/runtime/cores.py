"""How many processors there are for this program."""

from __future__ import annotations

import os


def available_cores() -> int:
    """Return how many this process may use: in a container fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
