from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.messages import ArgumentsState, IdState, Origin
from hermes_tui.parsers.normalise import normalise_message
from tests.normalise.reading import codes, only_call


@pytest.fixture(scope="module")
def chat():
    return pytest.importorskip("openai.types.chat")


def test_a_call_of_the_sdk_is_an_object(chat):
    entry = chat.ChatCompletionMessageToolCall.model_validate(
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    )
    call, found = only_call(entry)
    assert (call.origin, call.id, call.name, call.arguments) == (Origin.OBJECT, "c1", "f", {"a": 1})
    assert call.raw == {
        "id": "c1",
        "type": "function",
        "function": {"name": "f", "arguments": '{"a": 1}'},
    }
    assert found == ()


def test_a_custom_call_of_the_sdk_is_a_custom_object(chat):
    entry = chat.ChatCompletionMessageCustomToolCall.model_validate(
        {"id": "c1", "type": "custom", "custom": {"name": "patch", "input": "*** x"}}
    )
    call, found = only_call(entry)
    assert (call.origin, call.verdict) == (Origin.CUSTOM_OBJECT, "custom")
    assert (call.name, call.arguments_text) == ("patch", "*** x")
    assert call.arguments_state is ArgumentsState.NOT_JSON
    assert found == ()


def test_a_whole_message_of_the_sdk_is_read_with_its_extra_fields(chat):
    raw = chat.ChatCompletionMessage.model_validate(
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "plan",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
            ],
        }
    )
    found = normalise_message(raw)
    assert found.message.role == "assistant"
    assert found.message.reasoning[0].text == "plan"
    assert found.calls[0][0].origin is Origin.OBJECT
    assert msgspec.json.encode(found.calls[0][0])


def test_absent_and_null_ids_of_sdk_objects_are_distinguished(chat):
    kind = chat.ChatCompletionMessageToolCall
    function = {"name": "f", "arguments": "{}"}
    absent, _ = only_call(kind.construct(type="function", function=function))
    null, found = only_call(kind.construct(id=None, type="function", function=function))
    assert (absent.id_state, null.id_state) == (IdState.MISSING, IdState.NULL)
    assert codes(found) == [Code.ID_MISSING]


def test_any_object_with_a_function_is_an_object_call():
    entry = SimpleNamespace(id="c", function=SimpleNamespace(name="f", arguments="{}"))
    call, found = only_call(entry)
    assert (call.origin, call.name) == (Origin.OBJECT, "f")
    assert found == ()


def test_a_legacy_call_of_the_sdk_is_read(chat):
    raw = chat.ChatCompletionMessage.model_validate(
        {"role": "assistant", "function_call": {"name": "f", "arguments": '{"a": 1}'}}
    )
    call, _ = normalise_message(raw).calls[0]
    assert (call.name, call.arguments) == ("f", {"a": 1})
