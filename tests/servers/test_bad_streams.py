"""Every misbehaviour of a streamed reply is reported, through both adapters."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest

from hermes_tui.runtime.servers.base import Reply
from hermes_tui.runtime.servers.chat_server import ChatServer
from tests.servers.bad_cases import ADAPTERS, ask, bad_server, check_outcome

pytestmark = pytest.mark.shared

CALL = 'get_weather({"city": "Paris"})'
# case: ("reply", "failed" or "empty"; text and calls, or the failure's message; findings)
EXPECTED = {
    "ok": ("reply", CALL, ""),
    "two_sequential": ("reply", 'get_weather({"city": "Paris"}) run_shell({"command": "ls"})', ""),
    "two_interleaved": ("reply", 'get_weather({"city": "Paris"}) run_shell({"command": "ls"})', ""),
    "two_in_one_delta": ("reply", "get_weather({}) run_shell({})", ""),
    "all_index0_new_id": (
        "reply",
        'get_weather({"city": "Paris"}) run_shell({"command": "ls"})',
        "warning REPLY_SHAPE: several streamed calls have index 0",
    ),
    "index_missing": (
        "reply",
        "get_weather({})",
        "warning REPLY_SHAPE: the index of a streamed call is missing",
    ),
    "index_null": (
        "reply",
        "get_weather({})",
        "warning REPLY_SHAPE: the index of a streamed call is null",
    ),
    "index_gap": (
        "reply",
        "get_weather({})",
        "note REPLY_SHAPE: no streamed call has index 0",
    ),
    "args_before_name": ("reply", CALL, ""),
    "id_every_delta": ("reply", CALL, ""),
    "id_null_name_null_later": ("reply", "get_weather({})", ""),
    "args_object": ("reply", 'get_weather({"city":"Paris"})', ""),
    "args_null": ("reply", "get_weather()", ""),
    "reasoning_deltas": ("reply", "hi", ""),
    "no_role_chunk": ("reply", CALL, ""),
    "no_finish": ("reply", CALL, "warning STREAM_CUT: the stream has no finish_reason"),
    "no_done": ("reply", CALL, "note STREAM_CUT: the stream ends without [DONE]"),
    "nothing_but_done": ("empty", "the stream was empty: nothing but [DONE]", ""),
    "empty_stream": ("empty", "the stream was empty: no event arrived", ""),
    "usage_on_every_chunk": ("reply", "ab", "note REPLY_SHAPE: usage was sent in 2 chunks"),
    "choices_null": ("reply", "x", "note REPLY_SHAPE: choices is null in a chunk"),
    "delta_null": (
        "reply",
        "",
        (
            "note REPLY_SHAPE: delta is null in a chunk; error REPLY_SHAPE: the stream "
            "contained no text and no call"
        ),
    ),
    "delta_missing": (
        "reply",
        "",
        (
            "note REPLY_SHAPE: delta is missing in a chunk; error REPLY_SHAPE: the "
            "stream contained no text and no call"
        ),
    ),
    "message_not_delta": (
        "reply",
        CALL,
        "warning REPLY_SHAPE: a chunk contains message, not delta",
    ),
    "content_list": ("reply", "hi", ""),
    "bad_json_event": (
        "reply",
        "",
        (
            "error REPLY_SHAPE: event 2 is not JSON (Unterminated string starting at: "
            'line 1 column 26 (char 25)): {"id": "c", "choices": [{"ind; error '
            "REPLY_SHAPE: the stream contained no text and no call"
        ),
    ),
    "error_event": ("failed", "the server ended the stream with an error: worker died", ""),
    "error_string": ("failed", "the server ended the stream with an error: worker died", ""),
    "event_error": ("failed", "the server ended the stream with an error: oops", ""),
    "error_sse_field": (
        "failed",
        "the server ended the stream with an error: old llama.cpp style",
        "",
    ),
    "error_with_choices": (
        "failed",
        "the server ended the stream with an error: mid-stream",
        "",
    ),
    "keepalive_comments": ("reply", CALL, ""),
    "event_ping_empty": ("reply", CALL, "note REPLY_SHAPE: an event (ping) has no data"),
    "event_ping_json": ("reply", CALL, ""),
    "crlf": ("reply", CALL, ""),
    "no_space_after_colon": ("reply", CALL, ""),
    "u2028_in_text": ("reply", "a\u2028b\x85c", ""),
    "utf8_split": ("reply", "café 😀", ""),
    "single_newline_events": (
        "reply",
        CALL,
        ("warning REPLY_SHAPE: events of the stream end with one newline, without a blank line"),
    ),
    "cut_tcp_mid_event": ("failed", "the body broke off after 466 bytes", ""),
    "cut_tcp_between": ("failed", "the body broke off after 658 bytes", ""),
    "cut_clean_mid_event": (
        "reply",
        "get_weather()",
        ('error STREAM_CUT: the stream ends in the middle of an event: data: {"id": "c", "cho'),
    ),
    "cut_clean_no_blank": (
        "reply",
        'get_weather({"city":)',
        "error STREAM_CUT: the stream ends without finish_reason and without [DONE]",
    ),
    "after_done_garbage": ("reply", CALL, "note REPLY_SHAPE: events after [DONE] are left out: 1"),
    "fr_length_mid_args": ("reply", 'get_weather({"city":)', ""),
    "finish_twice": ("reply", CALL, "note REPLY_SHAPE: finish_reason was sent 2 times"),
    "role_every_chunk": ("reply", "ab", ""),
    "empty_tool_calls_list": ("reply", "a", ""),
    "id_missing": ("reply", "get_weather({})", ""),
    "stall": ("failed", "nothing more arrived for 2 s, after 444 bytes of the body", ""),
    "json_not_sse": (
        "reply",
        CALL,
        "warning REPLY_SHAPE: a whole reply was sent although a stream was requested",
    ),
    "html_200": ("failed", "200 with HTML, not JSON: 502 Bad Gateway", ""),
    "error_in_200_json": ("empty", "the body is an error: no gpu", ""),
    "429_ra1": ("failed", "429: slow down (retry after 1 s)", ""),
    "500_json": ("failed", "500: Failed to parse tool call arguments as JSON", ""),
}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[ModuleType, str]]:
    with bad_server() as running:
        yield running


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("case", EXPECTED)
async def test_a_bad_stream_is_reported_as_expected(
    server: tuple[ModuleType, str], adapter: type[ChatServer], case: str
) -> None:
    outcome, pieces = await ask(adapter, server[1], case, stream=True)
    check_outcome(outcome, EXPECTED[case])
    if isinstance(outcome, Reply):
        assert all(piece.raw in outcome.raw for piece in pieces)


def test_every_case_of_the_server_is_tested(server: tuple[ModuleType, str]) -> None:
    assert set(EXPECTED) == {*server[0].ST, *server[0].PLAIN}
