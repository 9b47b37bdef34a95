"""A model server that is started and stopped with the run: the demo, the local model."""

from __future__ import annotations

from typing import Any, Protocol

from hermes_tui.runtime.servers.base import OnPiece, Reply, Request
from hermes_tui.runtime.servers.openai_sdk import OpenAIServer


class Host(Protocol):
    """Something that can be started, and then answers at a URL."""

    async def start(self) -> str: ...

    async def close(self) -> None: ...


class HostedServer:
    """A server that owns its host and sends requests to it with the OpenAI SDK."""

    def __init__(self, host: Host, base_url: str, client: OpenAIServer) -> None:
        self._host, self._client = host, client
        self.base_url, self.url = base_url, client.url

    @classmethod
    async def started(cls, host: Host, **options: Any) -> HostedServer:
        """Start `host` and return its server; `options` are those of OpenAIServer except the key.

        No key is needed.
        """
        url = await host.start()
        return cls(host, url, OpenAIServer(url, **{**options, "api_key": "none"}))

    async def reply(self, request: Request, on_piece: OnPiece) -> Reply:
        return await self._client.reply(request, on_piece)

    async def close(self) -> None:
        try:
            await self._client.close()
        finally:
            await self._host.close()
