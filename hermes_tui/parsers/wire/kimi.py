"""Kimi K2 and K2.5: an id that contains the name, and JSON, between special tokens.

block := "<|tool_calls_section_begin|>" call+ "<|tool_calls_section_end|>"
call  := "<|tool_call_begin|>" ID "<|tool_call_argument_begin|>" {…} "<|tool_call_end|>"
ID    := "functions."? NAME ":" DIGITS
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.coercion import required_names
from hermes_tui.parsers.literals import FAILED, REPAIRED
from hermes_tui.parsers.wire.base import Wire
from hermes_tui.parsers.wire.cursor import Draft, WireCursor
from hermes_tui.parsers.wire.emit import emit
from hermes_tui.parsers.wire.json_block import cut_opener, empty_block, leave_in_prose
from hermes_tui.parsers.wire.named import read_arguments

_SECTION = r"<\|tool_calls_section_begin\|>"
_BEGIN = r"<\|tool_call_begin\|>"
_SECTIONS = re.compile(rf"(?:{_SECTION}\s*+)++")
_CALL = re.compile(
    rf"\s*+(?:{_BEGIN}\s*+)++(?P<id>[^<\n{{]{{0,200}})"
    r"(?:<\|tool_call_argument_begin\|>|(?P<glued>)(?=\{))"
)
_CALL_END = re.compile(r"\s*+<\|tool_call_end\|>")
_SECTION_END = re.compile(r"\s*+<\|tool_calls_section_end\|>")
_STOP = re.compile(r"<\|tool_call(?:s_section)?_(?:end|begin)\|>")
_ID = re.compile(r"(?:functions\.)?(?P<name>[^\s:.<](?:[^\s:<]*[^\s:.<])?):\d++")
_PREFIX = re.compile(r"(?:functions?\.)*")
_INDEX = re.compile(r"\s*:\s*\d*$")
_CALL_STYLE = re.compile(r"(?:call|chatcmpl-tool|toolu)[_-]?[0-9a-zA-Z]*|\d+")
_DIGITS = re.compile(r"\d+$")


def _read(cursor: WireCursor, opener: Span) -> int:
    text, since, saved = cursor.text, cursor.mark(), cursor.save()
    section = _SECTIONS.match(text, opener.start)
    position = section.end() if section else opener.start
    if position >= len(text):
        return cut_opener(cursor, opener, "kimi_k2")
    if end := _SECTION_END.match(text, position):
        return empty_block(cursor, Span(opener.start, end.end()), "kimi_k2")
    found = False
    while head := _CALL.match(text, position):
        position, found = _call(cursor, head), True
    if not found:
        cursor.forget(saved)
        return leave_in_prose(cursor, opener)
    if not section:
        message = "no <|tool_calls_section_begin|> before the call"
        cursor.warn(Code.NO_MARKER, opener, message, "engines leave it as text")
    end = _SECTION_END.match(text, position)
    if end:
        position = end.end()
    elif section:
        cursor.warn(Code.UNCLOSED, opener, "the section is never closed")
        at = Span(position - 1, position)
        cursor.warn(Code.UNCLOSED, at, "its closing marker is missing here")
    return emit(cursor, "kimi_k2", opener.start, position, since)


def _call(cursor: WireCursor, head: re.Match[str]) -> int:
    call_id, at = head["id"], Span(*head.span("id"))
    at = at if len(at) else Span(*head.span())
    id_match = _ID.fullmatch(call_id)
    before, first_index = len(cursor.drafts), cursor.index
    name: str | None = id_match["name"] if id_match else _loose_name(cursor, call_id)
    if id_match and call_id.startswith("functions.") and len(at):
        at = Span(
            at.end - len(call_id) + id_match.start("name"),
            at.end - len(call_id) + id_match.end("name"),
        )
    if head["glued"] is not None:
        message = "no <|tool_call_argument_begin|> between the id and the arguments"
        here = Span(head.end() - 1, head.end() + 1)
        cursor.error(Code.MARKER_VARIANT, here, message, "no engine reads it")
    position = read_arguments(cursor, name, at, head.end(), _STOP)
    drafts = cursor.drafts[before:]
    if not id_match and name:
        _flag_id(cursor, call_id, at, drafts, first_index)
    end = _CALL_END.match(cursor.text, position)
    if not end:
        last = Span(max(position - 1, 0), position)
        cursor.warn(Code.UNCLOSED, last, "no <|tool_call_end|> after this call")
    return end.end() if end else position


def _loose_name(cursor: WireCursor, call_id: str) -> str | None:
    """Return the name in an id of the wrong form, or None if it contains none."""
    name = _INDEX.sub("", _PREFIX.sub("", call_id.strip(), count=1)).strip()
    if not name:
        return None
    bare = _DIGITS.sub("", name.removeprefix("functions")).strip("_-. ")
    if name not in cursor.tools and bare in cursor.tools:
        return bare
    return name


def _flag_id(
    cursor: WireCursor, call_id: str, at: Span, drafts: Sequence[Draft], index: int
) -> None:
    hint = "write functions.NAME:INDEX: engines take the name from it"
    message = f"{call_id[:60]!r} is not of the form functions.NAME:INDEX"
    cursor.flag_call(Code.NAME_DECORATED, at, message, hint, index)
    for draft in drafts:
        if draft.name in cursor.tools or not _CALL_STYLE.fullmatch(call_id.strip()):
            continue
        guess = _tool_for(cursor, draft.value)
        draft.name, draft.verdict = guess, REPAIRED if guess else FAILED


def _tool_for(cursor: WireCursor, value: Any) -> str | None:
    """Return the only tool that takes such arguments, None if there is not exactly one."""
    if not isinstance(value, dict) or not value:
        return None
    fits = []
    for name, spec in cursor.tools.items():
        schema = spec.parameters if isinstance(spec.parameters, dict) else {}
        properties = schema.get("properties")
        if not isinstance(properties, dict) or not set(value) <= set(properties):
            continue
        if set(required_names(schema)) <= set(value):
            fits.append(name)
    return fits[0] if len(fits) == 1 else None


def _render(calls: Sequence[ParsedCall]) -> str:
    inner = "".join(
        f"<|tool_call_begin|>functions.{call.name}:{i}<|tool_call_argument_begin|>"
        f"{call.arguments}<|tool_call_end|>"
        for i, call in enumerate(calls)
    )
    return f"<|tool_calls_section_begin|>{inner}<|tool_calls_section_end|>"


WIRES = (
    Wire(("kimi_k2",), _SECTION, _read, _render),
    Wire(("kimi_k2",), _BEGIN, _read),
)
