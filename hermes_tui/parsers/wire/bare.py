"""Calls in JSON without markers, or with Llama's: objects and lists that can only be calls.

    llama3_json := "<|python_tag|>"? object (";" object)*      {"name": NAME, "parameters": {…}}
    xlam        := "[" object ("," object)* "]"                {"name": NAME, "arguments": {…}}

Both may be in a code fence, and after prose or reasoning. Data that merely has a name is no call.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.literals import FAILED, read_literal
from hermes_tui.parsers.shapes import looks_like_call
from hermes_tui.parsers.wire.base import Wire, json_call
from hermes_tui.parsers.wire.cursor import Piece, WireCursor
from hermes_tui.parsers.wire.emit import emit
from hermes_tui.parsers.wire.json_block import JsonTag, cut_opener, read_json_block
from hermes_tui.parsers.wire.json_calls import CALLISH, JsonShape, calls_in, flag_literal
from hermes_tui.parsers.wire.python_bare import read_python_tag

_OBJECT = CALLISH.pattern
_NEXT = re.compile(rf"\s*+(?P<by>[;,]?)\s*+(?={_OBJECT})")
_END = re.compile(
    r"\s*+(?:```\s*+)?(</(?:longcat_|seed:|minimax:)?tool_calls?>|<\|tools_suffix\|>"
    r"|<\|action_end\|>|<\|tool_calls?(?:_section)?_end\|>|</function_calls>|<tool_call\|>)"
)
_REST = re.compile(r"[ \t]*+[(A-Za-z][^\n]{0,200}")
_NAMED = re.compile(r"\{\s*+[\"']name[\"']\s*+:")
_CUT = re.compile(r"\s*+[;,]\s*+\{[^{}]{0,40}+\Z")
"""The beginning of a further call, cut before its name by the end of the text."""
_TAG = JsonTag(
    "llama3_json", re.compile(r"(?:<\|python_tag\|>\s*+)++"), shape=JsonShape("parameters")
)
_LIST = JsonShape(listed=True)
_OBJECTS = {True: JsonShape("parameters"), False: JsonShape()}
_READ_BY = {
    True: "llama3_json, llama4_json and xlam (vLLM) read",
    False: "llama3_json, llama4_json (vLLM) and llama3 (SGLang) read",
}
_NAME_KEYS = ("name", "function", "tool", "tool_name")


def _read_tag(cursor: WireCursor, opener: Span) -> int:
    text = cursor.text
    body = cursor.skip_blank(opener.end)
    if body >= len(text):
        return cut_opener(cursor, opener, "llama3_json")
    if text[body] not in "{[`":
        return read_python_tag(cursor, opener, body)
    calls = len(cursor.calls)
    end = read_json_block(cursor, opener, _TAG)
    while len(cursor.calls) > calls and (more := _NEXT.match(cursor.text, end)):
        calls, following = len(cursor.calls), _read(cursor, Span(more.end(), more.end()))
        if following <= end:
            break
        end = following
    return end


def _read(cursor: WireCursor, opener: Span) -> int:
    """Read the object or list at `opener`, and those that follow it."""
    if not cursor.affords(opener.start):
        return -1
    start, since, saved = opener.start, cursor.mark(), cursor.save()
    position = _draft_objects(cursor, start)
    if not cursor.drafts:
        cursor.forget(saved)
        return -1
    is_list = cursor.text.startswith("[", start)
    end = _end(cursor, position)
    _flag_bare(cursor, start, is_list=is_list)
    return emit(cursor, "xlam" if is_list else "llama3_json", start, end, since)


def _draft_objects(cursor: WireCursor, start: int) -> int:
    """list | object (";" object)* — draft their calls and return where the last one ends."""
    text, is_list, position = cursor.text, cursor.text.startswith("[", start), start
    more: re.Match[str] | None = None
    while True:
        saved = cursor.save()
        if more and more["by"] != ";":
            message, hint = "calls without the `;` between them", "engines differ in what they read"
            cursor.warn(Code.MULTI_PAYLOAD, Span(more.start() - 1, position + 1), message, hint)
        piece = cursor.literal(position, len(text))
        end = _draft_payload(cursor, piece, position)
        if end < 0 and more and more["by"]:
            end = _draft_broken(cursor, piece, position)
        if end < 0:
            cursor.forget(saved)
            return position
        more = _NEXT.match(text, end)
        if not more or is_list or len(cursor.drafts) > 1_000:
            return end
        position = more.end()


def _draft_payload(cursor: WireCursor, piece: Piece, start: int) -> int:
    """Draft the calls of one literal; return its end, -1 if it holds no call."""
    literal = piece.literal
    if literal.rung == FAILED or not _holds_call(cursor, piece, start):
        return -1
    is_list = isinstance(literal.value, list)
    llama = not is_list and "parameters" in literal.value
    shape = _LIST if is_list else _OBJECTS[llama]
    flag_literal(cursor, piece, closed=False)
    items = calls_in(cursor, piece, shape)
    cursor.drafts.extend(items.drafts)
    return literal.span.end


def _draft_broken(cursor: WireCursor, piece: Piece, start: int) -> int:
    """Draft the broken call that follows another one; return its end, -1 if it may be data."""
    if not _NAMED.match(cursor.text, start):
        return -1
    value = piece.literal.value
    if not isinstance(value, dict) or (piece.literal.cut_at < 0 and "parameters" not in value):
        return -1
    flag_literal(cursor, piece, closed=False)
    drafts = calls_in(cursor, piece, _OBJECTS[True]).drafts
    for draft in drafts if "parameters" not in value else ():
        draft.verdict = FAILED
    cursor.drafts.extend(drafts)
    return piece.literal.span.end


def _holds_call(cursor: WireCursor, piece: Piece, start: int) -> bool:
    """Return whether a literal holds a call, not data that merely has a name."""
    value = piece.literal.value
    while isinstance(value, list) and value and isinstance(value[0], list):
        value = value[0]
    items = value if isinstance(value, list) else [value]
    return any(_reads_as_call(cursor, item, start) for item in items)


def _reads_as_call(cursor: WireCursor, item: Any, start: int) -> bool:
    if not isinstance(item, dict):
        return False
    if looks_like_call(item):
        return "call_id" not in item and _decodes(item)
    keys = set(item)
    has_arguments = bool(keys & {"arguments", "parameters"})
    if has_arguments and keys <= {"arguments", "parameters", "name", "id", "type"}:
        return _are_arguments(cursor, item) and cursor.at_line_start(start)
    name_key = next((key for key in _NAME_KEYS if isinstance(item.get(key), str)), None)
    if name_key is None:
        return False
    name = item[name_key]
    spec = cursor.tools.get(name) or cursor.tools.get(name.strip().replace(" ", "_"))
    if spec is None:
        return "args" in keys and isinstance(item["args"], dict)
    rest = keys - {name_key, "id", "type", "arguments", "parameters", "args"}
    schema = spec.parameters if isinstance(spec.parameters, dict) else {}
    properties = schema.get("properties") or {}
    return rest <= set(properties) and (len(rest) < len(keys) or not rest)


def _decodes(item: dict[str, Any]) -> bool:
    """Return whether arguments that are a string decode to an object; True for any other value."""
    value = item.get("arguments", item.get("parameters"))
    if not isinstance(value, str):
        return True
    literal = read_literal(value.strip(), 0, len(value.strip()))
    return literal.rung != FAILED and isinstance(literal.value, dict)


def _are_arguments(cursor: WireCursor, item: dict[str, Any]) -> bool:
    """Return whether the value under an arguments key is really the arguments of a call."""
    value, name = item.get("arguments", item.get("parameters")), item.get("name")
    if isinstance(value, dict):
        return "properties" not in value
    if name is not None and not isinstance(name, str):
        return False
    return name in cursor.tools or (isinstance(value, str) and "{" in value)


def _end(cursor: WireCursor, position: int) -> int:
    """Report what follows bare calls; return where they end.

    Surplus brackets and a closing marker belong to them. The beginning of a further call, or other
    text on the line, does not.
    """
    text = cursor.text
    position = cursor.past_braces(position)
    if cut := _CUT.match(text, position):
        message, hint = "the text ends at the beginning of another call", "raise max_tokens"
        cursor.error(Code.TRUNCATED, Span(*cut.span()), message, hint)
        return position
    end = _END.match(text, position)
    if end:
        message = "a closing marker that nothing opened"
        hint = "the opening one was in the prompt, or was not generated; engines see no call"
        cursor.error(Code.ORPHAN_CLOSE, Span(*end.span(1)), message, hint)
        return end.end()
    rest = _REST.match(text, position)
    if rest:
        span = Span(position, rest.end())
        message, hint = "text after the call on its line", "vLLM refuses JSON with text after it"
        cursor.warn(Code.EXTRA_TEXT, span, message, hint)
    return position


def _flag_bare(cursor: WireCursor, start: int, *, is_list: bool) -> None:
    """Report that there is no marker before a call; only some formats do without one."""
    shape = "a list of calls" if is_list else "a call"
    message = f"{shape} as bare JSON, without any marker"
    hint = f"--tool-call-parser {_READ_BY[is_list]} it; most others leave it as text"
    span = cursor.with_blank(Span(start, start + 1))
    cursor.flag(Code.NO_MARKER, Severity.WARNING, span, message, hint, len(cursor.calls))
    before = cursor.text[max(cursor.taken_until, start - 60) : start]
    if before.rstrip().endswith(":") or before.rstrip().endswith("["):
        words = before.rpartition("\n")[2].strip()
        if words and len(words) < 40:
            at = Span(start - len(before.rpartition("\n")[2].lstrip()), start)
            message, hint = "text before the call on its line", "vLLM's xlam refuses it"
            cursor.flag(Code.EXTRA_TEXT, Severity.WARNING, at, message, hint, len(cursor.calls))


def _render_llama(calls: Sequence[ParsedCall]) -> str:
    return "; ".join(json_call(call, "parameters") for call in calls)


def _render_xlam(calls: Sequence[ParsedCall]) -> str:
    items = ", ".join(map(json_call, calls))
    return f"[{items}]"


WIRES = (
    Wire(("llama3_json",), r"<\|python_tag\|>", _read_tag),
    Wire(("xlam",), rf"\[(?=\s*+(?:\[\s*+)?{_OBJECT})", _read, _render_xlam, order=9),
    Wire(("llama3_json",), rf"(?={_OBJECT})\{{", _read, _render_llama, order=9),
)
