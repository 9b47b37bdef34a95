"""Both adapters work against a real server on this machine."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from openai.types.chat import ChatCompletion

from hermes_tui.debugger.inputs import ModelReplied
from hermes_tui.debugger.replies import normalised_reply
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import Origin
from hermes_tui.parsers.normalise import normalise_message
from hermes_tui.parsers.text_calls import TextCalls
from hermes_tui.runtime.servers.base import Piece, Request, RequestFailure
from hermes_tui.runtime.servers.chat_server import ChatServer
from hermes_tui.runtime.servers.http import HttpServer
from hermes_tui.runtime.servers.openai_sdk import OpenAIServer
from tests.servers.asking import (
    CHUNKS,
    KEY,
    MESSAGE,
    both,
    failure_of,
    open_server,
    reply_of,
    request,
)
from tests.servers.local_server import HOLD, Answer, LocalServer, chunk, streamed, whole


@both
async def test_a_reply_holds_message_reason_usage_and_the_exact_body(
    adapter: type[ChatServer],
) -> None:
    answer = whole(MESSAGE, "tool_calls")
    reply = await reply_of(adapter, answer)
    found = normalise_message(reply.message)
    assert reply.raw == b"".join(answer.parts).decode()
    assert (reply.finish_reason, reply.usage["total_tokens"]) == ("tool_calls", 7)
    assert reply.diagnostics == ()
    assert found.message.text == "Let me look."
    assert found.message.reasoning[0].text == "They ask for weather."
    assert found.calls[0][0].arguments_text == '{"city": "Zürich"}'


@both
async def test_an_error_in_the_choice_is_a_finding_with_its_text(adapter: type[ChatServer]) -> None:
    failed = {"code": 502, "message": "Provider returned error"}
    message = {"role": "assistant", "content": "Let me"}
    choice = {"index": 0, "message": message, "finish_reason": "error", "error": failed}
    body = {"id": "gen-1", "object": "chat.completion", "created": 1, "model": "m"}
    reply = await reply_of(adapter, Answer([json.dumps({**body, "choices": [choice]}).encode()]))
    errors = [found for found in reply.diagnostics if found.severity is Severity.ERROR]
    assert [(found.code, found.message) for found in errors] == [
        (Code.ERROR_IN_REPLY, "the reply ended in an error: Provider returned error")
    ]
    replied = ModelReplied(
        reply.raw, reply.message, reply.finish_reason, diagnostics=reply.diagnostics
    )
    assert normalised_reply(replied, TextCalls.SUSPECT).diagnostics == ()


async def test_calls_arrive_as_dicts_over_http_and_as_objects_over_the_sdk() -> None:
    from openai.types.chat import ChatCompletionMessage

    plain = await reply_of(HttpServer, whole(MESSAGE))
    sdk = await reply_of(OpenAIServer, whole(MESSAGE))
    assert plain.message == MESSAGE
    assert isinstance(sdk.message, ChatCompletionMessage)
    assert sdk.message.tool_calls and sdk.message.tool_calls[0].id == "call_1"
    origins = [normalise_message(reply.message).calls[0][0].origin for reply in (plain, sdk)]
    assert origins == [Origin.DICT, Origin.OBJECT]


@both
async def test_a_request_with_a_lone_surrogate_cannot_be_sent(adapter: type[ChatServer]) -> None:
    with LocalServer(whole(MESSAGE)) as local, pytest.raises(RequestFailure) as failed:
        async with open_server(adapter, local.url) as server:
            await server.reply(request('{"role":"user","content":"a\ud800b"}'), lambda piece: None)
    assert failed.value.is_unsent
    assert failed.value.message.startswith("the request cannot be sent")


async def test_the_time_of_a_reply_counts_from_the_sending_of_its_request() -> None:
    times: list[float] = []

    class LoadsFirst(HttpServer):
        def _make_client(self) -> Any:
            client = super()._make_client()
            times.append(time.monotonic())
            return client

    reply = await reply_of(LoadsFirst, whole(MESSAGE))
    assert reply.sent_s is not None
    assert times[0] <= reply.sent_s <= time.monotonic()


@both
async def test_a_streamed_reply_equals_the_whole_reply(adapter: type[ChatServer]) -> None:
    at_once = await reply_of(adapter, whole(MESSAGE, "tool_calls"))
    answer = streamed(*CHUNKS)
    in_pieces = await reply_of(adapter, answer, stream=True)
    assert normalise_message(in_pieces.message) == normalise_message(at_once.message)
    assert in_pieces.finish_reason == at_once.finish_reason
    assert in_pieces.diagnostics == ()
    assert in_pieces.raw == b"".join(answer.parts).decode()


@both
async def test_pieces_arrive_while_the_stream_is_open(adapter: type[ChatServer]) -> None:
    answer = streamed(*CHUNKS[:5], HOLD)
    pieces: list[Piece] = []
    arrived = asyncio.Event()

    def on_piece(piece: Piece) -> None:
        pieces.append(piece)
        if len(pieces) == 4:
            arrived.set()

    with LocalServer(answer) as local:
        async with open_server(adapter, local.url) as server:
            task = asyncio.create_task(server.reply(request(stream=True), on_piece))
            await asyncio.wait_for(arrived.wait(), 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert [(piece.kind, piece.text) for piece in pieces] == [
        ("reasoning", "They ask "),
        ("reasoning", "for weather."),
        ("content", "Let me "),
        ("content", "look."),
    ]
    assert "".join(piece.raw for piece in pieces) == b"".join(CHUNKS[:5]).decode()
    assert pieces[1].raw == CHUNKS[2].decode()


@both
async def test_the_encoded_body_arrives_byte_for_byte(adapter: type[ChatServer]) -> None:
    sent = Request(0, 0, ('{"role": "user",  "content":"ü\\u00fc"}',), '{ "model":"m" ,"n":1}')
    with LocalServer(whole(MESSAGE)) as local:
        async with open_server(adapter, local.url, headers={"X-Run": "7"}) as server:
            await server.reply(sent, lambda piece: None)
    received = local.requests[0]
    assert received.body == sent.body
    assert received.path == "/v1/chat/completions"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.headers["x-run"] == "7"


@both
async def test_no_key_is_sent_if_there_is_none(
    adapter: type[ChatServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    with LocalServer(whole(MESSAGE)) as local:
        async with open_server(adapter, local.url, api_key="") as server:
            await server.reply(request(), lambda piece: None)
    assert "authorization" not in local.requests[0].headers


@both
async def test_a_given_header_replaces_that_of_the_key(adapter: type[ChatServer]) -> None:
    with LocalServer(whole(MESSAGE)) as local:
        async with open_server(
            adapter, local.url, headers={"authorization": "Basic abc"}
        ) as server:
            await server.reply(request(), lambda piece: None)
    assert local.requests[0].headers["authorization"] == "Basic abc"


@both
async def test_the_query_of_the_url_stays_after_the_path(adapter: type[ChatServer]) -> None:
    with LocalServer(whole(MESSAGE)) as local:
        url = f"{local.url}/?api-version=2&api-key={KEY}"
        async with open_server(adapter, url) as server:
            await server.reply(request(), lambda piece: None)
    assert local.requests[0].path == f"/v1/chat/completions?api-version=2&api-key={KEY}"
    assert server.url == f"http://{local.host}/v1/chat/completions?api-version=2&api-key=***"


@both
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("127.0.0.1:8000/v1", "the server's URL cannot be used"),
        ("http://127.0.0.1:port/v1", "the server's URL cannot be used"),
        ("ftp://127.0.0.1/v1", "the server's URL cannot be used"),
        ("http://[::1/v1", "the server's URL cannot be used"),
        ("", "the server's URL cannot be used"),
        ("https://127.0.0.1:1/v1", "connection refused by 127.0.0.1:1"),
    ],
)
async def test_an_unusable_url_is_a_failure(
    adapter: type[ChatServer], url: str, message: str
) -> None:
    async with open_server(adapter, url) as server:
        with pytest.raises(RequestFailure) as caught:
            await server.reply(request(), lambda piece: None)
    assert caught.value.message.startswith(message)


@both
async def test_the_first_of_several_choices_is_used_and_that_is_reported(
    adapter: type[ChatServer],
) -> None:
    choices = [{"index": 0, "message": MESSAGE, "finish_reason": "tool_calls"}] * 2
    reply = await reply_of(adapter, whole(MESSAGE, choices=choices))
    assert [found.message for found in reply.diagnostics] == [
        "2 choices were returned; the first one is used"
    ]


@both
async def test_a_message_that_the_sdk_cannot_represent_is_not_lost(
    adapter: type[ChatServer],
) -> None:
    reply = await reply_of(adapter, whole({"role": "assistant", "_fields_set": 1, "content": "hi"}))
    assert normalise_message(reply.message).message.text == "hi"


@both
async def test_a_message_that_is_a_text_is_a_reply_with_a_warning(
    adapter: type[ChatServer],
) -> None:
    choices = [{"message": "just text", "finish_reason": "stop"}]
    reply = await reply_of(adapter, whole(MESSAGE, choices=choices))
    assert reply.message == "just text"
    assert reply.diagnostics[0].message == "the message is a string, not an object"


@both
async def test_connections_are_reused_and_none_is_left_open(adapter: type[ChatServer]) -> None:
    with LocalServer(whole(MESSAGE)) as local:
        async with open_server(adapter, local.url) as server:
            for _ in range(3):
                await server.reply(request(), lambda piece: None)
        assert len({received.connection for received in local.requests}) == 1
        with pytest.raises(RequestFailure) as caught:
            await server.reply(request(), lambda piece: None)
    assert caught.value.message == "the connection to the server has been closed"
    assert len(asyncio.all_tasks()) == 1


@both
async def test_a_connection_that_was_idle_too_long_is_not_reused(
    adapter: type[ChatServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hermes_tui.runtime.servers.http.KEEPALIVE_S", 0.0)
    with LocalServer(whole(MESSAGE)) as local:
        async with open_server(adapter, local.url) as server:
            for _ in range(2):
                await server.reply(request(), lambda piece: None)
        assert len({received.connection for received in local.requests}) == 2


@both
async def test_a_streamed_connection_is_reused(adapter: type[ChatServer]) -> None:
    with LocalServer(streamed(*CHUNKS)) as local:
        async with open_server(adapter, local.url) as server:
            for _ in range(2):
                await server.reply(request(stream=True), lambda piece: None)
        assert len({received.connection for received in local.requests}) == 1


@both
async def test_each_request_states_whether_its_reply_is_to_be_streamed(
    adapter: type[ChatServer],
) -> None:
    for answer, stream in ((streamed(*CHUNKS), True), (whole(MESSAGE), False)):
        with LocalServer(answer) as local:
            async with open_server(adapter, local.url) as server:
                expected = await server.reply(request(stream=stream), lambda piece: None)
                unexpected = await server.reply(request(stream=not stream), lambda piece: None)
        assert expected.diagnostics == ()
        assert [found.code for found in unexpected.diagnostics] == ["REPLY_SHAPE"]


@both
async def test_many_requests_run_concurrently(adapter: type[ChatServer]) -> None:
    with LocalServer(whole(MESSAGE)) as local:
        async with open_server(adapter, local.url) as server:
            replies = await asyncio.gather(
                *(server.reply(request(), lambda piece: None) for _ in range(20))
            )
    assert len(replies) == len(local.requests) == 20


@both
async def test_a_stream_truncated_after_its_reason_is_kept_with_a_warning(
    adapter: type[ChatServer],
) -> None:
    headers = {"Content-Type": "text/event-stream", "Content-Encoding": "identity"}
    answer = Answer([*CHUNKS, HOLD], headers=headers)
    reply = await reply_of(adapter, answer, stream=True, timeout_s=1)
    (found,) = reply.diagnostics
    assert found.code == "STREAM_CUT" and "after finish_reason" in found.message
    assert normalise_message(reply.message).calls[0][0].name == "get_weather"


@both
async def test_nothing_is_awaited_after_done(adapter: type[ChatServer]) -> None:
    answer = Answer(
        [*CHUNKS, b"data: [DONE]\n\n", HOLD], headers={"Content-Type": "text/event-stream"}
    )
    reply = await asyncio.wait_for(reply_of(adapter, answer, stream=True, timeout_s=60), 30)
    assert reply.diagnostics == ()


@both
async def test_the_sdk_is_loaded_off_the_event_loop(adapter: type[ChatServer]) -> None:
    loaded_in: list[int] = []

    class Watched(adapter):  # type: ignore[misc, valid-type]
        def _make_client(self) -> Any:
            loaded_in.append(threading.get_ident())
            return super()._make_client()

    await reply_of(Watched, whole(MESSAGE))
    assert loaded_in and loaded_in[0] != threading.get_ident()


def test_no_client_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, hermes_tui.runtime.servers.http, hermes_tui.runtime.servers.openai_sdk as s;"
        "s.OpenAIServer('http://127.0.0.1:1/v1');"
        "sys.exit(bool({'openai', 'httpx', 'httpx2', 'anyio', 'pydantic'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@both
async def test_of_many_malformed_calls_the_first_is_named_and_the_rest_are_counted(
    adapter: type[ChatServer],
) -> None:
    call = {"id": 7, "function": {"name": "f", "arguments": "{}"}}
    reply = await reply_of(adapter, whole({"role": "assistant", "tool_calls": [call] * 40}))
    assert [found.message for found in reply.diagnostics] == [
        "the type of call 1 and of 39 more is missing, not function",
        "the id of call 1 and of 39 more is a number, not a string",
    ]


@both
async def test_a_wrong_finish_reason_is_also_reported_for_a_streamed_reply(
    adapter: type[ChatServer],
) -> None:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    parts = (chunk(role="assistant", tool_calls=[call]), chunk("stop"))
    reply = await reply_of(adapter, streamed(*parts), stream=True)
    assert "finish_reason is stop, though there are calls" in [
        found.message for found in reply.diagnostics
    ]


@both
@pytest.mark.parametrize("choice", [{"message": None}, {"finish_reason": "stop"}])
async def test_a_choice_without_a_message_names_the_exception_of_hermes_agent_loop(
    adapter: type[ChatServer], choice: dict[str, Any]
) -> None:
    failure = await failure_of(adapter, whole({}, choices=[choice]))
    assert failure.empty
    with pytest.raises(AttributeError) as raised:
        _ = ChatCompletion.construct(choices=[choice]).choices[0].message.tool_calls
    assert failure.escapes == f"AttributeError: {raised.value}"
