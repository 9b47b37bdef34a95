"""A unit of scanning, which any process can do: a file or a range of its lines → a stream of parts.

All it needs is in the unit and the options, both plain values. The results can be merged in any
order, and the same unit always gives the same parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from hermes_tui.formats.framing import RecordKind
from hermes_tui.model.errors import NoTranscript, SourceError
from hermes_tui.runtime.opener import (
    FoundDefect,
    FoundRun,
    OpenFile,
    Progress,
    open_file,
    survey,
)
from hermes_tui.runtime.reader_spec import ReaderSpec
from hermes_tui.runtime.remote import Place, RemotePath, RemoteSource, place_of
from hermes_tui.runtime.run_filter import RunFilter
from hermes_tui.runtime.scan.results import Part, run_row
from hermes_tui.runtime.sources import FileSource, RangeSource

ROWS_PER_PART: Final = 32
RUNS_PER_PART: Final = 512
MAX_BLANK_BYTES: Final = 4096
PROGRESS_BYTES: Final = 1 << 20
"""Bytes between two reports of progress."""


class ScanOptions(NamedTuple):
    """The options for every file.

    `rows` selects the runs that get a row: `all`, only those with findings (`found`), or none
    (empty). `filter` is an expression on the fields of a run that selects runs; `fail_if` is
    another, which makes a run fail.
    """

    format: str = ""
    parser: str = ""
    rows: str = ""
    filter: str = ""
    fail_if: str = ""


class ScanUnit(NamedTuple):
    """One piece of work: a whole file (no `reader`), or a range of whole lines of it."""

    number: int
    """Position among all units; those of a file follow one another."""
    file: int
    """Position of the file among those given."""
    path: str | None
    """As `place_of` takes it, so it may hold secrets; None is standard input."""
    size: int = 0
    """Bytes on disk."""
    start: int = 0
    reader: ReaderSpec | None = None
    """How the file is read, detected beforehand, so that all its ranges are read alike."""
    ends_file: bool = True

    @property
    def end(self) -> int:
        return self.start + self.size

    @property
    def label(self) -> str:
        """The file's name for display and storage; a URL is without secrets."""
        return str(place_of(self.path)) if self.path is not None else "-"


def scan_unit(unit: ScanUnit, options: ScanOptions) -> Iterator[Part]:
    """Yield the results of a unit; the last part has `is_last`. Never raises for what it reads.

    There is a part with results for every so many runs; other parts in between report progress.
    """
    try:
        file = _open(unit, options)
    except SourceError as error:
        is_foreign = isinstance(error, NoTranscript)
        yield Part(failure=str(error), is_refusal=True, is_foreign=is_foreign, is_last=True)
        return
    try:
        yield from _parts(file, unit, options)
    finally:
        file.close()


def _open(unit: ScanUnit, options: ScanOptions) -> OpenFile:
    path = place_of(unit.path) if unit.path is not None else None
    if unit.reader is None or path is None:
        return open_file(path, wanted_format=options.format, whole=True, parser=options.parser)
    source = RangeSource(ranged_source(path), unit.end)
    file = OpenFile(path, source, unit.reader.reader())
    if unit.start:
        file.index.add(unit.start, RecordKind.FRAME)
    if options.parser:
        file.diagnose(options.parser)
    return file


def ranged_source(path: Place) -> FileSource | RemoteSource:
    """Open a file for random access."""
    return RemoteSource(path) if isinstance(path, RemotePath) else FileSource(path)


def _parts(file: OpenFile, unit: ScanUnit, options: ScanOptions) -> Iterator[Part]:
    part = Part(format=file.reader.name, rivals=file.rivals)
    part_size = ROWS_PER_PART if options.rows else RUNS_PER_PART
    run_filter = RunFilter(file, unit.label, options.filter)
    fail_filter = RunFilter(file, unit.label, options.fail_if) if options.fail_if else None
    done = reported = 0
    for step in survey(file):
        match step:
            case Progress():
                done = step.bytes_done - unit.start
                if done - reported >= PROGRESS_BYTES:
                    reported = done
                    yield Part(bytes_done=done, bytes_total=step.bytes_total - unit.start)
            case FoundRun() if step.final:
                _add_run(part, step, run_filter, fail_filter, unit, options)
            case FoundDefect():
                part.counts.add_defect()
                part.defects.append(step.message)
            case _:
                pass
        if part.found >= part_size:
            part.bytes_done = done
            yield part
            part = Part(format=file.reader.name)
    part.is_last = True
    if unit.reader is not None:
        part.groups = file.index.kinds.count(RecordKind.VALUE)
    part.failure = file.source.failure
    if file.diagnosis is not None:
        part.guessed = dict(file.diagnosis.guessed)
    yield part


def _add_run(
    part: Part,
    found: FoundRun,
    run_filter: RunFilter,
    fail_filter: RunFilter | None,
    unit: ScanUnit,
    options: ScanOptions,
) -> None:
    part.seen += 1
    if not run_filter.passes(found):
        return
    number, state, findings = found.ref.number + 1, found.state, found.findings
    part.counts.add_run(state, findings, number)
    part.rates.add(state, findings, run=number, parser=_parser_of(found))
    fails = fail_filter is not None and fail_filter.passes(found)
    part.counts.condemned += fails
    if options.rows == "all" or (options.rows and findings):
        # A recording counts as one, regardless of the format that it was converted from.
        run_format = "" if found.ref.file.is_one_run else state.source_format
        name, group = run_format or part.format, run_filter.group(found)
        row = run_row(unit.label, name, state, findings, number=number, group=group)
        if fail_filter is not None:
            row["fails"] = fails
        row["offset"] = _offset(found)
        part.rows.append(row)


def _offset(found: FoundRun) -> int | None:
    """Return the byte at which the record of a run begins in its file; None if compressed."""
    file = found.ref.file
    if not isinstance(file.source, (FileSource, RangeSource)):
        return None
    if file.is_one_run:
        return 0
    record = file.record(found.ref.record).range
    # The range of a record includes blank lines before it.
    head = file.source.read(record.start, min(len(record), MAX_BLANK_BYTES))
    return record.start + len(head) - len(head.lstrip())


def _parser_of(found: FoundRun) -> str:
    diagnosis = found.ref.file.diagnosis
    return diagnosis.parser_of(found.ref.nth) if diagnosis is not None else ""
