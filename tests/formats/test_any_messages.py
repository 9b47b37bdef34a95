"""The messages to and from a model are read in every dialect of tracers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.chat_messages import append_message
from hermes_tui.formats.dialects.any_messages import (
    ModelMessages,
    instructions_in,
    read_input,
    read_output,
)
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.events import Event
from hermes_tui.model.spans import ByteRange
from tests.formats.foreign import any_json, calls, dialog, messages, results

FUNCTION = {"name": "add", "arguments": '{"a": 1}'}


def events_of(found: ModelMessages) -> list[Event]:
    build = RunBuilder(ByteRange(0, 1))
    for message in found.messages:
        append_message(build, message)
    return build.events


def typed(kind: str, **members: Any) -> dict[str, Any]:
    return {"type": kind, **members}


OPENAI = [
    {"role": "user", "content": "Add"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": FUNCTION}],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "2"},
]
DIALECTS: dict[str, list[Any]] = {
    "openai": OPENAI,
    "anthropic": [
        {"role": "user", "content": [typed("text", text="Add")]},
        {
            "role": "assistant",
            "content": [typed("tool_use", id="c1", name="add", input={"a": 1})],
        },
        {"role": "user", "content": [typed("tool_result", tool_use_id="c1", content="2")]},
    ],
    "ai-sdk": [
        {"role": "user", "content": [typed("text", text="Add")]},
        {
            "role": "assistant",
            "content": [typed("tool-call", toolCallId="c1", toolName="add", input={"a": 1})],
        },
        {
            "role": "tool",
            "content": [
                typed("tool-result", toolCallId="c1", output={"type": "text", "value": "2"})
            ],
        },
    ],
    "ai-sdk ui": [
        {"role": "user", "parts": [typed("text", text="Add")]},
        {
            "role": "assistant",
            "parts": [
                typed(
                    "tool-add",
                    toolCallId="c1",
                    state="output-available",
                    input={"a": 1},
                    output="2",
                )
            ],
        },
    ],
    "responses": [
        {"role": "user", "content": "Add"},
        typed("function_call", call_id="c1", **FUNCTION),
        typed("function_call_output", call_id="c1", output="2"),
    ],
    "langchain": [
        typed("human", content="Add"),
        typed("ai", content="", tool_calls=[{"name": "add", "args": {"a": 1}, "id": "c1"}]),
        typed("tool", content="2", tool_call_id="c1"),
    ],
    "langchain batch": [
        [
            ["human", "Add"],
            typed("ai", content="", tool_calls=[{"name": "add", "args": {"a": 1}, "id": "c1"}]),
            typed("tool", content="2", tool_call_id="c1"),
        ]
    ],
    "pydantic-ai": [
        {"kind": "request", "parts": [{"part_kind": "user-prompt", "content": "Add"}]},
        {
            "kind": "response",
            "parts": [
                {
                    "part_kind": "tool-call",
                    "tool_name": "add",
                    "args": '{"a": 1}',
                    "tool_call_id": "c1",
                }
            ],
        },
        {
            "kind": "request",
            "parts": [
                {
                    "part_kind": "tool-return",
                    "tool_name": "add",
                    "content": "2",
                    "tool_call_id": "c1",
                }
            ],
        },
    ],
    "gemini": [
        {"role": "user", "parts": [{"text": "Add"}]},
        {
            "role": "model",
            "parts": [{"functionCall": {"name": "add", "args": {"a": 1}, "id": "c1"}}],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "add", "response": {"output": "2"}, "id": "c1"}}
            ],
        },
    ],
    "genai conventions": [
        {"role": "user", "parts": [typed("text", content="Add")]},
        {
            "role": "assistant",
            "parts": [typed("tool_call", id="c1", name="add", arguments={"a": 1})],
        },
        {"role": "user", "parts": [typed("tool_call_response", id="c1", response="2")]},
    ],
    "openinference": [
        {"message": {"role": "user", "contents": [{"message_content": typed("text", text="Add")}]}},
        {
            "message": {
                "role": "assistant",
                "tool_calls": [{"tool_call": {"id": "c1", "function": FUNCTION}}],
            }
        },
        {"message": {"role": "tool", "tool_call_id": "c1", "content": "2"}},
    ],
    "autogen": [
        typed("UserMessage", content="Add", source="user"),
        typed("AssistantMessage", content=[{"id": "c1", **FUNCTION}], source="adder"),
        typed("FunctionExecutionResultMessage", content=[{"call_id": "c1", "content": "2"}]),
    ],
    "text of objects": [
        "role='user' content='Add' name=None",
        f"role='assistant' tool_calls=[{{'id': 'c1', 'function': {FUNCTION}}}] timer=<Timer at 0>",
        "role='tool' content='2' tool_call_id='c1'",
    ],
}


@pytest.mark.parametrize("wrap", ["list", "messages", "JSON text", "arguments"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_same_conversation_is_read_from_every_dialect(dialect: str, wrap: str) -> None:
    value: Any = DIALECTS[dialect]
    value = {
        "list": value,
        "messages": {"messages": value, "temperature": 0},
        "JSON text": json.dumps(value),
        "arguments": {"args": [], "kwargs": {"messages": value}},
    }[wrap]
    found = read_input(value, "/input")
    assert found.is_known
    events = events_of(found)
    roles = [message.role for message in messages(events)]
    assert roles[:2] == ["user", "assistant"]
    assert messages(events)[0].text == "Add"
    (call,) = calls(events)
    assert (call.name, call.id, call.arguments) == ("add", "c1", {"a": 1})
    (result,) = results(events)
    assert (result.content, result.call_id) == ("2", "c1")
    assert all(event.at.pointer.startswith("/input") for event in events if event.at)
    assert not [found for event in events for found in event.diagnostics]


@pytest.mark.parametrize(
    "reply",
    [
        "Two.",
        {"role": "assistant", "content": "Two."},
        [{"role": "assistant", "content": "Two."}],
        {"content": [typed("text", text="Two.")], "role": "assistant"},
        [typed("text", text="Two.")],
        {"choices": [{"message": {"role": "assistant", "content": "Two."}}]},
        {
            "object": "response",
            "output": [
                typed("message", role="assistant", content=[typed("output_text", text="Two.")])
            ],
        },
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "Two."}]}}]},
        {"content": {"role": "model", "parts": [{"text": "Two."}]}, "finish_reason": "STOP"},
        {"generations": [[{"text": "Two.", "message": typed("ai", content="Two.")}]]},
        {"generations": [[{"text": "Two."}]]},
        typed("AIMessageChunk", content="Two.", additional_kwargs={}),
        [{"role": "assistant", "parts": [typed("text", content="Two.")], "finish_reason": "stop"}],
        {"output": {"role": "assistant", "content": "Two."}},
        '{"role": "assistant", "content": "Two."}',
    ],
    ids=lambda reply: json.dumps(reply)[:40],
)
def test_a_reply_is_found_inside_any_wrapper(reply: Any) -> None:
    found = read_output(reply, "/output")
    assert found.is_known
    assert dialog(events_of(found)) == [("assistant", "Two.")]


@pytest.mark.parametrize("wrap", ["list", "object"])
def test_bare_lists_of_calls_are_calls(wrap: str) -> None:
    listed = [{"id": "c1", "type": "function", "function": FUNCTION}]
    (call,) = calls(events_of(read_output(listed if wrap == "list" else {"tool_calls": listed})))
    assert (call.name, call.id, call.arguments_text) == ("add", "c1", '{"a": 1}')


def test_model_tools_and_system_prompt_next_to_the_messages_are_read() -> None:
    tool = typed("function", function={"name": "add", "parameters": {}})
    found = read_input({"model": "m", "messages": OPENAI, "tools": [tool], "system": "Be brief."})
    assert found.model == "m"
    assert [spec.name for spec in found.tools or ()] == ["add"]
    assert dialog(events_of(found))[0] == ("system", "Be brief.")


def test_tools_listed_among_the_messages_are_not_messages() -> None:
    tool = typed("function", function={"name": "add", "parameters": {}})
    found = read_input([OPENAI[0], {"role": "tool", "content": tool}])
    assert len(found.messages) == 1
    assert [spec.name for spec in found.tools or ()] == ["add"]


def test_a_gemini_request_has_its_system_instruction_and_tools() -> None:
    request = {
        "model": "gemini-example",
        "config": {
            "system_instruction": "Be brief.",
            "tools": [{"function_declarations": [{"name": "add"}]}],
        },
        "contents": [{"role": "user", "parts": [{"text": "Add"}]}],
    }
    found = read_input(request, "/in")
    events = events_of(found)
    assert dialog(events) == [("system", "Be brief."), ("user", "Add")]
    assert [event.at.pointer for event in events if event.at] == [
        "/in/config/system_instruction",
        "/in/contents/0",
    ]
    assert [spec.name for spec in found.tools or ()] == ["add"]


def test_a_reply_that_is_an_error_is_a_failure() -> None:
    found = read_output({"error": {"message": "no quota", "code": 429}})
    assert (found.failure, found.messages) == ("no quota", [])


@pytest.mark.parametrize("nothing", [None, "", [], {}, "null"])
def test_an_empty_output_has_no_messages(nothing: Any) -> None:
    assert read_output(nothing).messages == [] or nothing == "null"


def test_a_value_of_no_known_dialect_is_shown_unchanged() -> None:
    found = read_output({"joke": "no", "score": 3}, "/output")
    assert not found.is_known
    assert dialog(events_of(found)) == [("assistant", '{"joke":"no","score":3}')]


def test_instructions_are_read_from_text_from_parts_and_from_a_reply() -> None:
    for text in ("Be brief.", '[{"type": "text", "content": "Be brief."}]'):
        message = instructions_in(text, "/x")
        assert message is not None
        assert dialog(events_of(ModelMessages([message]))) == [("system", "Be brief.")]
    assert instructions_in({"instructions": "Be brief."}, "/x", only_inside=True) is not None
    assert instructions_in("Be brief.", "/x", only_inside=True) is None
    assert instructions_in(7, "/x") is None


@pytest.mark.parametrize("key", ["", "messages", "output", "instructions", "content", "parts"])
def test_values_nested_too_deeply_raise_nothing(key: str) -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = {key: deep} if key else [deep]
    for read in (read_input, read_output):
        assert events_of(read(deep, "/x"))
    instructions_in(deep, "/x")


@settings(max_examples=80, deadline=None)
@given(
    any_json(
        "role", "content", "messages", "parts", "type", "choices", "output", "candidates",
        "generations", "kind", "message", "tool_calls", "contents", "input", "error",
    )
)  # fmt: skip
def test_reading_never_raises(value: Any) -> None:
    for item in (value, [value], json.dumps(value), {"messages": value}, {"output": [value]}):
        for read in (read_input, read_output):
            found = read(item, "/x")
            events_of(found)
            nothing = decode_if_json(item) in (None, "", [], {})
            assert found.messages or found.failure or found.tools or nothing
