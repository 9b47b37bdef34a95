"""Chat messages and chat stores of LlamaIndex are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.llama_index import FORMAT
from hermes_tui.model.events import SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
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

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "llama_index" / "messages.json"


@pytest.mark.parametrize("container", ["list", "lines", "store"])
def test_messages_are_one_run_in_every_container(container: str) -> None:
    messages_list = json.loads(FIXTURE.read_bytes())
    data = document({"store": {"u": messages_list}} if container == "store" else messages_list)
    data = lines(*messages_list) if container == "lines" else data
    assert format_of(data) == "llama-index"
    events = read_bytes(FORMAT, data)
    assert only(events, SourceDefect) == []
    assert counts(events) == (1, 9, 4)
    assert runs(events)[0].task.startswith("Add 20") or container == "lines"
    assert [message.reasoning[0].text for message in messages(events) if message.reasoning] == [
        "REASON-0 think first",
        "REASON-1",
    ]
    assert calls(events)[2].arguments_text == '{"a": 1, "b": "BROKEN-1",}'
    assert [answer.call_id for answer in results(events)] == [call.id for call in calls(events)]
    assert dialog(events)[-1] == ("assistant", "FINAL the answer is 42")
    assert "ARGS_INVALID:error" in found_codes(events)


def test_each_key_of_a_store_is_a_run_and_older_calls_are_read() -> None:
    text = {"block_type": "text", "text": "hi"}
    call = {"id": "c", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
    older = {"role": "assistant", "blocks": [], "additional_kwargs": {"tool_calls": [call]}}
    picture = {"role": "user", "blocks": [text, {"block_type": "image", "url": "http://x/y.png"}]}
    events = read_bytes(FORMAT, document({"store": {"a": [older], "b/c": [picture]}}))
    assert [run.run_id for run in runs(events)] == ["a", "b/c"]
    assert [one.name for one in calls(events)] == ["ls"]
    assert messages(events)[1].text == "hi"
    assert len(messages(events)[1].parts) == 2


@given(any_json("block_type", "text"), any_json("tool_name", "content"))
@settings(max_examples=100, deadline=None)
def test_reading_never_raises(value: Any, inner: Any) -> None:
    blocks = [{"block_type": "tool_call", "tool_kwargs": value}, {"block_type": inner}, value]
    message = {"role": "assistant", "blocks": blocks, "additional_kwargs": inner}
    for found in (value, message, {"store": {"a": [message, value], "b": inner}}, {"store": value}):
        FORMAT.sniff(sample(found))
        read_value(FORMAT, found)
        read_value(FORMAT, [found])
