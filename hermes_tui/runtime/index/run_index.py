"""The index of one big file of runs: loaded from the cache, or built by a process and cached."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hermes_tui.formats.framing import RecordIndex
from hermes_tui.log.run_blocks import BlockFacts, DamagedBlock
from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.index.blocks import BIG, MAX_COMPLAINTS, BlockMaker
from hermes_tui.runtime.index.cache import (
    Identity,
    RunTotals,
    discard,
    identify,
    identity_of_part,
    keep,
    load,
    part_of,
)
from hermes_tui.runtime.index.store import RunStore
from hermes_tui.runtime.opener import FoundDefect, FoundRun, OpenFile
from hermes_tui.runtime.reader_spec import ReaderSpec
from hermes_tui.runtime.source_pool import PooledSource
from hermes_tui.runtime.sources import FileSource

if TYPE_CHECKING:
    from hermes_tui.runtime.index.process import Indexing

MAX_FAILURES: Final = 3
"""After this many failed processes, a file is read without one."""


class RunIndex:
    """The index of the runs of a file, in blocks; with `keeps`, it is cached.

    Runs that are read in this process, one by one, are passed to `add`, so that the blocks are
    complete.
    """

    def __init__(self, file: OpenFile, *, keeps: bool) -> None:
        self.file = file
        self.totals = RunTotals()
        self.failure = ""
        """Why the last process ended early, or why nothing is cached; `take_failure` clears it."""
        self.store = RunStore()
        self._process: Indexing | None = None
        self._failures = 0
        self._kept_bytes = 0
        self._identity = _identify(file) if keeps else None
        if self._identity is not None:
            self._load(self._identity)
        self._collect()

    def _load(self, identity: Identity) -> None:
        kept = load(identity, self.file.source, layout=self.file.reader.layout)
        if kept is not None:
            self.store, self.file.index, self.totals = kept
            self._kept_bytes = self.file.index.end
        self._choose_part_path()

    def _choose_part_path(self) -> None:
        assert isinstance(self.file.path, Path), "it was identified"
        self.store.path = part_of(self.file.path)

    def _collect(self) -> None:
        """Collect the runs that are read in this process from now on, after those in the blocks."""
        self._maker = BlockMaker(
            self.file, records_done=len(self.file.index), runs_done=self.totals.runs
        )

    def add(self, found: FoundRun | FoundDefect, records_done: int) -> None:
        """Add a run or defect that was read in this process, after `records_done` records."""
        if isinstance(found, FoundDefect):
            self._maker.complain(found)
            self._add_complaints((found.message,))
            return
        self.totals.runs += 1
        if self._identity is not None:
            if self._maker.is_full and found.ref.nth == 0:
                self._flush(records_done)
            self._maker.add(found)

    # The process

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def is_worth_process(self, records_done: int) -> bool:
        """Return whether enough is left after `records_done` records to be worth a process.

        Also False if processes have failed too often.
        """
        done = self.file.index.end_of(records_done - 1) if records_done else 0
        return self._failures < MAX_FAILURES and self.file.source.size - done >= BIG

    def start(self, records_done: int) -> None:
        """Start a process that reads everything after the first `records_done` records."""
        from hermes_tui.runtime.index.process import Indexing

        index = self.file.index
        del index.ends[records_done:], index.kinds[records_done:]
        index.scanned, index.closed = index.end, False
        self._flush(records_done)
        try:
            self._process = Indexing(
                self.file, records_done=records_done, runs_done=self.totals.runs
            )
        except (OSError, SourceError) as error:
            self._failures = MAX_FAILURES
            self.failure = f"read without a background process: {error}"

    def _flush(self, records_done: int) -> None:
        if self._identity is not None and records_done > self._maker.records:
            self.store.append(self._maker.block(records_done))

    def take(self) -> Iterator[tuple[int, BlockFacts]]:
        """Yield the blocks that have arrived from the process, each with its number."""
        process = self._process
        if process is None:
            return
        try:
            for block in process.blocks():
                facts = self.store.append(block)
                self._extend(facts)
                yield len(self.store) - 1, facts
        except DamagedBlock:
            self._failed("the process that was reading it sent something else")
        else:
            if process.failure:
                self._failed(process.failure)
            elif process.is_done:
                self._stop()

    def _extend(self, facts: BlockFacts) -> None:
        index = self.file.index
        if facts.first_record != len(index) or facts.first_run != self.totals.runs:
            raise DamagedBlock("not the next one")
        index.ends.frombytes(facts.ends)
        index.kinds += facts.kinds
        index.scanned = index.end
        self.totals.runs += facts.rows
        self._add_complaints(facts.complaints)

    def _add_complaints(self, complaints: tuple[str, ...]) -> None:
        room = MAX_COMPLAINTS - len(self.totals.complaints)
        self.totals.complaints += complaints[: max(0, room)]

    def _failed(self, why: str) -> None:
        self._failures += 1
        self.failure = f"{why}; reading continues"
        self._stop()

    def _stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None
            self._collect()

    # The cache

    def keep(self, records_done: int) -> None:
        """Stop the process, and cache the index of the first `records_done` records if worth it."""
        self._stop()
        if self._identity is None:
            return
        self._flush(records_done)
        index = self.file.index
        if len(index) > records_done:
            index = RecordIndex(index.ends[:records_done], index.kinds[:records_done])
        if index.end - self._kept_bytes < BIG:
            return
        try:
            identity = identity_of_part(self._identity, self.file.source, index.end)
            keep(self.store, identity, self.file.source, index, self.totals)
            self._kept_bytes = index.end
            self._choose_part_path()
        except OSError as error:
            self.failure = f"no index is kept: {self.store.failure or error}"
            self.store.abandon(str(error))
            self._identity = None

    def take_failure(self) -> str:
        """Return what went wrong since the last call, empty if nothing did."""
        failure, self.failure = self.failure, ""
        return failure

    def close(self) -> None:
        """Stop the process and release everything that is not cached."""
        self._stop()
        discard(self.store)
        self.store.close()


def _identify(file: OpenFile) -> Identity | None:
    """Return the identity of a file, or None if it came through a pipe or was packed."""
    source = file.source
    is_plain = isinstance(source, FileSource) or (
        isinstance(source, PooledSource) and source.complete
    )
    if not isinstance(file.path, Path) or not is_plain:
        return None
    sidecars = hashlib.blake2b(repr(file.reader.sidecars).encode("utf-8", "replace")).hexdigest()
    reading = f"{ReaderSpec.of(file.reader)} {file.parser} {sidecars}"
    return identify(file.path, reading, source)
