"""Ollama's own API in HTTP archives and in request logs, as shown in its docs/api.md."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.dialects.ollama import join_ollama, lines_of
from hermes_tui.formats.readers import llm_call_log
from hermes_tui.formats.readers.har import reader as har
from hermes_tui.formats.readers.saved_streams import reader as saved_streams
from hermes_tui.formats.replies import bare_reply, reply_of
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import Event, RequestFailed, ResponseReceived
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
)

MODEL = {"model": "llama3.2", "created_at": "2023-08-04T08:52:19.385406455-07:00"}
END = {
    "done_reason": "stop",
    "done": True,
    "total_duration": 885095291,
    "prompt_eval_count": 122,
    "eval_count": 33,
    "eval_duration": 552222000,
}
ASK = {"role": "user", "content": "What is the weather today in Paris?"}
CALLED = {"function": {"name": "get_current_weather", "arguments": {"location": "Paris, FR"}}}
CALLING = {"role": "assistant", "content": "", "tool_calls": [CALLED]}
RESULT = {"role": "tool", "tool_name": "get_current_weather", "content": "22 °C"}
TOOLS = [{"type": "function", "function": {"name": "get_current_weather", "parameters": {}}}]
CHAT = "http://localhost:11434/api/chat"
GENERATE = "http://localhost:11434/api/generate"
SOUND = '<tool_call>\n{"name": "ls", "arguments": {}}\n</tool_call>'


def chat(*asked: Any) -> dict[str, Any]:
    return {"model": "llama3.2", "messages": list(asked), "tools": TOOLS}


def piece(content: str = "", **members: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **members}
    return {**MODEL, "message": message, "done": False}


def generated(response: str) -> dict[str, Any]:
    return {**MODEL, "response": response, "done": False}


def entry(url: str, body: Any, reply: Any, status: int = 200) -> dict[str, Any]:
    text = reply if isinstance(reply, str) else json.dumps(reply)
    return {
        "startedDateTime": "2026-01-02T03:04:05Z",
        "time": 1500,
        "request": {"method": "POST", "url": url, "postData": {"text": json.dumps(body)}},
        "response": {
            "status": status,
            "content": {"text": text, "mimeType": "application/x-ndjson"},
        },
    }


def read(*entries: Any) -> list[Event]:
    return read_value(har.FORMAT, {"log": {"version": "1.2", "entries": list(entries)}})


def streamed(*pieces: Any) -> str:
    return lines(*pieces).decode()


WHOLE = {**MODEL, "message": CALLING, **END}
STREAM = streamed(
    piece(thinking="The "),
    piece(thinking="user …"),
    piece(tool_calls=[CALLED]),
    {**piece(), **END},
)
ANSWER = streamed(piece("It is "), piece("warm é."), {**MODEL, **END})


@pytest.mark.parametrize("reply", [WHOLE, STREAM], ids=["whole", "streamed"])
def test_a_chat_in_an_archive_is_a_run_whose_calls_are_answered(reply: Any) -> None:
    first = entry(CHAT, chat(ASK), reply)
    second = entry(CHAT, chat(ASK, CALLING, RESULT), ANSWER)
    events = read(first, second)
    assert counts(events) == (1, 4, 1) and found_codes(events) == []
    assert dialog(events)[-1] == ("assistant", "It is warm é.")
    state, findings = fold_run(events)
    assert (state.model, state.results, findings) == ("llama3.2", 1, [])
    [call] = calls(events)
    assert call.arguments == {"location": "Paris, FR"}
    replies = only(events, ResponseReceived)
    assert [one.finish_reason for one in replies] == ["stop", "stop"]
    assert [one.usage.completion_tokens for one in replies] == [33, 33]


def test_thinking_in_a_stream_is_reasoning() -> None:
    [_, reply] = messages(read(entry(CHAT, chat(ASK), STREAM)))
    assert [part.text for part in reply.reasoning] == ["The user …"]


@pytest.mark.parametrize(
    "reply",
    [
        {**generated(SOUND), **END},
        streamed(generated(SOUND[:20]), generated(SOUND[20:]), {**generated(""), **END}),
    ],
    ids=["whole", "streamed"],
)
def test_the_generated_text_is_searched_for_calls(reply: Any) -> None:
    body = {"model": "mistral", "prompt": "List.", "system": "Be brief.", "raw": True}
    events = read(entry(GENERATE, body, reply))
    assert dialog(events) == [("system", "Be brief."), ("user", "List."), ("assistant", SOUND)]
    assert [call.name for call in calls(events)] == ["ls"] and found_codes(events) == []


@pytest.mark.parametrize("reply", [WHOLE, STREAM, STREAM.strip().split("\n"), None])
def test_a_request_log_may_contain_lines_a_list_or_the_whole_reply(reply: Any) -> None:
    kept = [json.loads(line) for line in reply] if isinstance(reply, list) else reply
    log = {"request": chat(ASK), "response": kept or {"status": 200, "body": STREAM}}
    assert format_of(lines(log, log)) == "llm-call-log"
    events = read_value(llm_call_log.FORMAT, [log])
    assert counts(events) == (1, 2, 1) and found_codes(events) == []


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (STREAM[: STREAM.index('"tool_calls"')], "the stream ends in the middle of an event"),
        (streamed(piece("It "), piece("is")), "the stream ended before the reply did"),
    ],
)
def test_a_truncated_stream_is_reported(stream: str, message: str) -> None:
    events = read(entry(CHAT, chat(ASK), stream))
    [found] = only(events, ResponseReceived)[0].diagnostics
    assert found.code == "STREAM_CUT" and found.message.startswith(message)
    assert len(messages(events)) == 2


def test_an_error_is_reported_within_a_stream_or_in_place_of_it() -> None:
    broken = streamed(piece("It "), {"error": "llama runner process has terminated"})
    events = read(entry(CHAT, chat(ASK), broken))
    assert dialog(events)[-1] == ("assistant", "It ") and found_codes(events) == [
        "ERROR_IN_REPLY:error"
    ]
    missing = {"error": "model 'llama9' not found"}
    [failed] = only(read(entry(CHAT, chat(ASK), missing, status=404)), RequestFailed)
    assert (failed.status, failed.message) == (404, "model 'llama9' not found")


def test_loading_a_model_and_lookalike_addresses_make_no_run() -> None:
    load = {**MODEL, "message": {"role": "assistant", "content": ""}, "done_reason": "load"}
    unload = {**MODEL, "response": "", "done": True, "done_reason": "unload"}
    events = read(
        entry(CHAT, chat(ASK), ANSWER),
        entry(CHAT, {"model": "llama3.2", "messages": []}, {**load, "done": True}),
        entry(GENERATE, {"model": "llama3.2", "prompt": "", "keep_alive": 0}, unload),
        entry("https://images.example/api/generate", {"prompt": "a cat"}, {"url": "x"}),
    )
    assert len(runs(events)) == 1


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (STREAM, 1),
        (json.dumps(WHOLE), 1),
        (json.dumps(WHOLE, indent=1), 1),
        (STREAM + STREAM, 2),
        (STREAM[: STREAM.rindex('"done"')], 1),
        (STREAM[: STREAM.index("\n", STREAM.index("tool_calls"))] + '\n{"error": "oom"}', 1),
    ],
    ids=["streamed", "whole", "pretty", "several", "truncated", "error"],
)
def test_a_saved_reply_is_a_run(data: str, count: int) -> None:
    assert format_of(data.encode()) == "event-stream"
    events = read_bytes(saved_streams.FORMAT, data.encode())
    assert len(runs(events)) == len(calls(events)) == count
    expected = [] if '"done": true' in data else ["STREAM_CUT:error"]
    assert found_codes(events) == (["ERROR_IN_REPLY:error"] if "oom" in data else expected)


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "q", "response": "a", "done": True, "model": "m", "created_at": "x"},
        {"messages": [ASK], "response": "a", "done": True, "model": "m", "created_at": "x"},
        {"message": ASK, "done": False, "step": 3},
    ],
)
def test_rows_with_a_done_member_alone_are_not_taken_for_streams(row: Any) -> None:
    assert format_of(lines(row, row)) != "event-stream"


@pytest.mark.parametrize("data", [STREAM, json.dumps(WHOLE), ANSWER])
def test_a_bare_reply_is_recognised(data: str) -> None:
    reply = bare_reply(data)
    assert reply is not None and len(reply.messages) == 1
    assert bare_reply(data.replace("created_at", "created")) is None


def test_json_lines_written_by_a_model_are_plain_text() -> None:
    text = '{"a": 1, "done": 2}\n{"b": 2}'
    reply = reply_of(text, "")
    assert [message["content"] for _, message in reply.messages] == [text]


JSON = any_json("message", "response", "done", "content", "tool_calls", "thinking", "done_reason")


@given(JSON, JSON)
@settings(max_examples=60)
def test_any_lines_are_joined_without_an_exception(one: Any, two: Any) -> None:
    first = {
        "done": False,
        "model": "m",
        "message": one if isinstance(one, dict) else {"content": one},
    }
    for pieces in ([first, two], [{"done": True, "model": "m", "response": "a"}, one], [two, one]):
        lines_of(lines(*pieces).decode())
        join_ollama([piece for piece in pieces if isinstance(piece, dict)])
        reply_of(lines(*pieces).decode(), "")
        reply_of(pieces, "")
