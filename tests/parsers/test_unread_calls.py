"""Texts that are calls as a whole, and say so by no marker; and texts that are none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import Origin, ToolSpec
from hermes_tui.parsers.unread_calls import unread_calls

TOOLS = (ToolSpec("look", "", {"type": "object", "properties": {"at": {"type": "string"}}}),)
HARMONY = 'assistantcommentary to=functions.look json{"at": "a"}'


@pytest.mark.parametrize(
    ("text", "reader"),
    [
        ('{"name": "look", "arguments": {"at": "a"}}', "vllm/llama3_json"),
        ('```json\n[{"name": "look", "parameters": {"at": "a"}}]\n```', "vllm/llama4_json"),
        ('[look(at="a")]', "vllm/pythonic"),
        ('look(at="a")', "no parser reads it as it is"),
        (f"analysisI need it.{HARMONY}", "gpt-oss (sglang) reads it with the markers"),
    ],
)
def test_the_calls_are_told_with_the_parsers_that_read_them(text: str, reader: str) -> None:
    calls, (error,) = unread_calls(text, TOOLS)
    assert [(call.name, call.arguments, call.origin) for call, _ in calls] == [
        ("look", {"at": "a"}, Origin.TEXT)
    ]
    assert (error.code, error.severity) == (Code.CALL_IN_CONTENT, Severity.ERROR)
    assert reader in error.hint


def test_bare_json_is_a_call_of_whatever_tool() -> None:
    text = '{"name": "other", "arguments": {}}'
    assert len(unread_calls(text, ()).calls) == len(unread_calls(text, TOOLS).calls) == 1


@pytest.mark.parametrize(
    "text",
    [
        '[other(at="a")]',
        '[look(at="a")] is what I would call.',
        'I call [look(at="a")]',
        '{"name": "look", "age": 3}',
        '{"look": {"at": "a"}}',
        "look",
        "(look)",
        f"My analysis: {HARMONY}",
        "",
    ],
)
def test_other_texts_hold_no_calls(text: str) -> None:
    assert unread_calls(text, TOOLS) == ([], [])


def test_without_declared_tools_only_bare_json_is_a_call() -> None:
    assert unread_calls('[look(at="a")]', ()) == ([], [])


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ('[look(at="…")]', "pythonic is made"),
        (
            '{"name": "look", "arguments": {"at": "…"}}',
            "llama3_json (vllm), llama3 (sglang) is made",
        ),
    ],
)
def test_a_long_text_is_told_by_its_format_alone(text: str, flag: str) -> None:
    calls, (error,) = unread_calls(text.replace("…", "a" * 50_000), TOOLS)
    assert len(calls) == 1
    assert f"--tool-call-parser {flag}" in error.hint


PIECES = st.sampled_from(["look", "(", ")", "[", "]", '"', "at=", "{", "}", ":", "name", " ", "a"])


@settings(max_examples=60)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_spans_stand_in_the_text_whatever_it_is(text: str) -> None:
    calls, told = unread_calls(text, TOOLS)
    assert len(told) == bool(calls)
    for call, _ in calls:
        assert call.span is not None and 0 <= call.span.start < call.span.end <= len(text)
