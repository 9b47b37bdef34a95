"""A server reached with the official OpenAI SDK: the message is an object of the SDK.

The request is sent as encoded bytes, because the SDK's own `create` processes all messages again in
every turn, which takes as long as a model's first token (69 ms at 2 MB). Newer versions of the SDK
send with httpx2, older ones with httpx; the class of its default client shows which.
"""

from __future__ import annotations

import importlib
import inspect
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hermes_tui.model.diagnostics import Severity
from hermes_tui.runtime.servers.base import OnPiece, Reply
from hermes_tui.runtime.servers.bodies import shape
from hermes_tui.runtime.servers.chat_server import ChatServer
from hermes_tui.runtime.servers.failures import Exchange, exception_chain, status_failure
from hermes_tui.runtime.servers.http import new_client, transport_errors
from hermes_tui.runtime.servers.urls import ENDPOINT

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_WARM_UP_MESSAGE = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "", "type": "function", "function": {"name": "", "arguments": ""}}],
}
_CURRENT: ContextVar[Exchange] = ContextVar("_CURRENT")
"""The exchange of the sending task. The SDK reads the body of an error status before it raises, and
if that body breaks off, the status is lost; so a response hook records it here."""


class OpenAIServer(ChatServer):
    """Chat completions over the OpenAI SDK; calls arrive as the SDK's objects."""

    _body_parameter = "content"
    """The name of the SDK's parameter for a body that is sent unchanged."""

    def _make_client(self) -> AsyncOpenAI:
        import openai

        self._errors = (openai.OpenAIError, *transport_errors(_library()))
        # The SDK builds its models on first use; here, in a thread, nobody waits for that.
        sdk_message(_WARM_UP_MESSAGE)
        client = new_client(_library(), self._endpoint, self._timeout_s)
        client.event_hooks = {"response": [_note_status]}
        if "content" not in inspect.signature(openai.AsyncOpenAI.post).parameters:
            self._body_parameter = "body"
        return openai.AsyncOpenAI(
            base_url=self._endpoint.partition("?")[0].removesuffix(ENDPOINT),
            # Without a key, the SDK takes one from the environment, meant for another server.
            api_key=self._api_key or "none",
            default_headers=self._headers,
            max_retries=0,
            timeout=client.timeout,
            http_client=client,
        )

    def _request_headers(self) -> dict[str, Any]:
        import openai

        headers: dict[str, Any] = {"Content-Type": "application/json"}
        if not self._api_key and "authorization" not in {name.lower() for name in self._headers}:
            headers["Authorization"] = openai.Omit()
        return headers

    async def _close_client(self, client: AsyncOpenAI) -> None:
        await client.close()

    async def _exchange(
        self, client: AsyncOpenAI, body: bytes, exchange: Exchange, on_piece: OnPiece
    ) -> Reply:
        import openai

        post: Any = client.post
        current = _CURRENT.set(exchange)
        try:
            response = await post(
                self._endpoint,
                **{self._body_parameter: body},
                cast_to=_library().Response,
                options={"headers": self._request_headers()},
                stream=True,
                stream_cls=openai.AsyncStream[Any],
            )
        except self._errors as error:
            if isinstance(error, openai.APIStatusError):
                exchange.received += error.response.content
            if exchange.status is None:
                raise
            chain = exception_chain(error)
            raise status_failure(exchange, chain=chain, url=self._endpoint) from error
        finally:
            _CURRENT.reset(current)
        reply = await self._receive(response, exchange, on_piece)
        return _as_object(reply)


async def _note_status(response: Any) -> None:
    exchange = _CURRENT.get()
    exchange.status, exchange.headers = response.status_code, response.headers


def _library() -> Any:
    """Return the HTTP library that the SDK uses."""
    import openai

    kinds = openai.DefaultAsyncHttpxClient.__mro__
    name = next(kind.__module__ for kind in kinds if kind.__module__.startswith("httpx"))
    return importlib.import_module(name.partition(".")[0])


def sdk_message(message: Any) -> Any:
    """Return `message` as an SDK object; a value that is not a dict is returned unchanged."""
    if not isinstance(message, dict):
        return message
    from openai.types.chat import ChatCompletionMessage

    return ChatCompletionMessage.construct(**message)


def _as_object(reply: Reply) -> Reply:
    try:
        return replace(reply, message=sdk_message(reply.message))
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        what = f"the SDK cannot represent this message ({type(error).__name__}); shown as received"
        found = shape(Severity.ERROR, what, "use --api http")
        return replace(reply, diagnostics=(found, *reply.diagnostics))
