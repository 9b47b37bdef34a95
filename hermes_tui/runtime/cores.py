"""The number of processors that this program may use."""

from __future__ import annotations

import os


def available_cores() -> int:
    """Return how many this process may use; in a container that may be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
