"""Messages, sessions and responses of Microsoft's Agent Framework are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.agent_framework import FORMAT
from hermes_tui.model.events import CallSkipped, SourceDefect
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

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "agent_framework"


def data_of(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


@pytest.mark.parametrize("container", ["lines", "list", "session", "thread"])
def test_messages_are_one_run_in_every_container(container: str) -> None:
    listed = [json.loads(line) for line in data_of("history.jsonl").splitlines()]
    session = {"type": "session", "session_id": "s", "state": {"in_memory": {"messages": listed}}}
    thread = {"chat_message_store_state": {"messages": listed}}
    data = {
        "lines": lines(*listed),
        "list": document(listed),
        "session": document(session),
        "thread": document(thread),
    }[container]
    assert format_of(data) == "agent-framework"
    events = read_bytes(FORMAT, data)
    assert only(events, SourceDefect) == []
    assert counts_with_errors(events) == (1, 13, 6, 3)
    assert runs(events)[0].task == "How is it in Oslo and Rome?"
    assert [answer.call_id for answer in results(events)] == [one.id for one in calls(events)][:5]
    assert calls(events)[3].arguments_text == '{"city": "Oslo",}'
    assert {"ARGS_INVALID:error", "CALL_IN_CONTENT:error"} <= set(found_codes(events))
    assert messages(events)[1].author == "forecaster"


def test_a_response_has_its_reasoning_its_usage_and_its_end() -> None:
    data = data_of("response.json")
    assert format_of(data) == "agent-framework"
    events = read_bytes(FORMAT, data)
    assert counts_with_errors(events) == (1, 10, 5, 3)
    assert [one.reasoning[0].text for one in messages(events) if one.reasoning] == [
        "Two cities, two calls.",
        "Enough.",
    ]
    assert runs(events)[0].run_id == "resp_4"
    assert ended(events).stop_reason == "stop"
    used = ended(events).usage
    assert used is not None
    assert (used.prompt_tokens, used.completion_tokens) == (510, 60)


def test_a_declined_call_is_a_decision_and_no_failure() -> None:
    events = read_bytes(FORMAT, data_of("session.json"))
    assert runs(events)[0].run_id == "approval"
    assert len(calls(events)) == 3
    assert messages(events)[1].flags == ("approval requested",)
    assert messages(events)[2].text == "approved: get_weather\ndeclined: get_weather"
    (skipped,) = only(events, CallSkipped)
    assert skipped.call_index == 1
    assert results(events)[1].error is None
    assert counts_with_errors(events) == (1, 8, 3, 1)


def test_a_call_that_only_a_request_for_approval_holds_is_a_call() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "rm", "arguments": {"path": "/"}}
    asked = {"type": "function_approval_request", "function_call": call, "id": "c"}
    message = {"type": "message", "role": "assistant", "contents": [asked]}
    events = read_bytes(FORMAT, document([message]))
    assert [(one.name, one.id, one.arguments) for one in calls(events)] == [
        ("rm", "c", {"path": "/"})
    ]


def test_threads_of_the_beta_are_read() -> None:
    data = data_of("thread_b.json")
    assert format_of(data) == "agent-framework"
    events = read_bytes(FORMAT, data)
    assert [one.name for one in calls(events)][:4] == ["get_weather"] * 3 + ["fly"]
    assert [one.role for one in messages(events)][:3] == ["user", "assistant", "tool"]


def test_tools_of_the_provider_are_calls_with_their_results() -> None:
    events = read_bytes(FORMAT, data_of("hosted.json"))
    assert [(one.name, one.id) for one in calls(events)] == [
        ("shell", "s1"),
        ("code_interpreter", "p1"),
        ("fetch", "m1"),
        ("web_search", "w1"),
    ]
    assert calls(events)[0].arguments == {"commands": ["ls"], "timeout_ms": 5}
    assert [(one.call_id, one.content) for one in results(events)] == [
        ("s1", '{"stdout":"a\\n","exit_code":1}'),
        ("p1", "boom"),
        ("m1", "page"),
        ("w1", "hit"),
    ]
    last = messages(events)[-1]
    assert last.text == "error: content_filter: refused"
    assert [part.kind for part in last.parts] == ["text", "image", "file"]
    assert last.usage is not None
    assert last.usage.completion_tokens == 4


def test_each_history_of_a_session_is_a_run_and_what_is_no_message_is_reported() -> None:
    hello = {"type": "message", "role": "user", "contents": [{"type": "text", "text": "hi"}]}
    state = {"a": {"messages": [hello] * 4 + ["no"]}, "b/c": {"messages": [hello]}, "d": 1}
    events = read_bytes(FORMAT, document({"type": "session", "session_id": "s", "state": state}))
    assert [run.details["history"] for run in runs(events)] == ["a", "b/c"]
    (defect,) = only(events, SourceDefect)
    assert defect.at.pointer == "/state/a/messages/4"


@given(any_json("type", "call_id"), any_json("messages", "role", "contents"))
@settings(max_examples=100, deadline=None)
def test_reading_never_raises(value: Any, inner: Any) -> None:
    contents = [
        {"type": "function_call", "arguments": value, "call_id": inner},
        {"type": "function_result", "result": inner, "items": value, "exception": value},
        {"type": "function_approval_request", "function_call": value},
        {"type": "usage", "usage_details": value},
        {"type": "x_tool_call", "inputs": value},
        {"type": "x_tool_result", "outputs": value},
        {"type": "error", "message": value, "error_code": inner},
        {"type": inner},
        value,
    ]
    message = {"type": "message", "role": {"value": value}, "contents": contents}
    named = {**message, "role": "assistant", "author_name": inner}
    for found in (
        value,
        message,
        named,
        {"messages": [named, value], "usage_details": inner, "finish_reason": value},
        {"state": {"a": {"messages": [named]}, "b": inner}, "session_id": value},
    ):
        FORMAT.sniff(sample(found))
        read_value(FORMAT, found)
        read_value(FORMAT, [found])
