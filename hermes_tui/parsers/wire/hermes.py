"""Hermes 2 to 4, Qwen2.5, Qwen3, LongCat: one JSON object between tags.

block := "<tool_call>" blank payload blank "</tool_call>"              hermes
       | "<tool_call>\\n" payload "\\n</tool_call>"                      qwen25
       | "<longcat_tool_call>" payload "</longcat_tool_call>"          longcat
payload := {"name": NAME, "arguments": {…}}
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.literals import FAILED
from hermes_tui.parsers.wire.base import Wire, json_call
from hermes_tui.parsers.wire.cursor import WireCursor
from hermes_tui.parsers.wire.emit import emit
from hermes_tui.parsers.wire.json_block import JsonTag, read_json_block
from hermes_tui.parsers.wire.json_calls import calls_in, flag_literal

_VARIANT = r"(?i:<\s?tool[ _-]?calls?\s?>|&lt;tool_call&gt;)(?=\s*+[{\[])"

_BRACE_LINE = re.compile(r"^[ \t]*+[{\[]", re.MULTILINE)


def _close_variant(word: str) -> re.Pattern[str]:
    head = word.replace("_", "[ _-]?")
    return re.compile(
        rf"</{head[:-2]}\w{{0,3}}\s?/?>|<\\/?{word}>|&lt;/{word}&gt;|</{word}(?![\w>])",
        re.IGNORECASE,
    )


def _tag(format_name: str, word: str) -> JsonTag:
    return JsonTag(
        format_name,
        re.compile(rf"(?:<{word}>\s*+)++"),
        re.compile(rf"</{word}>"),
        f"</{word}>",
        _close_variant(word),
    )


def _read(cursor: WireCursor, opener: Span) -> int:
    has_newline = cursor.text.startswith("\n", opener.end)
    return read_json_block(cursor, opener, QWEN25 if has_newline else HERMES)


HERMES, LONGCAT = _tag("hermes", "tool_call"), _tag("longcat", "longcat_tool_call")
QWEN25 = HERMES._replace(format="qwen25")


def _read_variant(cursor: WireCursor, opener: Span) -> int:
    shown = cursor.text[opener.start : opener.end]
    calls = len(cursor.calls)
    end = read_json_block(cursor, opener, HERMES)
    if len(cursor.calls) > calls:
        message, hint = f"{shown!r} is not '<tool_call>'", "engines read only the exact tag"
        cursor.flag_call(Code.MARKER_VARIANT, opener, message, hint, calls)
    return end


def read_before(cursor: WireCursor, close: Span) -> int:
    """Read the payload before a closing tag without an opening one; -1 if there is none."""
    text, since, saved = cursor.text, cursor.mark(), cursor.save()
    free = max(cursor.taken_until, cursor.last_orphan)
    cursor.last_orphan = close.end
    start = cursor.skip_blank(free)
    if not text.startswith(("{", "["), start):
        line = _BRACE_LINE.search(text, free, close.start)
        if line is None:
            return -1
        start = line.end() - 1
    piece = cursor.literal(start, close.start)
    end = piece.literal.span.end
    if piece.literal.rung == FAILED or cursor.skip_blank(end) != close.start:
        return -1
    flag_literal(cursor, piece, closed=True)
    message = "a call without '<tool_call>' before it"
    hint = "engines leave it as text; the tag may have been in the prompt, or was not generated"
    cursor.error(Code.ORPHAN_CLOSE, close, message, hint)
    items = calls_in(cursor, piece, HERMES.shape)
    if not items.named:
        cursor.forget(saved)
        return -1
    cursor.drafts.extend(items.drafts)
    return emit(cursor, HERMES.format, start, close.end, since)


def render_json(calls: Sequence[ParsedCall], opening: str, closing: str) -> str:
    """Return the text of calls, each as JSON between two markers."""
    return "\n".join(f"{opening}{json_call(call)}{closing}" for call in calls)


WIRES = (
    Wire(
        ("hermes", "qwen25"),
        r"<tool_call>",
        _read,
        lambda calls: render_json(calls, "<tool_call>\n", "\n</tool_call>"),
        order=7,
    ),
    Wire(
        ("longcat",),
        r"<longcat_tool_call>",
        lambda cursor, opener: read_json_block(cursor, opener, LONGCAT),
        lambda calls: render_json(calls, "<longcat_tool_call>", "</longcat_tool_call>"),
    ),
    Wire(("hermes",), _VARIANT, _read_variant, order=8),
)
TAGGED = tuple(wire for wire in WIRES if "longcat" not in wire.formats)
"""The formats with `<tool_call>`."""
