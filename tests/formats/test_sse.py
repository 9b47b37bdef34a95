"""Streamed replies are joined into the reply that the server would have sent whole."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.streams.event_stream import NO_BLANK_LINES
from hermes_tui.formats.streams.sse import join_chunks, read_sse
from hermes_tui.model.diagnostics import Severity
from tests.formats.foreign import any_json, delta, sse


def test_streamed_calls_are_joined_by_their_index() -> None:
    def part(index: int, **function: str) -> dict[str, Any]:
        return delta(tool_calls=[{"index": index, "function": function}])

    stream = read_sse(
        sse(
            delta(reasoning_content="hm"),
            delta(tool_calls=[{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]),
            part(0, arguments='{"x"'),
            part(1, name="g", arguments="{}"),
            part(0, arguments=":1}"),
        )
    )
    joined = join_chunks(stream.events)
    assert stream.done and joined is not None and not stream.flaws and not joined.flaws
    message = joined.reply["choices"][0]["message"]
    assert message["reasoning_content"] == "hm"
    assert [call["function"] for call in message["tool_calls"]] == [
        {"name": "f", "arguments": '{"x":1}'},
        {"name": "g", "arguments": "{}"},
    ]


def test_streamed_calls_with_ambiguous_indexes_are_reported() -> None:
    def flaws(*parts: dict[str, Any], key: str = "delta") -> list[str]:
        choices = [{"choices": [{key: {"role": "assistant", "tool_calls": [p]}}]} for p in parts]
        joined = join_chunks(choices)
        assert joined is not None
        assert len(joined.reply["choices"][0]["message"]["tool_calls"]) == len(parts)
        assert {flaw.severity for flaw in joined.flaws} <= {Severity.WARNING}
        return [flaw.message for flaw in joined.flaws]

    def part(id: str, **index: Any) -> dict[str, Any]:
        return {**index, "id": id, "function": {"name": "f", "arguments": "{}"}}

    assert flaws(part("a", index=0), part("b", index=1)) == []
    assert flaws(part("a", index=0), part("b", index=0)) == ["several streamed calls have index 0"]
    assert flaws(part("a"), part("b")) == ["the index of a streamed call is missing"]
    assert flaws(part("a", index=None)) == ["the index of a streamed call is null"]
    assert flaws(part("a"), key="message") == []


def test_events_without_a_blank_line_between_them_are_reported() -> None:
    text = sse(delta(content="a"), delta(content="b"))
    assert read_sse(text).flaws == ()
    assert read_sse("data: {\ndata: }\n\n").flaws == ()
    read = read_sse(text.replace("\n\n", "\n"))
    assert (len(read.events), read.done, read.flaws) == (2, True, (NO_BLANK_LINES,))


def test_anthropic_streams_are_joined_block_by_block() -> None:
    joined = join_chunks(
        [
            {
                "type": "message_start",
                "message": {"role": "assistant", "usage": {"input_tokens": 3}},
            },
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "text", "text": ""},
            },
            {"type": "content_block_delta", "index": 0, "delta": {"text": "hel"}},
            {"type": "content_block_delta", "index": 0, "delta": {"text": "lo"}},
            {
                "type": "content_block_start",
                "index": 1,
                "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}},
            },
            {"type": "content_block_delta", "index": 1, "delta": {"partial_json": '{"x":'}},
            {"type": "content_block_delta", "index": 1, "delta": {"partial_json": "1}"}},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "tool_use"},
                "usage": {"output_tokens": 5},
            },
        ]
    )
    assert joined is not None
    assert joined.reply["content"] == [
        {"type": "text", "text": "hello"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"x": 1}},
    ]
    assert joined.reply["usage"] == {"input_tokens": 3, "output_tokens": 5}


JSON = any_json("choices", "delta", "tool_calls", "function", "content", "index", "arguments")


@given(st.text(max_size=60), st.lists(JSON, max_size=4))
@settings(max_examples=100, deadline=None)
def test_any_stream_is_joined_without_an_exception(text: str, values: list[Any]) -> None:
    read_sse(text)
    join_chunks(values)
    join_chunks([{"choices": [{"delta": value}]} for value in values])
    join_chunks([{"type": "content_block_delta", "index": 0, "delta": value} for value in values])


def test_non_json_events_are_kept_apart_and_one_newline_may_end_an_event() -> None:
    stream = read_sse('event: x\r\ndata: {"a":1}\r\ndata: {"b":2}\r\n\r\ndata: torn {\n\n')
    assert stream.events == ({"a": 1}, {"b": 2})
    assert stream.unread == ("torn {",)
    assert not stream.done


def test_an_event_without_data_is_ignored() -> None:
    stream = read_sse('data:\n\ndata: {"a":1}\n\ndata: \n\n')
    assert (stream.events, stream.unread, stream.is_torn) == (({"a": 1},), (), False)


def test_a_torn_last_event_is_distinguished_from_a_bad_one_before_it() -> None:
    torn = read_sse('data: oops\n\ndata: {"a":1}\n\ndata: {"b"')
    assert (torn.events, torn.unread, torn.is_torn) == (({"a": 1},), ("oops", '{"b"'), True)
    assert not read_sse('data: {"a":1}\n\ndata: oops\n\n').is_torn
