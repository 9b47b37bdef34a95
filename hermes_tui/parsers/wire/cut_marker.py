"""A marker that the end of the text cuts: a call was being closed, or another was about to begin.

cut := part of a marker | tag without its ">" | key without its value | opening marker and a name
"""

from __future__ import annotations

import re
from typing import Final

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.wire.cursor import WireCursor

_PAIRED_NAMES: Final = (
    *("tool_call", "longcat_tool_call", "seed:tool_call", "minimax:tool_call", "tool_calls"),
    *("function_calls", "function", "parameter", "invoke", "arg_key", "arg_value"),
    *("｜DSML｜function_calls", "｜DSML｜tool_calls", "｜DSML｜invoke", "｜DSML｜parameter"),
)
_DEEPSEEK_NAMES: Final = ("calls▁begin", "call▁begin", "sep", "call▁end", "calls▁end")
_PIPE_NAMES: Final = (
    *("tool_call", "python_tag", "python_start", "python_end", "tools_prefix", "tools_suffix"),
    *("tool_calls_section_begin", "tool_calls_section_end", "tool_call_argument_begin"),
    *("tool_call_begin", "tool_call_start", "tool_call_end", "action_start", "action_end"),
)
_MARKERS: Final = (
    *(f"<{slash}{name}>" for name in _PAIRED_NAMES for slash in ("", "/")),
    *(f"<｜tool▁{name}｜>" for name in _DEEPSEEK_NAMES),
    *(f"<|{name}|>" for name in _PIPE_NAMES),
    *("<tool_call|>", "<start_function_call>", "<end_function_call>", "[TOOL_CALLS]", "[ARGS]"),
)
_CUT_TAG: Final = re.compile(
    r"(?:<(?:parameter|function|invoke)[=\s][^<>\n]{0,100}"
    r"|<arg_key>[^<]{0,100}(?:</arg_key>\s*)?"
    r"|(?:<｜tool▁call▁begin｜>|<\|tool_call_begin\|>)[^<{]{0,100}"
    r"(?:<｜tool▁sep｜>[^<{]{0,100}|<\|tool_call_argument_begin\|>\s*)?)\Z"
)
_LONGEST_TAG: Final = 300
_LONGEST: Final = max(map(len, _MARKERS))
_MIN_LENGTH_AFTER_CALL: Final = 2
_MIN_LENGTH_ALONE: Final = 6
"""In prose, fewer characters of a marker may mean anything."""


def flag_cut_marker(cursor: WireCursor) -> None:
    """Report that an otherwise complete text ends inside a marker."""
    text = cursor.text
    start = _cut_at(text, _MIN_LENGTH_AFTER_CALL if cursor.calls else _MIN_LENGTH_ALONE)
    if start >= 0 and not cursor.is_cut_reported():
        message = "the text ends inside a marker"
        hint = "raise max_tokens; another call may have been about to begin"
        span = Span(start, len(text))
        cursor.flag(Code.TRUNCATED, Severity.WARNING, span, message, hint)


def _cut_at(text: str, min_length: int) -> int:
    """Return where the marker in which the text ends begins, -1 if there is none."""
    near = max(0, len(text) - _LONGEST)
    start = max(text.rfind("<", near), text.rfind("[", near))
    cut = text[start:] if 0 <= start <= len(text) - min_length else ""
    if cut and cut[-1] not in ">]" and any(marker.startswith(cut) for marker in _MARKERS):
        return start
    half = _CUT_TAG.search(text, max(0, len(text) - _LONGEST_TAG))
    return half.start() if half else -1
