"""How much of all files has been read, how fast, and how long the rest will take."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Final

from hermes_tui.runtime.pace import Pace

if TYPE_CHECKING:
    from hermes_tui.runtime.targets import Target
    from hermes_tui.ui.runs.reading import Reading

SIZED_AT_ONCE: Final = 1_000
"""How many files are sized in one go, which takes some milliseconds."""


class FeedProgress:
    """Adds up the sizes of the files, a thousand at a time: there may be a million."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self._targets = targets
        self._bytes_before = array("Q", (0,))
        """Bytes before each file that was sized, and in all of these together."""
        self._pace: Pace | None = None
        self._files_before = 0

    def bytes(self, begun: int, active: Iterable[Reading]) -> tuple[int, int]:
        """Return how many bytes are read, and the estimated total.

        The first `begun` files are read, except for the rest of the `active` ones.
        """
        self._size_files(begun)
        before = self._bytes_before
        rest = sum(
            (before[reading.number + 1] - before[reading.number]) * (1 - reading.share)
            for reading in active
        )
        sized = len(before) - 1
        # The others are assumed to be as big as these.
        total = before[-1] * len(self._targets) // max(1, sized)
        return int(before[begun] - rest), total

    def _size_files(self, at_least: int) -> None:
        sized = len(self._bytes_before) - 1
        more = max(SIZED_AT_ONCE, at_least - sized)
        sizes = map(_size, self._targets[sized : sized + more])
        self._bytes_before.extend(
            islice(accumulate(sizes, initial=self._bytes_before[-1]), 1, None)
        )

    def pace(self, done: int, total: int, *, files: int) -> str:
        """Return how fast the files are read, `files` of them so far, and how long it will take."""
        now = time.perf_counter()
        if self._pace is None:
            self._pace, self._files_before = Pace(now, done), files
        return self._pace.text(done, total, now, files=files - self._files_before)


def _size(target: Target) -> int:
    """Return the size of a file in bytes, at least 1, for the progress."""
    try:
        return max(1, target.path.stat().st_size) if target.path is not None else 1
    except OSError:
        return 1
