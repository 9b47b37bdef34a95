"""The base of the chat completions servers over HTTP: one request, one reply.

Subclasses differ in how they send a request; the replies are the same. Their bytes are read here,
so that the exact body is kept and an event stream is split at newlines only.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

from hermes_tui.formats.refused_requests import is_always_refused, llama_cpp_hint
from hermes_tui.formats.secrets import masked_url
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import changed
from hermes_tui.parsers.plain_values import decode
from hermes_tui.runtime.live_settings import KEY_NAME
from hermes_tui.runtime.servers.base import OnPiece, Reply, Request, RequestFailure
from hermes_tui.runtime.servers.bodies import read_body, shape, stream_cut
from hermes_tui.runtime.servers.chat_template import is_llama_cpp, template_findings
from hermes_tui.runtime.servers.failures import Exchange, status_failure, transport_failure
from hermes_tui.runtime.servers.hints import (
    KEY_STATUSES,
    Access,
    key_hint,
    model_hint,
    status_hint,
)
from hermes_tui.runtime.servers.logprobs import (
    add_refusal_finding,
    is_requested,
    with_findings,
)
from hermes_tui.runtime.servers.redaction import Redactor
from hermes_tui.runtime.servers.streams import StreamedReply
from hermes_tui.runtime.servers.urls import chat_url, host_of

MAX_BODY = 256 * 1024 * 1024
"""The longest reply that is read, in bytes: a server that never stops must not fill the memory."""
MAX_CONNECT_S = 20.0
NOT_FOUND = 404
MAX_CONNECTIONS = 1000
KEEPALIVE_S = 3.0
"""Seconds after which an idle connection is not reused: many servers close it after five, and a
person at a stop point often takes longer than that."""
AFTER_DONE_S = 0.25
"""Seconds to wait for the rest of a stream after its `[DONE]`."""
_OTHER_ERRORS = (ValueError, TypeError, RuntimeError, ImportError)
"""What a client raises for a URL, header or body that it cannot send, or if it is not installed."""
_SSE_STARTS = (b"data:", b"event:", b"id:", b":", b"retry:", b"error:")


class ChatServer(ABC):
    """A server at one URL. Its client is created at the first request."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str = "",
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 600.0,
        key_name: str = KEY_NAME,
    ) -> None:
        """Create a server; `key_name` is the environment variable that the key is expected in."""
        self._endpoint = chat_url(base_url)
        self.url = masked_url(self._endpoint)
        self._api_key = api_key
        self._headers = dict(headers or {})
        self._timeout_s = timeout_s
        self._access = Access(self._endpoint, api_key, self._headers, key_name)
        self._redactor = Redactor(base_url, api_key, self._headers)
        self._client: Any = None
        self._errors: tuple[type[Exception], ...] = (OSError,)
        """The exceptions of sending and reading; the client's own are added when it is loaded."""
        self._is_closed = False
        self._is_template_known = False
        self._starting = asyncio.Lock()

    async def reply(self, request: Request, on_piece: OnPiece) -> Reply:
        """Send `request` and return the reply; raises RequestFailure and nothing else."""
        exchange = Exchange(
            host_of(self._endpoint),
            self._timeout_s,
            min(self._timeout_s, MAX_CONNECT_S),
            asks_for_stream=is_requested(request, "stream"),
        )
        try:
            client = await self._ensure_client()
            sent_s = time.monotonic()
            reply = await self._exchange(client, request.body, exchange, on_piece)
            if is_requested(request, "logprobs"):
                reply = await with_findings(reply, request)
            reply = await self._with_template_findings(reply, request, exchange)
            return replace(reply, sent_s=sent_s)
        except RequestFailure as failure:
            if is_requested(request, "logprobs"):
                add_refusal_finding(failure)
            await self._explain(failure, request)
            # The causes may quote headers; their texts are in the chain of the failure.
            raise self._redactor.failure(failure) from None
        except self._errors + _OTHER_ERRORS as error:
            raise self._redactor.failure(transport_failure(error, exchange)) from None

    async def _with_template_findings(
        self, reply: Reply, request: Request, exchange: Exchange
    ) -> Reply:
        """Return `reply`; the first one to a request with tools says if the model saw none."""
        if self._is_template_known or not is_llama_cpp(exchange.headers):
            return reply
        parameters = decode(request.parameters)
        if not (isinstance(parameters, dict) and parameters.get("tools")):
            return reply
        self._is_template_known = True
        found = await template_findings(self._access)
        return replace(reply, diagnostics=(*reply.diagnostics, *found))

    async def _explain(self, failure: RequestFailure, request: Request) -> None:
        """Add a hint to a failure if its status or message suggests a cure."""
        failure.is_final = failure.is_final or is_always_refused(failure.message)
        if failure.diagnostics:
            if hint := llama_cpp_hint(failure.message):
                failure.diagnostics = tuple(
                    changed(found, hint=hint) for found in failure.diagnostics
                )
            return
        if failure.status in KEY_STATUSES:
            hint = key_hint(self._access)
        elif failure.status == NOT_FOUND:
            parameters = decode(request.parameters)
            model = parameters.get("model") if isinstance(parameters, dict) else ""
            hint = await model_hint(self._access, str(model))
        else:
            hint = status_hint(failure)
        if hint:
            error = Diagnostic(Code.REQUEST_ERROR, Severity.ERROR, failure.message, hint=hint)
            failure.diagnostics = (error,)

    async def close(self) -> None:
        """Close all connections; a later request is refused."""
        self._is_closed = True
        client, self._client = self._client, None
        if client is not None:
            await self._close_client(client)

    @abstractmethod
    def _make_client(self) -> Any:
        """Create the client and set `_errors` to its exceptions. Runs in a thread: it is slow."""

    async def _close_client(self, client: Any) -> None:
        await client.aclose()

    @abstractmethod
    async def _exchange(
        self, client: Any, body: bytes, exchange: Exchange, on_piece: OnPiece
    ) -> Reply:
        """Send `body` and return the reply; raises RequestFailure or one of `_errors`."""

    async def _ensure_client(self) -> Any:
        async with self._starting:
            if self._client is None and not self._is_closed:
                client = await asyncio.to_thread(self._make_client)
                if not self._is_closed:
                    self._client = client
        if self._client is None:
            raise RequestFailure("the connection to the server has been closed")
        return self._client

    async def _receive(self, response: Any, exchange: Exchange, on_piece: OnPiece) -> Reply:
        """Read the whole of `response` (of httpx or httpx2) and return the reply in it."""
        try:
            exchange.status = response.status_code
            exchange.headers = response.headers
            async with contextlib.aclosing(response.aiter_bytes()) as chunks:
                if 200 <= response.status_code < 300:
                    return await self._read(chunks, exchange, on_piece)
                with contextlib.suppress(*self._errors):
                    async for data in chunks:
                        _add(exchange, data)
            raise status_failure(exchange, url=self._endpoint)
        finally:
            await response.aclose()

    async def _read(
        self, chunks: AsyncIterator[bytes], exchange: Exchange, on_piece: OnPiece
    ) -> Reply:
        stream: StreamedReply | None = None
        kind = exchange.headers.get("content-type", "")
        broke_off = ""
        try:
            async for data in chunks:
                _add(exchange, data)
                if stream is not None:
                    stream.feed(data)
                elif "event-stream" in kind or _begins_as_stream(exchange.received):
                    stream = StreamedReply(exchange, on_piece)
                    stream.feed(bytes(exchange.received))
                if stream is not None and stream.is_done:
                    await self._drain(chunks, exchange, stream)
                    break
        except self._errors as error:
            failure = transport_failure(error, exchange)
            if stream is None or not stream.is_complete:
                if stream is not None:
                    failure.diagnostics = (stream_cut(failure.message),)
                raise failure from error
            broke_off = failure.message
        is_empty_stream = "event-stream" in kind and not exchange.received
        if stream is None and is_empty_stream:
            stream = StreamedReply(exchange, on_piece)
        if stream is None:
            return _with_stream_warning(read_body(exchange), exchange, streamed=False)
        reply = _stream_reply(stream, exchange, broke_off, is_empty_stream)
        return _with_stream_warning(reply, exchange, streamed=True)

    async def _drain(
        self, chunks: AsyncIterator[bytes], exchange: Exchange, stream: StreamedReply
    ) -> None:
        """Read what follows the end of a stream, so that its connection can be used again."""
        with contextlib.suppress(*self._errors):
            async with asyncio.timeout(AFTER_DONE_S):
                async for data in chunks:
                    _add(exchange, data)
                    stream.feed(data)


def _with_stream_warning(reply: Reply, exchange: Exchange, *, streamed: bool) -> Reply:
    """Return `reply`, with a warning if it is streamed and should not be, or the reverse."""
    if streamed == exchange.asks_for_stream:
        return reply
    message = "a whole reply was sent although a stream was requested"
    if streamed:
        message = "a stream was sent although none was requested"
    hint = "most clients lose the message then; check what the server says about stream"
    found = shape(Severity.WARNING, message, hint)
    return replace(reply, diagnostics=(found, *reply.diagnostics))


def _stream_reply(
    stream: StreamedReply, exchange: Exchange, broke_off: str, is_empty_stream: bool
) -> Reply:
    """Return the reply of a stream; a body that only claims to be a stream is read as a whole."""
    try:
        return stream.finish(broke_off=broke_off)
    except RequestFailure:
        if stream.is_event_stream or is_empty_stream:
            raise
    return read_body(exchange)


def _add(exchange: Exchange, data: bytes) -> None:
    exchange.received += data
    if len(exchange.received) > MAX_BODY:
        raise RequestFailure(
            f"the reply is longer than {MAX_BODY:,} bytes; reading stopped",
            status=exchange.status,
            body=exchange.so_far,
        )


def _begins_as_stream(received: bytearray) -> bool:
    return received[:64].lstrip(b"\xef\xbb\xbf \r\n").startswith(_SSE_STARTS)
