"""Judgements of the time that work takes: whether it grows linearly, and how two works compare.

Only processor time counts, without that of garbage collection. A judgement that fails is made again
several times before it counts, as other programs on the same machine slow each work by chance.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from itertools import count as numbers_from
from time import process_time
from typing import Final

Work = Callable[[], object]

ATTEMPTS: Final = 4
PARTS: Final = 8
LIMIT: Final = 20
"""How many times as long as a part the whole may take: about `PARTS` times if the time is linear,
`PARTS`² = 64 times if it is quadratic."""
QUICK_S: Final = 0.002
"""Shorter work is not judged: if it were quadratic, it would take longer."""


def seconds(work: Work) -> float:
    """Return the processor time of `work` in seconds, without garbage collection."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        before = process_time()
        work()
        return process_time() - before
    finally:
        if was_enabled:
            gc.enable()


def assert_linear(prepare: Callable[[int], Work], count: int, *, of: str = "work") -> None:
    """Check that the time of work grows in proportion to the number of pieces that it is given.

    `prepare(n)` makes `n` pieces and returns the work on them, which alone is measured, and only
    once: it may consume them. `n` is `count` or an eighth of it, and always differs a little, so
    that nothing is answered from a cache. `of` names the work in the message of a failure.
    """
    smaller = numbers_from()
    large_s = float("inf")
    for attempt in range(ATTEMPTS):
        large_s = min(large_s, seconds(prepare(count - attempt)))
        if large_s < QUICK_S:
            return
        small_s = min(seconds(prepare(count // PARTS + next(smaller))) for _ in range(2))
        if large_s < LIMIT * small_s:
            return
    times = f"{large_s / small_s:.0f} times as long ({large_s:.3f} s)"
    raise AssertionError(f"{of}: {PARTS} times as much takes {times}")


def assert_takes_at_most(times: float, work: Work, other: Work, *, plus_s: float = 0) -> None:
    """Check that `work` takes at most so many times as long as `other`, plus `plus_s` seconds.

    Both are run several times.
    """
    for _ in range(ATTEMPTS):
        work_s, other_s = (min(seconds(one) for _ in range(3)) for one in (work, other))
        if work_s < times * other_s + plus_s:
            return
    raise AssertionError(f"it takes {work_s / other_s:.1f} times as long, not {times}")
