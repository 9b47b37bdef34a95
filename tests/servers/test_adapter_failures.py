"""Both adapters report servers that fail or cannot be reached, and hide credentials."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket

import pytest

from hermes_tui.runtime.servers.base import RequestFailure
from hermes_tui.runtime.servers.chat_server import ChatServer
from tests.servers.asking import KEY, MESSAGE, PARTS, asked, both, opened, refused, request
from tests.servers.local_server import HOLD, Answer, LocalServer, whole


@both
@pytest.mark.parametrize("parts", [[HOLD], [b'{"choi', HOLD]])
async def test_cancelling_hangs_up_at_once(adapter: type[ChatServer], parts: list[bytes]) -> None:
    with LocalServer(Answer(parts)) as local:
        async with opened(adapter, local.url) as server:
            task = asyncio.create_task(server.reply(request(), lambda piece: None))
            assert await asyncio.to_thread(local.holding.wait, 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(local.client_gone.wait, 2)


@both
async def test_a_refused_connection_asks_whether_the_server_runs(
    adapter: type[ChatServer],
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with opened(adapter, f"http://127.0.0.1:{port}/v1") as server:
            with pytest.raises(RequestFailure) as caught:
                await server.reply(request(), lambda piece: None)
    failure = caught.value
    assert failure.message == f"connection refused by 127.0.0.1:{port}: is the server running?"
    assert failure.status is None and not failure.empty
    assert failure.chain[0].startswith(("ConnectError", "APIConnectionError"))
    assert "ConnectionRefusedError" in failure.chain[-1]


@both
async def test_speaking_tls_to_a_plain_server_is_a_failure(adapter: type[ChatServer]) -> None:
    with LocalServer(whole(MESSAGE)) as local:
        async with opened(adapter, f"https://{local.host}/v1") as server:
            with pytest.raises(RequestFailure) as caught:
                await server.reply(request(), lambda piece: None)
    assert caught.value.message.startswith(f"no secure connection to {local.host}")


@both
async def test_the_key_stands_in_no_failure(adapter: type[ChatServer]) -> None:
    said = json.dumps({"error": {"message": f"wrong key: {KEY}"}, "authorization": f"Bearer {KEY}"})
    failure = await refused(adapter, Answer([said.encode()], 401))
    assert failure.message == "401: wrong key: ***"
    assert KEY not in repr((failure.body, failure.chain, failure.args, failure.__cause__))
    assert "Bearer" not in failure.body or "***" in failure.body


@both
@pytest.mark.parametrize("key", ["sk-with-a-newline\nin-it", "sk-kein-schlüssel-€"])
async def test_a_key_that_cannot_be_sent_is_told_without_saying_it(
    adapter: type[ChatServer], key: str
) -> None:
    failure = await refused(adapter, whole(MESSAGE), api_key=key)
    assert failure.message.startswith("the request cannot be sent")
    told = repr((failure.message, failure.chain))
    assert key not in told and repr(key)[1:-1] not in told and "sk-" not in told


@both
async def test_credentials_in_the_url_are_used_and_never_said(adapter: type[ChatServer]) -> None:
    with LocalServer(Answer([b'{"error": "geheimnis-4711 is wrong"}'], 403)) as local:
        url = f"http://someone:geheimnis-4711@{local.host}/v1"
        async with opened(adapter, url) as server:
            with pytest.raises(RequestFailure) as caught:
                await server.reply(request(), lambda piece: None)
    assert local.asked[0].headers["authorization"].startswith("Basic ")
    assert server.url == f"http://***@{local.host}/v1/chat/completions"
    assert caught.value.message == "403: *** is wrong"


@both
async def test_an_error_whose_body_never_comes_is_still_that_error(
    adapter: type[ChatServer],
) -> None:
    failure = await refused(adapter, Answer([HOLD], 500), timeout_s=1)
    assert failure.message == "500, and its body did not arrive"
    assert failure.status == 500


@both
async def test_a_packed_body_is_unpacked(adapter: type[ChatServer]) -> None:
    plain = b"".join(whole(MESSAGE).parts)
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    reply = await asked(adapter, Answer([gzip.compress(plain)], headers=packed))
    assert reply.raw == plain.decode()
    failure = await refused(adapter, Answer([b"no gzip at all"], headers=packed))
    assert failure.message.startswith("the body cannot be decompressed")


@both
async def test_half_a_surrogate_pair_in_a_request_is_a_failure(adapter: type[ChatServer]) -> None:
    with LocalServer(whole(MESSAGE)) as local:
        async with opened(adapter, local.url) as server:
            with pytest.raises(RequestFailure) as caught:
                await server.reply(request('{"content":"\ud83d"}'), lambda piece: None)
    assert caught.value.message.startswith("the request cannot be sent")
    assert local.asked == []


@both
async def test_a_stream_cut_off_keeps_what_came_in_the_failure(adapter: type[ChatServer]) -> None:
    answer = Answer([*PARTS[:4], HOLD], headers={"Content-Type": "text/event-stream"})
    failure = await refused(adapter, answer, stream=True, timeout_s=1)
    assert failure.message.startswith("nothing more arrived for 1 s")
    assert failure.body == b"".join(PARTS[:4]).decode()
    assert [found.code for found in failure.diagnostics] == ["STREAM_CUT"]
