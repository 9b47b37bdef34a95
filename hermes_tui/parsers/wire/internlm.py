"""InternLM 2 and 3, Intern-S1: one JSON object between special tokens.

    block := "<|action_start|>" " "? "<|plugin|>" "\\n" {"name": NAME, "parameters": {…}}
             "<|action_end|>"

The spelling with a blank is `internlm_sp`: SGLang reads only that one, vLLM only the other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.wire.base import Wire, json_call
from hermes_tui.parsers.wire.cursor import WireCursor
from hermes_tui.parsers.wire.json_block import JsonTag, read_json_block
from hermes_tui.parsers.wire.json_calls import JsonShape

_MARKER = r"<\|action_start\|>\s*+<\|plugin\|>"
INTERNLM = JsonTag(
    "internlm",
    re.compile(rf"(?:{_MARKER}\s*+)++"),
    re.compile(r"<\|action_end\|>"),
    "<|action_end|>",
    re.compile(r"<\|action_en\w{0,4}\|?>|<\|/action\w{0,6}\|>"),
    JsonShape("parameters"),
)


def _read(cursor: WireCursor, opener: Span) -> int:
    spaced = cursor.text.startswith("<|action_start|> ", opener.start)
    name = "internlm_sp" if spaced else "internlm"
    return read_json_block(cursor, opener, INTERNLM._replace(format=name))


def _render(calls: Sequence[ParsedCall]) -> str:
    return "\n".join(
        f"<|action_start|><|plugin|>\n{json_call(call, 'parameters')}<|action_end|>"
        for call in calls
    )


WIRES = (Wire(("internlm", "internlm_sp"), _MARKER, _read, _render),)
