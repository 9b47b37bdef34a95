"""Memories of CAMEL agents are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.camel import FORMAT
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

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "camel" / "memory.json"


@pytest.mark.parametrize("container", ["lines", "list"])
def test_a_memory_is_a_run_with_its_calls_and_results(container: str) -> None:
    data = FIXTURE.read_bytes()
    if container == "list":
        data = document([json.loads(line) for line in data.splitlines()])
    assert format_of(data) == "camel"
    events = read_bytes(FORMAT, data)
    assert only(events, SourceDefect) == []
    assert counts_with_errors(events) == (1, 10, 4, 1)
    assert runs(events)[0].task == "How is it in Oslo and Rome?"
    assert [one.role for one in messages(events)][:4] == ["system", "user", "assistant", "tool"]
    assert [answer.call_id for answer in results(events)] == [one.id for one in calls(events)][:3]
    names = [one.name for one in calls(events)]
    assert names == ["get_weather", "get_weather", "fly", "get_weather"]
    assert "CALL_IN_CONTENT:error" in found_codes(events)
    assert messages(events)[0].time_s is not None


def test_calls_of_older_versions_reasoning_and_pictures_are_read() -> None:
    called = {"role_type": "assistant", "func_name": "ls", "args": {"path": "."}, "content": ""}
    thought = {"role_type": "assistant", "content": "hi", "reasoning_content": "hm"}
    picture = {"role_type": "user", "content": "see", "image_list": [{"type": "url", "data": "x"}]}
    roles = ("assistant", "assistant", "user")
    listed = [
        {"message": message, "role_at_backend": role}
        for message, role in zip((called, thought, picture), roles, strict=True)
    ]
    events = read_bytes(FORMAT, lines(*listed, *listed, 1))
    assert (calls(events)[0].name, calls(events)[0].arguments) == ("ls", {"path": "."})
    assert messages(events)[1].reasoning[0].text == "hm"
    assert [part.kind for part in messages(events)[2].parts] == ["text", "image"]
    (defect,) = only(events, SourceDefect)
    assert "not a message" in defect.message


@given(any_json("role_type", "func_name"), any_json("message", "role_at_backend", "tool_calls"))
@settings(max_examples=100, deadline=None)
def test_reading_never_raises(value: Any, inner: Any) -> None:
    message = {"role_type": "user", "content": value, "tool_calls": inner, "image_list": value}
    called = {"role_type": value, "func_name": inner, "args": value, "result": value}
    for role in ("assistant", "function", "user"):
        for known in (message, called, {**called, "result": None}):
            found = {"message": known, "role_at_backend": role, "timestamp": value}
            FORMAT.sniff(sample(found))
            read_value(FORMAT, found)
            read_value(FORMAT, [found, value])
    read_value(FORMAT, value)
