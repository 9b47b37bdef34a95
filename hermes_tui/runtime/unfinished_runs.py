"""Which runs of a file that is still written to may wait for more: calls for their results."""

from __future__ import annotations

from collections.abc import Sequence

from hermes_tui.formats.traits import traits_of
from hermes_tui.model.events import Event, RunStarted
from hermes_tui.runtime.opener import OpenFile


def unfinished_runs(
    file: OpenFile, record: int, runs: Sequence[tuple[Event, ...]]
) -> frozenset[int]:
    """Return which runs of a record may wait for more; its file is still written to.

    These are the run that was written to last, and its family: those of the same first parent.
    """
    if traits_of(file.reader.format).holds_exchanges or record + 1 < len(file.index):
        return frozenset()
    roots = list(map(_Family(runs).root, range(len(runs))))
    latest = max(range(len(runs)), key=lambda nth: (_written_to(runs[nth]), nth), default=None)
    return frozenset(nth for nth, root in enumerate(roots) if root == roots[latest or 0])


def _written_to(run: tuple[Event, ...]) -> int:
    """Return the byte at which the last event of a run ends."""
    at = run[-1].at
    return at.range.end if at is not None else 0


class _Family:
    """Who began whom among the runs of a record, as far as they name each other."""

    def __init__(self, runs: Sequence[tuple[Event, ...]]) -> None:
        starts = [run[0] for run in runs if isinstance(run[0], RunStarted)]
        own = {start.run_id: nth for nth, start in enumerate(starts)}
        self._parents = [own.get(start.parent_run_id) for start in starts]

    def root(self, nth: int) -> int:
        """Return the run that the line of parents of a run ends at."""
        seen: set[int] = set()
        while nth not in seen and (parent := self._parents[nth]) is not None:
            seen.add(nth)
            nth = parent
        return nth
