"""A server reached with plain httpx: the message is the JSON object in the body, as a dict."""

from __future__ import annotations

from typing import Any

from hermes_tui.runtime.servers.base import OnPiece, Reply
from hermes_tui.runtime.servers.chat_server import (
    KEEPALIVE_S,
    MAX_CONNECT_S,
    MAX_CONNECTIONS,
    ChatServer,
)
from hermes_tui.runtime.servers.failures import Exchange
from hermes_tui.runtime.servers.urls import is_loopback
from hermes_tui.version import __version__


class HttpServer(ChatServer):
    """Chat completions over httpx; calls arrive as dicts."""

    def _make_client(self) -> Any:
        import httpx

        self._errors = transport_errors(httpx)
        return new_client(httpx, self._endpoint, self._timeout_s)

    async def _exchange(
        self, client: Any, body: bytes, exchange: Exchange, on_piece: OnPiece
    ) -> Reply:
        headers = {"Content-Type": "application/json", "User-Agent": f"hermes-tui/{__version__}"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        request = client.build_request(
            "POST", self._endpoint, content=body, headers=merged(headers, self._headers)
        )
        response = await client.send(request, stream=True)
        return await self._receive(response, exchange, on_piece)


def new_client(library: Any, url: str, timeout_s: float) -> Any:
    """Return an asynchronous client of `library`, which is httpx or httpx2."""
    is_loopback_url = is_loopback(url)
    return library.AsyncClient(
        timeout=library.Timeout(timeout_s, connect=min(timeout_s, MAX_CONNECT_S)),
        limits=library.Limits(
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS // 10,
            keepalive_expiry=KEEPALIVE_S,
        ),
        follow_redirects=False,
        trust_env=not is_loopback_url,
        # Loading the CA certificates takes longer than a request, and plain HTTP needs none.
        verify=not (is_loopback_url and url.startswith("http:")),
    )


def transport_errors(library: Any) -> tuple[type[Exception], ...]:
    """Return the exceptions of sending and reading with `library`, also if closed meanwhile."""
    import anyio

    closed = (anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.EndOfStream)
    return (OSError, library.HTTPError, library.InvalidURL, *closed)


def merged(headers: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """Return `headers` overridden by those in `given`, regardless of case."""
    names = {name.lower() for name in given}
    return {**{name: text for name, text in headers.items() if name.lower() not in names}, **given}
