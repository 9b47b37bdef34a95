"""One file on its way into the list of runs: how far it is read, and how to continue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hermes_tui.runtime.opener import (
    FoundDefect,
    FoundRun,
    OpenFile,
    Progress,
    RunFold,
    RunRef,
    Step,
    survey,
)

if TYPE_CHECKING:
    from hermes_tui.log.run_blocks import BlockFacts
    from hermes_tui.runtime.index.blocks import Groups
    from hermes_tui.runtime.index.run_index import RunIndex
    from hermes_tui.ui.runs.table import StoredFile

HEAVY_RECORD_BYTES = 1 << 19
"""The length of a record, in bytes, from which reading it here would be felt."""


class Reading:
    """The survey of one file, which continues where it ended whenever the file has grown.

    `number` is the index of the file among all targets; `row` is the place of its row, if the file
    is one run.
    """

    def __init__(self, number: int, file: OpenFile, index: RunIndex | None = None) -> None:
        self.number = number
        self.file = file
        self.index = index
        self.stored: StoredFile | None = None
        """The data that all rows have in common which come in blocks."""
        self.row: int | None = None
        self.bytes_done, self.bytes_total = 0, file.source.size
        self._fold = RunFold()
        self._runs_done = self._records_done = self._known_records = 0
        self._groups: Groups | None = None
        self.failure = ""
        """The last known failure of the file."""
        self._revision = file.revision
        if index is not None:
            self._runs_done = index.totals.runs
        self.begin()

    def begin(self) -> None:
        """Continue to read from where the survey ended."""
        self._seen_extent = self.file.extent
        self._records_done = self._known_records = len(self.file.index)
        self._steps: Iterator[Step] = survey(
            self.file,
            records_done=self._records_done,
            runs_done=self._runs_done,
            fold=self._fold,
        )

    def next(self) -> Step | None:
        """Return the next step, or None at the present end of the file."""
        step = next(self._steps, None)
        if self.index is not None and isinstance(step, (FoundRun, FoundDefect)):
            self.index.add(step, self._records_done)
        match step:
            case None:
                self._records_done = len(self.file.index)
            case FoundRun():
                self._runs_done += 1
                if step.ref.nth + 1 == step.siblings:
                    self._records_done = step.ref.record + 1
            case Progress():
                # It comes before the records of a slice are read, so the earlier ones are done.
                self._records_done, self._known_records = self._known_records, len(self.file.index)
                self.bytes_done, self.bytes_total = step.bytes_done, step.bytes_total
        return step

    # A separate process

    @property
    def is_apart(self) -> bool:
        """Whether a process reads the file now."""
        return self.index is not None and self.index.is_running

    def may_use_process(self, step: Step) -> bool:
        """Return whether a process may continue after this step: a record ends and much is left."""
        is_between = isinstance(step, Progress) or (
            isinstance(step, FoundRun) and step.ref.nth + 1 == step.siblings
        )
        index = self.index
        return index is not None and is_between and index.is_worth_process(self._records_done)

    @property
    def is_heavy(self) -> bool:
        """Whether the next record is so long that reading it here would be felt."""
        index, following = self.file.index, self._records_done
        return following < len(index) and len(index[following].range) > HEAVY_RECORD_BYTES

    def read_in_process(self) -> None:
        """Have a process read the rest."""
        assert self.index is not None, "asked before"
        self.index.start(self._records_done)
        if not self.index.is_running:
            self.begin()

    def take_blocks(self) -> list[tuple[int, BlockFacts]]:
        """Return the blocks that came in; after the process has ended, the file is read here."""
        index = self.index
        assert index is not None, "asked before"
        blocks = list(index.take())
        self._runs_done = index.totals.runs
        self.bytes_done, self.bytes_total = self.file.index.end, self.file.source.size
        if not index.is_running:
            self.begin()
        return blocks

    def keep_index(self) -> str:
        """Stop the process and cache what has been read; return what went wrong with that."""
        if self.index is not None:
            self.index.keep(len(self.file.index) if self.is_apart else self._records_done)
        return self.take_index_failure()

    def take_index_failure(self) -> str:
        """Return what went wrong with the process or the index, once; empty if nothing did."""
        return self.index.take_failure() if self.index is not None else ""

    def has_changed(self) -> bool:
        """Return whether the file has grown or ended since this reading of it last began."""
        # Not the result of `refresh`: another reader of the same file may have consumed it.
        return self._seen_extent != self.file.extent

    @property
    def is_outdated(self) -> bool:
        """Whether a file that is one run was replaced by another after it was read."""
        return self._revision != self.file.revision

    def group(self, ref: RunRef) -> int:
        """Return the 1-based number, among the values of its file, of the one that holds a run.

        It is 0 if the file is one value.
        """
        if self._groups is None:
            from hermes_tui.runtime.index.blocks import Groups

            self._groups = Groups(self.file)
        return self._groups.number(ref)

    @property
    def share(self) -> float:
        """How much of the file is read, from 0 to 1."""
        return min(1.0, self.bytes_done / self.bytes_total) if self.bytes_total else 0.0
