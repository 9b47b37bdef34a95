"""GLM 4.5 to 5, Ling 3, Hunyuan V3: keys and values, each between tags, in pairs.

    call    := "<tool_call>" NAME newline? pair* "</tool_call>"                       glm45, glm47
             | "<tool_call>" NAME "<tool_sep>" pair* "</tool_call>"                   hy_v3
    pair    := "<arg_key>" KEY "</arg_key>" blank "<arg_value>" VALUE "</arg_value>"
    block   := "<tool_calls>" call+ "</tool_calls>"                                   hy_v3

GLM 4.5 puts every tag on its own line, GLM 4.7 writes no line breaks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.literals import compact
from hermes_tui.parsers.wire.base import Wire
from hermes_tui.parsers.wire.cursor import WireCursor
from hermes_tui.parsers.wire.tag_set import NEVER, TagSet
from hermes_tui.parsers.wire.tagged import read_tagged

_BLANK = r"(?:\s++|(?P<odd>\\n))*+"
_NAME = r"(?P<name>[ \t]*+(?:[\w.\-:/]++(?:[ ][\w.\-]++){0,3}+)?+[ \t]*+)"
_KEY = r"<arg_key>(?P<name>[^<]{0,300})(?:</arg_key>)?"
_PARAMETER = rf"(?:(?P<odd>\\n)\s*+)*+{_KEY}(?:\s++|\\n)*+<arg_value>"
_KEY_END = r"[^<]{0,300}+(?:</arg_key>)?+(?:\s++|\\n)*+<arg_value>"
_CALL_END = r"(?:\\n\s*+)*+</tool_call>"
_ORPHAN = r"<arg_key>[^<]{0,200}</arg_key>(?:\s++|\\n)*+(?!<arg_value>)"

GLM = TagSet(
    "glm45",
    NEVER,
    NEVER,
    rf"(?:<tool_call>\s*+)++{_NAME}{_BLANK}(?=<arg_key>|</tool_call>)",
    _CALL_END,
    _PARAMETER,
    r"</arg_value>",
    orphan=_ORPHAN,
    parameter_end_text="</arg_value>",
)
HY_V3 = replace(
    GLM,
    format="hy_v3",
    wrap=r"<tool_calls>",
    wrap_end=r"</tool_calls>",
    call=rf"(?:<tool_call>\s*+)++{_NAME}\s*+<tool_sep>",
    spaced=True,
)
BARE_GLM = replace(
    GLM, call=r"(?P<name>[\w.\-]++)(?:\s++|\\n)*+(?=<arg_key>)", begins=r"[<\\\w.\-]"
)
_HY_AHEAD = re.compile(r"(?:<tool_call>\s*+)++[^<\n]{0,200}<tool_sep>")
_HY_BLOCK = re.compile(r"(?:<tool_calls>\s*+)++<tool_call>")
_LAST_WORD = re.compile(r"[\w.\-]{1,100}(?=(?:\s|\\n){0,40}\Z)")
_WORD = re.compile(r"[ \t]*[^\W\d][\w.\-]*[ \t]*")
_BEFORE = re.compile(r"(?:\A|[\n>.!?:…。！？：])[ \t]*+\Z")
_AFTER = re.compile(r"</tool_call>[ \t]*+(?:\Z|[\r\n<])")
_LOOK_BACK = 160


def _read(cursor: WireCursor, opener: Span) -> int:
    text = cursor.text
    if _HY_AHEAD.match(text, opener.start):
        return read_tagged(cursor, opener, HY_V3)
    head = GLM.calls.match(text, opener.start)
    if not head or (text.startswith("</", head.end()) and not _is_call(cursor, head)):
        return -1
    has_newline = text.startswith(("\n", "\r\n", "\\n"), head.end("name"))
    tags = GLM if has_newline else _GLM47
    return read_tagged(cursor, opener, tags)


def _is_call(cursor: WireCursor, head: re.Match[str]) -> bool:
    """Return whether a word between tags is a call without arguments, not tags in prose."""
    if not _WORD.fullmatch(head["name"]):
        return False
    before = cursor.text[max(cursor.taken_until, head.start() - _LOOK_BACK) : head.start()]
    apart = _BEFORE.search(before) and _AFTER.match(cursor.text, head.end())
    return bool(apart) or head["name"].strip() in cursor.tools


def _read_block(cursor: WireCursor, opener: Span) -> int:
    if not _HY_BLOCK.match(cursor.text, opener.start):
        return -1
    return read_tagged(cursor, opener, HY_V3)


def _read_bare(cursor: WireCursor, opener: Span) -> int:
    """Read pairs without an opening marker; the name is the last word before them."""
    begin = max(cursor.taken_until, opener.start - _LOOK_BACK)
    word = _LAST_WORD.search(cursor.text[begin : opener.start])
    if not word:
        return -1
    start, calls = begin + word.start(), len(cursor.calls)
    saved = cursor.save()
    end = read_tagged(cursor, Span(start, start + 1), BARE_GLM)
    if len(cursor.calls) == calls:
        cursor.forget(saved)
        return -1
    message, hint = "no <tool_call> before this call", "engines leave it as text"
    cursor.flag_call(Code.NO_MARKER, Span(start, opener.start), message, hint, calls)
    return end


_GLM47 = replace(GLM, format="glm47")


def _pairs(call: ParsedCall, between: str) -> str:
    return "".join(
        f"<arg_key>{key}</arg_key>{between}<arg_value>"
        f"{value if isinstance(value, str) else compact(value)}</arg_value>{between}"
        for key, value in (call.value or {}).items()
    )


def _render_45(calls: Sequence[ParsedCall]) -> str:
    inner = (f"<tool_call>{call.name}\n{_pairs(call, chr(10))}</tool_call>" for call in calls)
    return "\n".join(inner)


def _render_47(calls: Sequence[ParsedCall]) -> str:
    return "".join(f"<tool_call>{call.name}{_pairs(call, '')}</tool_call>" for call in calls)


def _render_hy(calls: Sequence[ParsedCall]) -> str:
    inner = "".join(
        f"<tool_call>{call.name}<tool_sep>\n{_pairs(call, chr(10))}</tool_call>\n" for call in calls
    )
    return f"<tool_calls>\n{inner}</tool_calls>"


WIRES = (
    Wire(("glm45",), r"<tool_call>", _read, _render_45, order=3),
    Wire(("glm47",), r"<tool_call>", _read, _render_47, order=3),
    Wire(("hy_v3",), r"<tool_calls>", _read_block, _render_hy, order=4),
    Wire(("glm45",), rf"<arg_key>(?={_KEY_END})", _read_bare, order=8),
)
