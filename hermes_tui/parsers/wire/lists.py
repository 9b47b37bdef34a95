"""Formats that write all calls of a message as one JSON list, each with its own markers.

    granite      := "<|tool_call|>" blank list
    jamba        := "<tool_calls>" list "</tool_calls>"          hunyuan_a13b is written alike
    phi4_mini    := "functools" list
    apertus      := "<|tools_prefix|>" "[" {NAME: {…}}, … "]" "<|tools_suffix|>"
    list         := "[" {"name": NAME, "arguments": {…}}, … "]"

xLAM's list has no marker at all: see `bare`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.literals import FAILED, compact
from hermes_tui.parsers.wire.base import Wire, json_call
from hermes_tui.parsers.wire.cursor import WireCursor
from hermes_tui.parsers.wire.json_block import JsonTag, read_json_block
from hermes_tui.parsers.wire.json_calls import JsonShape

_FUNCTOOLS = r"functools(?=\s*+\[(?!\s*+functools))"
_LIST = JsonShape(listed=True)
_CLOSE_VARIANT = re.compile(r"</tool[ _-]?call\w{0,3}\s?/?>|<\\/tool_calls>", re.IGNORECASE)

GRANITE = JsonTag("granite", re.compile(r"(?:<\|tool_call\|>\s*+)++"), shape=_LIST)
TOOL_CALLS = JsonTag(
    "hunyuan_a13b",
    re.compile(r"(?:<tool_calls>\s*+)++"),
    re.compile(r"</tool_calls>"),
    "</tool_calls>",
    _CLOSE_VARIANT,
    _LIST,
)
JAMBA = TOOL_CALLS._replace(format="jamba")
PHI4 = JsonTag("phi4_mini", re.compile(_FUNCTOOLS), shape=_LIST)
APERTUS = JsonTag(
    "apertus",
    re.compile(r"(?:<\|tools_prefix\|>\s*+)++"),
    re.compile(r"<\|tools_suffix\|>"),
    "<|tools_suffix|>",
    re.compile(r"<\|tools?_suf\w{0,6}\|?>"),
    JsonShape(keyed=True, listed=True),
)
_JAMBA_BODY = re.compile(r"\s*+\[\s*\n")


def _read_tool_calls(cursor: WireCursor, opener: Span) -> int:
    jamba = _JAMBA_BODY.match(cursor.text, opener.end)
    return read_json_block(cursor, opener, JAMBA if jamba else TOOL_CALLS)


def _read_suffixed(cursor: WireCursor, opener: Span) -> int:
    """Read an Apertus list without its opening marker, recognised by the closing one."""
    assert APERTUS.close is not None
    if cursor.place(APERTUS.close, opener.start) == len(cursor.text):
        return -1
    piece = cursor.literal(opener.start, cursor.place(APERTUS.close, opener.start))
    after = cursor.skip_blank(piece.literal.span.end)
    if piece.literal.rung == FAILED or not APERTUS.close.match(cursor.text, after):
        return -1
    return read_json_block(cursor, Span(opener.start, opener.start), APERTUS)


def _items(calls: Sequence[ParsedCall]) -> str:
    return ", ".join(map(json_call, calls))


def _render_apertus(calls: Sequence[ParsedCall]) -> str:
    items = ", ".join(f"{{{compact(call.name)}: {call.arguments}}}" for call in calls)
    return f"<|tools_prefix|>[{items}]<|tools_suffix|>"


WIRES = (
    Wire(
        ("granite",),
        r"<\|tool_call\|>",
        lambda cursor, opener: read_json_block(cursor, opener, GRANITE),
        lambda calls: f"<|tool_call|> [{_items(calls)}]",
    ),
    Wire(
        ("hunyuan_a13b", "jamba"),
        r"<tool_calls>",
        _read_tool_calls,
        lambda calls: f"<tool_calls>[{_items(calls)}]</tool_calls>",
        order=6,
    ),
    Wire(
        ("phi4_mini",),
        _FUNCTOOLS,
        lambda cursor, opener: read_json_block(cursor, opener, PHI4),
        lambda calls: f"functools[{_items(calls)}]",
    ),
    Wire(
        ("apertus",),
        r"<\|tools_prefix\|>",
        lambda cursor, opener: read_json_block(cursor, opener, APERTUS),
        _render_apertus,
    ),
    Wire(
        ("apertus",), r"\[(?=\s*+\{\s*+[\"'][\w.]{1,80}[\"']\s*+:\s*+\{)", _read_suffixed, order=8
    ),
)
