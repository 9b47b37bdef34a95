"""A format applied to one file: framing, decoding, and the log of a run."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from hermes_tui.formats.base import Format, Source
from hermes_tui.formats.framing import Layout, Record, RecordIndex, RecordKind, Records, Unit, scan
from hermes_tui.formats.json_text.big_list import BigList, read_element, read_end
from hermes_tui.formats.json_text.cut_records import Cuts, without_cut_findings
from hermes_tui.formats.json_text.json_values import (
    MAX_EXCERPT,
    NON_JSON_NUMBER,
    SEVERAL,
    Loaded,
    Problem,
    load,
)
from hermes_tui.formats.lookalikes import LineLikeness, likeness_note
from hermes_tui.formats.mixed_lines import read_record
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import is_of_bytes, traits_of
from hermes_tui.formats.turns import cutting_rule, lines_before, scan_turns
from hermes_tui.log.codec import long_text
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import Event, RunStarted, SourceDefect
from hermes_tui.model.spans import ByteRange, SourceRef

if TYPE_CHECKING:
    from hermes_tui.formats.folding_builder import FoldingBuilder
    from hermes_tui.formats.line_index import LineIndex

Known = tuple["array[int]", "array[int]", int, int]

CACHED_RECORDS = 256
CACHED_BYTES = 16 << 20
"""The most bytes of the file whose decoded events a log keeps in memory."""
MAX_RECORD = 256 << 20
"""The most bytes of a record. A longer one is not read, since its value would take several times as
much memory."""


class Reader(NamedTuple):
    """How one file is read: its format, and how the file is cut into records."""

    format: Format
    layout: Layout
    unit: Unit
    review: Callable[[tuple[Event, ...]], tuple[Event, ...]] | None = None
    """Adds diagnostics to the events of each record; it keeps their number and order."""
    sidecars: Mapping[str, Any] = MappingProxyType({})
    """The values of the sidecar files that the format names."""
    big: BigList | None = None
    """With `Layout.INSIDE`, the list whose elements are the records."""

    is_forced: bool = False
    """Whether a person named the format; then no other format reads any record."""

    @property
    def name(self) -> str:
        return self.format.name

    @property
    def mixes(self) -> bool:
        """Return whether a record that the format does not know may be read by another one."""
        is_apart = self.layout in (Layout.LINES, Layout.ARRAY) and self.unit is Unit.RUNS
        return is_apart and not self.is_forced

    def scan(self, source: Source, index: RecordIndex | LineIndex) -> Iterator[int]:
        """Extend `index` by what the source holds; yield the position reached after every slice."""
        reply = cutting_rule(self)
        if self.layout is Layout.TURNS and isinstance(index, RecordIndex) and reply is not None:
            return scan_turns(source, index, reply)
        return scan(source, self.layout, index, start=self.big.start if self.big else 0)

    def decode(
        self, source: Source, record: Record, first_seq: int = 0, *, is_first: bool = True
    ) -> tuple[Event, ...]:
        """Return the events of one record; never raises.

        With `Unit.PARTS` numbering continues from `first_seq`; with `Unit.RUNS` every run begins at
        0, and events before the first `RunStarted` belong to no run.
        """
        if record.kind is RecordKind.FRAME:
            return ()
        build = RunBuilder(
            record.range,
            first_seq,
            is_first,
            source_format=self.format.name,
            unit=self.unit,
            sidecars=self.sidecars,
        )
        cuts = self._fill(build, source, record)
        events = tuple(without_cut_findings(build.events, cuts) if cuts.places else build.events)
        return self.review(events) if self.review else events

    def fold(self, source: Source, record: Record) -> FoldingBuilder:
        """Return the runs of one record, already folded.

        They equal those of its events, but take less time. Only for a file of runs without a
        `review`.
        """
        from hermes_tui.formats.folding_builder import FoldingBuilder

        build = FoldingBuilder(record.range, source_format=self.format.name, sidecars=self.sidecars)
        is_value = record.kind is not RecordKind.FRAME
        if is_value and self._fill(build, source, record).places:
            build = FoldingBuilder(record.range)
            build.events.extend(self.decode(source, record))
        build.close()
        return build

    def _fill(self, build: RunBuilder, source: Source, record: Record) -> Cuts:
        """Read a record; return the places in it where values end prematurely."""
        start, length = record.range.start, len(record.range)
        cuts = Cuts({}, [])
        if length > MAX_RECORD:
            build.take(_too_long(record, source))
            return cuts
        data = source.read(start, length)
        if len(data) < length:
            build.take(_gone(record))
            return cuts
        if is_of_bytes(self.format):
            self.format.read(data, build)
            return cuts
        is_end = self.big is not None and data.lstrip(b" \t\r\n").startswith(b"]")
        if self.layout in (Layout.WHOLE_LINES, Layout.TURNS):
            self._read_lines(build, source, record, data, cuts)
        elif self.big is not None and is_end:
            read_end(data, self.big, self.format, build)
        else:
            self._read_value(build, record, data, cuts)
        build.flush_problems()
        if not build.is_used and not is_end:
            build.defect("nothing in this record is known to the format", _excerpt(data))
        return cuts

    def _read_lines(
        self, build: RunBuilder, source: Source, record: Record, data: bytes, cuts: Cuts
    ) -> None:
        """Read all lines of a record together."""
        start = record.range.start
        build.is_last = source.complete and record.range.end >= source.size
        build.lines_before = partial(lines_before, source, start)
        values, problems, build.line_ranges = _load_lines(data, start, cuts)
        cuts.defects.extend(problems)
        build.problems = problems
        build.likeness = LineLikeness(values, build.line_ranges, self.format.name)
        self.format.read(values, build)
        if self.layout is Layout.WHOLE_LINES:
            _report_part(record, source, build, has_turns=cutting_rule(self) is not None)

    def _read_value(self, build: RunBuilder, record: Record, data: bytes, cuts: Cuts) -> None:
        """Read the value of a record, or each of them if it holds several."""
        loaded, skipped = _load_value(data, self.layout)
        start = record.range.start + skipped
        # The separator after the previous element does not belong to this one.
        build.record = ByteRange(start, record.range.end)
        if self.layout is Layout.DOCUMENT and traits_of(self.format).joins_values:
            loaded = _joined(loaded)
        build.problems = _located(loaded.problems, start, data)
        cuts.defects.extend(build.problems)
        if self.unit is Unit.RUNS:
            _note_numbers(build)
        cuts.add(build.record, data, loaded.problems)
        for value in loaded.values:
            if self.big is not None:
                read_element(value, self.big, self.format, build)
                continue
            build.likeness = partial(_likeness, value, self.format.name)
            if self.mixes:
                read_record(value, self.format, build)
            else:
                self.format.read(value, build)


class RecordLog:
    """The log of a file that is one run; its events are decoded on demand.

    `index_record` indexes one more record. The log is as long as the records indexed so far.
    """

    def __init__(self, reader: Reader, source: Source, index: Records) -> None:
        self._reader = reader
        self._source = source
        self._index = index
        self._first_seqs = array("I")
        self._numbers = array("I")
        self._length = 0
        self._next_record = 0
        self._cache: OrderedDict[int, tuple[tuple[Event, ...], int]] = OrderedDict()
        self._cached_bytes = 0

    @property
    def complete(self) -> bool:
        return (
            self._source.complete
            and self._next_record >= len(self._index)
            and self._index.end >= self._source.size
        )

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, seq: int) -> Event:
        if not 0 <= seq < self._length:
            raise IndexError(seq)
        slot = bisect_right(self._first_seqs, seq) - 1
        return self._events(slot)[seq - self._first_seqs[slot]]

    def known(self) -> Known:
        """Return where the events of each record begin, for `restore`."""
        return self._first_seqs, self._numbers, self._length, self._next_record

    def restore(self, known: Known) -> None:
        """Restore what `known` returned earlier for the same records."""
        self._first_seqs, self._numbers, self._length, self._next_record = known

    @property
    def records_known(self) -> int:
        return self._next_record

    def index_record(self) -> bool:
        """Index the next scanned record; return False if there is none."""
        if self._next_record >= len(self._index):
            return False
        number = self._next_record
        self._next_record += 1
        record = self._index[number]
        if record.kind is RecordKind.FRAME:
            return True
        slot = len(self._numbers)
        self._numbers.append(number)
        self._first_seqs.append(self._length)
        events = self._decode(slot, record)
        if events:
            self._length += len(events)
            self._keep(slot, record, events)
        else:
            self._numbers.pop()
            self._first_seqs.pop()
        return True

    def _events(self, slot: int) -> tuple[Event, ...]:
        cached = self._cache.get(slot)
        if cached is not None:
            self._cache.move_to_end(slot)
            return cached[0]
        record = self._index[self._numbers[slot]]
        events = self._decode(slot, record)
        first = self._first_seqs[slot]
        is_last = slot + 1 == len(self._first_seqs)
        seqs = range(first, self._length if is_last else self._first_seqs[slot + 1])
        if len(events) != len(seqs):
            # The bytes now hold a different number of events; the whole record is given up.
            events = tuple(_gone(record, seq) for seq in seqs)
        self._keep(slot, record, events)
        return events

    def _decode(self, slot: int, record: Record) -> tuple[Event, ...]:
        first_seq = self._first_seqs[slot]
        return self._reader.decode(self._source, record, first_seq, is_first=slot == 0)

    def _keep(self, slot: int, record: Record, events: tuple[Event, ...]) -> None:
        size = len(record.range) + sum(len(long_text(event)) for event in events)
        self._cache[slot] = events, size
        self._cached_bytes += size
        while len(self._cache) > 1 and (
            len(self._cache) > CACHED_RECORDS or self._cached_bytes > CACHED_BYTES
        ):
            _, (_, oldest) = self._cache.popitem(last=False)
            self._cached_bytes -= oldest


def split_runs(events: tuple[Event, ...]) -> tuple[tuple[Event, ...], list[tuple[Event, ...]]]:
    """Return the events before the first run, and the events of each run."""
    starts = [i for i, event in enumerate(events) if isinstance(event, RunStarted)]
    if not starts:
        return events, []
    ends = [*starts[1:], len(events)]
    return events[: starts[0]], [events[a:b] for a, b in zip(starts, ends, strict=True)]


def _load_value(data: bytes, layout: Layout) -> tuple[Loaded, int]:
    blank = b" \t\r\n," if layout in (Layout.ARRAY, Layout.INSIDE) else b" \t\r\n"
    stripped = data.lstrip(blank)
    return load(stripped, padded=True), len(data) - len(stripped)


def _joined(loaded: Loaded) -> Loaded:
    """Join values printed one after the other, over several lines, into one list."""
    if len(loaded.values) < 2:
        return loaded
    problems = (one for one in loaded.problems if not one.message.endswith(SEVERAL))
    return Loaded((list(loaded.values),), tuple(problems))


def _load_lines(
    data: bytes, base: int, cuts: Cuts
) -> tuple[list[object], list[tuple[str, str]], tuple[ByteRange, ...]]:
    values: list[object] = []
    ranges: list[ByteRange] = []
    problems: list[tuple[str, str]] = []
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        line = data[start:end]
        if line.strip():
            loaded = load(line.strip())
            problems.extend(_located(loaded.problems, base + start, line))
            cuts.add(ByteRange(base + start, base + end), line, loaded.problems)
            for value in loaded.values:
                values.append(value)
                ranges.append(ByteRange(base + start, base + end))
        start = end
    return values, problems, tuple(ranges)


def _note_numbers(build: RunBuilder) -> None:
    """Turn the problems of a record into notes if they all are numbers that JSON does not allow.

    Python's `json.dumps` writes NaN for a metric that could not be computed.
    """
    messages = [message for message, _ in build.problems]
    if not all(message.endswith(NON_JSON_NUMBER) for message in messages):
        return
    build.problems = []
    build.notes = tuple(Diagnostic(Code.SOURCE_DEFECT, Severity.NOTE, one) for one in messages)


def _located(problems: tuple[Problem, ...], base: int, data: bytes) -> list[tuple[str, str]]:
    """Return each problem as a message with the byte offset in the file, and an excerpt."""
    located = []
    for offset, message in problems:
        around = data[max(0, offset - 40) : offset + MAX_EXCERPT - 40]
        place = f"byte {base + offset:,} of the file: {message}"
        located.append((place, around.decode("utf-8", "replace")))
    return located


def _likeness(value: object, own: str, _: ByteRange) -> str:
    return likeness_note(value, own)


def _too_long(record: Record, source: Source) -> SourceDefect:
    start, end = record.range.start, record.range.end
    return SourceDefect(
        seq=0,
        at=SourceRef(record.range),
        message=f"bytes {start:,} to {end:,} are one value of {(end - start) >> 20:,} MB, "
        f"which is not read: the limit is {MAX_RECORD >> 20} MB; split it, one "
        "member per line, as with `jq -c '.[]' FILE > PARTS.jsonl`",
        excerpt=_excerpt(source.read(start, MAX_EXCERPT)),
    )


def _excerpt(data: bytes) -> str:
    return data[:MAX_EXCERPT].decode("utf-8", "replace")


def _report_part(record: Record, source: Source, build: RunBuilder, *, has_turns: bool) -> None:
    """Report a record that is only a part of what should be read together."""
    start, end = record.range.start, record.range.end
    if start or end < source.size:
        # While the source is unpacked or comes through a pipe, its full size is not known yet.
        hint = "; unpacked to a file it opens as one run" if has_turns else ""
        build.add(
            SourceDefect,
            message=f"bytes {start:,} to {end:,} of a session of {source.size >> 20:,} MB: it is "
            "read in parts, each shown as a run; a call answered in another part looks unanswered"
            + hint,
            partial=True,
        )


def _gone(record: Record, seq: int = 0) -> SourceDefect:
    return SourceDefect(
        seq=seq,
        at=SourceRef(record.range),
        message=f"bytes {record.range.start:,} to {record.range.end:,} can no longer be read: "
        "the file has become shorter or was rewritten",
    )
