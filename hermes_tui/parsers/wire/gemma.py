"""FunctionGemma and Gemma 4: `call:NAME{…}` between special tokens.

    block := "<start_function_call>" "call:" NAME object "<end_function_call>"     functiongemma
           | "<|tool_call>" "call:" NAME object "<tool_call|>"                     gemma4

`gemma_values` has the grammar of the object, whose texts are between <escape> or <|"|> marks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.literals import FAILED, JSON, REPAIRED, UNCLOSED, compact
from hermes_tui.parsers.wire.base import Wire
from hermes_tui.parsers.wire.cursor import Draft, WireCursor
from hermes_tui.parsers.wire.emit import emit, plain_name
from hermes_tui.parsers.wire.gemma_values import GemmaValues, Marks, marks
from hermes_tui.parsers.wire.json_block import JsonTag, cut_opener, read_json_block

_HEAD = re.compile(r"\s*+(?P<prefix>call\s*+:)?(?P<name>[^{}<>\n\[\]\"'`]{0,120}+)\{")


class _Dialect(NamedTuple):
    format: str
    open: str
    close: str
    mark: str
    marks: Marks
    opener: re.Pattern[str]
    closer: re.Pattern[str]


def _dialect(name: str, opening: str, closing: str, mark: str) -> _Dialect:
    opener, closer = re.escape(opening), re.escape(closing)
    return _Dialect(
        name,
        opening,
        closing,
        mark,
        marks(re.escape(mark), closer),
        re.compile(rf"(?:{opener}\s*+)++"),
        re.compile(closer),
    )


FUNCTION_GEMMA = _dialect(
    "functiongemma", "<start_function_call>", "<end_function_call>", "<escape>"
)
GEMMA4 = _dialect("gemma4", "<|tool_call>", "<tool_call|>", '<|"|>')


def _read(dialect: _Dialect, cursor: WireCursor, opener: Span) -> int:
    text, since = cursor.text, cursor.mark()
    if cursor.skip_blank(opener.end) >= len(text):
        return cut_opener(cursor, opener, dialect.format)
    head = _HEAD.match(text, opener.end)
    if not head or (not head["prefix"] and not head["name"].strip()):
        return _read_json(cursor, opener, dialect)
    position = _call(cursor, head, dialect)
    end = _end(cursor, position, dialect)
    return emit(cursor, dialect.format, opener.start, end, since)


def _read_json(cursor: WireCursor, opener: Span, dialect: _Dialect) -> int:
    calls = len(cursor.calls)
    tag = JsonTag(dialect.format, dialect.opener, dialect.closer, dialect.close)
    end = read_json_block(cursor, opener, tag)
    if any(call.name for call in cursor.calls[calls:]):
        message = "JSON where the format requires call:NAME{…}"
        span = Span(opener.end, min(opener.end + 2, len(cursor.text)))
        cursor.flag_call(Code.WRONG_FORMAT, span, message, "engines keep it as text", calls)
    return end


def _read_bare(cursor: WireCursor, opener: Span) -> int:
    """Read `call:NAME{` without its opening marker.

    The marks of its texts, or its closing marker, determine the format.
    """
    text, since = cursor.text, cursor.mark()
    head = _HEAD.match(text, opener.start)
    if not head:
        return -1

    sign, dialect = min(
        (
            (cursor.place(pattern, head.end()), dialect)
            for dialect in (FUNCTION_GEMMA, GEMMA4)
            for pattern in (dialect.marks.mark, dialect.closer)
        ),
        key=itemgetter(0),
    )
    if sign == len(text):
        return -1
    message = f"no {dialect.open} before this call"
    cursor.error(Code.NO_MARKER, opener, message, "engines leave it as text")
    position = _call(cursor, head, dialect)
    end = _end(cursor, position, dialect)
    return emit(cursor, dialect.format, opener.start, end, since)


def _call(cursor: WireCursor, head: re.Match[str], dialect: _Dialect) -> int:
    """NAME object — draft the call and return where it ends."""
    name, span = head["name"], Span(*head.span("name"))
    plain: str | None = None
    if not name.strip():
        message, hint = "the call has no name", "write call:NAME{…}"
        cursor.error(Code.NAME_MISSING, Span(*head.span()), message, hint)
    else:
        plain = plain_name(cursor, name, span)
    if not head["prefix"]:
        message = "no `call:` before the name"
        cursor.error(Code.MARKER_VARIANT, span, message, "vLLM leaves it as text")
    reader = GemmaValues(cursor, head.end(), dialect.marks, plain)
    value = reader.object()
    span_of = Span(head.end() - 1, reader.position)
    verdict = REPAIRED if reader.broken else UNCLOSED if reader.cut else JSON
    empty = reader.cut and not any(item != "" for item in value.values())
    if not plain or empty or (reader.broken and not value):
        verdict = FAILED
    draft = Draft(head.start(), plain, span, value, span_of, verdict, reader.spans)
    cursor.drafts.append(draft)
    return reader.position


def _end(cursor: WireCursor, position: int, dialect: _Dialect) -> int:
    text = cursor.text
    draft = cursor.drafts[-1]
    position = cursor.past_braces(position)
    after = cursor.skip_blank(position)
    if end := dialect.closer.match(text, after):
        return end.end()
    limit = min(cursor.place(dialect.closer, after), cursor.place(dialect.opener, after))
    if dialect.closer.match(text, limit):
        span = Span(after, after + len(text[after:limit].rstrip()))
        message, hint = "text after the arguments", "engines drop it, or the call"
        cursor.warn(Code.EXTRA_TEXT, span, message, hint)
        return limit + len(dialect.close)
    if draft.verdict == JSON:
        draft.verdict = UNCLOSED
        message = f"no {dialect.close} after the call"
        at = max(position - 1, 0)
        cursor.warn(Code.UNCLOSED, Span(at, at + 1), message, "some engines do not see it")
    return after if after == len(text) else position


def _render_value(value: Any, mark: str) -> str:
    if isinstance(value, str):
        return f"{mark}{value}{mark}"
    if isinstance(value, dict):
        inner = ",".join(f"{key}:{_render_value(item, mark)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{','.join(_render_value(item, mark) for item in value)}]"
    return compact(value)


def _render(dialect: _Dialect, calls: Sequence[ParsedCall]) -> str:
    def flat(value: Any) -> str:
        text = value if isinstance(value, str) else compact(value)
        return f"{dialect.mark}{text}{dialect.mark}"

    render_value = flat if dialect is FUNCTION_GEMMA else partial(_render_value, mark=dialect.mark)
    return "\n".join(
        f"{dialect.open}call:{call.name}{{"
        + ",".join(f"{key}:{render_value(value)}" for key, value in (call.value or {}).items())
        + f"}}{dialect.close}"
        for call in calls
    )


def _wire(dialect: _Dialect) -> Wire:
    opener = re.escape(dialect.open)
    return Wire((dialect.format,), opener, partial(_read, dialect), partial(_render, dialect))


WIRES = (
    _wire(FUNCTION_GEMMA),
    _wire(GEMMA4),
    Wire(("functiongemma",), r"call\s*+:\s*+[\w.\-]{1,80}+\s*+\{", _read_bare, order=8),
)
