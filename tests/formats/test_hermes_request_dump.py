from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.hermes_request_dump import HermesRequestDump
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.events import Event, RequestFailed, RequestSent
from tests.formats.foreign import any_json, calls, ended, messages, results, sample, started
from tests.formats.hermes_support import load_document, read

DUMP = HermesRequestDump()


@pytest.fixture(name="dump")
def _dump() -> Any:
    return load_document("request_dump.json")


def failure_in(events: list[Event]) -> RequestFailed:
    return next(event for event in events if isinstance(event, RequestFailed))


def test_a_dump_is_recognised(dump: Any) -> None:
    assert DUMP.sniff(sample(dump)) is not None
    assert DUMP.sniff(sample({"request": {"messages": []}, "response": {}})) is None


def test_the_request_and_its_failure_follow_the_messages(dump: Any) -> None:
    events = read(DUMP, dump)
    assert [type(event).__name__ for event in events[-3:]] == [
        "RequestSent",
        "RequestFailed",
        "RunEnded",
    ]
    assert len(messages(events)) == 9
    assert [tool.name for tool in started(events).tools] == ["terminal", "read_file", "todo"]
    sent = next(event for event in events if isinstance(event, RequestSent))
    assert json.loads(sent.body) == dump["request"]["body"]
    assert sent.turn == 5


def test_the_failure_has_its_status_body_and_exception(dump: Any) -> None:
    failed = failure_in(read(DUMP, dump))
    assert failed.status == 400
    assert failed.body == '{"error": {"code": 400}}'
    assert failed.chain == (
        "BadRequestError: Error code: 400 - tool_call_id call_d1 has no answer",
    )
    assert [(item.code, item.severity) for item in failed.diagnostics] == [
        (Code.REQUEST_ERROR, Severity.ERROR)
    ]


def test_the_failure_is_counted_once_and_ends_the_run(dump: Any) -> None:
    events = read(DUMP, dump)
    state, _ = fold_run(events)
    assert state.codes[Code.REQUEST_ERROR] == 1
    assert (ended(events).status, ended(events).stop_reason) == (
        "error",
        "non_retryable_client_error",
    )


def test_credentials_are_masked_everywhere(dump: Any) -> None:
    headers = {"Authorization": "Bearer abcdefgh12345678", "x-api-key": "k-123456789"}
    dump["request"]["headers"] = headers
    dump["request"]["url"] = "http://localhost/v1?key=abcdefgh12345678"
    dump["request"]["body"]["extra_headers"] = headers
    shown = repr(read(DUMP, dump))
    assert "abcdefgh12345678" not in shown
    assert "k-123456789" not in shown


def test_a_request_dumped_without_an_error_did_not_fail(dump: Any) -> None:
    del dump["error"]
    events = read(DUMP, dump)
    assert not any(isinstance(event, RequestFailed) for event in events)
    assert isinstance(events[-1], RequestSent)


def test_an_error_that_is_plain_text_is_shown(dump: Any) -> None:
    dump["error"] = "connection reset"
    assert failure_in(read(DUMP, dump)).message == "connection reset"


def test_responses_input_becomes_turns_with_their_calls_together(dump: Any) -> None:
    dump["request"]["body"] = {
        "model": "m",
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "look twice"}]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"type": "function_call", "call_id": "c2", "name": "g", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "one"},
            {"type": "function_call_output", "call_id": "c2", "output": "two"},
        ],
    }
    events = read(DUMP, dump)
    assert [message.role for message in messages(events)] == [
        "system",
        "user",
        "assistant",
        "tool",
        "tool",
    ]
    assert messages(events)[2].reasoning[0].text == "look twice"
    assert [call.id for call in calls(events)] == ["c1", "c2"]
    assert [result.content for result in results(events)] == ["one", "two"]
    state, _ = fold_run(events)
    assert Code.CALL_UNANSWERED not in state.codes


def test_items_that_are_not_messages_are_shown_verbatim(dump: Any) -> None:
    dump["request"]["body"] = {"messages": [{"role": "user", "content": "hi"}, 5]}
    shown = [(message.role, message.text) for message in messages(read(DUMP, dump))]
    assert shown == [("user", "hi"), ("unknown", "5")]


@settings(max_examples=150, deadline=None)
@given(
    any_json("request", "body", "messages", "input", "type", "role", "error", "headers"),
    any_json("type", "role", "content", "call_id", "summary", "output"),
)
def test_reading_and_sniffing_never_raise(value: Any, items: Any) -> None:
    body = {"messages": items, "tools": value}
    for item in (
        value,
        {"request": {"body": body, "headers": value, "url": value}, "error": value},
        {"request": {"body": {"input": items, "system": items}}, "error": items},
    ):
        DUMP.sniff(sample(item))
        read(DUMP, item)
