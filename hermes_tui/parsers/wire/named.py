"""Calls whose name comes before their arguments, which are a separate JSON object.

    arguments := fence? object fence? | nothing

Shared by the formats that write NAME, a separator and an object. Also read, each with a diagnostic:
no arguments, several objects, text around them, flawed JSON.
"""

from __future__ import annotations

import re
from typing import Any

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.parsers.literals import FAILED
from hermes_tui.parsers.shapes import CallShape, call_shape
from hermes_tui.parsers.wire.cursor import SPECIAL, Draft, Piece, WireCursor
from hermes_tui.parsers.wire.emit import plain_name
from hermes_tui.parsers.wire.fit import schema_of
from hermes_tui.parsers.wire.json_calls import flag_literal

_FENCE = re.compile(r"\s*+```\w*+[ \t]*+\n?")
_FENCE_END = re.compile(r"\s*+```")
_BETWEEN = re.compile(r"\s*+[,;]?\s*+(?=\{)")
_SCALAR = re.compile(r"[\"\-\d]|null|true|false|None")
_BRACES = re.compile(r"[}\]][}\]\s]*+")
_LOOK_AHEAD = 120


def read_arguments(
    cursor: WireCursor,
    name: str | None,
    name_span: Span,
    position: int,
    stop: re.Pattern[str],
    *,
    fenced: bool = False,
    closed: bool = True,
) -> int:
    """Draft the call (or calls) of `name` with the arguments at `position`; return their end.

    `stop` matches what ends them. `closed`: the format requires that end, and text before it
    belongs to the arguments. `fenced`: the format puts them into a code fence.
    """
    text, start = cursor.text, position
    limit = cursor.place(stop, position)
    fence = _FENCE.match(text, position, limit)
    if fence and not fenced:
        message, hint = "a code fence around the arguments", "engines pass it on with them"
        cursor.error(Code.EXTRA_TEXT, Span(position, fence.end()), message, hint)
    elif fenced and not fence:
        at = Span(max(position - 1, 0), position + 1)
        message, hint = "no code fence before the arguments", "engines of this format require one"
        cursor.error(Code.MARKER_VARIANT, at, message, hint)
    position = cursor.skip_blank(fence.end() if fence else position)
    position = _skip_text(cursor, position, limit)
    if position >= limit or (fence and text.startswith("```", position)):
        _draft_empty(cursor, name, name_span, Span(start, limit))
    else:
        inner = text.rfind("\n```", position, limit) if fence else -1
        position = _draft_values(
            cursor, name, name_span, position, inner if inner > 0 else limit, stop
        )
    limit = cursor.place(stop, max(position, start))
    return _after(cursor, position, limit if closed else len(text))


def _skip_text(cursor: WireCursor, position: int, limit: int) -> int:
    """Skip and report text before the arguments."""
    text = cursor.text
    if position >= limit or text[position] in "{[`" or _SCALAR.match(text, position):
        return position
    brace = text.find("{", position, min(limit, position + _LOOK_AHEAD))
    if brace < 0:
        return position
    message = "text before the arguments"
    cursor.error(Code.EXTRA_TEXT, Span(position, brace), message, "only JSON is allowed there")
    return brace


def _draft_empty(cursor: WireCursor, name: str | None, name_span: Span, span: Span) -> None:
    message = "the call has no arguments, not even {}"
    hint = "engines drop the call or pass on an empty string"
    if not name:
        message, hint = "the call has no name and no arguments", "nothing can be called"
        cursor.error(Code.EMPTY_BLOCK, span if len(span) else name_span, message, hint)
        cursor.drafts.append(Draft(span.start, None, None, None, None, FAILED))
        return
    at = span if len(span) else Span(max(span.start - 1, 0), span.end + 1)
    cursor.error(Code.ARGS_KEY, at, message, hint)
    plain = plain_name(cursor, name, name_span)
    cursor.drafts.append(Draft(name_span.start, plain, name_span, {}, None))


def _draft_values(
    cursor: WireCursor,
    name: str | None,
    name_span: Span,
    position: int,
    limit: int,
    stop: re.Pattern[str],
) -> int:
    text, first = cursor.text, True
    while True:
        piece = _literal(cursor, position, limit, stop)
        literal = piece.literal
        closed = limit < len(text)
        if not first:
            at = Span(max(position - 2, 0), position + 1)
            message, hint = "several objects as arguments", "write one call for each"
            cursor.error(Code.MULTI_PAYLOAD, at, message, hint)
        flag_literal(cursor, piece, closed=closed)
        end = (
            max(min(literal.span.end, limit), position)
            if literal.rung == FAILED
            else (literal.span.end)
        )
        span = Span(position, max(end, position + 1))
        start = name_span.start if first else position
        cursor.drafts.append(_draft(cursor, name, name_span, piece, span, start))
        position, first = end, False
        limit = cursor.place(stop, position)
        between = _BETWEEN.match(text, position, limit)
        if literal.rung == FAILED or not between:
            return position
        position = between.end()


def _literal(cursor: WireCursor, position: int, limit: int, stop: re.Pattern[str]) -> Piece:
    piece = cursor.literal(position, limit)
    literal = piece.literal
    if (literal.rung == FAILED or literal.cut_in_string) and limit < len(cursor.text):
        later = cursor.seek(stop, limit + 1)
        other = cursor.literal(position, later.start()) if later else piece
        if other.literal.rung != FAILED and other.literal.cut_at < 0:
            piece = other
    if piece.literal.rung != FAILED and limit < piece.literal.span.end:
        inner = stop.match(cursor.text, limit)
        end = inner.end() if inner else limit + 1
        message = "a closing marker inside a string of the arguments"
        hint = "many engines cut the arguments there"
        cursor.error(Code.MARKER_IN_VALUE, Span(limit, end), message, hint)
    return piece


def _draft(
    cursor: WireCursor, name: str | None, name_span: Span, piece: Piece, span: Span, start: int
) -> Draft:
    literal = piece.literal
    raw = cursor.text[span.start : span.end].rstrip()
    if not name or not name.strip():
        message, hint = "the call has no name", "engines call nothing, or a tool named ''"
        cursor.error(Code.NAME_MISSING, name_span, message, hint)
        return Draft(start, None, None, None, span, FAILED, {}, raw)
    if literal.rung == FAILED:
        plain = plain_name(cursor, name, name_span)
        return Draft(start, plain, name_span, None, span, FAILED, {}, raw)
    value = _unwrapped(cursor, name, literal.value, span)
    shape = _checked_shape(cursor, name, name_span, value, span)
    plain = shape.name or name
    if plain == name:
        plain = plain_name(cursor, name, name_span)
    inner: dict[str, Span] = {}
    if isinstance(literal.value, dict):
        inner = literal.members(piece.source, span.start)
    return Draft(start, plain, name_span, shape.value, span, literal.verdict, inner)


def _unwrapped(cursor: WireCursor, name: str, value: Any, span: Span) -> Any:
    """Return the arguments inside a whole call that was sent as arguments, else `value`."""
    if not isinstance(value, dict) or value.get("name") != name or len(value) != 2:
        return value
    inner = value.get("arguments", value.get("parameters"))
    if not isinstance(inner, dict) or schema_of(cursor, name, "name"):
        return value
    message, hint = "a whole call where its arguments belong", "send the arguments alone"
    cursor.error(Code.ARGS_KEY, span, message, hint)
    return inner


def _checked_shape(
    cursor: WireCursor, name: str, name_span: Span, value: Any, span: Span
) -> CallShape:
    """Check a name and arguments against the shape of a call, as if they were in one object."""

    def members(at: int) -> dict[str, Span]:
        return {"name": Span(name_span.start - 1, name_span.end + 1), "arguments": span}

    payload = {"name": name, "arguments": value}
    shape = call_shape(payload, span, members, cursor.tools)
    for odd in shape.misfits:
        at = name_span if odd.code is Code.NAME_DECORATED else odd.span
        cursor.flag(odd.code, odd.severity, at, odd.message, odd.hint, cursor.index)
    return shape


def _after(cursor: WireCursor, position: int, limit: int) -> int:
    """Report what is between the arguments and what ends them; return where they end."""
    text = cursor.text
    after = cursor.skip_blank(position)
    braces = _BRACES.match(text, after, limit)
    if braces:
        span = Span(after, after + len(braces[0].rstrip()))
        message, hint = "extra closing brackets", "engines pass them on with the arguments"
        cursor.error(Code.BRACES_EXTRA, span, message, hint)
        position, after = span.end, braces.end()
    if limit == len(text):
        fence = _FENCE_END.match(text, position) if not cursor.in_fence else None
        return fence.end() if fence else position
    rest = text[position:limit]
    words = _FENCE_END.sub("", rest, count=1).strip()
    if words:
        span = Span(after, position + len(rest.rstrip()))
        special = SPECIAL.fullmatch(words)
        code = Code.STRAY_SPECIAL if special else Code.EXTRA_TEXT
        message, hint = "text after the arguments", "engines pass it on with them, or refuse"
        cursor.error(code, span, message, hint)
    return limit
