"""Calls whose special tokens a server dropped: what is left of each format is still recognised."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.auto import Auto

TOOLS = (ToolSpec("look", "", {"type": "object", "properties": {"at": {"type": "string"}}}),)
KIMI = 'functions.look:0{"at": "a"}'
DEEPSEEK = 'functionlook\n```json\n{"at": "a"}\n```'
BARE = 'look{"at": "a"}'


@pytest.mark.parametrize(
    ("text", "family"),
    [
        (KIMI, "kimi_k2"),
        (f"I look.{KIMI}", "kimi_k2"),
        (DEEPSEEK, "deepseek_v3"),
        (BARE, "mistral_v11 or deepseek_v31"),
        (f"I look.\n{BARE}", "mistral_v11 or deepseek_v31"),
        ('call:look{"at": "a"}', "gemma4"),
        (f"<think>hm {BARE}</think>{KIMI}", "kimi_k2"),
    ],
)
def test_a_call_without_its_special_tokens_is_read_and_its_family_named(
    text: str, family: str
) -> None:
    result = Auto().parse(text, TOOLS)
    assert [(call.name, call.value) for call in result.calls] == [("look", {"at": "a"})]
    (lost,) = [one for one in result.diagnostics if one.code is Code.NO_MARKER]
    assert family in lost.message
    assert "skip_special_tokens=false" in lost.hint


def test_several_calls_without_special_tokens_are_separated() -> None:
    calls = Auto().parse(f"{KIMI}functions.look:1{{}}", TOOLS).calls
    assert [call.value for call in calls] == [{"at": "a"}, {}]
    assert calls[0].span.end <= calls[1].span.start


def test_a_cut_kimi_call_is_reported_as_cut() -> None:
    result = Auto().parse(KIMI[:-3], TOOLS)
    assert [call.verdict for call in result.calls] == ["unclosed"]
    assert Code.TRUNCATED in [one.code for one in result.diagnostics]


def test_strings_without_their_quotes_are_not_arguments() -> None:
    (call,) = Auto().parse("call:look{at:here, or there}", TOOLS).calls
    assert (call.name, call.arguments, call.verdict) == ("look", "{at:here, or there}", "failed")


@pytest.mark.parametrize("text", [KIMI, DEEPSEEK, BARE])
def test_it_is_not_a_call_unless_the_tool_is_declared(text: str) -> None:
    for tools in ((), (ToolSpec("other"),)):
        assert Auto().parse(text, tools).calls == ()


@pytest.mark.parametrize(
    "text",
    [
        f"`{BARE}`",
        "look{at: 1}",
        "look {}",
        "I overlook{}",
        "x look{}",
        'looks{"at": "a"}',
        "look:0{}",
        'my/look{"at": "a"}',
    ],
)
def test_other_texts_with_the_name_of_a_tool_are_not_calls(text: str) -> None:
    assert Auto().parse(text, TOOLS).calls == ()


PIECES = ["functions.", "look", ":0", "{", "}", '"at": 1', "function", "\n```json\n", "call:", "x."]


@settings(max_examples=100)
@given(st.lists(st.sampled_from([*PIECES, "<think>", "</think>", "```", " "]), max_size=30))
def test_spans_cover_any_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    result = Auto().parse(text, TOOLS)
    spans = [call.span for call in result.calls]
    parts = sorted([*spans, *result.reasoning, *result.dropped, *result.content_spans])
    assert sum(len(part) for part in parts) == len(text)
    assert all(one.end <= other.start for one, other in pairwise(parts))
