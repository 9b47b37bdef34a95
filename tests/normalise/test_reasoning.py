from __future__ import annotations

import pytest

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.normalise import normalise_message
from tests.normalise.reading import assistant, codes, native


def pieces(found):
    return [(r.field, r.kind, r.text, r.also_in) for r in found.message.reasoning]


def test_the_same_text_in_two_fields_is_shown_once():
    found = assistant(reasoning_content="plan", reasoning="plan\n")
    assert pieces(found) == [("reasoning_content", "text", "plan", ("reasoning",))]


def test_every_entry_of_reasoning_details_is_shown():
    details = [
        {"type": "reasoning.summary", "summary": "short"},
        {"type": "reasoning.text", "text": "long", "signature": "s"},
        {"type": "reasoning.encrypted", "data": "x" * 1200},
    ]
    assert pieces(assistant(reasoning_details=details)) == [
        ("reasoning_details[0]", "summary", "short", ()),
        ("reasoning_details[1]", "text", "long", ()),
        ("reasoning_details[2]", "encrypted", "encrypted, 1,200 bytes", ()),
    ]


def test_details_that_only_split_a_known_text_are_named_with_it():
    details = [{"type": "reasoning.text", "text": t} for t in ("one ", "two")]
    found = assistant(reasoning="one two", reasoning_details=details)
    assert pieces(found) == [("reasoning", "text", "one two", ("reasoning_details[0..1]",))]


def test_details_kept_as_json_text_are_read():
    found = assistant(reasoning_details='[{"type": "reasoning.text", "text": "a"}]')
    assert pieces(found) == [("reasoning_details[0]", "text", "a", ())]


def test_reasoning_that_is_an_object_is_read():
    found = assistant(
        reasoning={"summary": [{"type": "summary_text", "text": "s"}], "encrypted_content": "abc"}
    )
    assert pieces(found) == [
        ("reasoning", "summary", "s", ()),
        ("reasoning", "encrypted", "encrypted, 3 bytes", ()),
    ]


def test_thinking_blocks_of_the_content_are_reasoning():
    content = [
        {"type": "thinking", "thinking": "a", "signature": "s"},
        {"type": "redacted_thinking", "data": "zzz"},
        {"type": "reasoning", "value": "b"},
        {"type": "text", "text": "said"},
    ]
    found = assistant(content=content)
    assert found.message.text == "said"
    assert pieces(found) == [
        ("content thinking[0]", "text", "a", ()),
        ("content thinking[1]", "encrypted", "encrypted, 3 bytes", ()),
        ("content thinking[2]", "text", "b", ()),
    ]


def test_a_pad_is_not_reasoning():
    assert assistant(reasoning_content=" ").message.reasoning == ()


def test_tags_in_the_content_are_reasoning_with_their_span():
    found = assistant(content="<think>\nplan\n</think>\nhi")
    assert pieces(found) == [("content <think>", "text", "plan", ())]
    assert found.message.reasoning[0].span == Span(0, 21)
    assert found.message.text == "<think>\nplan\n</think>\nhi"


def test_a_closing_tag_without_an_opening_one_ends_reasoning():
    found = assistant(content="plan</think>hi")
    assert pieces(found) == [("content <think>", "text", "plan", ())]
    assert found.message.reasoning[0].span == Span(0, 12)


def test_empty_tags_are_filler():
    assert assistant(content="<think>\n</think>\nhi").message.reasoning == ()


def test_reasoning_repeated_as_content_is_noted():
    call = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>'
    found = assistant(content=f"<think>\nplan\n</think>\nplan\n{call}")
    assert pieces(found) == [("content <think>", "text", "plan", ("content",))]
    assert pieces(assistant(content="plan", reasoning="plan"))[0][3] == ("content",)


def test_a_field_that_repeats_the_tags_is_noted():
    found = assistant(content="<think>plan</think>hi", reasoning_content="plan")
    assert pieces(found) == [("content <think>", "text", "plan", ("reasoning_content",))]


def test_tags_of_users_and_systems_are_text():
    found = normalise_message({"role": "system", "content": "use <think>x</think>"})
    assert found.message.reasoning == ()


def test_a_call_inside_a_reasoning_field_is_reported():
    hidden = 'now <tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>'
    found = assistant(content="so", reasoning_content=hidden)
    assert [(d.code, d.severity) for d in found.diagnostics] == [
        (Code.MARKER_IN_REASONING, Severity.WARNING)
    ]
    answered = assistant(reasoning_content=hidden, tool_calls=[native()])
    assert codes(answered.diagnostics) == []
    assert assistant(reasoning_content="write <tool_call> first").diagnostics == ()


FUNCTION = "<function=f>\n<parameter=n>5</parameter>\n</function>"
KIMI = "<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{}<|tool_call_end|>"


@pytest.mark.parametrize(
    "reply",
    [
        {"content": None, "reasoning_content": f"I call it. {FUNCTION}"},
        {"content": "", "reasoning": f"I call it. {KIMI}"},
        {"content": f"<think>I call it. {FUNCTION}</think>\n"},
        {"content": f"<think>I call it. {FUNCTION}", "name": "x", "id": 1},
    ],
)
def test_a_call_in_the_reasoning_of_an_otherwise_empty_reply_is_lost(reply):
    (error,) = assistant(**reply).diagnostics
    assert (error.code, error.severity) == (Code.MARKER_IN_REASONING, Severity.ERROR)
    assert "(f), and the message has no text and no call" in error.message


@pytest.mark.parametrize(
    "content", [f"<think>I could {FUNCTION}</think>done", "<think>maybe [f(n=5)]</think>"]
)
def test_a_call_in_reasoning_is_not_lost_if_unmarked_or_followed_by_text(content):
    assert all(one.severity is not Severity.ERROR for one in assistant(content=content).diagnostics)
