"""Step 3: DeepSeek-like frames around invocations in XML.

block     := "<｜tool_calls_begin｜>" (blank call)+ blank "<｜tool_calls_end｜>"
call      := "<｜tool_call_begin｜>function<｜tool_sep｜>" invoke "<｜tool_call_end｜>"
invoke    := '<steptml:invoke name="' NAME '">' parameter* "</steptml:invoke>"
parameter := '<steptml:parameter name="' KEY '">' VALUE "</steptml:parameter>"
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.literals import compact
from hermes_tui.parsers.wire.base import Wire
from hermes_tui.parsers.wire.cursor import WireCursor
from hermes_tui.parsers.wire.tag_set import TagSet
from hermes_tui.parsers.wire.tagged import read_tagged

_NAME = r"\s+name\s*=\s*(?:\"|(?P<odd>'|(?=[^\"'])))(?P<name>[^<>\n\"']{0,300})[\"']?\s*>"
_FRAME = r"<｜tool_call_begin｜>\s*+(?:function)?+\s*+(?:<｜tool_sep｜>\s*+)?+"

STEP3 = TagSet(
    "step3",
    r"<｜tool_calls_begin｜>",
    r"<｜tool_calls_end｜>",
    rf"(?:{_FRAME})?+<steptml:invoke{_NAME}",
    r"(?:</steptml:invoke>\s*+(?:<｜tool_call_end｜>)?+|<｜tool_call_end｜>)",
    rf"<steptml:parameter{_NAME}",
    r"</steptml:parameter>",
    spaced=True,
)
_MINE = re.compile(
    r"(?:<｜tool_calls_begin｜>\s*+)*+(?:<｜tool_call_begin｜>|<steptml|[\[{`]|<｜tool_calls_end|\Z)"
)


def _read(cursor: WireCursor, opener: Span) -> int:
    if not _MINE.match(cursor.text, opener.start):
        return -1
    return read_tagged(cursor, opener, STEP3)


def _render(calls: Sequence[ParsedCall]) -> str:
    parts = ["<｜tool_calls_begin｜>"]
    for call in calls:
        inner = "".join(
            f'<steptml:parameter name="{key}">'
            f"{value if isinstance(value, str) else compact(value)}</steptml:parameter>"
            for key, value in (call.value or {}).items()
        )
        parts.append(
            f'<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="{call.name}">'
            f"{inner}</steptml:invoke><｜tool_call_end｜>"
        )
    return "\n".join([*parts, "<｜tool_calls_end｜>"])


WIRES = (
    Wire(("step3",), r"<｜tool_calls_begin｜>", _read, _render, order=4),
    Wire(("step3",), r"<｜tool_call_begin｜>|<steptml:invoke", _read, order=6),
)
