"""A llama.cpp server whose chat template leaves out the tools is reported, at the first reply."""

from __future__ import annotations

import json

import pytest

from hermes_tui.model.diagnostics import Code
from hermes_tui.runtime.servers import chat_template
from hermes_tui.runtime.servers.chat_server import ChatServer
from tests.servers.asking import KEY, both, open_server, request
from tests.servers.local_server import HOLD, Answer, LocalServer, whole

TOOLS = [{"type": "function", "function": {"name": "ls", "parameters": {"type": "object"}}}]
REPLY = whole({"role": "assistant", "content": "Which files?"})
LLAMA_CPP = Answer(REPLY.parts, headers={**REPLY.headers, "Server": "llama.cpp"})


def props(**capabilities: bool) -> Answer:
    return Answer([json.dumps({"chat_template_caps": capabilities}).encode()])


async def codes_of_two(
    adapter: type[ChatServer], local: LocalServer, path: str = "/v1", tools: object = TOOLS
) -> list[list[Code]]:
    """Return the codes of the findings of two replies."""
    async with open_server(adapter, f"http://{local.host}{path}") as server:
        replies = [await server.reply(request(tools=tools), lambda piece: None) for _ in range(2)]
    return [[found.code for found in reply.diagnostics] for reply in replies]


@both
@pytest.mark.parametrize("path", ["/v1", "", "/v1/chat/completions", "/prefix/v1/"])
async def test_tools_that_the_template_leaves_out_are_reported_once(
    monkeypatch: pytest.MonkeyPatch, adapter: type[ChatServer], path: str
) -> None:
    monkeypatch.setattr(chat_template, "_TIMEOUT_S", 60.0)
    with LocalServer(LLAMA_CPP, models=props(supports_tools=False)) as local:
        assert await codes_of_two(adapter, local, path) == [[Code.TOOLS_UNSEEN], []]
        (asked,) = local.model_requests
    assert asked.path == ("/prefix/props" if "prefix" in path else "/props")
    assert asked.headers["authorization"] == f"Bearer {KEY}"


@both
@pytest.mark.parametrize(
    "answer",
    [
        props(supports_tools=True),
        props(),
        Answer([b"[]"]),
        Answer([b"{"]),
        Answer([b"[" * 100_000]),
        Answer([b'{"error": {"code": 501}}'], 501),
        Answer([HOLD]),
    ],
    ids=["tools", "older", "list", "torn", "deep", "error", "silent"],
)
async def test_without_a_clear_answer_nothing_is_reported(
    monkeypatch: pytest.MonkeyPatch, adapter: type[ChatServer], answer: Answer
) -> None:
    if HOLD in answer.parts:
        monkeypatch.setattr(chat_template, "_TIMEOUT_S", 0.2)
    with LocalServer(LLAMA_CPP, models=answer) as local:
        assert await codes_of_two(adapter, local) == [[], []]


@both
@pytest.mark.parametrize(("answer", "tools"), [(REPLY, TOOLS), (LLAMA_CPP, [])])
async def test_only_llama_cpp_is_asked_and_only_about_tools(
    adapter: type[ChatServer], answer: Answer, tools: object
) -> None:
    with LocalServer(answer, models=props(supports_tools=False)) as local:
        assert await codes_of_two(adapter, local, tools=tools) == [[], []]
        assert not local.model_requests
