"""The matches of a pattern are found in linear time, and mostly where Python finds them."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.log.linear_regex import RegexError, compile_span_steps
from tests.log.test_expressions import PATTERNS
from tests.timing import Work, assert_linear

LONG = 3_000
"""The text length beyond which no pattern with a repeat is left to `re`."""


def spans_in(pattern: str, text: str) -> list[tuple[int, int]]:
    return [span for span in compile_span_steps(pattern)(text) if span is not None]


@pytest.mark.parametrize(
    "pattern",
    [r"\d+ms", r"error: \w+ in \w+", r'"name":\s*"\w+",\s*"n":\s*\d', r"\bpar\w*", "a.?b", "x{2,}",
     r'".*?"', "(?:ab)+", "(?i)ERROR.{0,9}", r"\d*", "^ +|end$", r"[^\s\"]+$", "f|l|in"],
)  # fmt: skip
def test_matches_in_a_long_text_equal_those_of_python(pattern: str) -> None:
    line = 'error: failed in parser after 125ms {"name": "ls", "n": 1} ababab acb xxx the end'
    text = " " * LONG + line
    expected = [one.span() for one in re.finditer(pattern, text) if one[0]]
    assert expected
    assert spans_in(pattern, text) == expected


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["", "(?i)", "(?m)", "(?s)", "(?ims)", "(?a)"]),
    PATTERNS,
    st.text(alphabet="aAbBé\n {.", min_size=1, max_size=8).map(lambda text: text + "."),
)
def test_marked_spans_match_and_no_match_is_left_unmarked(
    flags: str, pattern: str, text: str
) -> None:
    try:
        python = re.compile(flags + pattern)
    except re.error:
        return
    # A repeated group is never left to `re`.
    found = spans_in(f"{flags}(?:{pattern})(?:){{1}}", text)
    for start, end in found:
        whole = re.compile(rf"{flags}(?:{pattern})(?=(?s:.{{{len(text) - end}}})\Z)")
        match = whole.match(text, start)
        assert match is not None and match.end() == end > start
    assert all(before[1] <= after[0] for before, after in pairwise(found))
    if any(one[0] for one in python.finditer(text)):
        assert found or "?" in pattern


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("w.*r.*q", "word "),
        ("(w+o*)+q", "w"),
        (r"\s*\s*\s*x", " "),
        ("(a|a)(a|a)(a|a)b", "a"),
        ("(a.*x)?", "a"),
        ("a?.*?b", "a"),
        ("wo.*", "word "),
    ],
)
def test_the_time_grows_linearly_with_the_text_for_any_pattern(pattern: str, text: str) -> None:
    spans = compile_span_steps(pattern)

    def searching(count: int) -> Work:
        searched = text * count
        return lambda: list(spans(searched))

    assert_linear(searching, 80_000 // len(text))


def test_patterns_outside_the_grammar_have_no_spans() -> None:
    with pytest.raises(RegexError):
        compile_span_steps("(?=a)")
