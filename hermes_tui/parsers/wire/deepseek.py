"""DeepSeek V3, R1 and V3.1: a name and JSON between special tokens.

block := "<｜tool▁calls▁begin｜>" call+ "<｜tool▁calls▁end｜>"
call  := "<｜tool▁call▁begin｜>" TYPE "<｜tool▁sep｜>" NAME "\\n```json\\n" {…} "\\n```"
         "<｜tool▁call▁end｜>"                                              deepseek_v3
       | "<｜tool▁call▁begin｜>" NAME "<｜tool▁sep｜>" {…} "<｜tool▁call▁end｜>"  deepseek_v31
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.wire.base import Wire
from hermes_tui.parsers.wire.cursor import WireCursor
from hermes_tui.parsers.wire.emit import emit
from hermes_tui.parsers.wire.json_block import cut_opener, empty_block, leave_in_prose
from hermes_tui.parsers.wire.named import read_arguments

_OUTER = r"<[｜|]tool[▁ ]calls[▁ ]begin[｜|]>"
_INNER = r"<[｜|]tool[▁ ]call[▁ ]begin[｜|]>"
_SEPARATED = r"(?=[^<\n]{0,200}\n?<[｜|]tool_sep[｜|]>(?!\s*+<steptml:))"
_LOW_INNER = rf"<[｜|]tool_call_begin[｜|]>{_SEPARATED}"
_LOW_OUTER = rf"<[｜|]tool_calls_begin[｜|]>(?=\s*+{_LOW_INNER})"
"""Markers with low lines. Without the separator they are Kimi's, and before <steptml: Step 3's."""
_EXACT = re.compile(r"<｜tool▁calls?▁begin｜>")
_OUTERS = re.compile(rf"(?:(?:{_OUTER}|{_LOW_OUTER})\s*+)++")
_CALL = re.compile(
    rf"\s*+(?:(?:{_INNER}|{_LOW_INNER})\s*+)++"
    r"(?:(?P<head>[^<\n]{0,200}\n?)<[｜|]tool[▁ _]sep[｜|]>"
    r"|(?P<glued>[\w.\-]{1,200})\s*+(?=\{))"
)
_CALL_END = re.compile(r"\s*+<[｜|]tool[▁ _]call[▁ _]end[｜|]>")
_OUTER_END = re.compile(r"\s*+<[｜|]tool[▁ _]calls[▁ _]end[｜|]>")
_STOP = re.compile(r"<[｜|]tool[▁ _]calls?[▁ _](?:end|begin)[｜|]>")
_V3 = re.compile(
    r"[ \t]*+(?P<name>[^\n{}\[\]\"`<]{1,200}?)[ \t]*+(?:\n\s*+(?=```|[{\"\[n])|(?=```))"
)
_V3_UNFENCED = re.compile(r"[ \t]*+(?P<name>[\w.\-]{1,200}+)\s*+(?=\{)")
_TYPES = frozenset({"function", "tool", "functions", ""})
_STEP3 = re.compile(
    r"\s*+(?:<[｜|]tool_call_begin[｜|]>[^<]{0,40}<[｜|]tool_sep[｜|]>\s*+)?<steptml:"
)


def _read(cursor: WireCursor, opener: Span) -> int:
    text, since, saved = cursor.text, cursor.mark(), cursor.save()
    outer = _OUTERS.match(text, opener.start)
    position = outer.end() if outer else opener.start
    if _STEP3.match(text, position):
        return -1
    if position >= len(text):
        return cut_opener(cursor, opener, "deepseek_v3")
    if end := _OUTER_END.match(text, position):
        return empty_block(cursor, Span(opener.start, end.end()), "deepseek_v3")
    rule = ""
    while head := _CALL.match(text, position):
        position, rule = _call(cursor, head)
    if not rule:
        cursor.forget(saved)
        return leave_in_prose(cursor, opener)
    _flag_frame(cursor, opener, wrapped=outer is not None)
    end = _OUTER_END.match(text, position)
    if end:
        position = end.end()
    elif outer:
        at = Span(position - 1, position)
        hint = "vLLM claims a call and delivers none"
        cursor.warn(Code.UNCLOSED, opener, "the block is never closed", hint)
        cursor.warn(Code.UNCLOSED, at, "its closing marker is missing here", hint)
    return emit(cursor, rule, opener.start, position, since)


def _call(cursor: WireCursor, head: re.Match[str]) -> tuple[int, str]:
    """Draft one call; return where it ends and its format."""
    text = cursor.text
    if head["glued"] is not None:
        return _glued(cursor, head)
    head_text = head["head"].strip()
    named = _V3.match(text, head.end())
    if not named and head_text in _TYPES and head_text not in cursor.tools:
        named = _V3_UNFENCED.match(text, head.end())
    fenced = text.startswith("\n```", head.end()) and head_text in _TYPES
    if named or (fenced and head_text not in cursor.tools):
        rule = "deepseek_v3"
        name = named["name"] if named else ""
        at = Span(*named.span("name")) if named else Span(*head.span())
        start = named.end() if named else head.end()
        if head_text != "function":
            message = f"the type is {head_text!r}, not 'function'"
            hint = "DeepSeek V3 writes function there; parsers that look for it see no call"
            cursor.warn(Code.MARKER_VARIANT, Span(*head.span()), message, hint)
    else:
        rule, name, start = "deepseek_v31", head["head"], head.end()
        at = Span(*head.span("head")) if head_text else Span(*head.span())
    position = read_arguments(cursor, name, at, start, _STOP, fenced=rule == "deepseek_v3")
    return _call_end(cursor, position), rule


def _glued(cursor: WireCursor, head: re.Match[str]) -> tuple[int, str]:
    """Draft a call whose arguments follow its name without the separator."""
    at = Span(*head.span("glued"))
    message = "no <｜tool▁sep｜> between the name and the arguments"
    cursor.error(Code.MARKER_VARIANT, Span(at.end - 1, at.end + 1), message, "no engine reads it")
    position = read_arguments(cursor, head["glued"], at, head.end(), _STOP)
    return _call_end(cursor, position), "deepseek_v31"


def _call_end(cursor: WireCursor, position: int) -> int:
    end = _CALL_END.match(cursor.text, position)
    if not end:
        at = Span(max(position - 1, 0), position)
        message = "no <｜tool▁call▁end｜> after this call"
        cursor.warn(Code.UNCLOSED, at, message, "engines do not see the call")
    return end.end() if end else position


def _flag_frame(cursor: WireCursor, opener: Span, *, wrapped: bool) -> None:
    if not wrapped:
        message = "no <｜tool▁calls▁begin｜> before the call"
        cursor.warn(Code.NO_MARKER, opener, message, "vLLM and SGLang leave it as text")
    elif not _EXACT.match(cursor.text, opener.start):
        message = "the marker is not written with ｜ and ▁"
        cursor.error(Code.MARKER_VARIANT, opener, message, "engines read only the exact tokens")


def _render_v3(calls: Sequence[ParsedCall]) -> str:
    inner = "\n".join(
        f"<｜tool▁call▁begin｜>function<｜tool▁sep｜>{call.name}\n```json\n{call.arguments}\n```"
        "<｜tool▁call▁end｜>"
        for call in calls
    )
    return f"<｜tool▁calls▁begin｜>{inner}<｜tool▁calls▁end｜>"


def _render_v31(calls: Sequence[ParsedCall]) -> str:
    inner = "".join(
        f"<｜tool▁call▁begin｜>{call.name}<｜tool▁sep｜>{call.arguments}<｜tool▁call▁end｜>"
        for call in calls
    )
    return f"<｜tool▁calls▁begin｜>{inner}<｜tool▁calls▁end｜>"


WIRES = (
    Wire(("deepseek_v3",), _OUTER, _read, _render_v3),
    Wire(("deepseek_v31",), _INNER, _read, _render_v31),
    Wire(("deepseek_v3", "deepseek_v31"), rf"{_LOW_OUTER}|{_LOW_INNER}", _read, order=3),
)
