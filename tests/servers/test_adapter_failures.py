"""Both adapters report servers that fail or cannot be reached, and hide credentials."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket

import pytest

from hermes_tui.runtime.servers.base import RequestFailure
from hermes_tui.runtime.servers.chat_server import ChatServer
from hermes_tui.runtime.session_inputs import request_failed
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
from tests.servers.local_server import HOLD, Answer, LocalServer, whole


@both
@pytest.mark.parametrize("parts", [[HOLD], [b'{"choi', HOLD]])
async def test_cancelling_hangs_up_at_once(adapter: type[ChatServer], parts: list[bytes]) -> None:
    with LocalServer(Answer(parts)) as local:
        async with open_server(adapter, local.url) as server:
            task = asyncio.create_task(server.reply(request(), lambda piece: None))
            assert await asyncio.to_thread(local.holding.wait, 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(local.client_gone.wait, 2)


@both
async def test_a_refused_connection_is_reported_with_a_question_for_the_server(
    adapter: type[ChatServer],
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with open_server(adapter, f"http://127.0.0.1:{port}/v1") as server:
            with pytest.raises(RequestFailure) as caught:
                await server.reply(request(), lambda piece: None)
    failure = caught.value
    assert failure.message == f"connection refused by 127.0.0.1:{port}: is the server running?"
    assert failure.status is None and not failure.empty
    assert failure.chain[0].startswith(("ConnectError", "APIConnectionError"))
    assert "ConnectionRefusedError" in failure.chain[-1]


@both
async def test_tls_to_a_plain_server_is_a_failure(adapter: type[ChatServer]) -> None:
    with LocalServer(whole(MESSAGE)) as local:
        async with open_server(adapter, f"https://{local.host}/v1") as server:
            with pytest.raises(RequestFailure) as caught:
                await server.reply(request(), lambda piece: None)
    assert caught.value.message.startswith(f"no secure connection to {local.host}")


@both
async def test_no_failure_contains_the_key(adapter: type[ChatServer]) -> None:
    body = json.dumps({"error": {"message": f"wrong key: {KEY}"}, "authorization": f"Bearer {KEY}"})
    failure = await failure_of(adapter, Answer([body.encode()], 401))
    assert failure.message == "401: wrong key: ***"
    assert KEY not in repr((failure.body, failure.chain, failure.args, failure.__cause__))
    assert "Bearer" not in failure.body or "***" in failure.body


@both
@pytest.mark.parametrize("key", ["sk-with-a-newline\nin-it", "sk-kein-schlüssel-€"])
async def test_a_key_that_cannot_be_sent_is_reported_without_showing_it(
    adapter: type[ChatServer], key: str
) -> None:
    failure = await failure_of(adapter, whole(MESSAGE), api_key=key)
    assert failure.message.startswith("the request cannot be sent")
    reported = repr((failure.message, failure.chain))
    assert key not in reported and repr(key)[1:-1] not in reported and "sk-" not in reported


@both
async def test_credentials_in_the_url_are_used_and_never_shown(adapter: type[ChatServer]) -> None:
    with LocalServer(Answer([b'{"error": "geheimnis-4711 is wrong"}'], 403)) as local:
        url = f"http://someone:geheimnis-4711@{local.host}/v1"
        async with open_server(adapter, url) as server:
            with pytest.raises(RequestFailure) as caught:
                await server.reply(request(), lambda piece: None)
    assert local.requests[0].headers["authorization"].startswith("Basic ")
    assert server.url == f"http://***@{local.host}/v1/chat/completions"
    assert caught.value.message == "403: *** is wrong"


@both
async def test_an_error_whose_body_never_arrives_is_still_reported(
    adapter: type[ChatServer],
) -> None:
    failure = await failure_of(adapter, Answer([HOLD], 500), timeout_s=1)
    assert failure.message == "500, and its body did not arrive"
    assert failure.status == 500


@both
async def test_a_compressed_body_is_decompressed(adapter: type[ChatServer]) -> None:
    plain = b"".join(whole(MESSAGE).parts)
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    reply = await reply_of(adapter, Answer([gzip.compress(plain)], headers=packed))
    assert reply.raw == plain.decode()
    failure = await failure_of(adapter, Answer([b"no gzip at all"], headers=packed))
    assert failure.message.startswith("the body cannot be decompressed")


@both
async def test_a_lone_surrogate_in_a_request_is_a_failure(adapter: type[ChatServer]) -> None:
    with LocalServer(whole(MESSAGE)) as local:
        async with open_server(adapter, local.url) as server:
            with pytest.raises(RequestFailure) as caught:
                await server.reply(request('{"content":"\ud83d"}'), lambda piece: None)
    assert caught.value.message.startswith("the request cannot be sent")
    assert local.requests == []


STREAM = {"Content-Type": "text/event-stream"}


@both
@pytest.mark.parametrize(
    ("answer", "retried"),
    [
        (Answer([b'{"error": {"message": "upstream", "code": 502}}']), True),
        (Answer([b'{"error": {"message": "overloaded"}}']), True),
        (Answer([b'{"error": {"message": "no credits", "code": 402}}']), False),
        (Answer([b'{"choices": []}']), True),
        (Answer([b'{"choices": [{"mess']), True),
        (Answer([b"<html>welcome</html>"]), False),
        (Answer([b"no JSON"]), False),
        (
            Answer([CHUNKS[0], b'data: {"error": {"code": 502}}\n\n'], 200, STREAM),
            True,
        ),
        (
            Answer([CHUNKS[0], b'data: {"error": {"code": 400}}\n\n'], 200, STREAM),
            False,
        ),
        (Answer([CHUNKS[0], b"event: error\ndata: upstream\n\n"], 200, STREAM), True),
        (Answer([b"data: [DONE]\n\n"], 200, STREAM), True),
        (Answer([CHUNKS[0], HOLD], 200, STREAM), True),
    ],
)
async def test_a_broken_reply_is_retried_automatically_unless_the_same_would_come_again(
    adapter: type[ChatServer], answer: Answer, retried: bool
) -> None:
    failure = await failure_of(adapter, answer, stream=answer.headers is STREAM, timeout_s=1)
    assert failure.status == 200
    assert request_failed(failure, request()).retryable is retried


@both
async def test_the_failure_of_a_truncated_stream_keeps_what_was_received(
    adapter: type[ChatServer],
) -> None:
    answer = Answer([*CHUNKS[:4], HOLD], headers={"Content-Type": "text/event-stream"})
    failure = await failure_of(adapter, answer, stream=True, timeout_s=1)
    assert failure.message.startswith("nothing more arrived for 1 s")
    assert failure.body == b"".join(CHUNKS[:4]).decode()
    assert [found.code for found in failure.diagnostics] == ["STREAM_CUT"]
