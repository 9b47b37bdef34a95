"""Scans units in several processes.

A process that dies is replaced once for each unit; none outlives the pool.
"""

from __future__ import annotations

import subprocess
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from multiprocessing import connection
from typing import Final

from hermes_tui.runtime.own_process import start_peer
from hermes_tui.runtime.scan.results import Part
from hermes_tui.runtime.scan.work import ScanOptions, ScanUnit, scan_unit
from hermes_tui.runtime.tools.processes import signal_name

MAX_HELD_PARTS: Final = 256
"""How many parts may wait for earlier ones before their workers have to wait, too."""
ATTEMPTS: Final = 2
BATCH_BYTES: Final = 1 << 18
MAX_BATCH_UNITS: Final = 32
_WORKER: Final = "hermes_tui.runtime.scan.worker"


@dataclass(slots=True)
class _Worker:
    """A worker process and its work."""

    process: subprocess.Popen[bytes]
    peer: connection.Connection
    units: deque[ScanUnit] = field(default_factory=deque)
    """The units that it was given and has not finished; it works on the first one."""
    attempt: int = 1
    results: int = 0
    """The number of parts with results of its first unit received so far, over all attempts."""

    def give(self, units: Iterable[ScanUnit]) -> None:
        self.units.extend(units)
        self.send((tuple(self.units), self.results))

    def send(self, message: object) -> None:
        # If the process has died, that is noticed when its answer is read.
        with suppress(OSError):
            self.peer.send(message)

    def end(self) -> int:
        """Kill the process and return its exit code, the original one if it had already ended."""
        code = self.process.poll()
        self.process.kill()
        self.peer.close()
        waited = self.process.wait()
        return waited if code is None else code


class WorkerPool:
    """Scans units in up to `jobs` processes, which are started as needed."""

    def __init__(self, jobs: int, options: ScanOptions) -> None:
        self._jobs = jobs
        self._options = options
        self._workers: list[_Worker] = []

    @property
    def pids(self) -> list[int]:
        """The ids of the current worker processes."""
        return [worker.process.pid for worker in self._workers]

    def scan(
        self,
        units: Iterator[ScanUnit],
        *,
        is_next: Callable[[ScanUnit], bool],
        held: Callable[[], int],
    ) -> Iterator[tuple[ScanUnit, Part]]:
        """Yield the parts of all units as they arrive; those of one unit are in order.

        Units are started in order. While `MAX_HELD_PARTS` parts are `held`, only workers whose unit
        `is_next` are read from, so that memory stays bounded; there is always one.
        """
        units = iter(units)
        while True:
            yield from self._assign_batches(units, held)
            busy = [worker for worker in self._workers if worker.units]
            if not busy:
                return
            if held() >= MAX_HELD_PARTS:
                busy = [worker for worker in busy if is_next(worker.units[0])]
            by_peer = {worker.peer: worker for worker in busy}
            for peer in connection.wait(list(by_peer)):
                worker = by_peer[peer]  # type: ignore[index]
                yield from self._receive(worker)

    def _assign_batches(
        self, units: Iterator[ScanUnit], held: Callable[[], int]
    ) -> Iterator[tuple[ScanUnit, Part]]:
        """Give every idle worker units; if no process can be started, scan in this one."""
        while held() < MAX_HELD_PARTS:
            idle = next((worker for worker in self._workers if not worker.units), None)
            if idle is None and len(self._workers) >= self._jobs:
                return
            batch = _batch(units)
            if not batch:
                return
            if idle is None:
                try:
                    idle = self._start()
                except OSError:
                    self._jobs = len(self._workers)
                    for unit in batch if self._workers else chain(batch, units):
                        yield from ((unit, part) for part in scan_unit(unit, self._options))
                    continue
                self._workers.append(idle)
            idle.attempt, idle.results = 1, 0
            idle.give(batch)

    def _receive(self, worker: _Worker) -> Iterator[tuple[ScanUnit, Part]]:
        try:
            part: Part = worker.peer.recv()
        except (EOFError, OSError):
            yield from self._replace(worker)
            return
        unit = worker.units[0]
        worker.results += part.is_result
        if part.is_last:
            worker.units.popleft()
            worker.attempt, worker.results = 1, 0
        yield unit, part

    def _replace(self, worker: _Worker) -> Iterator[tuple[ScanUnit, Part]]:
        """Hand a dead worker's units to a new process; skip the first if it killed both."""
        code = worker.end()
        self._workers.remove(worker)
        how = f"ended with {signal_name(-code)}" if code < 0 else f"ended with code {code}"
        if worker.attempt >= ATTEMPTS:
            unit = worker.units.popleft()
            worker.attempt, worker.results = 0, 0
            yield unit, _lost_part(unit, how)
        if not worker.units:
            return
        try:
            successor = self._start()
        except OSError:
            yield from ((unit, _lost_part(unit, how)) for unit in worker.units)
            return
        successor.attempt, successor.results = worker.attempt + 1, worker.results
        self._workers.append(successor)
        successor.give(worker.units)

    def _start(self) -> _Worker:
        worker = _Worker(*start_peer(_WORKER))
        worker.send(self._options)
        return worker

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()


def _batch(units: Iterator[ScanUnit]) -> list[ScanUnit]:
    """Take a unit, or several small ones: to hand over each separately would take longer."""
    batch: list[ScanUnit] = []
    size = 0
    for unit in units:
        batch.append(unit)
        size += unit.size
        if size >= BATCH_BYTES or len(batch) >= MAX_BATCH_UNITS:
            break
    return batch


def _lost_part(unit: ScanUnit, how: str) -> Part:
    what = f"{unit.label}: the process that read it {how}, and so did its replacement"
    if unit.reader is None:
        return Part(failure=what, is_refusal=True, is_lost=True, is_last=True)
    text = (
        f"{what}; bytes {unit.start:,} to {unit.end:,} are left out, "
        "and the numbers of later runs do not count the runs in them"
    )
    return Part(failure=text, format=unit.reader.format, is_lost=True, is_last=True)
