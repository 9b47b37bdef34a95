"""Messages of Haystack are read, alone, in outputs of agents and in snapshots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.haystack import FORMAT
from hermes_tui.model.events import SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    counts_with_errors,
    document,
    ended,
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

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "haystack"


def data_of(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


@pytest.mark.parametrize("container", ["list", "lines", "output", "older"])
def test_messages_are_one_run_in_every_container(container: str) -> None:
    listed = json.loads(data_of("messages.json"))
    older = [{f"_{key}": value for key, value in one.items()} for one in listed]
    data = {
        "list": document(listed),
        "lines": lines(*listed),
        "output": document({"messages": listed}),
        "older": document(older),
    }[container]
    assert format_of(data) == "haystack"
    events = read_bytes(FORMAT, data)
    assert only(events, SourceDefect) == []
    assert counts_with_errors(events) == (1, 14, 5, 2)
    assert (runs(events)[0].task, runs(events)[0].model) == ("How is it in Oslo and Rome?", "full")
    assert [answer.call_id for answer in results(events)] == [one.id for one in calls(events)][:4]
    assert {"CALLED_EMPTY:error", "CALL_IN_CONTENT:error"} <= set(found_codes(events))
    usage = messages(events)[3].usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (100, 10)


def test_an_output_has_its_end_and_reasoning_is_shown() -> None:
    events = read_bytes(FORMAT, data_of("output.json"))
    assert counts_with_errors(events) == (1, 8, 3, 1)
    assert ended(events).stop_reason == "text"
    assert runs(events)[0].details["step_count"] == 3
    data = data_of("reasoning.json")
    assert format_of(data) == "haystack"
    thoughts = [
        one.reasoning[0].text for one in messages(read_bytes(FORMAT, data)) if one.reasoning
    ]
    assert thoughts == ["Two cities, two calls.", "Enough."]


def test_a_snapshot_is_opened_at_its_longest_messages() -> None:
    data = data_of("snapshot.json")
    assert format_of(data) == "haystack"
    events = read_bytes(FORMAT, data)
    assert counts_with_errors(events) == (1, 7, 3, 1)
    place = messages(events)[0]
    assert place.text == "How is it in Oslo and Rome?"
    assert runs(events)[0].at.pointer.startswith("/pipeline_state/")


def test_chat_messages_with_text_parts_of_the_usual_api_are_not_taken() -> None:
    usual = [{"role": "user", "meta": {}, "content": [{"type": "text", "text": "hi"}]}]
    assert format_of(document(usual)) == "openai-messages"


@given(any_json("tool_call", "text"), any_json("messages", "role", "content", "meta"))
@settings(max_examples=100, deadline=None)
def test_reading_never_raises(value: Any, inner: Any) -> None:
    parts = [
        {"tool_call": {"tool_name": value, "arguments": inner, "id": value}},
        {"tool_call_result": {"result": value, "origin": inner, "error": value}},
        {"reasoning": {"reasoning_text": value}},
        {"image": {"base64_image": value}},
        {"text": inner},
    ]
    message = {"role": "tool", "content": parts, "meta": {"usage": value}, "name": inner}
    older = {"_role": value, "_content": [*parts, inner], "_meta": inner}
    output = {"messages": [message, value], "token_usage": inner, "exit_reason": value}
    for found in (
        value,
        message,
        older,
        output,
        {"pipeline_state": {"a": [message, older, value]}},
    ):
        FORMAT.sniff(sample(found))
        read_value(FORMAT, found)
        read_value(FORMAT, [found])
