"""`hermes-tui scan`: read runs and report their content and their defects, without a screen."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hermes_tui.cli import standard_input
from hermes_tui.cli.interrupts import Interrupts
from hermes_tui.cli.progress import ProgressLine
from hermes_tui.cli.scan_arguments import ScanRequest, scan_request
from hermes_tui.cli.scan_report import Report
from hermes_tui.runtime.file_stamps import Stamp, stamp_of
from hermes_tui.runtime.run_filter import run_expression
from hermes_tui.runtime.scan.collect import Collector, ScannedFile
from hermes_tui.runtime.scan.plan import choose_jobs, size_of, units
from hermes_tui.runtime.scan.results import Part
from hermes_tui.runtime.scan.state import ScanState
from hermes_tui.runtime.scan.work import ScanOptions, ScanUnit, scan_unit
from hermes_tui.runtime.subagent_files import with_subagents
from hermes_tui.runtime.targets import Targets, expand_paths

if TYPE_CHECKING:
    from hermes_tui.runtime.scan.pool import WorkerPool
    from hermes_tui.runtime.scan.ray_cluster import RayCluster


def run_scan(arguments: argparse.Namespace) -> int:
    """Print what is found in the files and return the exit code."""
    request = scan_request(arguments)
    if standard_input.is_all(request.paths):
        standard_input.await_input()
    elif "-" in request.paths:
        standard_input.refuse_terminal()
    progress = ProgressLine()
    targets = with_subagents(expand_paths(request.paths, tell=progress.looking))
    progress.clear()
    report = Report(request, targets)
    rows = report.output.rows
    options = ScanOptions(request.format, request.parser, rows, request.filter, request.fail_if)
    with contextlib.ExitStack() as cleanup:
        state = None
        if request.state is not None:
            state = ScanState(request.state, options)
            cleanup.callback(state.close)
            if targets.reads_stdin:
                report.complain("--state: standard input is skipped, since it cannot be resumed")
        scan = _Scan(request, targets, report, options, state)
        cleanup.callback(scan.close)
        return scan.run()


class _Scan:
    """One scan: its units, the workers that scan them, and the progress."""

    def __init__(
        self,
        request: ScanRequest,
        targets: Targets,
        report: Report,
        options: ScanOptions,
        state: ScanState | None,
    ) -> None:
        self._request = request
        self._targets = targets
        self._report = report
        self._options = options
        self._state = state
        self._collector = Collector(
            targets, report, ordered=request.ordered, on_end=self._keep_landmarks
        )
        self._total = sum(map(size_of, targets))
        self._finished_bytes = self._done_before = self._piped_bytes = 0
        self._begun_units: dict[int, int] = {}
        """Bytes read so far of each unit that has begun."""
        self._stamps: dict[int, Stamp | None] = {}
        """The stamps of divided files, taken before they were read."""
        self._jobs = choose_jobs(request.jobs, self._total, reads_stdin=targets.reads_stdin)
        self._pool: WorkerPool | RayCluster | None = None
        self._interrupts = Interrupts()

    def run(self) -> int:
        """Scan everything and return the exit code."""
        self._report.output.begin()
        try:
            with self._interrupts:
                for unit, part in self._results():
                    with self._interrupts.held():
                        self._take_part(unit, part)
        except KeyboardInterrupt:
            with self._interrupts:
                return self._end_interrupted()
        self._end()
        return self._report.exit_code

    def _take_part(self, unit: ScanUnit, part: Part) -> None:
        if self._state is not None:
            self._state.record(unit, part)
        self._count_done(unit, part)
        self._collector.take(unit, (part,))
        self._show_progress(unit, part)

    def _results(self) -> Iterator[tuple[ScanUnit, Part]]:
        """Yield the parts of all pending units, from whichever worker scans them."""
        pending = self._pending_units()
        collector = self._collector
        if self._request.cluster:
            yield from self._scan_on_cluster(pending)
            return
        if self._jobs == 1:
            for unit in pending:
                for part in scan_unit(unit, self._options):
                    yield unit, part
            return
        from hermes_tui.runtime.scan.pool import WorkerPool

        self._pool = WorkerPool(self._jobs, self._options)
        yield from self._pool.scan(pending, is_next=collector.is_next, held=lambda: collector.held)

    def _scan_on_cluster(self, pending: Iterator[ScanUnit]) -> Iterator[tuple[ScanUnit, Part]]:
        from hermes_tui.runtime.scan.ray_cluster import RayCluster

        request = self._request
        self._pool = cluster = RayCluster(request.cluster, self._options, ordered=request.ordered)
        self._report.progress.waiting(cluster.name)
        yield from cluster.scan(pending)
        for label in dict.fromkeys(cluster.repeated):
            self._report.complain(f"{label}: read again in part, since a worker died")

    def _pending_units(self) -> Iterator[ScanUnit]:
        """Yield the units to scan; results already in the state are taken from there."""
        ranges = self._jobs > 1 or self._state is not None or bool(self._request.cluster)
        state, format_name = self._state, self._options.format
        # Unnamed groups are identified by their number in the file, so the file is kept whole.
        expressions = filter(None, (self._options.filter, self._options.fail_if))
        whole = any("group" in run_expression(text).names for text in expressions)
        for unit in units(self._targets, wanted_format=format_name, ranges=ranges, whole=whole):
            self._collector.expect(unit)
            if unit.reader is not None and not unit.start:
                self._stamps[unit.file] = stamp_of(self._targets[unit.file].path)
            if state is None or not state.is_done(unit):
                yield unit
                continue
            with self._interrupts.held():
                self._finished_bytes += unit.size
                self._done_before += unit.size
                self._collector.take(unit, state.parts(unit))

    def _keep_landmarks(self, file: ScannedFile) -> None:
        """Save where the parts of a big file begin, so that `open --at` finds a run at once."""
        path, stamp = file.target.path, self._stamps.pop(file.starts[0][0].file, None)
        if isinstance(path, Path) and len(file.starts) > 1 and not file.failure:
            from hermes_tui.runtime.scan.landmarks import store_landmarks

            units, runs_before = zip(*file.starts, strict=True)
            store_landmarks(path, units, runs_before, stamp)

    def _end_interrupted(self) -> int:
        self.close()
        self._collector.abandon()
        interrupted = f"interrupted {self._done_so_far()}"
        self._end(interrupted)
        hint = "add --state FILE to be able to resume"
        if standard_input.is_all(self._request.paths):
            hint = "standard input cannot be resumed; save it to a file for that"
        elif self._state is not None and not self._state.failure:
            hint = "the same command continues from there"
        self._report.complain(f"{interrupted} ({hint})")
        return self._interrupts.exit_code

    def _done_so_far(self) -> str:
        done = f"after {self._bytes_done / 1e6:,.1f} of {self._total / 1e6:,.1f} MB"
        if not self._targets.reads_stdin:
            return done
        if self._total:
            return f"{done} and {self._piped_bytes:,} bytes of standard input"
        if self._piped_bytes:
            return f"after {self._piped_bytes:,} bytes of standard input"
        return "before anything of standard input was counted"

    def _end(self, interrupted: str = "") -> None:
        if self._state is not None:
            for path in sorted(self._state.changed):
                self._report.complain(f"{path}: changed since it was read before; read again")
            if self._state.failure:
                self._report.complain(self._state.failure)
        self._report.end(self._collector.rates, interrupted=interrupted)

    # Progress

    def _count_done(self, unit: ScanUnit, part: Part) -> None:
        if unit.path is None:
            self._piped_bytes = max(self._piped_bytes, part.bytes_done)
        if part.is_last:
            self._begun_units.pop(unit.number, None)
            self._finished_bytes += unit.size
        elif part.bytes_total:
            # A packed file counts with its size on disk.
            self._begun_units[unit.number] = unit.size * part.bytes_done // part.bytes_total

    @property
    def _bytes_done(self) -> int:
        return self._finished_bytes + sum(self._begun_units.values())

    def _show_progress(self, unit: ScanUnit, part: Part) -> None:
        label, files = unit.label, 0
        if len(self._targets) > 1:
            files = self._collector.files_done
            label = f"{files:,} of {len(self._targets):,} files"
        progress, before = self._report.progress, self._done_before
        if self._total:
            # It is not known how fast files that were done before have been read.
            files = 0 if before else files
            progress.show(label, self._bytes_done, self._total, before=before, files=files)
        elif part.bytes_total:
            # The amount of input is not known in advance.
            progress.show(label, part.bytes_done, part.bytes_total)

    def close(self) -> None:
        """End the worker processes, if there are any, and clear the progress line."""
        self._report.progress.clear()
        if self._pool is not None:
            self._pool.close()
