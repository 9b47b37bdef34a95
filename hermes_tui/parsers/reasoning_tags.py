"""Reasoning between tags in the text.

    reasoning := "<" TAG ">" … "</" TAG ">"       the first closing tag ends it
               | "<" TAG ">" … end of text        never closed
               | start of text … "</" TAG ">"     the opening tag was in the prompt
    TAG       := think | thinking | thought | reasoning | REASONING_SCRATCHPAD | scratch_pad

A tag inside a call block belongs to the call, and a tag after a backtick is quoted: neither counts.
"""

from __future__ import annotations

import re

from hermes_tui.model.spans import Span

Thought = tuple[Span, Span, str]
"""A piece of reasoning: its span with the tags, the span between them, and the tag's name."""

TAGS = ("think", "thinking", "thought", "reasoning", "REASONING_SCRATCHPAD", "scratch_pad")

_NAMES = "|".join(TAGS)
ALL_NAMES = rf"{_NAMES}|seed:think"
"""Pattern of all reasoning tag names, including those that only one family of models writes."""
_MARK = re.compile(
    rf"<(?P<closing>/?)(?P<tag>{_NAMES})>"
    r"|<tool_call>(?=\s*+(?:[{\[]|```|<function))|<function=[^<>\n]{0,200}>"
)
_ANY_TAG = re.compile(rf"</?(?:{_NAMES})>")
_BLOCK_END = re.compile(r"</?tool_call>")
_FUNCTION_END = re.compile(r"</function>|</?tool_call>")


def split_reasoning(text: str) -> tuple[Thought, ...]:
    """Return each piece of reasoning in `text`, in order."""
    if not has_reasoning_tag(text):
        return ()
    found: list[Thought] = []
    position = 0
    while mark := _MARK.search(text, position):
        start, position, tag = mark.start(), mark.end(), mark["tag"]
        if tag is None:
            end = (_FUNCTION_END if mark[0].startswith("<f") else _BLOCK_END).search(text, position)
            position = end.start() if end else len(text)
            position = max(position, mark.end())
        elif start and text[start - 1] == "`":
            continue
        elif not mark["closing"]:
            close = text.find(f"</{tag}>", position)
            inner = Span(position, close if close >= 0 else len(text))
            position = inner.end + (len(tag) + 3 if close >= 0 else 0)
            found.append((Span(start, position), inner, tag))
        elif not found:
            found.append((Span(0, position), Span(0, start), tag))
    return tuple(found)


def without_thoughts(text: str) -> str:
    """Return `text` with its reasoning blanked out, so that positions stay the same."""
    kept, position = [], 0
    for whole, _, _ in split_reasoning(text):
        kept += [text[position : whole.start], " " * len(whole)]
        position = whole.end
    return "".join((*kept, text[position:]))


def has_reasoning_tag(text: str) -> bool:
    """Return whether `text` holds any reasoning tag; a cheap check."""
    return "<" in text and _ANY_TAG.search(text) is not None
