"""Helpers of the tests of formats: files are read into events by way of detection and framing."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from hermes_tui.formats.base import Format, Sample
from hermes_tui.formats.detect import detect
from hermes_tui.formats.framing import Layout, RecordIndex, RecordKind, Unit
from hermes_tui.formats.reader import Reader
from hermes_tui.formats.registry import formats
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    RunEnded,
    RunStarted,
    ToolCallProposed,
    ToolReturned,
)
from hermes_tui.model.messages import Message, ToolCall, ToolResult
from hermes_tui.model.spans import ByteRange
from tests.bytes_source import BytesSource


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def document(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


def delta(**fields: Any) -> dict[str, Any]:
    """Return a chunk of a streamed completion with these fields in its delta."""
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": None}]}


def sse(*chunks: Any) -> str:
    """Return chunks as they are sent over the wire, with a comment before them."""
    events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return f": OPENROUTER PROCESSING\n\n{events}data: [DONE]\n\n"


def sample(*values: Any, layout: Layout = Layout.LINES) -> Sample:
    return Sample(b"", layout, values)


def sniffed(file_format: Format, *values: Any, layout: Layout = Layout.LINES) -> str:
    """Return the unit that a format recognises in a sample, or an empty string if none."""
    match = file_format.sniff(Sample(b"", layout, values))
    return match.unit.value if match else ""


def format_of(data: bytes) -> str:
    """Return the name of the format detected in a file, or an empty string if there is none."""
    reader = detect(BytesSource(data), formats()).reader
    return reader.name if reader else ""


def read_bytes(file_format: Format, data: bytes) -> list[Event]:
    """Return the events of a whole file; fail if `file_format` does not recognise it."""
    source = BytesSource(data)
    reader = detect(source, [file_format]).reader
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


def read_value(file_format: Format, value: Any, unit: Unit = Unit.RUNS) -> list[Event]:
    build = RunBuilder(ByteRange(0, 1), unit=unit, source_format=file_format.name)
    file_format.read(value, build)
    return build.events


def runs(events: list[Event]) -> list[RunStarted]:
    return [event for event in events if isinstance(event, RunStarted)]


def started(events: list[Event]) -> RunStarted:
    return next(event for event in events if isinstance(event, RunStarted))


def ended(events: list[Event]) -> RunEnded:
    return next(event for event in events if isinstance(event, RunEnded))


def only(events: list[Event], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def messages(events: list[Event]) -> list[Message]:
    return [event.message for event in events if isinstance(event, MessageAppended)]


def calls(events: list[Event]) -> list[ToolCall]:
    return [event.call for event in events if isinstance(event, ToolCallProposed)]


def results(events: list[Event]) -> list[ToolResult]:
    return [event.result for event in events if isinstance(event, ToolReturned)]


def dialog(events: list[Event]) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in messages(events)]


def counts(events: list[Event]) -> tuple[int, int, int]:
    """Return the numbers of runs, messages and calls."""
    return len(runs(events)), len(messages(events)), len(calls(events))


def counts_with_errors(events: list[Event]) -> tuple[int, int, int, int]:
    """Return the numbers of runs, messages, calls, and results that are errors."""
    return *counts(events), sum(result.error is not None for result in results(events))


def codes(events: list[Event]) -> list[str]:
    return [str(found.code) for event in events for found in event.diagnostics]


def found_codes(events: list[Event]) -> list[str]:
    return [f"{found.code}:{found.severity}" for event in events for found in event.diagnostics]


def deep_json(key: str = "") -> Any:
    """Return a value nested nearly as deeply as can be read, in objects with `key` or in lists."""
    value: Any = "x"
    for _ in range(900):
        value = {key: value} if key else [value]
    return value


def any_json(*keys: str) -> st.SearchStrategy[Any]:
    """Return a strategy for JSON values whose objects often have the given keys."""
    scalars = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=12)
        | st.sampled_from(
            [
                "assistant",
                "tool",
                "user",
                "gpt",
                "<tool_call>{}</tool_call>",
                "\0json:[",
                "[1",
                "{}",
            ]
        )
    )
    names = st.sampled_from(keys) | st.text(max_size=4)
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
        max_leaves=20,
    )
