"""Calls in Python's syntax without markers around them: a list, or a call on its own line.

list  := "[" call ("," call)* "]"          a known tool, or arguments with names
alone := call (("," | ";") call)*          on its own line, of known tools
spoken := "<|python_tag|>" call            Llama's code, if it is nothing but a call
"""

from __future__ import annotations

import re

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.parsers.literals import FAILED
from hermes_tui.parsers.wire.base import Wire
from hermes_tui.parsers.wire.cursor import WireCursor
from hermes_tui.parsers.wire.emit import emit, flag_second_block
from hermes_tui.parsers.wire.json_block import leave_in_prose
from hermes_tui.parsers.wire.pythonic import ANY_CLOSER, HEAD, read_call, read_calls, render_calls

_NEXT_ALONE = re.compile(r"[ \t]*+[,;]\s*+")


def _read_list(cursor: WireCursor, opener: Span) -> int:
    """Read a list of calls without markers around it."""
    text, since, saved = cursor.text, cursor.mark(), cursor.save()
    if not cursor.spend(64):
        return -1
    flag_second_block(cursor, opener)
    position = read_calls(cursor, opener.start, _list_limit(cursor, opener.start))
    if position < 0 or not cursor.drafts or not _are_plausible(cursor):
        cursor.spend(max(position, opener.end) - opener.start)
        cursor.forget(saved)
        return -1
    end = ANY_CLOSER.match(text, position)
    if end:
        message, hint = "a closing marker that nothing opened", "engines leave it as text"
        cursor.error(Code.ORPHAN_CLOSE, Span(*end.span()), message, hint)
        cursor.error(Code.NO_MARKER, Span(opener.start, opener.start + 1), "no opening marker")
        position = end.end()
    return emit(cursor, "pythonic", opener.start, position, since)


def _list_limit(cursor: WireCursor, start: int) -> int:
    """Return where a list ends at the latest: at a closing marker after a bracket."""
    found = cursor.seek(ANY_CLOSER, start)
    while found and cursor.text[found.start() - 1] not in ")]}":
        if not cursor.spend(64):
            return found.start()
        found = cursor.seek(ANY_CLOSER, found.end())
    return found.start() if found else len(cursor.text)


def _are_plausible(cursor: WireCursor) -> bool:
    """Return whether the drafts are calls, not prose: known tools, or arguments with names."""
    for draft in cursor.drafts:
        if draft.name in cursor.tools:
            return True
        named = isinstance(draft.value, dict) and bool(draft.value)
        if draft.verdict != FAILED and (named or not cursor.tools):
            return True
    return False


def _read_alone(cursor: WireCursor, opener: Span) -> int:
    """Read a call of a known tool on its own line, outside any list."""
    text, since, saved = cursor.text, cursor.mark(), cursor.save()
    if not cursor.spend(64):
        return -1
    begin = max(cursor.taken_until, opener.start - 130)
    word = re.search(r"[^\W\d][\w.\-]*\Z", text[begin : opener.start])
    if not word:
        return -1
    start = begin + word.start()
    head = HEAD.match(text, start)
    if not head or not cursor.at_line_start(start) or head["name"] not in cursor.tools:
        return -1
    position = read_call(cursor, head, len(text))
    draft = cursor.drafts[-1]
    after = text[position : position + 2].strip(" \t")
    if draft.verdict == FAILED or (after and after[0] not in "\r\n`<;,"):
        cursor.spend(position - start)
        cursor.forget(saved)
        return -1
    position = _more_alone(cursor, position)
    message = "a call outside of any list or marker"
    cursor.error(Code.NO_MARKER, Span(start, position), message, "engines leave it as text")
    end = ANY_CLOSER.match(text, position)
    position = end.end() if end else position
    return emit(cursor, "pythonic", start, position, since)


def _more_alone(cursor: WireCursor, position: int) -> int:
    """(("," | ";") call)* — return where the last one ends."""
    while more := _NEXT_ALONE.match(cursor.text, position):
        head = HEAD.match(cursor.text, more.end())
        if not head or head["name"] not in cursor.tools or not cursor.spend(64):
            return position
        saved = cursor.save()
        end = read_call(cursor, head, len(cursor.text))
        if cursor.drafts[-1].verdict == FAILED:
            cursor.forget(saved)
            return position
        position = end
    return position


def read_python_tag(cursor: WireCursor, opener: Span, body: int) -> int:
    """Read the code after a marker as one call, if it is nothing but a call."""
    since, saved = cursor.mark(), cursor.save()
    head = HEAD.match(cursor.text, body)
    if head:
        end = read_call(cursor, head, len(cursor.text))
        draft = cursor.drafts[-1]
        if draft.verdict != FAILED and cursor.text[end : end + 1] in ("", "\n", "<"):
            message, hint = "a call in Python where JSON belongs", "no engine reads it"
            cursor.error(Code.WRONG_FORMAT, Span(body, end), message, hint)
            return emit(cursor, "llama3_json", opener.start, end, since)
        cursor.spend(end - body)
        cursor.forget(saved)
    return leave_in_prose(cursor, opener)


WIRES = (
    Wire(
        ("pythonic",),
        r"\[(?=\s*+[^\W\d][\w.\-]{0,120}+\s*+\()",
        _read_list,
        lambda calls: f"[{render_calls(calls, ', ')}]",
        order=8,
    ),
    Wire(("pythonic",), r"\((?=\s*+(?:[^\W\d]\w*+\s*+=|\*\*|[\"'\d)]))", _read_alone, order=9),
)
