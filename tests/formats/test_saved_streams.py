"""Streamed replies as they came over the wire, saved to a file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hermes_tui.formats.detect import detect
from hermes_tui.formats.readers.saved_streams.reader import FORMAT
from hermes_tui.formats.registry import formats
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.events import Event, RequestFailed, ResponseReceived, SourceDefect
from tests.bytes_source import BytesSource
from tests.formats.foreign import (
    calls,
    dialog,
    format_of,
    found_codes,
    messages,
    only,
    read_by,
    read_bytes,
    runs,
)

CALL_TEXT = '<tool_call>\n{"name": "ls", "arguments": {}}\n</tool_call>'


def chunk(reason: str | None = None, **delta: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "model": "m",
        "choices": [choice],
    }


def part(**function: str) -> dict[str, Any]:
    first = {"id": "c1", "type": "function"} if "name" in function else {}
    return chunk(tool_calls=[{"index": 0, **first, "function": function}])


def data(*events: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def named(*events: dict[str, Any]) -> bytes:
    return b"".join(b"event: " + event["type"].encode() + b"\n" + data(event) for event in events)


DONE = b"data: [DONE]\n\n"
CHAT = data(
    chunk(role="assistant", content="Let me see é"),
    part(name="ls", arguments=""),
    part(arguments='{"path"'),
    part(arguments=': "."}'),
    chunk("tool_calls"),
    {**chunk(), "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5}},
)
TEXT = data(
    *(
        {
            "id": "cmpl-1",
            "object": "text_completion",
            "model": "m",
            "choices": [{"index": 0, "text": text, "finish_reason": reason}],
        }
        for text, reason in ((CALL_TEXT[:20], None), (CALL_TEXT[20:], "stop"))
    )
)
ANTHROPIC = named(
    {
        "type": "message_start",
        "message": {"id": "msg_1", "role": "assistant", "model": "m", "content": [], "usage": {}},
    },
    {"type": "ping"},
    {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "tool_use", "id": "t1", "name": "ls", "input": {}},
    },
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "input_json_delta", "partial_json": '{"path": "."}'},
    },
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}},
    {"type": "message_stop"},
)
ITEM = {"type": "function_call", "call_id": "c1", "name": "ls", "arguments": "{}", "id": "fc_1"}
RESPONSES = named(
    {"type": "response.created", "response": {"id": "resp_1", "model": "m", "output": []}},
    {"type": "response.output_item.done", "output_index": 0, "item": ITEM},
    {
        "type": "response.completed",
        "response": {"id": "resp_1", "model": "m", "status": "completed", "output": [ITEM]},
    },
)


def read(stream: bytes) -> list[Event]:
    return read_bytes(FORMAT, stream)


@pytest.mark.parametrize(
    ("stream", "run_id"),
    [
        (CHAT + DONE, "chatcmpl-1"),
        (b": OPENROUTER PROCESSING\n\n" + CHAT.replace(b"\n", b"\r\n") + DONE, "chatcmpl-1"),
        (TEXT + DONE, "cmpl-1"),
        (ANTHROPIC, "msg_1"),
        (RESPONSES, "resp_1"),
    ],
    ids=["chat", "comments", "text", "anthropic", "responses"],
)
def test_a_saved_stream_is_a_run_with_its_reply(stream: bytes, run_id: str) -> None:
    assert format_of(stream) == "event-stream"
    events = read(stream)
    [run] = runs(events)
    assert (run.run_id, run.model) == (run_id, "m")
    assert [message.role for message in messages(events)] == ["assistant"]
    assert [call.name for call in calls(events)] == ["ls"] and found_codes(events) == []
    [reply] = only(events, ResponseReceived)
    assert reply.raw == stream.decode()


@pytest.mark.parametrize("stream", [CHAT + DONE, TEXT + DONE, ANTHROPIC, RESPONSES])
def test_calls_of_a_saved_stream_need_no_results(stream: bytes) -> None:
    assert fold_run(tuple(read(stream)))[1] == []


def test_usage_and_finish_reason_of_a_stream_are_kept() -> None:
    [reply] = only(read(CHAT + DONE), ResponseReceived)
    assert (reply.finish_reason, reply.usage.completion_tokens) == ("tool_calls", 5)


@pytest.mark.parametrize(
    ("stream", "count"),
    [
        (2 * (CHAT + DONE), 2),
        (2 * (CHAT + DONE) + CHAT, 3),
        (2 * ANTHROPIC, 2),
        (3 * RESPONSES, 3),
        (CHAT + b"data: [DONE]\r\n" + DONE + ANTHROPIC, 2),
    ],
)
def test_streams_one_after_another_are_several_runs(stream: bytes, count: int) -> None:
    events = read(stream)
    assert len(runs(events)) == len(messages(events)) == len(calls(events)) == count
    assert found_codes(events) == []


def test_a_stream_after_a_truncated_one_is_a_separate_reply() -> None:
    other = CHAT.replace(b"chatcmpl-1", b"chatcmpl-2")
    cut = data(chunk(role="assistant", content="I"), chunk(content=" can"))
    events = read(cut + other + DONE)
    assert dialog(events) == [("assistant", "I can"), ("assistant", "Let me see é")]
    assert [run.run_id for run in runs(events)] == ["chatcmpl-1", "chatcmpl-2"]
    assert found_codes(events) == ["STREAM_CUT:error"]


def test_replies_of_undivided_streams_share_one_text_in_memory() -> None:
    first, *others = (reply.raw for reply in only(read(50 * ANTHROPIC), ResponseReceived))
    assert len(others) == 49 and all(raw is first for raw in others)


def test_chunks_with_different_ids_are_one_reply() -> None:
    chunks = [{**chunk(content=str(n)), "id": f"c-{n}"} for n in range(6)]
    assert dialog(read(data(*chunks) + DONE)) == [("assistant", "012345")]


def test_each_stream_points_to_its_place_in_the_file() -> None:
    places = [run.at.range for run in runs(read(2 * (CHAT + DONE)))]
    size = len(CHAT + DONE)
    assert [(place.start, place.end) for place in places] == [(0, size), (size, 2 * size)]


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (CHAT[:150] + DONE[:0], "the stream ends in the middle of an event: "),
        (data(chunk(content="a")), "the stream ended before the reply did: no finish_reason"),
        (
            data(chunk(content="a")) + b'data: {"id"',
            'the stream ends in the middle of an event: {"id"',
        ),
        (data(chunk("stop", content="a")) + b'data: {"id"', "the stream ends in the middle"),
        (ANTHROPIC[:450], "the stream ends in the middle of an event: "),
    ],
)
def test_a_truncated_stream_is_read_as_far_as_it_goes(stream: bytes, message: str) -> None:
    whole = data(chunk(content="a")) + stream if stream.startswith(CHAT[:100]) else stream
    events = read(whole)
    [reply] = only(events, ResponseReceived)
    [found] = reply.diagnostics
    assert (found.code, found.severity) == (Code.STREAM_CUT, Severity.ERROR)
    assert found.message.startswith(message)
    assert len(messages(events)) == 1


def test_errors_in_a_stream_are_reported() -> None:
    error = {"error": {"message": "out of memory", "type": "server_error", "code": 500}}
    alone = read(data(error) + DONE)
    assert [failed.message for failed in only(alone, RequestFailed)] == ["out of memory"]
    within = read(data(chunk(content="a"), error) + DONE)
    assert dialog(within) == [("assistant", "a")]
    assert found_codes(within) == ["ERROR_IN_REPLY:error"]
    ended = read(data(chunk(content="a"), {**chunk("error"), **error}) + DONE)
    assert found_codes(ended) == ["ERROR_IN_REPLY:error"]


def test_an_event_that_is_not_json_is_reported_and_the_others_read() -> None:
    events = read(data(chunk(content="a")) + b"data: oops\n\n" + data(chunk("stop")) + DONE)
    assert dialog(events) == [("assistant", "a")]
    assert found_codes(events) == ["REPLY_SHAPE:error"]


def test_choices_of_a_stream_are_runs_in_one_group() -> None:
    both = [
        {**chunk(), "choices": [{"index": n, "delta": {"content": "a"}, "finish_reason": "stop"}]}
        for n in range(2)
    ]
    events = read(data(*both) + DONE)
    assert [(run.run_id, run.group_id) for run in runs(events)] == [
        ("chatcmpl-1", "chatcmpl-1"),
        ("chatcmpl-1 · choice 2", "chatcmpl-1"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"data: some notes\n\nmore of them",
        b"id: 5\nname: x\n",
        b'data: {"loss": 0.5}\n\n',
        b": a comment\n",
        b"data:\n",
    ],
)
def test_texts_that_only_begin_like_a_stream_are_not_transcripts(text: bytes) -> None:
    found = detect(BytesSource(text), formats())
    assert found.reader is None and found.reason == "no JSON value found in it"


def test_json_is_not_taken_for_a_stream_unless_requested() -> None:
    value = b'{"role": "user", "content": "data: {}"}\n'
    assert format_of(value) == "openai-messages"
    source = BytesSource(value)
    reader = detect(source, formats(), format_name="event-stream").reader
    assert reader is not None
    [defect] = only(read_by(reader, source), SourceDefect)
    assert defect.message == "no event of a stream"
