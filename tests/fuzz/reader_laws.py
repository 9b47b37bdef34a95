"""Laws that hold for every reader and every file."""

from __future__ import annotations

import sys
from typing import Any

from hermes_tui.formats.framing import RecordIndex, RecordKind, Unit
from hermes_tui.formats.reader import Reader, split_runs
from hermes_tui.log.codec import decode, encode
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import Event
from tests.bytes_source import BytesSource

MIN_BUDGET = 100_000
BUDGET = 200
"""Bytes of recorded events for each byte of the file."""


def read_lawfully(reader: Reader, data: bytes) -> list[Event]:
    """Return the events of a file; fail if it breaks a law of readers.

    No record is lost, and each yields an event. Runs are numbered without gaps. Every event has a
    place in the file and can be recorded. The size of all events is in proportion to the file.
    """
    source, index = BytesSource(data), RecordIndex()
    for _ in reader.scan(source, index):
        pass
    assert index.end == len(data), "the records do not cover the file"
    events: list[Event] = []
    for number in range(len(index)):
        record = index[number]
        if record.kind is RecordKind.FRAME:
            continue
        in_one_run = reader.unit is Unit.PARTS
        found = reader.decode(
            source,
            record,
            len(events) if in_one_run else 0,
            is_first=not (in_one_run and events),
        )
        assert found, f"nothing is said of {data[record.range.start : record.range.end]!r}"
        loose, runs = split_runs(found)
        if in_one_run:
            assert _numbers(found) == list(range(len(events), len(events) + len(found)))
        else:
            for run in (loose, *runs):
                assert _numbers(run) == list(range(len(run)))
            for run in runs:
                fold_run(run)
        events.extend(found)
    if reader.unit is Unit.PARTS:
        fold_run(events)
    recorded = 0
    for event in events:
        assert event.at is not None
        assert 0 <= event.at.range.start <= event.at.range.end <= len(data)
        line = encode(event)
        assert decode(line).seq == event.seq
        recorded += len(line)
    assert recorded <= MIN_BUDGET + BUDGET * len(data), "the events are out of all proportion"
    return events


def _numbers(events: tuple[Event, ...]) -> list[int]:
    return [event.seq for event in events]


def work(reader: Reader, data: bytes) -> int:
    """Return the number of function calls, built-in ones included, that reading a file takes."""
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        read_lawfully(reader, data)
    finally:
        sys.setprofile(before)
    return count
