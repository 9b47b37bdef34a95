"""The time that work takes, for tests of linear growth."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time


def least_s(work: Callable[[], object], tries: int = 3) -> float:
    """Return the least processor time of several tries in seconds, as other programs disturb."""

    def once() -> float:
        before = process_time()
        work()
        return process_time() - before

    return min(once() for _ in range(tries))
