"""The demo's server: real HTTP on a loopback port, OpenAI-compatible, its model a script.

Serves `POST /v1/chat/completions`, streamed or not, and `GET /v1/models`. It is stateless: the same
conversation gets the same reply.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, NamedTuple

from hermes_tui.runtime.servers.demo_script import Scripted, conversation_of, reply_to
from hermes_tui.runtime.servers.demo_task import DEMO_MODEL

HOST: Final = "127.0.0.1"
TOKEN_DELAY_S: Final = 0.025
MAX_WHOLE_DELAY_S: Final = 1.5
"""The longest delay of a reply that is not streamed."""
MAX_HEAD_BYTES: Final = 64 * 1024
MAX_BODY_BYTES: Final = 64 * 1024 * 1024
_CREATED: Final = 1_767_225_600
_TOKEN: Final = re.compile(r"\s?\w{1,6}|\s+|[^\w\s]{1,2}")
_REASON_PHRASES: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
}


class _Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _HttpRequest(NamedTuple):
    method: str
    path: str
    body: bytes
    keep_alive: bool


class DemoServer:
    """Serves the scripted replies; `delay_s` is the time per token."""

    def __init__(self, delay_s: float = TOKEN_DELAY_S) -> None:
        self._delay_s = delay_s
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[Any]] = set()

    async def start(self) -> str:
        """Listen on a port that the kernel picks and return the base URL, `/v1` included."""
        self._server = await asyncio.start_server(self._serve, HOST, 0, limit=MAX_HEAD_BYTES)
        port = self._server.sockets[0].getsockname()[1]
        return f"http://{HOST}:{port}/v1"

    async def close(self) -> None:
        """Stop listening and close every connection."""
        if self._server is None:
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        with suppress(TimeoutError):
            # Since Python 3.12, this also waits for connections, even for one just accepted.
            async with asyncio.timeout(1):
                await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection is served by a task"
        self._connections.add(task)
        try:
            while await self._answer_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The client has disconnected, or the server is being closed; there is nobody to answer.
            # A cancelled connection ends quietly, or asyncio would log it as an error.
            pass
        finally:
            self._connections.discard(task)
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return whether the connection may be used for another."""
        try:
            request = await _read_request(reader)
        except _Refused as refused:
            await _send_json(writer, refused.status, _error(str(refused)), keep_alive=False)
            return False
        if request is None:
            return False
        try:
            await self._route(request, writer)
        except _Refused as refused:
            await _send_json(writer, refused.status, _error(str(refused)))
        return request.keep_alive

    async def _route(self, request: _HttpRequest, writer: asyncio.StreamWriter) -> None:
        match request.method, request.path.partition("?")[0].rstrip("/"):
            case "GET", "/v1/models":
                listed = {"id": DEMO_MODEL, "object": "model", "owned_by": "hermes-tui"}
                await _send_json(writer, 200, {"object": "list", "data": [listed]})
            case "POST", "/v1/chat/completions":
                await self._complete(_decoded(request.body), writer)
            case _, "/v1/models" | "/v1/chat/completions":
                raise _Refused(405, f"{request.method} is not possible here")
            case _, path:
                raise _Refused(404, f"nothing is at {path or '/'}")

    async def _complete(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        conversation = conversation_of(body)
        reply = reply_to(conversation)
        tokens = len(_tokens(reply.reasoning + reply.content))
        tokens += sum(len(_tokens(call.name + call.arguments)) for call in reply.calls)
        prompt = len(json.dumps(body.get("messages"))) // 4
        frame = {
            "id": f"chatcmpl-demo-{conversation.turn}",
            "created": _CREATED + conversation.turn,
            "model": body.get("model") or DEMO_MODEL,
        }
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": tokens,
            "total_tokens": prompt + tokens,
        }
        if body.get("stream") is True:
            await self._stream(writer, frame, reply, usage)
            return
        await asyncio.sleep(min(tokens * self._delay_s, MAX_WHOLE_DELAY_S))
        choice = {
            "index": 0,
            "message": _message(reply, conversation.turn),
            "finish_reason": reply.reason,
        }
        whole = {**frame, "object": "chat.completion", "choices": [choice], "usage": usage}
        await _send_json(writer, 200, whole)

    async def _stream(
        self,
        writer: asyncio.StreamWriter,
        frame: dict[str, Any],
        reply: Scripted,
        usage: dict[str, int],
    ) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        frame = {**frame, "object": "chat.completion.chunk"}
        turn = int(frame["created"]) - _CREATED
        for delta in _deltas(reply, turn):
            choice = {"index": 0, "delta": delta, "finish_reason": None}
            await _send_event(writer, {**frame, "choices": [choice]})
            await asyncio.sleep(self._delay_s)
        end = {"index": 0, "delta": {}, "finish_reason": reply.reason}
        await _send_event(writer, {**frame, "choices": [end]})
        await _send_event(writer, {**frame, "choices": [], "usage": usage})
        await _send_chunk(writer, b"data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()


def _tokens(text: str) -> list[str]:
    """Split `text` into pieces about the size of tokens; joined, they are the text."""
    return _TOKEN.findall(text)


def _message(reply: Scripted, turn: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.content}
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if reply.calls:
        message["tool_calls"] = [
            {
                **({"id": _call_id(turn, index)} if call.has_id else {}),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for index, call in enumerate(reply.calls)
        ]
    return message


def _call_id(turn: int, index: int) -> str:
    return f"call_demo_{turn}_{index}"


def _deltas(reply: Scripted, turn: int) -> Iterator[dict[str, Any]]:
    """Yield the reply in pieces: role, reasoning, content, then each call's name and arguments."""
    yield {"role": "assistant", "content": ""}
    yield from ({"reasoning_content": piece} for piece in _tokens(reply.reasoning))
    yield from ({"content": piece} for piece in _tokens(reply.content))
    for index, call in enumerate(reply.calls):
        head: dict[str, Any] = {"index": index}
        if call.has_id:
            head["id"] = _call_id(turn, index)
        head |= {"type": "function", "function": {"name": call.name, "arguments": ""}}
        yield {"tool_calls": [head]}
        for piece in _tokens(call.arguments):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


async def _read_request(reader: asyncio.StreamReader) -> _HttpRequest | None:
    """Return the next request, or None if the client is done; raises _Refused."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise _Refused(413, "the header is too large") from error
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3:
        raise _Refused(400, "this is not an HTTP request")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    if "transfer-encoding" in headers:
        raise _Refused(411, "a body needs a Content-Length")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise _Refused(400, "Content-Length is not a number")
    if len(length) > 12 or int(length) > MAX_BODY_BYTES:
        raise _Refused(413, "the body is too large")
    body = await reader.readexactly(int(length))
    keep_alive = headers.get("connection", "").lower() != "close" and words[2] == "HTTP/1.1"
    return _HttpRequest(words[0], words[1], body, keep_alive)


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Refused(400, f"the body is not JSON: {error}") from error
    if not isinstance(value, dict) or not isinstance(value.get("messages"), list):
        raise _Refused(400, "the body has no list of messages")
    return value


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error"}}


async def _send_json(
    writer: asyncio.StreamWriter, status: int, value: Any, *, keep_alive: bool = True
) -> None:
    body = json.dumps(value).encode()
    head = (
        f"HTTP/1.1 {status} {_REASON_PHRASES[status]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: {'keep-alive' if keep_alive else 'close'}\r\n"
    )
    writer.write(head.encode() + b"\r\n" + body)
    await writer.drain()


async def _send_event(writer: asyncio.StreamWriter, value: Any) -> None:
    await _send_chunk(writer, b"data: " + json.dumps(value).encode() + b"\n\n")


async def _send_chunk(writer: asyncio.StreamWriter, payload: bytes) -> None:
    writer.write(f"{len(payload):x}\r\n".encode() + payload + b"\r\n")
    await writer.drain()
