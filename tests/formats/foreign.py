"""What the tests of foreign formats share: bytes in, events out, through detection and framing."""

from __future__ import annotations

import json
from typing import Any

from hermes_tui.formats.base import Format, RunBuilder, Sample
from hermes_tui.formats.detect import detect
from hermes_tui.formats.framing import Layout, RecordIndex, RecordKind, Unit
from hermes_tui.formats.reader import Reader
from hermes_tui.formats.registry import formats
from hermes_tui.model.events import Event, MessageAppended, RunStarted, ToolCallProposed
from hermes_tui.model.messages import Message, ToolCall
from hermes_tui.model.spans import ByteRange
from tests.bytes_source import BytesSource


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def document(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


def sniffed(found: Format, *values: Any, layout: Layout = Layout.LINES) -> str:
    """Return the unit that `found` sees in a sample, an empty string where it is not its own."""
    match = found.sniff(Sample(b"", layout, values))
    return match.unit.value if match else ""


def format_of(data: bytes) -> str:
    """Return the name of the format that a file is taken for, empty where it is none."""
    reader = detect(BytesSource(data), formats()).reader
    return reader.name if reader else ""


def read_bytes(found: Format, data: bytes) -> list[Event]:
    """Return the events of a whole file that `found` must recognise."""
    source = BytesSource(data)
    reader = detect(source, [found]).reader
    assert reader is not None, "not recognised"
    return read_by(reader, source)


def read_by(reader: Reader, source: BytesSource) -> list[Event]:
    index = RecordIndex()
    for _ in reader.scan(source, index):
        pass
    events: list[Event] = []
    for number in range(len(index)):
        if index[number].kind is RecordKind.FRAME:
            continue
        first = not events
        seq = len(events) if reader.unit is Unit.PARTS else 0
        events += reader.decode(
            source, index[number], seq, is_first=first or reader.unit is Unit.RUNS
        )
    return events


def read_value(found: Format, value: Any, unit: Unit = Unit.RUNS) -> list[Event]:
    build = RunBuilder(ByteRange(0, 1), unit=unit, source_format=found.name)
    found.read(value, build)
    return build.events


def runs(events: list[Event]) -> list[RunStarted]:
    return [event for event in events if isinstance(event, RunStarted)]


def only(events: list[Event], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def messages(events: list[Event]) -> list[Message]:
    return [event.message for event in events if isinstance(event, MessageAppended)]


def calls(events: list[Event]) -> list[ToolCall]:
    return [event.call for event in events if isinstance(event, ToolCallProposed)]


def said(events: list[Event]) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in messages(events)]


def counts(events: list[Event]) -> tuple[int, int, int]:
    """Return how many runs, messages and calls there are."""
    return len(runs(events)), len(messages(events)), len(calls(events))


def found_codes(events: list[Event]) -> list[str]:
    return [f"{found.code}:{found.severity}" for event in events for found in event.diagnostics]
