"""Where a text contains reasoning."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.parsers.reasoning_tags import TAGS, has_reasoning_tag, split_reasoning


def inner(text: str) -> list[str]:
    return [text[span.start : span.end] for _, span, _ in split_reasoning(text)]


@pytest.mark.parametrize("tag", TAGS)
def test_every_known_tag_is_read(tag: str) -> None:
    text = f"a<{tag}>why</{tag}>b"
    ((whole, span, name),) = split_reasoning(text)
    assert (text[whole.start : whole.end], text[span.start : span.end], name) == (
        f"<{tag}>why</{tag}>",
        "why",
        tag,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no tags", []),
        ("<b>bold</b>", []),
        ("why</think>answer", ["why"]),
        ("why</think>answer</think>more", ["why"]),
        ("<think>a</think>b</think>c", ["a"]),
        ("x<think>never closed", ["never closed"]),
        ("<think>a</think><think>b</think>", ["a", "b"]),
        ("<think></think>", [""]),
        ("the `<think>` tag", []),
        ('<tool_call>{"a": "<think>"}</tool_call>', []),
        ('<tool_call>{"a": "</think>"}</tool_call>', []),
        ("<function=f>\n<parameter=a><think></parameter></function>", []),
        (
            'maybe <tool_call>{"a": 1}</tool_call></think>no',
            ['maybe <tool_call>{"a": 1}</tool_call>'],
        ),
    ],
)
def test_reasoning_is_the_text_inside_the_tags(text: str, expected: list[str]) -> None:
    assert inner(text) == expected


PIECES = [f"<{slash}{tag}>" for tag in ("think", "reasoning") for slash in ("", "/")]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([*PIECES, "<tool_call>{", "</tool_call>", "`", " x "]), max_size=12)
)
def test_pieces_are_in_order_and_within_bounds(pieces: list[str]) -> None:
    text = "".join(pieces)
    position = 0
    for whole, span, _ in split_reasoning(text):
        assert position <= whole.start <= span.start <= span.end <= whole.end <= len(text)
        position = whole.end
    assert has_reasoning_tag(text) == any(piece in text for piece in PIECES)
