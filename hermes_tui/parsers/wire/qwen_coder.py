"""Qwen3-Coder, Qwen3.5 and later, MiMo, Step 3.5, Nemotron 3, Seed-OSS: parameters between tags.

    block     := "<tool_call>" blank function+ blank "</tool_call>" | function       qwen3_coder
               | "<seed:tool_call>" blank function+ blank "</seed:tool_call>"        seed_oss
    function  := "<function=" NAME ">" (blank parameter)* blank "</function>"
    parameter := "<parameter=" KEY ">" newline? VALUE newline? "</parameter>"

Also read: names in quotes or in a `name` attribute, and tags without their ">".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.literals import compact
from hermes_tui.parsers.wire.base import Wire
from hermes_tui.parsers.wire.cursor import WireCursor
from hermes_tui.parsers.wire.tag_set import TagSet
from hermes_tui.parsers.wire.tagged import read_tagged

_NAME = r"(?:(?P<odd>\s+name\s*=\s*[\"']?|=[\"'])|=)(?P<name>[^<>\n]{0,300}?)[\"']?"
_CALL = rf"<function{_NAME}\s*(?:>|(?P<slip>)(?=\n\s*<parameter[=\s]|\n\s*</function>))"
_PARAMETER = rf"<parameter{_NAME}\s*>"
_CALL_AHEAD = re.compile(r"(?:<tool_call>\s*+)*+<function[=\s]")


def _tags(format_name: str, word: str) -> TagSet:
    return TagSet(
        format_name,
        rf"<{word}>",
        rf"</{word}>",
        _CALL,
        r"</function>",
        _PARAMETER,
        r"</parameter[^<>\n]{0,8}>",
        lines=True,
        parameter_end_text="</parameter>",
        spaced=True,
    )


QWEN3_CODER, SEED_OSS = _tags("qwen3_coder", "tool_call"), _tags("seed_oss", "seed:tool_call")


def _read(cursor: WireCursor, opener: Span) -> int:
    if not _CALL_AHEAD.match(cursor.text, opener.start):
        return -1
    return read_tagged(cursor, opener, QWEN3_CODER)


def _read_bare(cursor: WireCursor, opener: Span) -> int:
    """Read a function without a wrapper; the next closing wrapper determines its format."""
    tags = QWEN3_CODER
    if SEED_OSS.wrap_ends.search(cursor.text, opener.start, opener.start + 10_000):
        ends = cursor.place(SEED_OSS.wrap_ends, opener.start)
        if ends < cursor.place(QWEN3_CODER.wrap_ends, opener.start):
            tags = SEED_OSS
    return read_tagged(cursor, opener, tags)


def _function(call: ParsedCall) -> str:
    lines = [f"<function={call.name}>"]
    for key, value in (call.value or {}).items():
        text = value if isinstance(value, str) else compact(value)
        lines += [f"<parameter={key}>", text, "</parameter>"]
    return "\n".join([*lines, "</function>"])


def _render(word: str, calls: Sequence[ParsedCall]) -> str:
    return "\n".join(f"<{word}>\n{_function(call)}\n</{word}>" for call in calls)


WIRES = (
    Wire(("qwen3_coder",), r"<tool_call>", _read, partial(_render, "tool_call"), order=4),
    Wire(
        ("seed_oss",),
        r"<seed:tool_call>",
        lambda cursor, opener: read_tagged(cursor, opener, SEED_OSS),
        partial(_render, "seed:tool_call"),
    ),
    Wire(("qwen3_coder",), r"<function[=\s]", _read_bare, order=6),
)
