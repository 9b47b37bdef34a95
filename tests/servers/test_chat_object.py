"""Objects with `chat_completion` receive the requests that HermesAgentLoop would send."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from openai.types.chat import ChatCompletion

from hermes_tui.model.diagnostics import Code
from hermes_tui.parsers.plain_values import json_text
from hermes_tui.runtime.servers.base import Reply, Request, RequestFailure
from hermes_tui.runtime.servers.chat_object import ChatCompletionServer

USER = {"role": "user", "content": "go"}


class ScriptedObject:
    """Returns the given answers in turn, raises those that are exceptions, keeps the requests."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[dict[str, Any]] = []

    async def chat_completion(self, **kwargs: Any) -> Any:
        self.requests.append(kwargs)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def response(**message: Any) -> SimpleNamespace:
    sent_message = SimpleNamespace(
        role="assistant", **{"content": "hi", "tool_calls": None, **message}
    )
    return SimpleNamespace(choices=[SimpleNamespace(message=sent_message, finish_reason="stop")])


def request(*messages: dict[str, Any], **parameters: Any) -> Request:
    return Request(1, 1, tuple(map(json_text, messages)), json.dumps(parameters))


async def ask(server: ChatCompletionServer, sent: Request) -> Reply:
    return await server.reply(sent, lambda piece: None)


async def failure_of(answer: Any) -> RequestFailure:
    with pytest.raises(RequestFailure) as caught:
        await ask(ChatCompletionServer(ScriptedObject(answer)), request(USER))
    return caught.value


async def test_the_arguments_are_those_of_hermes_agent_loop() -> None:
    server = ScriptedObject(response(), response())
    adapter = ChatCompletionServer(server)
    await ask(adapter, request(USER, n=1, temperature=1.0))
    tools = [{"type": "function", "function": {"name": "a"}}]
    await ask(
        adapter,
        request(USER, n=1, temperature=0.5, tools=tools, max_tokens=9, extra_body={"a": 1}),
    )
    assert server.requests[0] == {"messages": [USER], "n": 1, "temperature": 1.0}
    assert server.requests[1] == {
        "messages": [USER],
        "n": 1,
        "temperature": 0.5,
        "tools": tools,
        "max_tokens": 9,
        "extra_body": {"a": 1},
    }


async def test_empty_parameters_and_those_for_streaming_are_left_out() -> None:
    server = ScriptedObject(response())
    await ask(
        ChatCompletionServer(server),
        request(USER, tools=[], max_tokens=None, extra_body={}, stream=True, stream_options={}),
    )
    assert server.requests == [{"messages": [USER], "n": 1}]


async def test_the_list_of_the_caller_is_passed_every_turn_and_grows() -> None:
    messages: list[Any] = [USER]
    own = messages[0]
    server = ScriptedObject(response(), response())
    adapter = ChatCompletionServer(server, messages)
    await ask(adapter, request(USER))
    reply = {"role": "assistant", "content": "hi"}
    await ask(adapter, request(USER, reply))
    assert server.requests[0]["messages"] is server.requests[1]["messages"] is messages
    assert messages == [USER, reply]
    assert messages[0] is own


async def test_an_edited_message_replaces_that_of_the_caller() -> None:
    messages: list[Any] = [USER, {"role": "assistant", "content": "a"}]
    adapter = ChatCompletionServer(ScriptedObject(response()), messages)
    await ask(adapter, request(USER, {"role": "assistant", "content": "b"}))
    assert messages[1]["content"] == "b"
    adapter.take([json_text(USER)])
    assert messages == [USER]


@pytest.mark.parametrize("change", ["insert", "append", "clear", "replace"])
async def test_the_request_is_the_recorded_one_even_if_the_list_was_changed_meanwhile(
    change: str,
) -> None:
    messages: list[Any] = [USER]
    server = ScriptedObject(response(), response())
    adapter = ChatCompletionServer(server, messages)
    await ask(adapter, request(USER))
    other = {"role": "user", "content": "hurry"}
    match change:
        case "insert":
            messages.insert(0, other)
        case "append":
            messages.append(other)
        case "clear":
            messages.clear()
        case "replace":
            messages[0] = other
    reply = {"role": "assistant", "content": "hi"}
    await ask(adapter, request(USER, reply))
    assert messages == [USER, reply]
    assert messages[0] is USER and server.requests[1]["messages"] is messages


async def test_an_answer_of_unusual_form_is_reported_like_a_body() -> None:
    call = SimpleNamespace(id=7, function=SimpleNamespace(name="ls", arguments="{}"))
    answer = response(tool_calls=[call])
    answer.choices[0].message.role = "bot"
    answer.usage = {"prompt_tokens": "many"}
    reply = await ask(ChatCompletionServer(ScriptedObject(answer)), request(USER))
    assert {str(found.severity) for found in reply.diagnostics} == {"note"}
    assert [found.message for found in reply.diagnostics] == [
        "usage contains values that are not whole numbers: prompt_tokens",
        "the message's role is 'bot', not assistant",
        "the type of call 1 is missing, not function",
        "the id of call 1 is a number, not a string",
        "finish_reason is stop, though there are calls",
    ]


async def test_an_error_in_the_choice_of_an_object_is_reported() -> None:
    answer = response()
    answer.choices[0].finish_reason = "error"
    answer.choices[0].error = {"code": 502, "message": "Provider returned error"}
    reply = await ask(ChatCompletionServer(ScriptedObject(answer)), request(USER))
    assert "the reply ended in an error: Provider returned error" in [
        found.message for found in reply.diagnostics
    ]


async def test_an_answer_of_the_sdk_has_no_findings() -> None:
    message = {"role": "assistant", "content": "hi"}
    choice = {"index": 0, "finish_reason": "stop", "message": message, "logprobs": None}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    answer = ChatCompletion.model_validate(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice],
         "usage": usage}
    )  # fmt: skip
    reply = await ask(ChatCompletionServer(ScriptedObject(answer)), request(USER))
    assert reply.diagnostics == ()


async def test_the_message_is_passed_on_unchanged() -> None:
    answer = response(tool_calls=[{"name": "a", "arguments": {"x": 1}}], reasoning="why")
    reply = await ask(ChatCompletionServer(ScriptedObject(answer)), request(USER))
    assert reply.message is answer.choices[0].message
    assert reply.finish_reason == "stop"
    assert json.loads(reply.raw)["choices"][0]["message"]["tool_calls"] == [
        {"name": "a", "arguments": {"x": 1}}
    ]


async def test_the_raw_text_contains_every_field_of_an_sdk_object() -> None:
    body = {
        "id": "c1",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": None,
                    "reasoning_content": "why",
                    "tool_calls": [
                        {"id": None, "type": "function", "function": {"name": "a", "arguments": ""}}
                    ],
                },
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "cost": 0.1},
    }
    answer = ChatCompletion.construct(**body)
    reply = await ask(ChatCompletionServer(ScriptedObject(answer)), request(USER))
    assert json.loads(reply.raw) == body
    assert reply.usage == body["usage"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "returned nothing"),
        (SimpleNamespace(choices=[]), "no choices"),
        (SimpleNamespace(choices=None), "no choices"),
        (SimpleNamespace(choices=[SimpleNamespace(message=None)]), "no message"),
        ({"choices": [1]}, "dict is not a response with choices"),
        ("<html>", "str is not a response with choices"),
        (SimpleNamespace(choices=5), "is not a response with choices"),
    ],
)
async def test_a_response_without_a_message_is_reported_as_empty(answer: Any, reason: str) -> None:
    found = await failure_of(answer)
    assert found.empty
    assert reason in found.message


async def test_several_choices_are_reported() -> None:
    answer = response()
    answer.choices *= 2
    reply = await ask(ChatCompletionServer(ScriptedObject(answer)), request(USER))
    assert [found.code for found in reply.diagnostics] == [Code.REPLY_SHAPE]


async def test_an_exception_keeps_its_chain_status_and_body() -> None:
    error = ValueError("503 from upstream")
    error.__cause__ = ConnectionError("worker died")
    vars(error).update(status_code=503, body={"error": "busy"})
    found = await failure_of(error)
    assert found.message == "ValueError: 503 from upstream"
    assert found.chain == ("ValueError: 503 from upstream", "ConnectionError: worker died")
    assert (found.status, found.body, found.empty) == (503, '{"error":"busy"}', False)


async def test_retries_are_unwrapped_and_their_attempts_counted() -> None:
    tenacity = pytest.importorskip("tenacity")
    tries: list[int] = []

    @tenacity.retry(stop=tenacity.stop_after_attempt(3))
    async def inner() -> None:
        tries.append(1)
        raise ConnectionRefusedError("nobody there")

    class Server:
        @tenacity.retry(stop=tenacity.stop_after_attempt(3))
        async def chat_completion(self, **_: Any) -> None:
            await inner()

    with pytest.raises(RequestFailure) as caught:
        await ask(ChatCompletionServer(Server()), request(USER))
    assert caught.value.message == "ConnectionRefusedError: nobody there (after 9 attempts)"
    assert len(tries) == 9
    assert "ConnectionRefusedError: nobody there" in caught.value.chain
