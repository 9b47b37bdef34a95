"""Finds the runs of a growing file that may continue, such as those with calls awaiting results."""

from __future__ import annotations

from collections.abc import Sequence

from hermes_tui.formats.traits import traits_of
from hermes_tui.model.events import Event, RunStarted
from hermes_tui.runtime.opener import OpenFile


def unfinished_runs(
    file: OpenFile, record: int, runs: Sequence[tuple[Event, ...]]
) -> frozenset[int]:
    """Return which runs of a record may continue while its file is still written to.

    These are the run that was written to last and its family, the runs with the same root.
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
    """The parents of the runs of a record, as far as these name each other."""

    def __init__(self, runs: Sequence[tuple[Event, ...]]) -> None:
        starts = [run[0] for run in runs if isinstance(run[0], RunStarted)]
        own = {start.run_id: nth for nth, start in enumerate(starts)}
        self._parents = [own.get(start.parent_run_id) for start in starts]

    def root(self, nth: int) -> int:
        """Return the root of the chain of parents of a run."""
        seen: set[int] = set()
        while nth not in seen and (parent := self._parents[nth]) is not None:
            seen.add(nth)
            nth = parent
        return nth
