"""Calls in Python's syntax with no marker around them: a list, or a call on a line of its own.

list  := "[" call ("," call)* "]"          a tool that is known, or arguments with names
alone := call                              on its own line, of a tool that is known
spoken := "<|python_tag|>" call            Llama's code, where it is nothing but a call
"""

from __future__ import annotations

import re

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.parsers.literals import FAILED
from hermes_tui.parsers.wire.base import Wire
from hermes_tui.parsers.wire.cursor import WireCursor
from hermes_tui.parsers.wire.emit import emit, flag_second
from hermes_tui.parsers.wire.json_block import spoken_of
from hermes_tui.parsers.wire.pythonic import ANY_CLOSER, HEAD, read_call, read_calls, written


def _read_list(cursor: WireCursor, opener: Span) -> int:
    """Read a list of calls that has no marker around it."""
    text, since, saved = cursor.text, cursor.mark(), cursor.save()
    if not cursor.spend(64):
        return -1
    limit = len(text)
    flag_second(cursor, opener)
    closer = cursor.seek(ANY_CLOSER, opener.start)
    position = read_calls(cursor, opener.start, closer.start() if closer else limit)
    if position < 0 or not cursor.drafts or not _plausible(cursor):
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


def _plausible(cursor: WireCursor) -> bool:
    """Tell calls from brackets in prose: known tools, or arguments with names."""
    for draft in cursor.drafts:
        if draft.name in cursor.tools:
            return True
        named = isinstance(draft.value, dict) and bool(draft.value)
        if draft.verdict != FAILED and (named or not cursor.tools):
            return True
    return False


def _read_alone(cursor: WireCursor, opener: Span) -> int:
    """Read a call that stands on a line of its own, outside of any list; the tool is known."""
    text, since, saved = cursor.text, cursor.mark(), cursor.save()
    if not cursor.spend(64):
        return -1
    begin = max(cursor.taken, opener.start - 130)
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
    message = "a call outside of any list or marker"
    cursor.error(Code.NO_MARKER, Span(start, position), message, "engines leave it as text")
    end = ANY_CLOSER.match(text, position)
    position = end.end() if end else position
    return emit(cursor, "pythonic", start, position, since)


def read_spoken(cursor: WireCursor, opener: Span, body: int) -> int:
    """Read the code after a marker as one call, if it is nothing else."""
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
    return spoken_of(cursor, opener)


WIRES = (
    Wire(
        ("pythonic",),
        r"\[(?=\s*+[^\W\d][\w.\-]{0,120}+\s*+\()",
        _read_list,
        lambda calls: f"[{written(calls, ', ')}]",
        order=8,
    ),
    Wire(("pythonic",), r"\((?=\s*+(?:[^\W\d]\w*+\s*+=|\*\*|[\"'\d)]))", _read_alone, order=9),
)
