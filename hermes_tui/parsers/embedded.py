"""Calls in a message's text, whatever their format: which parser reads them, if any does."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall, ParseResult
from hermes_tui.parsers.blocks import MARK, scan
from hermes_tui.parsers.function_xml import function_block
from hermes_tui.parsers.hermes import json_block, orphan_block
from hermes_tui.parsers.literals import FAILED, read_literal
from hermes_tui.parsers.payloads import parsed_call, payloads_of
from hermes_tui.parsers.reasoning_tags import has_reasoning_tag
from hermes_tui.parsers.shapes import looks_like_call
from hermes_tui.parsers.sound_calls import sound_calls

__all__ = ["bare_call_json", "has_foreign_markers", "has_mark", "read_embedded", "sound_calls"]

_FOREIGN = (
    ("[TOOL_CALLS]", "mistral"),
    ("<|python_tag|>", "llama3_json"),
    ("<｜tool▁calls▁begin｜>", "deepseek_v3"),
    ("<｜tool▁call▁begin｜>", "deepseek_v3"),
    ("<｜DSML｜", "deepseek_v32"),
    ("<|tool_calls_section_begin|>", "kimi_k2"),
    ("<|tool_call_begin|>", "kimi_k2"),
    ("minimax:tool_call>", "minimax_m2"),
    ("<longcat_tool_call>", "longcat"),
    ("<seed:tool_call>", "seed_oss"),
    ("<arg_key>", "glm45"),
    ("<|tool_call_start|>", "lfm2"),
    ("<|tool_call|>", "granite"),
    ("<start_function_call>", "functiongemma"),
    ("<end_function_call>", "functiongemma"),
    ("<|tool_call>call:", "gemma4"),
    ("<|START_ACTION|>", "cohere_command3"),
    ("<|action_start|>", "internlm"),
    ("<|action_end|>", "internlm"),
    ("<|tools_prefix|>", "apertus"),
    ("<function_calls>", "olmo3"),
    ("<tool_calls>", "hunyuan_a13b"),
    ("</tool_calls>", "hunyuan_a13b"),
    ("<｜tool_calls_begin｜>", "step3"),
    ("<steptml:", "step3"),
    ("<|python_start|>", "llama4_pythonic"),
    ("<|channel|>commentary", "openai"),
    ("functools[", "phi4_mini_json"),
)
"""What a call cannot do without in these formats: its opening marker, or its closing one alone."""
_FENCE = re.compile(r"```\w*+\s*+")
_MOST_IN_A_ROW = 64
"""Each call in a row is looked for in all of the rest."""
_NEXT = re.compile(r"\s*+[;,]?\s*+(?=\{)")


def read_embedded(text: str, tools: Sequence[ToolSpec] = ()) -> ParseResult | None:
    """Return the reading of a text that holds call markup or reasoning tags, None for any other.

    Each block is read by its own format: JSON (`hermes`) or parameters (`function_xml`).
    """
    if not _relevant(text):
        return None
    return scan(
        text,
        tools,
        json_block=json_block,
        function_block=function_block,
        orphan=orphan_block,
    )


def bare_call_json(text: str, tools: Sequence[ToolSpec] = ()) -> tuple[ParsedCall, ...] | None:
    """Return the calls of a text that as a whole is call JSON without markup, None for any other.

    The whole is one call, several one behind the other, or a list of calls, in a code fence or not.
    """
    words = text.strip()
    fence = _FENCE.match(words)
    if fence and words.endswith("```"):
        words = words[:-3].rstrip()
    start = len(text) - len(text.lstrip()) + (fence.end() if fence else 0)
    end = len(text) - len(text.lstrip()) + len(words)
    if text[start : start + 1] not in ("{", "[") or text[end - 1] not in "}]":
        return None
    if "name" not in text:
        return None
    return _whole(text, Span(start, end), tools)


def has_foreign_markers(text: str) -> str | None:
    """Name a known call format whose markers stand in `text` and that no parser here reads."""
    if "<" not in text and "[" not in text:
        return None
    return next((name for marker, name in _FOREIGN if marker in text), None)


def _relevant(text: str) -> bool:
    if "<" not in text:
        return "&lt;tool_call&gt;" in text
    return (
        "tool_call>" in text
        or "<function" in text
        or "TOOL_CALL>" in text
        or "tool call>" in text
        or "tool-call>" in text
        or "toolcall>" in text
        or has_reasoning_tag(text)
    )


def has_mark(text: str) -> bool:
    """Tell whether there is anything to say about `text` but what reasoning it holds."""
    return MARK.search(text) is not None


def _whole(text: str, span: Span, tools: Sequence[ToolSpec]) -> tuple[ParsedCall, ...] | None:
    calls: list[ParsedCall] = []
    start, known = span.start, {tool.name: tool for tool in tools}
    while len(calls) < _MOST_IN_A_ROW:
        literal = read_literal(text, start, span.end)
        if literal.rung == FAILED or literal.cut_at >= 0:
            return None
        values = literal.value if isinstance(literal.value, list) else [literal.value]
        if not values or not all(map(looks_like_call, values)):
            return None
        items = payloads_of(text, literal, known)
        calls.extend(parsed_call(text, item, item.span, closed=True) for item in items)
        if literal.span.end == span.end:
            return tuple(calls)
        following = _NEXT.match(text, literal.span.end, span.end)
        if following is None or isinstance(literal.value, list):
            return None
        start = following.end()
    return None
