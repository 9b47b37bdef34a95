"""Requested logprobs show calls that a server hides; a server that refuses them is reported."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from hermes_tui.formats.tokens import tokens_of
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.events import ResponseReceived
from hermes_tui.runtime.servers.base import Reply, RequestFailure
from hermes_tui.runtime.servers.chat_server import ChatServer
from hermes_tui.runtime.servers.local import LocalModel
from hermes_tui.runtime.servers.openai_sdk import OpenAIServer
from tests.servers.asking import both, open_server, request
from tests.servers.local_server import Answer, LocalServer, streamed
from tests.servers.test_local_model import WEATHER, reason_to_skip

TEXT = 'I look.\n<tool_call>\n{"name": "ls", "arguments": {"path": "."}\n</tool_call><|im_end|>'


def tokens(text: str) -> list[dict[str, Any]]:
    pieces = [text[at : at + 5] for at in range(0, len(text), 5)]
    return [{"token": piece, "bytes": list(piece.encode()), "logprob": -0.5} for piece in pieces]


def whole(logprobs: Any, **message: Any) -> Answer:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return Answer([json.dumps({"choices": [{**choice, "logprobs": logprobs}]}).encode()])


async def reply_of(adapter: type[ChatServer], answer: Answer, **parameters: Any) -> Reply:
    with LocalServer(answer) as local:
        async with open_server(adapter, local.url) as server:
            return await server.reply(request(**parameters), lambda piece: None)


@both
async def test_a_call_that_the_server_hides_is_reported(adapter: type[ChatServer]) -> None:
    answer = whole({"content": tokens(TEXT)}, content="I look.")
    reply = await reply_of(adapter, answer, logprobs=True)
    (finding,) = reply.diagnostics
    assert (finding.code, finding.severity) == (Code.HIDDEN_BY_SERVER, Severity.ERROR)
    assert finding.span is not None
    assert TEXT[finding.span.start : finding.span.end].startswith("<tool_call>")
    assert "im_end" not in TEXT[finding.span.start : finding.span.end]


@both
async def test_streamed_tokens_are_joined_before_they_are_checked(
    adapter: type[ChatServer],
) -> None:
    choices = [{"index": 0, "delta": {}, "logprobs": {"content": [one]}} for one in tokens(TEXT)]
    choices[0]["delta"] = {"content": "I look."}
    choices[-1]["finish_reason"] = "stop"
    events = [f"data: {json.dumps({'choices': [choice]})}\n\n".encode() for choice in choices]
    reply = await reply_of(adapter, streamed(*events), logprobs=True, stream=True)
    assert [d.code for d in reply.diagnostics] == [Code.HIDDEN_BY_SERVER]
    (table,) = tokens_of(ResponseReceived(seq=0, raw=reply.raw))
    assert table.text == TEXT


@both
@pytest.mark.parametrize("logprobs", [None, {"content": None}, {"content": []}, "no", 7])
async def test_a_server_that_ignores_the_request_for_logprobs_is_reported(
    adapter: type[ChatServer], logprobs: Any
) -> None:
    reply = await reply_of(adapter, whole(logprobs, content="hi"), logprobs=True)
    notes = [d for d in reply.diagnostics if d.severity is Severity.NOTE]
    assert [d.message for d in notes] == ["the server gave no logprobs"]


@both
async def test_nothing_is_reported_about_logprobs_that_were_not_requested(
    adapter: type[ChatServer],
) -> None:
    answer = whole({"content": tokens(TEXT)}, content="I look.")
    assert (await reply_of(adapter, answer)).diagnostics == ()
    assert (await reply_of(adapter, answer, logprobs=False)).diagnostics == ()


@both
async def test_a_refusal_of_logprobs_is_reported_with_the_options_to_leave_out(
    adapter: type[ChatServer],
) -> None:
    body = {"error": {"message": "logprobs is not supported with tools + stream"}}
    answer = Answer([json.dumps(body).encode()], status=400)
    with pytest.raises(RequestFailure) as caught:
        await reply_of(adapter, answer, logprobs=True)
    (finding,) = caught.value.diagnostics
    assert finding.hint == "leave out --raw logprobs, or --stream"


@both
async def test_other_refusals_have_no_hint_about_logprobs(adapter: type[ChatServer]) -> None:
    answer = Answer([b'{"error": "no such model"}'], status=400)
    with pytest.raises(RequestFailure) as caught:
        await reply_of(adapter, answer, logprobs=True)
    assert caught.value.diagnostics == ()


@pytest.mark.server
async def test_the_real_model_gives_the_tokens_of_its_call() -> None:
    if why := reason_to_skip():
        pytest.skip(why)
    model = LocalModel()
    try:
        url = await model.start()
        async with open_server(OpenAIServer, url, timeout_s=120) as server:
            tool_request = request(
                json.dumps({"role": "user", "content": "What is the weather in Paris?"}),
                logprobs=True, top_logprobs=5, tools=[WEATHER], max_tokens=80, seed=1,
                temperature=0,
            )  # fmt: skip
            reply = await server.reply(tool_request, lambda piece: None)
    finally:
        await model.close()
    (table,) = tokens_of(ResponseReceived(seq=0, raw=reply.raw))
    assert len(table) > 5
    assert table.comparison is not None and table.comparison.text == table.text
    assert all(0 < table.row(index).probability <= 1 for index in range(len(table)))
    assert not math.isnan(table.mean_logprob)
    assert {d.code for d in reply.diagnostics} <= {Code.HIDDEN_BY_SERVER}
