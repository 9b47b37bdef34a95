"""MiniMax M2: invocations whose names, and those of their parameters, are in attributes.

block     := "<minimax:tool_call>" blank invoke+ blank "</minimax:tool_call>"
invoke    := '<invoke name="' NAME '">' (blank parameter)* blank "</invoke>"
parameter := '<parameter name="' KEY '">' VALUE "</parameter>"

Claude writes the same invocations in "<function_calls>", or in none.
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

_NAME = r"\s+name\s*=\s*(?:\"|(?P<odd>'|(?=[^\"'])))(?P<name>[^<>\n\"']{0,300})[\"']?\s*>"

MINIMAX = TagSet(
    "minimax_m2",
    r"<minimax:tool_call>",
    r"</minimax:tool_call>",
    rf"<invoke{_NAME}",
    r"</invoke>",
    rf"<parameter{_NAME}",
    r"</parameter[^<>\n]{0,8}>",
    parameter_end_text="</parameter>",
    spaced=True,
)
CLAUDE = replace(MINIMAX, wrap=r"<function_calls>", wrap_end=r"</function_calls>")


def _read_claude(cursor: WireCursor, opener: Span) -> int:
    end = read_tagged(cursor, opener, CLAUDE)
    if end >= 0:
        message = "<function_calls> where MiniMax M2 writes <minimax:tool_call>"
        hint = "vLLM's minimax_m2 reads the calls, SGLang's leaves them as text"
        cursor.warn(Code.NO_MARKER, opener, message, hint)
    return end


def _render(calls: Sequence[ParsedCall]) -> str:
    parts = ["<minimax:tool_call>"]
    for call in calls:
        parts.append(f'<invoke name="{call.name}">')
        for key, value in (call.value or {}).items():
            text = value if isinstance(value, str) else compact(value)
            parts.append(f'<parameter name="{key}">{text}</parameter>')
        parts.append("</invoke>")
    return "\n".join([*parts, "</minimax:tool_call>"])


WIRES = (
    Wire(
        ("minimax_m2",),
        r"<minimax:tool_call>",
        lambda cursor, opener: read_tagged(cursor, opener, MINIMAX),
        _render,
    ),
    Wire(("minimax_m2",), r"<function_calls>(?=\s*+<invoke\s)", _read_claude, order=4),
    Wire(
        ("minimax_m2",),
        r"<invoke\s",
        lambda cursor, opener: read_tagged(cursor, opener, MINIMAX),
        order=6,
    ),
)
