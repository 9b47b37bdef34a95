"""Laws of reading the texts of a run: any text, all of it, in linear time, and as intended."""

from __future__ import annotations

import gc
import re
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import Outcome, ParsedCall, ParseResult
from hermes_tui.parsers.embedded import bare_call_json, read_embedded
from hermes_tui.parsers.literals import compact
from hermes_tui.parsers.wire import hermes, qwen_coder
from hermes_tui.parsers.wire.base import Wire
from tests.parsers.laws import check_laws

PIECES = [
    *("<tool_call>", "</tool_call>", "</tool_cal>", "&lt;tool_call&gt;", "<arg_key>"),
    *("<function=f>", "<function=", '<function name="g">', "</function>"),
    *("<parameter=k>", "</parameter>", "<think>", "</think>", "<|im_end|>"),
    *("{", "}", "[", "]", '"', "'", "“", "`", ":", ",", "\\", "//", "/*", "```", "```json\n"),
    *('"name"', '"arguments"', '"f"', "True", "03", "words"),
    *('{"name":"f","arguments":{"a":1}}', "{'name':'f','arguments':{}}"),
    *("\n", " ", "\x00", "\ud83e"),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


def read(text: str) -> ParseResult:
    return read_embedded(text) or ParseResult(Outcome.TEXT)


def written(wire: Wire, calls: list[ParsedCall]) -> str:
    assert wire.render is not None
    return wire.render(calls)


@settings(max_examples=500, deadline=None)
@given(TEXTS | st.text(max_size=60))
def test_any_text_is_read_lawfully(text: str) -> None:
    result = read_embedded(text)
    if result is not None:
        check_laws(text, result)
    bare_call_json(text)


NAMES = st.text(min_size=1, max_size=10).filter(str.strip)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(st.text(max_size=6), JSON_VALUES, max_size=3)


def call_of(name: str, value: dict[str, Any]) -> ParsedCall:
    return ParsedCall(name, compact(value), Span(0, 0), value=value)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(NAMES, ARGUMENTS), min_size=1, max_size=3))
def test_written_tags_are_read_back(pairs: list[tuple[str, dict[str, Any]]]) -> None:
    calls = [call_of(name, value) for name, value in pairs]
    result = read(written(hermes.WIRES[0], calls))
    assert [(c.name, c.arguments, c.value) for c in result.calls] == [
        (c.name, c.arguments, c.value) for c in calls
    ]
    assert result.content is None


WORDS = st.from_regex(r"[A-Za-z_][\w.-]{0,8}", fullmatch=True)
# The format has no escapes: a value that holds its tags may look like one that ends there.
UNCLEAR = re.compile(r"</|<(?:function|parameter|tool_call)|\r")
PLAIN_TEXT = st.text(max_size=20).filter(lambda text: not UNCLEAR.search(text))


@settings(max_examples=150, deadline=None)
@given(WORDS, st.dictionaries(WORDS, PLAIN_TEXT, max_size=3))
def test_written_functions_are_read_back(name: str, value: dict[str, str]) -> None:
    result = read(written(qwen_coder.WIRES[0], [call_of(name, value)]))
    assert [(c.name, c.value) for c in result.calls] == [(name, value)]
    assert result.diagnostics == ()


REPEATED = [
    "<tool_call>",
    "<tool_call>{",
    '<tool_call>{"a":"x" ',
    '<tool_call>{"a":"',
    "<tool_call>   ",
    "<tool_call>[",
    "</tool_call>",
    '{"a":1}</tool_call>',
    "{ </tool_call>",
    "<think>",
    "</think>",
    "<think></think>",
    "<function=a>",
    "<function=a><parameter=b>",
    "<function=a><parameter=b>x</parameter>z ",
    "<function=a><parameter=b>x\n</function>z ",
    "<parameter=k>",
    "```",
    '{"name":"a"}',
    "[",
    '"',
    "\\",
    " ",
    "<|im_end|>",
]
OPENINGS = [
    "",
    "<tool_call>",
    '<tool_call>{"name":"f","arguments":{"a":"',
    "<function=a><parameter=b>",
]


def work(text: str) -> int:
    """Return how many function calls, of Python and built-in functions, a reading takes."""
    count = 0

    def note(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        read(text)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("unit", REPEATED)
def test_the_work_grows_linearly_with_the_length(unit: str) -> None:
    for opening in OPENINGS:
        small, large = (opening + unit * (size // len(unit)) for size in (1_000, 8_000))
        assert work(large) <= 12 * work(small) + 500


@pytest.mark.parametrize(
    "unit", ["<tool_call>", "<tool_call>{", "<think>", "[", '"', " ", "<tool_call> "]
)
def test_a_megabyte_of_nonsense_is_read(unit: str) -> None:
    text = "<tool_call>" + unit * (1_000_000 // len(unit))
    result = read(text)
    assert len(result.steps) <= 1 + 3 * text.count("<")
    del result
    gc.collect()
