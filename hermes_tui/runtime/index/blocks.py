"""Runs of a file, collected into the blocks of its index."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from hermes_tui.formats.framing import Layout, RecordKind, Unit
from hermes_tui.log.run_blocks import ROWS, BlockFacts, StoredRun, encode_block
from hermes_tui.log.summary import summarise
from hermes_tui.runtime.opener import FoundDefect, FoundRun, OpenFile, Progress, RunRef, survey

BIG: Final = 8 << 20
"""Bytes. Reading less takes about as long as starting a process, so it is not cached either."""
FLUSH_EVERY_S: Final = 0.2
MAX_COMPLAINTS: Final = 100
"""Per block, the most complaints that are listed individually."""


def may_be_big(file: OpenFile) -> bool:
    """Return whether a file is worth an index, or will be once all of it has arrived."""
    source = file.source
    is_coming = hasattr(source, "wait") and not source.complete
    return file.reader.unit is Unit.RUNS and (is_coming or source.size >= BIG)


class Groups:
    """Numbers those values of a file that contain several runs each."""

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self._groups, self._records = 0, 0

    def number(self, ref: RunRef) -> int:
        """Return the number, from 1, of the value of the file that contains a run.

        0 if the whole file is one value.
        """
        if self._file.reader.layout is Layout.DOCUMENT:
            return 0
        start, end = self._records, ref.record + 1
        if end > start:
            self._groups += self._file.index.kinds.count(RecordKind.VALUE, start, end)
            self._records = end
        return self._groups


class BlockMaker:
    """Collects the runs of a file in order and builds blocks of them."""

    def __init__(self, file: OpenFile, *, records_done: int, runs_done: int) -> None:
        self._file = file
        self._groups = Groups(file)
        self.records, self._first_run = records_done, runs_done
        self._runs: list[StoredRun] = []
        self._complaints: list[str] = []

    def add(self, found: FoundRun) -> None:
        group = self._groups.number(found.ref) if found.siblings > 1 else 0
        run = StoredRun(summarise(found.state), found.ref.record, found.ref.nth, group)
        self._runs.append(run)

    def complain(self, found: FoundDefect) -> None:
        if len(self._complaints) < MAX_COMPLAINTS:
            self._complaints.append(found.message)

    @property
    def is_full(self) -> bool:
        return len(self._runs) >= ROWS

    def block(self, records_done: int) -> bytes:
        """Return a block of the collected runs; it covers the records up to `records_done`."""
        index = self._file.index
        facts = BlockFacts(
            len(self._runs),
            self._first_run,
            self.records,
            index.ends[self.records : records_done].tobytes(),
            bytes(index.kinds[self.records : records_done]),
            tuple(self._complaints),
        )
        block = encode_block(facts, self._runs)
        self.records, self._first_run = records_done, self._first_run + len(self._runs)
        self._runs, self._complaints = [], []
        return block


def blocks_of(file: OpenFile, *, records_done: int, runs_done: int) -> Iterator[bytes]:
    """Read a file of runs and yield its blocks."""
    maker = BlockMaker(file, records_done=records_done, runs_done=runs_done)
    due = time.monotonic() + FLUSH_EVERY_S
    known = records_done
    for step in survey(file, records_done=records_done, runs_done=runs_done):
        # A block ends at the end of a record: before a record's first run, or after all known.
        done = step.ref.record if isinstance(step, FoundRun) and not step.ref.nth else 0
        if isinstance(step, Progress):
            known, done = len(file.index), max(known, records_done)
        if done > maker.records and (maker.is_full or time.monotonic() >= due):
            yield maker.block(done)
            due = time.monotonic() + FLUSH_EVERY_S
        match step:
            case FoundRun():
                maker.add(step)
            case FoundDefect():
                maker.complain(step)
    yield maker.block(len(file.index))
