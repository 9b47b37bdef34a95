"""Mistral: a JSON list, or since v11 a name and its arguments.

array := "[TOOL_CALLS]" " "? "[" {"name": NAME, "arguments": {…}}, … "]"        mistral
v11   := ("[TOOL_CALLS]" NAME ("[CALL_ID]" ID)? "[ARGS]"? {…})+                 mistral_v11
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.wire.base import Wire, json_call
from hermes_tui.parsers.wire.cursor import WireCursor
from hermes_tui.parsers.wire.emit import emit, flag_second_block
from hermes_tui.parsers.wire.json_block import JsonTag, empty_block, read_json_block
from hermes_tui.parsers.wire.json_calls import JsonShape
from hermes_tui.parsers.wire.named import read_arguments

_MARKER = r"\[TOOL_CALLS\]"
MISTRAL = JsonTag("mistral", re.compile(rf"(?:{_MARKER}\s*+)++"), shape=JsonShape(listed=True))
_HEAD = re.compile(
    r"(?P<name>[^\[\]{}\n]{0,200}?)\s*+(?:\[CALL_ID\](?P<id>[^\[\]{}\n]{0,100}))?"
    r"(?:(?P<args>\[ARGS\])|(?=\{))"
)
_STOP = re.compile(rf"{_MARKER}|<\|(?:im_end|end|eot_id|endoftext)\|>|</s>|\Z")
_TAIL = re.compile(r"[ \t]*+[^\s\[`<][^\n]*+")


def _read_array(cursor: WireCursor, opener: Span) -> int:
    after = cursor.skip_blank(opener.end)
    if cursor.text.startswith(("[ARGS]", "[CALL_ID]"), after):
        return -1
    if _HEAD.match(cursor.text, after) and not cursor.text.startswith(("[", "{"), after):
        return -1
    flag_second_block(cursor, opener)
    return read_json_block(cursor, opener, MISTRAL)


def _read_v11(cursor: WireCursor, opener: Span) -> int:
    text, since = cursor.text, cursor.mark()
    head = _HEAD.match(text, cursor.skip_blank(opener.end))
    if not head:
        return -1
    name, span = head["name"], Span(*head.span("name"))
    if not name.strip() and cursor.skip_blank(head.end()) >= len(text):
        return empty_block(cursor, Span(opener.start, head.end()), "mistral_v11")
    at = span if len(span) else Span(*head.span())
    if not head["args"]:
        message = "no [ARGS] between the name and the arguments"
        cursor.warn(Code.MARKER_VARIANT, at, message, "SGLang loses the call")
    end = read_arguments(cursor, name, at, head.end(), _STOP, closed=False)
    tail = _TAIL.match(text, end)
    if tail and not text.startswith("[TOOL_CALLS]", end) and end < len(text):
        message, hint = "text after the arguments", "streams pass it on with the arguments"
        words = Span(end, tail.end())
        index = cursor.index - 1
        cursor.flag(Code.EXTRA_TEXT, Severity.WARNING, words, message, hint, index)
    return emit(cursor, "mistral_v11", opener.start, end, since)


def _render_array(calls: Sequence[ParsedCall]) -> str:
    items = ", ".join(map(json_call, calls))
    return f"[TOOL_CALLS] [{items}]"


def _render_v11(calls: Sequence[ParsedCall]) -> str:
    return "".join(f"[TOOL_CALLS]{call.name}[ARGS]{call.arguments}" for call in calls)


WIRES = (
    Wire(("mistral",), _MARKER, _read_array, _render_array, order=4),
    Wire(("mistral_v11",), _MARKER, _read_v11, _render_v11, order=5),
)
