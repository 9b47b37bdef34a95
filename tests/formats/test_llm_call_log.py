"""Requests and replies in call logs become runs in every spelling."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Layout
from hermes_tui.formats.readers.llm_call_log import FORMAT
from hermes_tui.model.events import (
    MessageAppended,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RunEnded,
    SourceDefect,
    ToolReturned,
)
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    delta,
    dialog,
    document,
    format_of,
    found_codes,
    lines,
    only,
    read_bytes,
    read_value,
    runs,
    sniffed,
    sse,
)

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "litellm"
ASK = [{"role": "system", "content": "s"}, {"role": "user", "content": "list"}]
CALL = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "a.txt"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}


def completion(message: dict[str, Any], reason: str = "stop") -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": reason, "message": message}
    return {"id": "chatcmpl-1", "model": "m", "choices": [choice], "usage": USAGE}


HELLO = completion({"role": "assistant", "content": "hello", "refusal": None})


STREAM = sse(
    delta(role="assistant", content="he"),
    delta(content="llo"),
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": USAGE},
)


@pytest.mark.parametrize(
    "value",
    [
        {"messages": ASK, "tools": [], "kwargs": {}, "response": HELLO, "cost": 0.1},
        {"request": {"model": "m", "messages": ASK}, "response": HELLO},
        {"request": {"model": "m", "messages": ASK}, "response": STREAM},
        {
            "request": {
                "method": "POST",
                "url": "http://h/v1",
                "body": json.dumps({"messages": ASK}),
            },
            "response": {"status": 200, "headers": {}, "body": json.dumps(HELLO)},
        },
        {"input": {"messages": ASK}, "output": HELLO},
        {"input": ASK, "output": {"role": "assistant", "content": "hello"}},
        {"body": {"messages": ASK}, "output": STREAM},
        {"prompt": ASK, "output": "hello"},
        {"call_type": "acompletion", "messages": ASK, "response": HELLO, "status": "success"},
        {
            "mode": "create",
            "messages": [
                {"type": "SystemMessage", "content": "s"},
                {"type": "UserMessage", "content": "list", "source": "user"},
            ],
            "response": {"finish_reason": "stop", "content": "hello", "usage": USAGE},
            "stream": [],
        },
        {"kwargs": {"model": "m", "messages": ASK}, "response": HELLO},
        {"payload": {"messages": ASK}, "response": json.dumps(HELLO), "attempt": 2},
        {"prompt": ASK, "response": {"text": "hello", "meta_info": {"completion_tokens": 2}}},
        {
            "request": {"instructions": "s", "input": "list"},
            "response": {
                "output": [
                    {"type": "message", "content": [{"type": "output_text", "text": "hello"}]}
                ]
            },
        },
    ],
    ids=[
        "completion log",
        "request and response",
        "streamed",
        "http envelope",
        "input and output",
        "input list",
        "body and stream",
        "prompt",
        "standard payload",
        "autogen",
        "arguments of a client",
        "payload",
        "prompt and reply of SGLang",
        "responses api",
    ],
)
def test_every_spelling_yields_the_request_then_the_reply(value: dict[str, Any]) -> None:
    for data in (lines(value), document(value), document([value])):
        events = read_bytes(FORMAT, data)
        assert dialog(events) == [("system", "s"), ("user", "list"), ("assistant", "hello")]
        assert len(runs(events)) == len(only(events, ResponseReceived)) == 1


def test_a_bare_prompt_is_the_request_of_a_servers_reply() -> None:
    row = {"prompt": "list", "response": HELLO}
    assert format_of(lines(row, row)) == "llm-call-log"
    events = read_bytes(FORMAT, lines(row))
    assert dialog(events) == [("user", "list"), ("assistant", "hello")]
    assert runs(events)[0].model == "m"


def test_the_reply_is_received_before_its_message_with_usage_cost_and_time() -> None:
    value = {"messages": ASK, "response": HELLO, "cost": 0.25, "latency_sec": 1.5, "timestamp": 2e9}
    events = read_value(FORMAT, value)
    received = events[-2]
    assert isinstance(received, ResponseReceived) and isinstance(events[-1], MessageAppended)
    assert received.usage is not None
    assert (received.usage.prompt_tokens, received.usage.cost_usd) == (9, 0.25)
    assert (received.duration_s, received.ts, received.finish_reason) == (1.5, 2e9, "stop")
    assert json.loads(received.raw)["id"] == "chatcmpl-1"


def test_a_request_that_continues_an_earlier_call_joins_its_run() -> None:
    first = {"request": {"messages": ASK}, "response": completion(CALLING, "tool_calls")}
    echo = {**CALLING, "content": "", "function_call": None}
    second = {"request": {"messages": [*ASK, echo, RESULT]}, "response": HELLO}
    other = {"request": {"messages": [{"role": "user", "content": "else"}]}, "response": HELLO}
    events = read_bytes(FORMAT, lines(first, other, second))
    assert counts(events) == (2, 7, 1)
    joined = events[: next(i for i, e in enumerate(events) if e is runs(events)[1])]
    assert [m.role for m in (e.message for e in only(joined, MessageAppended))] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    assert [received.turn for received in only(joined, ResponseReceived)] == [1, 2]
    assert runs(events)[0].details["calls"] == "1, 3"
    starts = {event.at.range.start for event in joined if event.at is not None}
    assert len(starts) == 2, "each event points to its line"


def test_parallel_calls_repeated_as_responses_api_items_join_their_run() -> None:
    asked = {"role": "user", "content": "list"}
    both = [
        {"type": "function_call", "call_id": name, "name": "ls", "arguments": "{}"}
        for name in ("c1", "c2")
    ]
    outputs = [
        {"type": "function_call_output", "call_id": name, "output": "x"} for name in ("c1", "c2")
    ]
    first = {"request": {"input": [asked]}, "response": {"output": both}}
    second = {"request": {"input": [asked, *both, *outputs]}, "response": {"output": []}}
    assert counts(read_bytes(FORMAT, lines(first, second))) == (1, 4, 2)


def test_pointers_lead_to_the_call_in_a_list_and_into_it_in_lines() -> None:
    value = {"request": {"messages": ASK}, "response": HELLO}
    listed = read_bytes(FORMAT, document([value, value]))
    by_line = read_bytes(FORMAT, lines(value, value))
    assert listed[-1].at.pointer == "/1/response/choices/0/message"
    assert by_line[-1].at.pointer == "/response/choices/0/message"


def test_each_choice_is_a_run_and_a_later_request_continues_the_matching_one() -> None:
    first, second = ({"role": "assistant", "content": word} for word in ("hello", "hi"))
    reply = completion(first)
    reply["choices"].append({"index": 1, "finish_reason": "stop", "message": second})
    more = {"role": "user", "content": "go on"}
    logs = [
        {"request": {"messages": ASK, "n": 2}, "response": reply},
        {"request": {"messages": [*ASK, second, more]}, "response": HELLO},
    ]
    events = read_value(FORMAT, logs)
    assert [run.run_id for run in runs(events)] == ["chatcmpl-1", "chatcmpl-1 · choice 2"]
    asked = [("system", "s"), ("user", "list")]
    alone, on = [*asked, ("assistant", "hello")], [*asked, ("assistant", "hi"), ("user", "go on")]
    assert dialog(events) == [*alone, *on, ("assistant", "hello")]
    used = [event.usage is not None for event in events if isinstance(event, ResponseReceived)]
    assert used == [True, False, True]


def test_the_same_request_sent_twice_is_two_runs() -> None:
    value = {"messages": ASK, "response": HELLO}
    assert counts(read_bytes(FORMAT, lines(value, value))) == (2, 6, 0)


def test_calls_of_one_session_share_a_group() -> None:
    value = {"messages": ASK, "response": HELLO, "metadata": {"session_id": "s-1"}}
    assert [run.group_id for run in runs(read_bytes(FORMAT, lines(value, value)))] == ["s-1"] * 2


def test_a_failed_request_is_an_error_and_its_retry_the_next_attempt() -> None:
    body = {"error": {"type": "overloaded", "message": "try later", "code": 529}}
    failed = {"request": {"messages": ASK}, "response": {"status_code": 529, "body": body}}
    retried = {"request": {"messages": ASK}, "response": HELLO}
    events = read_bytes(FORMAT, lines(failed, retried))
    assert counts(events) == (1, 3, 0)
    failure = only(events, RequestFailed)[0]
    assert (failure.status, failure.message) == (529, "try later")
    assert failure.chain == ("overloaded: try later",)
    assert json.loads(failure.body) == body
    assert found_codes([failure]) == ["REQUEST_ERROR:error"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"messages": ASK, "response": None, "status": "failure", "error_str": "boom"}, "boom"),
        ({"request": {"messages": ASK}, "error": {"message": "no route"}}, "no route"),
        (
            {"messages": ASK, "response": {"error": {"message": "bad key", "code": "401"}}},
            "bad key",
        ),
        (
            {
                "custom_id": "r1",
                "response": {"status_code": 400, "body": {"error": {"message": "no"}}},
            },
            "no",
        ),
        (
            {"scope": "http://h", "method": "POST", "path": "/v1", "status": 500, "response": "x"},
            "x",
        ),
    ],
)
def test_an_error_in_place_of_the_reply_is_reported(value: dict[str, Any], message: str) -> None:
    events = read_bytes(FORMAT, lines(value))
    assert only(events, RequestFailed)[0].message == message
    assert only(events, RunEnded)[0].status == "error"


def test_calls_of_one_trace_share_a_group() -> None:
    first = {"trace_id": "t1", "messages": ASK, "response": HELLO}
    second = {"trace_id": "t1", "messages": [{"role": "user", "content": "b"}], "response": HELLO}
    found = runs(read_value(FORMAT, [first, second]))
    assert [run.group_id for run in found] == ["t1", "t1"]


def test_requests_in_separate_traces_still_join_one_conversation() -> None:
    first = {"trace_id": "t1", "messages": ASK, "response": completion(CALLING, "tool_calls")}
    second = {"trace_id": "t2", "messages": [*ASK, CALLING, RESULT], "response": HELLO}
    events = read_value(FORMAT, [first, second])
    assert counts(events) == (1, 5, 1)
    assert runs(events)[0].group_id == ""


def test_litellm_batches_are_read_as_one_log() -> None:
    data = (FIXTURES / "generic-api-1.106.jsonl").read_bytes()
    assert format_of(data) == "llm-call-log"
    events = read_bytes(FORMAT, data)
    assert [run.task for run in runs(events)] == ["multi: Lima?", "bad400: Too long"]
    assert dialog(events)[1:5] == [
        ("user", "multi: Lima?"),
        ("assistant", ""),
        ("tool", '{"city": "Lima", "temp": 3, "units": "c"}'),
        ("assistant", "Lima is 18."),
    ]
    assert [call.arguments for call in calls(events)] == [{"city": "Lima"}]
    assert found_codes(events) == ["REQUEST_ERROR:error"]
    assert "ContextWindowExceeded" in only(events, RequestFailed)[0].message


def test_a_batch_element_that_is_not_an_exchange_is_reported_with_its_place() -> None:
    exchange = {"messages": ASK, "response": HELLO}
    batch = [exchange, {"odd": 1}, exchange, exchange, exchange]
    events = read_bytes(FORMAT, lines(batch, batch[:1]))
    (defect,) = only(events, SourceDefect)
    assert defect.at.pointer == "/1"


def test_batch_output_contains_only_replies() -> None:
    value = {"custom_id": "row-1", "response": {"status_code": 200, "body": HELLO}, "error": None}
    events = read_bytes(FORMAT, lines(value))
    assert dialog(events) == [("assistant", "hello")]
    assert runs(events)[0].run_id == "row-1"


def test_a_recorded_stream_without_its_request_is_joined() -> None:
    value = {
        "scope": "https://h",
        "method": "POST",
        "path": "/c",
        "status": 200,
        "response": STREAM,
    }
    events = read_bytes(FORMAT, lines(value))
    assert dialog(events) == [("assistant", "hello")]
    assert only(events, RequestSent)[0].url == "https://h/c"


def test_captured_credentials_are_masked() -> None:
    headers = {"Authorization": "Bearer s3cr3t", "Accept": "*/*"}
    request = {"method": "POST", "url": "https://h/v1?key=s3cr3t", "headers": headers}
    value = {
        "request": {**request, "body": {"messages": ASK}},
        "response": {"status": 200, "headers": {"Set-Cookie": "s3cr3t"}, "body": HELLO},
    }
    events = read_value(FORMAT, value)
    assert "s3cr3t" not in repr(events)
    assert runs(events)[0].details["request_headers"]["Accept"] == "*/*"


def test_the_messages_actually_sent_are_kept_alongside_the_agents_own() -> None:
    rewritten = [{"role": "user", "content": "list, and call by <function=…>"}]
    text = completion({"role": "assistant", "content": "<function=ls></function>"})
    value = {
        "messages": rewritten,
        "raw_messages": ASK,
        "response": completion(CALLING),
        "raw_response": text,
    }
    events = read_value(FORMAT, value)
    assert dialog(events)[:2] == [("system", "s"), ("user", "list")]
    assert [call.name for call in calls(events)] == ["ls"]
    assert json.loads(only(events, RequestSent)[0].body) == rewritten
    assert json.loads(only(events, ResponseReceived)[0].raw) == text


def test_autogen_calls_and_results_are_linked() -> None:
    value = {
        "mode": "create",
        "messages": [
            {"type": "UserMessage", "content": "list", "source": "user"},
            {
                "type": "AssistantMessage",
                "content": [{"id": "c1", "name": "ls", "arguments": "{}"}],
                "thought": "look",
                "source": "coder",
            },
            {
                "type": "FunctionExecutionResultMessage",
                "content": [{"call_id": "c1", "name": "ls", "content": "a", "is_error": False}],
            },
        ],
        "response": {"finish_reason": "stop", "content": "hello", "usage": USAGE},
    }
    events = read_value(FORMAT, value)
    assert [(call.id, call.name) for call in calls(events)] == [("c1", "ls")]
    results = [event.result for event in only(events, ToolReturned)]
    assert [(result.call_id, result.content) for result in results] == [("c1", "a")]


@pytest.mark.parametrize(
    "foreign",
    [
        {"messages": ASK},
        {"prompt": ASK, "completion": ASK, "reward": 1.0},
        {"instruction": "i", "input": "x", "output": "y"},
        {"input": "x", "output": "y"},
        {"params": {"lr": 0.1}, "response": HELLO},
        {"prompt": "x", "response": {"label": "y"}},
        {
            "timestamp": 1,
            "session_id": "s",
            "reason": "r",
            "request": {"body": {}},
            "error": {"m": 1},
        },
        {"method": "generateContent", "response": [{"candidates": []}]},
        {"action": "ls", "observation": "a", "response": "r", "messages": ASK},
        {"log": {"entries": [{"request": {}, "response": {}}]}},
        {"tokens": [[1]], "masks": [[1]], "scores": [1]},
    ],
)
def test_files_of_other_formats_are_not_claimed(foreign: dict[str, Any]) -> None:
    assert sniffed(FORMAT, foreign) == ""
    assert sniffed(FORMAT, [foreign], layout=Layout.DOCUMENT) == ""


def test_a_record_that_is_not_a_call_is_a_defect_outside_the_runs() -> None:
    value = {"messages": ASK, "response": HELLO}
    events = read_bytes(FORMAT, lines(*[value] * 4, {"meta": 1}))
    assert isinstance(events[0], SourceDefect) and len(runs(events)) == 4


def test_request_elements_that_are_not_messages_are_shown_verbatim() -> None:
    events = read_value(FORMAT, {"messages": [*ASK, "more", 5, [1]], "response": HELLO})
    assert dialog(events)[2:5] == [("user", "more"), ("unknown", "5"), ("unknown", "[1]")]


JSON = any_json("messages", "response", "choices", "delta", "tool_calls", "function", "content")


@given(JSON, JSON)
@settings(max_examples=150, deadline=None)
def test_any_value_is_read_without_an_exception(first: Any, second: Any) -> None:
    shapes = (
        {"messages": first, "response": second},
        {"request": first, "response": second},
        {"input": first, "output": second, "model": "m"},
        {"custom_id": first, "response": {"status_code": 200, "body": second}, "error": first},
        {"request": {"url": first, "headers": first, "body": second}, "error": second},
    )
    for value in (first, [first, second], *shapes):
        sniffed(FORMAT, value)
        read_value(FORMAT, value)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("litellm_proxy__anthropic__claude-sonnet-4-20250514-1757015036.544.json", (1, 9, 4)),
        ("litellm_proxy__anthropic__claude-sonnet-4-20250514-1757015046.707.json", (1, 13, 6)),
        ("litellm_proxy__deepseek__deepseek-chat-1757015068.723.json", (1, 7, 3)),
        # 29 calls: eight go on with an earlier one, so their 32 repeated messages are not new.
        ("autogen-self_teaching-session.json", (21, 79, 0)),
    ],
)
def test_real_logs_match_their_manifest(
    trajectories: Path, name: str, expected: tuple[int, int, int]
) -> None:
    data = (trajectories / "01b-request-response-log" / name).read_bytes()
    events = read_bytes(FORMAT, data)
    assert counts(events) == expected
    assert len(only(events, ResponseReceived)) == (29 if "autogen" in name else 1)
    assert not only(events, SourceDefect)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"error": {"code": 502, "message": "Provider failed"}}, "Provider failed"),
        ({}, "finish_reason error"),
    ],
)
def test_an_error_that_ended_a_reply_is_one_finding(more: dict[str, Any], message: str) -> None:
    reply = completion({"role": "assistant", "content": "hel"}, "error")
    reply["choices"][0].update(more)
    events = read_value(FORMAT, {"request": {"messages": ASK}, "response": reply})
    assert dialog(events)[-1] == ("assistant", "hel")
    assert only(events, ResponseReceived)[0].finish_reason == "error"
    assert found_codes(events) == ["ERROR_IN_REPLY:error"]
    [found] = [found for event in events for found in getattr(event, "diagnostics", ())]
    assert found.message == f"the reply ended in an error: {message}"


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_an_incomplete_reply_of_the_responses_api_is_cut(reason: str) -> None:
    text = {"type": "output_text", "text": "The wea", "annotations": []}
    item = {"type": "message", "role": "assistant", "status": "incomplete", "content": [text]}
    reply = {"object": "response", "status": "incomplete", "output": [item],
             "incomplete_details": {"reason": reason}}  # fmt: skip
    request = {"model": "m", "input": "Weather?"}
    events = read_value(FORMAT, {"request": request, "response": reply})
    assert found_codes(events) == ["TRUNCATED:error"]


def test_an_error_in_one_choice_leaves_the_finish_reason_of_another() -> None:
    reply = completion({"role": "assistant", "content": "hel"}, "error")
    cut = {"message": {"role": "assistant", "content": "lo"}, "finish_reason": "length"}
    reply["choices"][0]["error"] = {"message": "Provider failed"}
    reply["choices"].append(cut)
    events = read_value(FORMAT, {"request": {"messages": ASK}, "response": reply})
    assert "TRUNCATED:error" in found_codes(events)


@pytest.mark.parametrize("reason", ["length", "model_length", "model_context_window_exceeded"])
def test_a_run_whose_last_reply_filled_the_context_was_truncated(reason: str) -> None:
    reply = completion({"role": "assistant", "content": "hel"}, reason)
    events = read_value(FORMAT, {"request": {"messages": ASK}, "response": reply})
    assert found_codes(events) == ["TRUNCATED:error"]
    assert [one.status for one in only(events, RunEnded)] == ["truncated"]
