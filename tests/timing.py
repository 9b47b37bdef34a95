"""How long something takes where tests ask that it grow no faster than what it works on."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time


def least_s(work: Callable[[], object], tries: int = 3) -> float:
    """Return the least processor time of several tries, in seconds: other programs disturb."""

    def once() -> float:
        before = process_time()
        work()
        return process_time() - before

    return min(once() for _ in range(tries))
