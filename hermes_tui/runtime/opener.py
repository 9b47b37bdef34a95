"""Opens files, finds the runs in them, and returns the log of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from hermes_tui.formats.detect import HEAD, Detection, detect
from hermes_tui.formats.framing import Layout, Record, RecordIndex, RecordKind, Unit
from hermes_tui.formats.line_index import LineIndex
from hermes_tui.formats.reader import Reader, RecordLog, split_runs
from hermes_tui.formats.registry import formats
from hermes_tui.log.codec import check_schema
from hermes_tui.log.event_log import EventLog, MemoryLog
from hermes_tui.log.findings import Finding
from hermes_tui.log.fold import RunState
from hermes_tui.model.errors import NoTranscript, SchemaTooNew, SourceError, UsageError, near_hint
from hermes_tui.model.events import Event, SourceDefect
from hermes_tui.model.spans import ByteRange
from hermes_tui.runtime.remote import Place
from hermes_tui.runtime.sidecars import read_sidecars
from hermes_tui.runtime.sources import OpenSource, open_source
from hermes_tui.runtime.transcript_names import must_be_transcript

if TYPE_CHECKING:
    from hermes_tui.parsers.run_diagnosis import RunDiagnosis
    from hermes_tui.runtime.watched_run import WatchedFile

RECORDS_PER_STEP = 64
SCHEMA_HEAD = 64
SPOOL_WAIT_S = 0.02
HEAD_WAITS = 25
"""A document is recognised only as a whole, so a followed one has half a second to be unpacked."""


Folded = tuple[RunState, list[Finding]]


class NothingYet(SourceError):
    """A followed file has no whole first record yet."""


@dataclass(slots=True, weakref_slot=True)
class OpenFile:
    """One file that is being read."""

    path: Place | None
    source: OpenSource
    reader: Reader
    rivals: tuple[str, ...] = ()
    number: int = -1
    """Its 0-based position among the files that were given; -1 if it is none of them."""
    diagnosis: RunDiagnosis | None = None
    keeps: bool = False
    """Whether results about it may be kept in the cache."""
    watched: WatchedFile | None = None
    """What follows the file although it can only be read as a whole; else None."""
    is_reopened: bool = False
    """Whether the file was read before and its records have yet to be indexed again."""
    revision: int = 0
    """How often another file of one run has taken the place of this one."""
    news: str = ""
    """The message about the last replacement."""
    _index: RecordIndex = field(default_factory=RecordIndex)
    _lines: LineIndex | None = None
    _recent: tuple[int, tuple[Event, ...]] = (-1, ())

    def __post_init__(self) -> None:
        self._reset_line_index()
        sidecars = {} if self.is_reopened else read_sidecars(self.reader.format, self.path)
        if sidecars:
            self.reader = self.reader._replace(sidecars=sidecars)

    def _reset_line_index(self) -> None:
        is_used = self.is_one_run and self.reader.layout is Layout.LINES
        self._lines = LineIndex(self._read) if is_used else None

    def _read(self, start: int, length: int) -> bytes:
        return self.source.read(start, length)

    def begin_anew(self, other: OpenFile, news: str) -> None:
        """Take over the contents of `other`, which is at the same path and is then discarded."""
        self.source.close()
        self.source, self.reader, self.diagnosis = other.source, other.reader, other.diagnosis
        self._index = RecordIndex()
        self._reset_line_index()
        self.rest()
        self.revision += 1
        self.news = f"{self.label}: {news}"

    @property
    def index(self) -> RecordIndex:
        """Where the records are. A file of runs that was opened again is scanned first."""
        if self.is_reopened and not self.is_one_run:
            self.is_reopened = False
            for _ in self.scan():
                pass
        return self._index

    @index.setter
    def index(self, index: RecordIndex) -> None:
        self._index = index

    @property
    def records(self) -> RecordIndex | LineIndex:
        """The index in use: a file whose lines are one run has one that needs no memory."""
        return self.index if self._lines is None else self._lines

    def scan(self) -> Iterator[int]:
        """Index the records there are now; after every slice yield the bytes scanned so far."""
        return self.reader.scan(self.source, self.records)

    def decode(self, record: int) -> tuple[Event, ...]:
        """Return the events of one record of a file of runs; the last result is cached."""
        if self._recent[0] != record:
            self._recent = (record, self.reader.decode(self.source, self.record(record)))
        return self._recent[1]

    def record(self, number: int) -> Record:
        """Return a record of a file of runs; one that is gone ends past the end of the file."""
        index = self.index
        if number < len(index):
            return index[number]
        return Record(number, ByteRange(self.source.size, self.source.size + 1), RecordKind.VALUE)

    def fold(self, record: int) -> tuple[Iterable[Event], list[Folded]]:
        """Return the events outside any run, and each run folded, of a record of a file of runs."""
        if self.reader.review is None:
            folder = self.reader.fold(self.source, self.index[record])
            return folder.loose, folder.runs
        from hermes_tui.log.summary import fold_run

        loose, runs = split_runs(self.decode(record))
        return loose, [fold_run(run) for run in runs]

    def rest(self) -> None:
        """Drop the decoded record: nobody reads on in this file for now."""
        self._recent = (-1, ())

    @property
    def label(self) -> str:
        return str(self.path) if self.path is not None else "-"

    @property
    def is_one_run(self) -> bool:
        return self.reader.unit is Unit.PARTS

    @property
    def parser(self) -> str:
        """The parser that diagnoses the messages, as `diagnose` takes it; empty for none."""
        return self.diagnosis.name if self.diagnosis is not None else ""

    def diagnose(self, parser: str) -> None:
        """Diagnose every record read from now on as `parser` would read it."""
        from hermes_tui.parsers.run_diagnosis import RunDiagnosis

        self.diagnosis = RunDiagnosis(parser, one_run=self.is_one_run)
        self.reader = self.reader._replace(review=self.diagnosis.review)

    @property
    def extent(self) -> tuple[int, bool]:
        """The current size in bytes, and whether the file is complete."""
        return self.source.size, self.source.complete

    def close(self) -> None:
        self.source.close()


class RunRef(NamedTuple):
    """Where a run is: its file and, in a file of runs, the record and the position in that."""

    file: OpenFile
    number: int
    """Position of the run in its file, 0-based."""
    record: int = -1
    nth: int = 0


class FoundRun(NamedTuple):
    """A run found in a file. If `final` is False, the same run will be yielded again, longer."""

    ref: RunRef
    state: RunState
    findings: list[Finding]
    final: bool = True
    siblings: int = 1
    """How many runs are in its record, itself included."""


@dataclass(slots=True)
class RunFold:
    """How far a one-run file is folded, so that the fold can continue once the file has grown."""

    state: RunState = field(default_factory=RunState)
    findings: list[Finding] = field(default_factory=list)
    records_done: int = 0


class FoundDefect(NamedTuple):
    """A malformed record that belongs to no run."""

    file: OpenFile
    defect: SourceDefect

    @property
    def message(self) -> str:
        """The message of the defect, with its place in the file."""
        message, at = self.defect.message, self.defect.at
        if at is None or message.startswith("byte "):
            return message
        return f"byte {at.range.start:,} of the file: {message}"


class Progress(NamedTuple):
    """How far a file has been read."""

    file: OpenFile
    bytes_done: int
    bytes_total: int


Step = FoundRun | FoundDefect | Progress


def open_file(
    path: Place | None,
    *,
    wanted_format: str = "",
    follow: bool = False,
    whole: bool = False,
    parser: str = "",
) -> OpenFile:
    """Open one file and detect its format; raise SourceError with the reason and what to do next.

    With `whole`, return only once all of it has been unpacked or has arrived. `parser` diagnoses
    the model's messages, as `check_parser` takes it; if empty, nothing does.
    """
    label = str(path) if path is not None else "-"
    source = open_source(path, follow=follow)
    try:
        reopens = follow and path is not None
        found = _recognise(source, wanted_format, whole=whole, waits=HEAD_WAITS * reopens)
        if source.failure and (found.reader is None or not source.size):
            # The failure names its own subject: for a member, it may be the archive.
            is_foreign = getattr(source, "is_foreign", False)
            raise (NoTranscript if is_foreign else SourceError).of_lines([source.failure])
        if found.reader is None and found.may_change:
            raise NothingYet(label, "nothing readable in it yet", "waiting for more")
        if found.reader is None:
            is_foreign = found.is_foreign or not must_be_transcript(label)
            kind = NoTranscript if is_foreign else SourceError
            raise kind(label, found.reason, found.hint)
        check_schema(source.read(0, SCHEMA_HEAD))
    except SchemaTooNew as error:
        source.close()
        raise SourceError(label, error.message, error.hint) from error
    except SourceError:
        source.close()
        raise
    file = OpenFile(path, source, found.reader, found.rivals)
    if parser:
        file.diagnose(parser)
    return file


def check_format(name: str) -> None:
    """Raise UsageError with the near matches unless `name` is a format."""
    names = [item.name for item in formats()]
    if name and name not in names:
        near = near_hint(name, names)
        raise UsageError(
            f"unknown format {name!r}", f"{near} `hermes-tui formats` lists all".strip()
        )


def check_parser(name: str) -> None:
    """Raise UsageError with the near matches unless `name` is a parser, or `guess`."""
    from hermes_tui.parsers.choice import GUESS
    from hermes_tui.runtime.parser_names import known_parser

    if name and name != GUESS:
        known_parser(name)


def _recognise(source: OpenSource, requested: str, *, whole: bool, waits: int) -> Detection:
    """Detect the format; that of a spool as soon as the bytes received so far suffice.

    With `whole`, only once everything has arrived. Pauses at most `waits` times; 0 is no limit.
    """
    wait = getattr(source, "wait", None)
    examined, waited = 0, 0
    while wait is not None and not source.complete:
        size = source.size
        wait(SPOOL_WAIT_S)
        waited += 1
        # In a steady stream, detection is tried again only when twice as much has arrived.
        is_worthwhile = source.size == size or source.size >= max(HEAD, 2 * examined)
        if not whole and is_worthwhile and source.size != examined:
            examined = source.size
            found = detect(source, formats(), format_name=requested)
            if found.reader is not None or not found.may_change:
                return found
        if waited == waits:
            break
    return detect(source, formats(), format_name=requested)


def survey(
    file: OpenFile, *, records_done: int = 0, runs_done: int = 0, fold: RunFold | None = None
) -> Iterator[Step]:
    """Yield the runs and defects of a file, and progress; the caller may pause between any two.

    Ends when everything that the source holds now has been read. For a file that has grown since,
    call it again with the earlier counts or, for a one-run file, with its `fold`.
    """
    if file.is_one_run:
        yield from _survey_one_run(file, fold or RunFold())
        return
    for scanned in file.scan():
        yield Progress(file, scanned, file.source.size)
        while records_done < len(file.index):
            for step in _runs_of_record(file, records_done, runs_done):
                runs_done += isinstance(step, FoundRun)
                yield step
            records_done += 1


def _runs_of_record(file: OpenFile, record: int, number: int) -> Iterator[FoundRun | FoundDefect]:
    loose, runs = file.fold(record)
    for event in loose:
        if isinstance(event, SourceDefect):
            yield FoundDefect(file, event)
    for nth, (state, findings) in enumerate(runs):
        ref = RunRef(file, number + nth, record, nth)
        yield FoundRun(ref, state, findings, siblings=len(runs))


def _survey_one_run(file: OpenFile, fold: RunFold) -> Iterator[Step]:
    for scanned in file.scan():
        yield from _fold_records(file, fold)
        yield Progress(file, scanned, file.source.size)
    # Another reader of the same file may have scanned it further.
    yield from _fold_records(file, fold)
    state, findings = fold.state, fold.findings
    if file.source.complete:
        state = state.copy()
        findings = [*findings, *state.finish()]
    yield FoundRun(RunRef(file, 0), state, findings, final=file.source.complete)


def _fold_records(file: OpenFile, fold: RunFold) -> Iterator[FoundRun]:
    state = fold.state
    while fold.records_done < len(file.records):
        record = file.records[fold.records_done]
        fold.records_done += 1
        is_first = not state.events
        for event in file.reader.decode(file.source, record, state.events, is_first=is_first):
            fold.findings.extend(state.apply(event))
        if fold.records_done % RECORDS_PER_STEP == 0:
            yield FoundRun(RunRef(file, 0), state, fold.findings, final=False)


def load_run(ref: RunRef) -> EventLog:
    """Return the log of a run. That of a one-run file grows as its records are indexed.

    It is empty if the file was read again and no longer holds the run.
    """
    file = ref.file
    found = ref if file.watched is None else file.watched.now(ref)
    if found is None:
        return MemoryLog((), complete=True)
    if file.is_one_run:
        return RecordLog(file.reader, file.source, file.records)
    events = file.decode(found.record)
    _, runs = split_runs(events)
    if not runs:
        return MemoryLog(events, complete=True)
    return MemoryLog(runs[found.nth] if found.nth < len(runs) else (), complete=True)


def read_events(ref: RunRef) -> list[Event]:
    """Return all events of a run."""
    log = load_run(ref)
    if isinstance(log, RecordLog):
        for _ in ref.file.scan():
            pass
        while log.index_record():
            pass
    return [log[seq] for seq in range(len(log))]
