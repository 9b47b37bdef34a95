"""Big files on their way into the list of runs: read by a separate process, or cached."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from hermes_tui.runtime.cores import available_cores
from hermes_tui.ui.runs.reading import Reading
from hermes_tui.ui.runs.table import RunTable, StoredFile

if TYPE_CHECKING:
    from hermes_tui.runtime.index.run_index import RunIndex
    from hermes_tui.runtime.opener import OpenFile

PROCESSES: Final = max(1, min(4, available_cores() - 1))
"""How many run at a time, each with its own file; one processor is left for the screen."""

Complain = Callable[[str], None]


class IndexingQueue:
    """Gives big files to processes, one after the other, and adds what they find to the rows."""

    def __init__(self, rows: RunTable, *, keeps: bool) -> None:
        self._rows = rows
        self._keeps = keeps
        self._queue: deque[Reading] = deque()
        self._running: list[Reading] = []
        self._indexes: list[RunIndex] = []

    def begin(self, number: int, file: OpenFile, name: str, complain: Complain) -> Reading:
        """Begin to read a file, after the part that is known from an earlier time."""
        from hermes_tui.runtime.index.run_index import RunIndex

        index = RunIndex(file, keeps=self._keeps)
        self._indexes.append(index)
        reading = Reading(number, file, index)
        reading.stored = StoredFile(file, index.store, file.label, number, name)
        self._rows.append_store(reading.stored)
        for complaint in index.totals.complaints:
            complain(f"{file.label}: {complaint}")
        return reading

    def hand_over(self, reading: Reading) -> None:
        """Have a process read a file as soon as one is free."""
        self._queue.append(reading)

    def reads(self, reading: Reading) -> bool:
        """Return whether a process reads a file, or will."""
        return reading.is_apart or reading in self._queue

    def take(self, reading: Reading, complain: Complain) -> bool:
        """Take over what has been found in a file; return whether there is anything new."""
        if not reading.is_apart:
            return self._start_next(complain)
        assert reading.stored is not None, "it has an index"
        blocks = reading.take_blocks()
        for number, facts in blocks:
            self._rows.append_block(reading.stored, number, facts.first_run)
            for complaint in facts.complaints:
                complain(f"{reading.file.label}: {complaint}")
        return self._report_failure(reading, complain) or bool(blocks)

    def _start_next(self, complain: Complain) -> bool:
        self._running = [reading for reading in self._running if reading.is_apart]
        if len(self._running) >= PROCESSES:
            return False
        reading = self._queue.popleft()
        reading.read_in_process()
        self._running.append(reading)
        return self._report_failure(reading, complain)

    def _report_failure(self, reading: Reading, complain: Complain) -> bool:
        failure = reading.take_index_failure()
        if failure:
            complain(f"{reading.file.label}: {failure}")
        return bool(failure)

    def close(self) -> None:
        """End the processes that still run, and discard what is not cached."""
        for index in self._indexes:
            index.close()
