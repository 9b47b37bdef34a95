"""One file on its way into the list of runs: how far it is read, and how it goes on."""

from __future__ import annotations

from collections.abc import Iterator

from hermes_tui.formats.base import Layout
from hermes_tui.formats.framing import RecordKind
from hermes_tui.runtime.opener import FoundRun, OpenFile, Progress, RunFold, RunRef, Step, survey


class Reading:
    """The survey of one file, which goes on where it ended whenever the file has grown.

    `number` is the place of the file among all that were given; `row` that of its row, where the
    file is one run.
    """

    def __init__(self, number: int, file: OpenFile) -> None:
        self.number = number
        self.file = file
        self.row: int | None = None
        self.bytes_done, self.bytes_total = 0, 0
        self._fold = RunFold()
        self._runs_done = 0
        self._groups, self._records_counted = 0, 0
        self._failure = ""
        self.begin()

    def begin(self) -> None:
        """Read on from where it was left."""
        self._seen = self._size_now()
        self._steps: Iterator[Step] = survey(
            self.file,
            records_done=len(self.file.index),
            runs_done=self._runs_done,
            fold=self._fold,
        )

    def next(self) -> Step | None:
        """Return the next thing found, None at the present end of the file."""
        step = next(self._steps, None)
        match step:
            case FoundRun():
                self._runs_done += 1
            case Progress():
                self.bytes_done, self.bytes_total = step.bytes_done, step.bytes_total
        return step

    def has_changed(self) -> bool:
        """Return whether the file has grown or ended since this reading of it last began."""
        # Not what `refresh` returns: that may have told somebody else who reads the same file.
        return self._seen != self._size_now()

    def new_failure(self) -> str:
        """Return what went wrong with the file, once; empty if nothing did."""
        failure = self.file.source.failure
        if failure == self._failure:
            return ""
        self._failure = failure
        return failure

    def group(self, ref: RunRef) -> int:
        """Return the 1-based number, among the values of its file, of the one that holds a run.

        0 where the file is one value.
        """
        if self.file.reader.layout is Layout.DOCUMENT:
            return 0
        counted, upto = self._records_counted, ref.record + 1
        if upto > counted:
            self._groups += self.file.index.kinds.count(RecordKind.VALUE, counted, upto)
            self._records_counted = upto
        return self._groups

    @property
    def share(self) -> float:
        """How much of the file is read, from 0 to 1."""
        return min(1.0, self.bytes_done / self.bytes_total) if self.bytes_total else 0.0

    def _size_now(self) -> int:
        return self.file.source.size * 2 + self.file.source.complete
