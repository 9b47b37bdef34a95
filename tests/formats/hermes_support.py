"""What the tests of the hermes-agent formats share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from hermes_tui.formats.base import Format, RunBuilder, Sample
from hermes_tui.formats.framing import Layout
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

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "hermes"


def load_lines(name: str) -> list[Any]:
    return [json.loads(line) for line in (FIXTURES / name).read_text("utf-8").splitlines()]


def load_document(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text("utf-8"))


def sample(*values: Any, layout: Layout = Layout.LINES) -> Sample:
    return Sample(b"", layout, values)


def read(reader: Format, value: Any, *, is_first: bool = True) -> list[Event]:
    build = RunBuilder(ByteRange(0, 1), is_first=is_first, source_format=reader.name)
    reader.read(value, build)
    return build.events


def started(events: list[Event]) -> RunStarted:
    return next(event for event in events if isinstance(event, RunStarted))


def ended(events: list[Event]) -> RunEnded:
    return next(event for event in events if isinstance(event, RunEnded))


def messages(events: list[Event]) -> list[Message]:
    return [event.message for event in events if isinstance(event, MessageAppended)]


def calls(events: list[Event]) -> list[ToolCall]:
    return [event.call for event in events if isinstance(event, ToolCallProposed)]


def results(events: list[Event]) -> list[ToolResult]:
    return [event.result for event in events if isinstance(event, ToolReturned)]


def codes(events: list[Event]) -> list[str]:
    return [str(found.code) for event in events for found in event.diagnostics]


def deep_json(key: str = "") -> Any:
    """Return a value nested nearly as deeply as can be read: in objects with one key, or lists."""
    value: Any = "x"
    for _ in range(900):
        value = {key: value} if key else [value]
    return value


def any_json(*keys: str) -> st.SearchStrategy[Any]:
    """JSON values whose objects often have the keys that a format looks for."""
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
