"""DeepSeek V3.2 and V4: MiniMax-like invocations, every tag marked with ｜DSML｜.

block     := "<｜DSML｜function_calls>" blank invoke+ blank "</｜DSML｜function_calls>"   V3.2
           | "<｜DSML｜tool_calls>" blank invoke+ blank "</｜DSML｜tool_calls>"          V4
invoke    := '<｜DSML｜invoke name="' NAME '">' (blank parameter)* blank "</｜DSML｜invoke>"
parameter := '<｜DSML｜parameter name="' KEY '" string="' ("true" | "false") '">' VALUE
             "</｜DSML｜parameter>"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.literals import compact
from hermes_tui.parsers.wire.base import Wire
from hermes_tui.parsers.wire.cursor import WireCursor
from hermes_tui.parsers.wire.tag_set import TagSet
from hermes_tui.parsers.wire.tagged import read_tagged

_MARK = r"[｜|]DSML[｜|]"
_QUOTED = r"\s*=\s*[\"']?"

DSML = TagSet(
    "deepseek_v32",
    rf"<{_MARK}(?:function_calls|tool_calls)>",
    rf"</{_MARK}(?:function_calls|tool_calls)>",
    rf"<{_MARK}invoke\s+name{_QUOTED}(?P<name>[^<>\n\"']{{0,300}})[\"']?\s*>",
    rf"</{_MARK}invoke>",
    rf"<{_MARK}parameter\s+name{_QUOTED}(?P<name>[^<>\n\"']{{0,300}})[\"']?"
    rf"(?:\s+string{_QUOTED}(?P<string>true|false)[\"']?|(?P<odd>))\s*>",
    rf"</{_MARK}parameter>",
    spaced=True,
)

DSML_V4 = replace(DSML, format="deepseek_v4")


def _read(cursor: WireCursor, opener: Span) -> int:
    calls = len(cursor.calls)
    newer = "tool_calls" in cursor.text[opener.start : opener.end]
    end = read_tagged(cursor, opener, DSML_V4 if newer else DSML)
    if "|" in cursor.text[opener.start : opener.end] and len(cursor.calls) > calls:
        message, hint = (
            "the marker is written with | instead of ｜",
            "engines read only the exact tokens",
        )
        cursor.flag_call(Code.MARKER_VARIANT, opener, message, hint, calls)
    return end


def _render(calls: Sequence[ParsedCall]) -> str:
    parts = ["<｜DSML｜function_calls>"]
    for call in calls:
        parts.append(f'<｜DSML｜invoke name="{call.name}">')
        for key, value in (call.value or {}).items():
            is_text = isinstance(value, str)
            text, flag = value if is_text else compact(value), "true" if is_text else "false"
            parts.append(
                f'<｜DSML｜parameter name="{key}" string="{flag}">{text}</｜DSML｜parameter>'
            )
        parts.append("</｜DSML｜invoke>")
    return "\n".join([*parts, "</｜DSML｜function_calls>"])


WIRES = (
    Wire(("deepseek_v32", "deepseek_v4"), DSML.wrap, _read, _render),
    Wire(("deepseek_v32",), rf"<{_MARK}invoke\s", _read, order=6),
)
