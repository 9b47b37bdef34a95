"""Stream-json of Claude Code: printed lines, arrays of them, and recordings with directions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.detect import detect
from hermes_tui.formats.readers.claude_stream_json import FORMAT
from hermes_tui.formats.registry import formats
from hermes_tui.model.events import MessageAppended, RunEnded, SourceDefect, ToolReturned
from tests.bytes_source import BytesSource
from tests.conftest import PROJECT
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    document,
    format_of,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
    sample,
)


def line(role: str, content: Any, parent: str | None = None, **message: Any) -> dict[str, Any]:
    fields = {"role": role, "content": content, **message}
    return {"type": role, "message": fields, "parent_tool_use_id": parent, "session_id": "s1"}


def part(block: dict[str, Any]) -> dict[str, Any]:
    return line("assistant", [block], id="msg_1", model="claude-example")


INIT = {
    "type": "system",
    "subtype": "init",
    "session_id": "s1",
    "model": "claude-example",
    "tools": ["Read", "Task"],
    "cwd": "/x",
}
USE = {"type": "tool_use", "id": "t1", "name": "Read", "input": {"path": "a"}}
ANSWER = {"type": "tool_result", "tool_use_id": "t1", "content": "text of a"}
RESULT = {
    "type": "result",
    "subtype": "success",
    "is_error": False,
    "num_turns": 2,
    "duration_ms": 900,
    "session_id": "s1",
    "total_cost_usd": 0.25,
    "usage": {"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 3},
}
STREAM = [
    INIT,
    {"type": "stream_event", "event": {"type": "message_start"}, "session_id": "s1"},
    part({"type": "thinking", "thinking": "Read it."}),
    part(USE),
    line("user", [ANSWER]),
    line("assistant", [{"type": "text", "text": "Done."}], id="msg_2"),
    RESULT,
]
RECORDED = [
    {"direction": "send", "message": line("user", "Read a")},
    *({"direction": "recv", "message": row} for row in STREAM),
]


def test_lines_of_one_reply_are_one_message() -> None:
    events = read_bytes(FORMAT, lines(*STREAM))
    assert counts(events) == (1, 3, 1)
    assert [piece.text for piece in messages(events)[0].reasoning] == ["Read it."]
    assert calls(events)[0].id == "t1"
    assert only(events, ToolReturned)[0].result.content == "text of a"


def test_the_first_line_has_session_model_and_tools_and_others_are_counted() -> None:
    (start,) = runs(read_bytes(FORMAT, lines(*STREAM)))
    assert (start.run_id, start.model) == ("s1", "claude-example")
    assert [tool.name for tool in start.tools] == ["Read", "Task"]
    assert start.details["other_records"] == {"system": 1, "stream_event": 1, "result": 1}


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "ok"),
        ({"is_error": True}, "error"),
        ({"subtype": "error_max_turns"}, "truncated"),
        ({"subtype": "error_during_execution"}, "error"),
    ],
)
def test_the_result_ends_the_run_with_status_usage_and_cost(
    fields: dict[str, Any], status: str
) -> None:
    (ended,) = only(read_bytes(FORMAT, lines(*STREAM[:-1], RESULT | fields)), RunEnded)
    assert ended.status == status
    assert (ended.usage.prompt_tokens, ended.usage.cost_usd) == (12, 0.25)
    assert ended.details["num_turns"] == 2


def test_a_subagent_is_a_child_run_of_the_session() -> None:
    side = [line("user", "Explore", "t1"), line("assistant", "Found it", "t1")]
    events = read_bytes(FORMAT, lines(*STREAM[:4], *side, *STREAM[4:]))
    main, agent = runs(events)
    assert (main.run_id, agent.run_id, agent.parent_run_id) == ("s1", "t1", "s1")
    assert agent.task == "Explore"
    assert dialog(events)[-1] == ("assistant", "Found it")


@pytest.mark.parametrize(
    "data",
    [
        lines(*RECORDED),
        document({"metadata": {"cli_version": "1"}, "messages": RECORDED}),
        document(RECORDED),
    ],
    ids=["lines", "document", "array"],
)
def test_recordings_with_directions_keep_the_sent_messages(data: bytes) -> None:
    detection = detect(BytesSource(data), formats())
    assert detection.reader is not None
    assert (detection.reader.name, detection.rivals) == ("claude-stream-json", ())
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 4, 1)
    assert dialog(events)[0] == ("user", "Read a")
    assert runs(events)[0].task == "Read a"


def test_odd_lines_are_defects() -> None:
    odd = line("user", "") | {"message": "error"}
    data = lines(*STREAM) + b'7\n{"silly": 1}\n' + lines(odd) + b'{"torn": '
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 3, 1)
    assert len(only(events, SourceDefect)) >= 4


@settings(max_examples=100, deadline=None)
@given(
    any_json("type", "message", "content", "session_id", "direction", "subtype", "tools"),
    any_json("type", "id", "content", "usage", "is_error", "model"),
    st.sampled_from(["user", "assistant", "system", "result"]),
)
def test_reading_and_sniffing_never_raise(value: Any, inner: Any, kind: str) -> None:
    row = {**INIT, **RESULT, "type": kind, "message": inner, "usage": inner, "tools": inner}
    reply = line("assistant", inner, None, id=value)
    for found in (value, inner, row, {"messages": [{"direction": value, "message": inner}]}):
        FORMAT.sniff(sample(found))
        read_value(FORMAT, found)
        read_value(FORMAT, [INIT, reply, found, {"direction": value, "message": found}, reply])


REAL = {
    # One message per reply: the manifest counts every line (8 and 5).
    "03-multi-turn-tools.jsonl": (1, 5, 2),
    "tool_use_conversation.json": (1, 4, 1),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", sorted(REAL))
def test_real_streams_have_the_expected_counts(name: str, trajectories: Path) -> None:
    data = (trajectories / "12-anthropic" / name).read_bytes()
    assert format_of(data) == "claude-stream-json"
    events = read_bytes(FORMAT, data)
    wrong = [found for found in only(events, ToolReturned) if found.result.error]
    assert (*counts(events), len(wrong)) == (*REAL[name], 0)
    assert only(events, SourceDefect) == []


SDK: list[Any] = [
    json.loads(line)
    for line in (PROJECT / "tests/fixtures/claude_code/sdk_messages.jsonl").read_text().splitlines()
]
CLASSES = [
    *["SystemMessage"] * 2,
    *["AssistantMessage"] * 4,
    *["UserMessage"] * 2,
    *["AssistantMessage", "ResultMessage"],
]
NAMED = [{"type": name, **row} for name, row in zip(CLASSES, SDK, strict=True)]


@pytest.mark.parametrize(
    "data", [lines(*SDK), document(SDK), lines(*NAMED)], ids=["lines", "a list", "with classes"]
)
def test_messages_of_the_agent_sdk_open_as_a_session(data: bytes) -> None:
    assert format_of(data) == "claude-stream-json"
    events = read_bytes(FORMAT, data)
    assert [message.role for message in messages(events)] == [
        "assistant",
        "user",
        "user",
        "assistant",
    ]
    first = messages(events)[0]
    assert (first.text, [one.text for one in first.reasoning]) == ("Looking.", ["Look first."])
    assert first.usage is not None
    assert (first.usage.prompt_tokens, first.usage.cached_tokens) == (112, 7)
    assert [(call.name, call.id) for call in calls(events)] == [
        ("Bash", "toolu_1"),
        ("Bash", "toolu_2"),
    ]
    answers = [event.result for event in events if isinstance(event, ToolReturned)]
    assert [(one.call_id, one.error is not None) for one in answers] == [
        ("toolu_2", True),
        ("toolu_1", False),
    ]
    assert not [event for event in events if isinstance(event, SourceDefect)]


def test_the_end_and_the_start_of_a_session_of_the_agent_sdk_are_kept() -> None:
    events = read_value(FORMAT, SDK)
    start, end = runs(events)[0], next(one for one in events if isinstance(one, RunEnded))
    assert (start.model, [tool.name for tool in start.tools]) == (
        "claude-sonnet-4-5",
        ["Bash", "Read"],
    )
    assert (end.status, end.stop_reason) == ("ok", "success")
    assert end.usage is not None
    assert end.usage.cost_usd == 0.0012417


def test_a_message_of_the_agent_sdk_has_its_own_place() -> None:
    events = read_value(FORMAT, SDK)
    places = [event.at.pointer for event in events if isinstance(event, MessageAppended)]
    assert places == ["/2", "/6", "/7", "/8"]


@settings(max_examples=100, deadline=None)
@given(
    any_json("content", "model", "parent_tool_use_id", "subtype", "data", "uuid", "name", "text")
)
def test_values_that_resemble_a_message_of_the_agent_sdk_never_raise(value: Any) -> None:
    FORMAT.sniff(sample(*SDK, value))
    read_value(FORMAT, [*SDK, value])
