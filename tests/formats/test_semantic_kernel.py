"""Chat histories of Semantic Kernel are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.semantic_kernel import FORMAT
from hermes_tui.model.events import SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    counts_with_errors,
    document,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
)

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "semantic_kernel"


@pytest.mark.parametrize("container", ["history", "histories", "list", "lines"])
def test_a_history_is_a_run_with_its_calls_results_and_usage(container: str) -> None:
    history = json.loads((FIXTURES / "history.json").read_bytes())
    data = {
        "history": document(history),
        "histories": lines(history),
        "list": document(history["messages"]),
        "lines": lines(*history["messages"]),
    }[container]
    assert format_of(data) == "semantic-kernel"
    events = read_bytes(FORMAT, data)
    assert only(events, SourceDefect) == []
    assert counts_with_errors(events) == (1, 13, 6, 3)
    assert (runs(events)[0].task, runs(events)[0].model) == ("How is it in Oslo and Rome?", "sk")
    assert [answer.call_id for answer in results(events)] == [one.id for one in calls(events)][:5]
    assert [one.name for one in calls(events)][2:5] == [
        "Tools-divide",
        "Tools-get_weather",
        "Tools-fly",
    ]
    assert {"ARGS_INVALID:error", "CALL_IN_CONTENT:error"} <= set(found_codes(events))
    reply = messages(events)[1]
    assert (reply.author, reply.text, reply.finish_reason) == (
        "forecaster",
        "Checking both.",
        "tool_calls",
    )
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == 100


def test_reasoning_media_and_unnamed_functions_are_read() -> None:
    items = [
        {"content_type": "reasoning", "text": "hm"},
        {"content_type": "image", "uri": "http://x/y.png", "mime_type": "image/png"},
        {"content_type": "function_call", "id": "c", "plugin_name": "P", "function_name": "f"},
        {"content_type": "annotation", "quote": "q"},
    ]
    message = {"content_type": "message", "role": "assistant", "items": items}
    events = read_bytes(FORMAT, document({"messages": [message] * 4 + [1]}))
    assert messages(events)[0].reasoning[0].text == "hm"
    assert [part.kind for part in messages(events)[0].parts] == ["image", "json"]
    assert (calls(events)[0].name, calls(events)[0].arguments_text) == ("P-f", "")
    (defect,) = only(events, SourceDefect)
    assert defect.at.pointer == "/messages/4"


@given(any_json("content_type", "id"), any_json("messages", "role", "items"))
@settings(max_examples=100, deadline=None)
def test_reading_never_raises(value: Any, inner: Any) -> None:
    items = [
        {"content_type": "function_call", "arguments": value, "id": inner, "name": value},
        {"content_type": "function_result", "result": value, "function_name": inner},
        {"content_type": inner, "text": value},
        {"content_type": "image", "uri": value},
        value,
    ]
    message = {"content_type": "message", "role": "tool", "items": items, "metadata": value}
    history = {"messages": [message, value], "system_message": inner}
    for found in (value, message, history, {"messages": value}):
        FORMAT.sniff(sample(found))
        read_value(FORMAT, found)
        read_value(FORMAT, [found])
