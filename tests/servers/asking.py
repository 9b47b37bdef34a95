"""A message, whole and in pieces, and helpers that request it through either adapter."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hermes_tui.runtime.servers.base import Reply, Request, RequestFailure
from hermes_tui.runtime.servers.chat_server import ChatServer
from hermes_tui.runtime.servers.http import HttpServer
from hermes_tui.runtime.servers.openai_sdk import OpenAIServer
from tests.servers.local_server import Answer, LocalServer, chunk

KEY = "sk-local-0123456789-secret"
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Zürich"}'},
}
MESSAGE = {
    "role": "assistant",
    "content": "Let me look.",
    "reasoning_content": "They ask for weather.",
    "tool_calls": [CALL],
}
CHUNKS = [
    chunk(role="assistant", content=""),
    chunk(reasoning_content="They ask "),
    chunk(reasoning_content="for weather."),
    chunk(content="Let me "),
    chunk(content="look."),
    chunk(
        tool_calls=[
            {"index": 0, **CALL, "function": {"name": "get_weather", "arguments": ""}},
        ]
    ),
    chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"city": '}}]),
    chunk(tool_calls=[{"index": 0, "function": {"arguments": '"Zürich"}'}}]),
    chunk("tool_calls"),
    b'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}\n\n',
]
both = pytest.mark.parametrize("adapter", [HttpServer, OpenAIServer])


@asynccontextmanager
async def open_server(
    adapter: type[ChatServer], url: str, **options: Any
) -> AsyncIterator[ChatServer]:
    server = adapter(url, **{"api_key": KEY, "timeout_s": 5.0, **options})
    try:
        yield server
    finally:
        await server.close()


def request(*messages: str, **parameters: Any) -> Request:
    return Request(0, 0, messages or ('{"role":"user"}',), json.dumps({"model": "m", **parameters}))


async def reply_of(
    adapter: type[ChatServer], answer: Answer, *, stream: bool = False, **options: Any
) -> Reply:
    with LocalServer(answer) as local:
        async with open_server(adapter, local.url, **options) as server:
            return await server.reply(request(stream=stream), lambda piece: None)


async def failure_of(adapter: type[ChatServer], answer: Answer, **options: Any) -> RequestFailure:
    with pytest.raises(RequestFailure) as caught:
        await reply_of(adapter, answer, **options)
    return caught.value
