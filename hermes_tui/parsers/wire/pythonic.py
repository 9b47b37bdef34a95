"""Calls in Python syntax: as a plain list, or between the markers of three formats.

    list    := "[" call ("," call)* "]"                                           pythonic
    llama4_pythonic := "<|python_start|>" list "<|python_end|>"
    lfm2    := "<|tool_call_start|>" list "<|tool_call_end|>"
    olmo3   := "<function_calls>" newline call (newline call)* newline "</function_calls>"

`python_call` has the grammar of a call. A call outside any list is read if it is on its own line
and the tool is known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.literals import FAILED, JSON, REPAIRED, UNCLOSED
from hermes_tui.parsers.wire.base import Wire
from hermes_tui.parsers.wire.cursor import Draft, WireCursor
from hermes_tui.parsers.wire.emit import by_position, emit, flag_second_block, plain_name
from hermes_tui.parsers.wire.json_block import (
    JsonTag,
    cut_opener,
    empty_block,
    leave_in_prose,
    read_json_block,
)
from hermes_tui.parsers.wire.json_calls import JsonShape
from hermes_tui.parsers.wire.python_call import PythonCall

HEAD = re.compile(r"(?P<name>[^\W\d][\w.\-]{0,120}+)\s*+\(")
_JSON_AHEAD = re.compile(r"\s*+(?:```\w*+\s*+)?(?:\[\s*+)?+(?:\{|\Z)")
_SPOKEN = re.compile(r"\.call\Z")
_END_OF_LIST = re.compile(r"\s*+,?+\s*+\]")
_LIST_AHEAD = re.compile(r"\[\s*+[^\W\d][\w.\-]{0,120}+\s*+\(")
_AFTER = re.compile(r"[,;\s]*+(?=[^\W\d\s])")
_CUT_CALL = re.compile(r"\s*+,\s*+(?:[^\W\d][\w.\-]*+)?\Z")
_MAX_CALLS = 10_000


class Wrapping(NamedTuple):
    """A format's markers around calls in Python; `listed`: the calls are in a list."""

    format: str
    open: str
    close: str
    opener: re.Pattern[str]
    closer: re.Pattern[str]
    listed: bool = True


def _wrapping(name: str, opening: str, closing: str, *, listed: bool = True) -> Wrapping:
    opener = re.compile(rf"(?:{re.escape(opening)}\s*+)++")
    return Wrapping(name, opening, closing, opener, re.compile(re.escape(closing)), listed)


LLAMA4 = _wrapping("llama4_pythonic", "<|python_start|>", "<|python_end|>")
LFM2 = _wrapping("lfm2", "<|tool_call_start|>", "<|tool_call_end|>")
OLMO3 = _wrapping("olmo3", "<function_calls>", "</function_calls>", listed=False)
ANY_CLOSER = re.compile(r"\s*+(?:<\|python_end\|>|<\|tool_call_end\|>|</function_calls>)")


def _read(wrapping: Wrapping, cursor: WireCursor, opener: Span) -> int:
    text, since, saved = cursor.text, cursor.mark(), cursor.save()
    body = cursor.skip_blank(opener.end)
    if body >= len(text):
        return cut_opener(cursor, opener, wrapping.format)
    if end := wrapping.closer.match(text, body):
        return empty_block(cursor, Span(opener.start, end.end()), wrapping.format)
    if _JSON_AHEAD.match(text, body):
        return _read_json(cursor, opener, wrapping)
    limit = _limit(cursor, body, wrapping)
    flag_second_block(cursor, opener)
    position = read_calls(cursor, body, limit)
    if position < 0 or not cursor.drafts:
        cursor.forget(saved)
        empty = re.compile(r"\[\s*+\]\s*+").match(text, body)
        if empty and (end := wrapping.closer.match(text, empty.end())):
            return empty_block(cursor, Span(opener.start, end.end()), wrapping.format)
        return leave_in_prose(cursor, opener)
    end_at = _end(cursor, opener, position, wrapping)
    return emit(cursor, wrapping.format, opener.start, end_at, since)


def _read_json(cursor: WireCursor, opener: Span, wrapping: Wrapping) -> int:
    calls = len(cursor.calls)
    tag = JsonTag(
        wrapping.format,
        wrapping.opener,
        wrapping.closer,
        wrapping.close,
        None,
        JsonShape(listed=True),
    )
    end = read_json_block(cursor, opener, tag)
    if len(cursor.calls) > calls:
        message, hint = "JSON where the format requires Python calls", "a JSON parser would read it"
        span = Span(opener.end, min(opener.end + 2, len(cursor.text)))
        cursor.flag_call(Code.WRONG_FORMAT, span, message, hint, calls)
    return end


def _limit(cursor: WireCursor, body: int, wrapping: Wrapping) -> int:
    """Return where a wrapped list ends: at the first closing marker after a bracket.

    If none follows a bracket, it ends at the last one; without any, at the end of the text.
    """
    found = cursor.seek(wrapping.closer, body)
    while found and found.start() > body:
        before = cursor.text[max(body, found.start() - 40) : found.start()].rstrip()
        if before.endswith((")", "]", "}")) or not before or not cursor.spend(64):
            return found.start()
        later = cursor.seek(wrapping.closer, found.end())
        if not later:
            return found.start()
        found = later
    return found.start() if found else len(cursor.text)


def read_calls(cursor: WireCursor, body: int, limit: int) -> int:
    """Draft all calls of a list and of the lists after it, or calls without a list.

    Return where they end, -1 if there are none.
    """
    text, position, last = cursor.text, body, -1
    while True:
        bracket = text.startswith("[", position)
        drafted = len(cursor.drafts)
        end = _one_list(cursor, position + bracket, limit)
        if len(cursor.drafts) == drafted:
            return last
        last = end
        closing = _END_OF_LIST.match(text, end, limit)
        if not bracket:
            return end
        if not closing:
            if cursor.drafts[-1].verdict != FAILED:
                _flag_list(cursor, end, limit)
            return end
        last = closing.end()
        position = cursor.skip_blank(last)
        if not _LIST_AHEAD.match(text, position, limit) or len(cursor.drafts) > _MAX_CALLS:
            return last
        message, hint = "a second list of calls", "engines read one; put all calls into it"
        cursor.error(Code.MULTI_PAYLOAD, Span(position, position + 1), message, hint)


def _one_list(cursor: WireCursor, position: int, limit: int) -> int:
    """call ("," call)* — return where the last one ends."""
    while True:
        head = HEAD.match(cursor.text, cursor.skip_blank(position), limit)
        if not head or len(cursor.drafts) > _MAX_CALLS:
            return position
        position = read_call(cursor, head, limit)
        more = _AFTER.match(cursor.text, position, limit)
        if not more or not HEAD.match(cursor.text, more.end(), limit):
            return position
        position = more.end()


def _flag_list(cursor: WireCursor, position: int, limit: int) -> None:
    span = Span(max(position - 1, 0), position)
    message = "the closing bracket of the list is missing here"
    cursor.error(Code.BRACES_MISSING, span, message, "add it")
    if cut := _CUT_CALL.match(cursor.text, position):
        message, hint = "the text ends at the beginning of another call", "raise max_tokens"
        cursor.error(Code.TRUNCATED, Span(*cut.span()), message, hint)


def read_call(cursor: WireCursor, head: re.Match[str], limit: int) -> int:
    """Draft the call that begins with `head`; return where it ends."""
    name = _SPOKEN.sub("", head["name"])
    span = Span(head.start(), head.start() + len(name))
    if name != head["name"]:
        message, hint = f"{head['name']!r}: code around a call, not a call", "no engine reads it"
        cursor.error(Code.NAME_DECORATED, Span(*head.span("name")), message, hint)
    name = plain_name(cursor, name, span)
    if name in cursor.tools and not name.isidentifier():
        message, hint = f"{name!r} is not a name in Python", "engines leave the call as text"
        cursor.warn(Code.NAME_DECORATED, span, message, hint)
    reader = PythonCall(cursor, head.end(), limit)
    reader.read()
    values: Any = reader.values
    if reader.positional and reader.readable:
        named = by_position(cursor, name, reader.positional)
        values = {**(named or {}), **values}
        reader.readable = named is not None
    position = reader.position if reader.readable else _skip(cursor, reader.position, limit)
    verdict = JSON
    if not reader.readable:
        verdict = FAILED
    elif reader.cut or not reader.closed:
        verdict = UNCLOSED
    elif reader.repaired:
        verdict = REPAIRED
    draft = Draft(head.start(), name, span, values, None, verdict, reader.spans)
    draft.arguments_span = Span(head.end(), max(head.end(), position))
    cursor.drafts.append(draft)
    return position


_BRACKETS = re.compile(r"[()\[\]]|'(?:[^'\\\n]|\\.)*+'|\"(?:[^\"\\\n]|\\.)*+\"")


def _skip(cursor: WireCursor, position: int, limit: int) -> int:
    """Return where an unreadable call ends, by its parentheses."""
    depth = 1
    if not cursor.spend(limit - position):
        return position
    for token in _BRACKETS.finditer(cursor.text, position, limit):
        depth += (token[0] in "([") - (token[0] in ")]")
        if depth == 0:
            return token.end()
    return limit


def _end(cursor: WireCursor, opener: Span, position: int, wrapping: Wrapping) -> int:
    text, after = cursor.text, cursor.skip_blank(position)
    if end := wrapping.closer.match(text, after):
        return end.end()
    limit = cursor.place(wrapping.closer, after)
    if limit < len(text) and limit < cursor.place(wrapping.opener, after):
        words = text[after:limit].rstrip()
        span = Span(after, after + max(len(words), 1))
        cursor.warn(Code.EXTRA_TEXT, span, "text after the calls", "engines refuse the block")
        return limit + len(wrapping.close)
    if not any(d.verdict in (FAILED, UNCLOSED) for d in cursor.drafts):
        message = f"no {wrapping.close} after this"
        cursor.warn(Code.UNCLOSED, opener, message, "some engines do not see the calls")
        at = max(position - 1, opener.start)
        cursor.warn(Code.UNCLOSED, Span(at, at + 1), "the closing marker is missing here")
    return after if after == len(text) else position


def render_calls(calls: Sequence[ParsedCall], between: str) -> str:
    return between.join(
        f"{call.name}({', '.join(f'{k}={v!r}' for k, v in (call.value or {}).items())})"
        for call in calls
    )


def _render(wrapping: Wrapping, calls: Sequence[ParsedCall]) -> str:
    if wrapping.listed:
        return f"{wrapping.open}[{render_calls(calls, ', ')}]{wrapping.close}"
    return f"{wrapping.open}\n{render_calls(calls, chr(10))}\n{wrapping.close}"


def _wire(wrapping: Wrapping) -> Wire:
    opener = re.escape(wrapping.open)
    return Wire((wrapping.format,), opener, partial(_read, wrapping), partial(_render, wrapping))


WIRES = (
    _wire(LLAMA4),
    _wire(LFM2),
    _wire(OLMO3),
)
