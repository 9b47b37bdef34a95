"""The fast path for sound calls gives what the full parser gives, or leaves the text to it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.parsers.embedded import has_mark, read_embedded, sound_calls
from hermes_tui.parsers.reasoning_tags import split_reasoning

SOUND = '<tool_call>\n{"name": "f", "arguments": {"a": [1, "é"]}}\n</tool_call>'
SCRAPS = (
    SOUND,
    '<tool_call>{"arguments": {}, "name": "g"}</tool_call>',
    '<tool_call>{"name": "h", "arguments": {"a": 1, "a": 2}}</tool_call>',
    '<tool_call>{"name": "i", "arguments": "{}"}</tool_call>',
    '<tool_call>{"name": " ", "arguments": {}}</tool_call>',
    '<tool_call>{"name": "j", "arguments": {"t": "</tool_call>"}}</tool_call>',
    '<tool_call>{"name": "k", "arguments": {"t": "\\ud800", "n": 1e999}}</tool_call>',
    "<tool_call>",
    "</tool_call>",
    '{"name": "f", "arguments": {}}',
    "{",
    "}",
    "<function=f>\n</function>",
    "<think>",
    "</think>",
    "```",
    "<|im_end|>",
    "<tool call>{",
    "&lt;tool_call&gt;{",
    "`",
    " ",
    "\n",
    "words",
)
TEXTS = st.lists(st.sampled_from(SCRAPS), max_size=7).map("".join)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_the_fast_path_reads_the_calls_that_the_full_parser_reads(text: str) -> None:
    calls = sound_calls(text, split_reasoning(text))
    full = read_embedded(text)
    if calls:
        assert full is not None
        assert full.diagnostics == ()
        bare = tuple(call._replace(name_span=None, arguments_span=None) for call in full.calls)
        assert calls == bare


def test_the_fast_path_reads_sound_calls_after_reasoning_and_prose() -> None:
    text = f"<think>\nhm\n</think>\nI look.\n{SOUND}\n{SOUND}\nThat is all."
    names = [(call.name, call.value) for call in sound_calls(text, split_reasoning(text))]
    assert names == [("f", {"a": [1, "é"]})] * 2


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_a_text_without_a_marker_gets_no_finding(text: str) -> None:
    full = read_embedded(text)
    if full is not None and not has_mark(text):
        assert (full.calls, full.diagnostics) == ((), ())
