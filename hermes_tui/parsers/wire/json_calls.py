"""Turns JSON literals into drafts of calls.

    calls := call | "[" call ("," call)* "]"
    call  := {"name": NAME, "arguments": {…}} | {NAME: {…}}      the latter in some formats only

Also read: several payloads in a row, lists in lists, text and fences between them.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.literals import FAILED, JSON, MILD, Literal, is_json
from hermes_tui.parsers.shapes import ARGUMENT_KEYS, CallShape, call_shape
from hermes_tui.parsers.wire.cursor import Draft, Piece, WireCursor
from hermes_tui.parsers.wire.emit import plain_name

CALLISH = re.compile(
    r"\{\s*+[\"'“`]?(?:name|type|function|arguments|parameters|tool|tool_name|args|id)[\"'”`]?\s*+:"
)
_NAME = re.compile(r"[\"'“]name[\"'”]\s*+:\s*+[\"'“]([^\"'“”\n]{1,200})[\"'”]")
_LOOK_AHEAD = 400
_MAX_NESTED = 4
_KEY_BACK = 40


class JsonShape(NamedTuple):
    """How a format writes calls in JSON.

    `key` is the key of the arguments. `keyed`: the name is the key. `listed`: calls are in a list.
    """

    key: str = "arguments"
    keyed: bool = False
    listed: bool = False


class Items(NamedTuple):
    """The drafts of the calls in a literal, and whether any of them names something to call."""

    drafts: list[Draft]
    named: bool


def calls_in(cursor: WireCursor, piece: Piece, shape: JsonShape) -> Items:
    """Return drafts of the calls in a literal; report their flaws for the drafts to come."""
    literal = piece.literal
    if literal.rung == FAILED:
        return Items([_failed(cursor.text, literal)], False)
    drafts: list[Draft] = []
    _walk(cursor, piece, literal.value, literal.span, shape, drafts, 0)
    return Items(drafts, any(draft.verdict != FAILED for draft in drafts))


def _walk(
    cursor: WireCursor,
    piece: Piece,
    value: Any,
    span: Span,
    shape: JsonShape,
    drafts: list[Draft],
    depth: int,
) -> None:
    """Draft the calls of a value: of each item of a list, of each key of a keyed object."""
    if isinstance(value, dict):
        if shape.listed and not depth:
            message, hint = "one object where the format requires a list", "put it between [ and ]"
            cursor.warn(Code.MARKER_VARIANT, Span(span.start, span.start + 1), message, hint)
        known = len(drafts)
        for found in _shapes(cursor, piece, value, span, shape):
            drafts.append(_draft(cursor, piece, found, shape, value, known))
        return
    if isinstance(value, list) and depth < _MAX_NESTED:
        if depth or not shape.listed:
            message = "a list in a list" if depth else "a list in a one-object block"
            hint = "engines read objects only here"
            cursor.error(Code.MULTI_PAYLOAD, span, message, hint)
        where = piece.literal.members(piece.source, span.start)
        for i, item in enumerate(value):
            at = where.get(str(i), span)
            at = _trimmed(piece.source, at)
            _walk(cursor, piece, item, at, shape, drafts, depth + 1)
        return
    message, hint = "this is not a call", "only objects are allowed here"
    cursor.error(Code.EXTRA_TEXT, span, message, hint)


def _trimmed(text: str, span: Span) -> Span:
    """Return a span without the blanks at its start."""
    start = span.start
    while start < span.end and text[start].isspace():
        start += 1
    return Span(start, max(span.end, start))


def _shapes(
    cursor: WireCursor, piece: Piece, value: dict[str, Any], span: Span, shape: JsonShape
) -> list[CallShape]:
    def members(at: int) -> dict[str, Span]:
        return piece.literal.members(piece.source, _trimmed(piece.source, Span(at, at + 200)).start)

    known = cursor.tools
    if not shape.keyed or not value or not any(_is_keyed(k, v, known) for k, v in value.items()):
        return [call_shape(value, span, members, known)]
    where = members(span.start)
    shapes = []
    for key, arguments in value.items():
        at = where.get(key, span)
        begin = piece.source.rfind(key, span.start, at.start) if key else -1
        spans = {"arguments": at}
        if begin > 0:
            spans["name"] = Span(begin - 1, begin + len(key) + 1)
        payload = {"name": key, "arguments": arguments}
        shapes.append(call_shape(payload, span, _fixed(span.start, spans, members), known))
    return shapes


def _is_keyed(key: str, value: Any, known: Any) -> bool:
    """Return whether a member is a name and its arguments, not part of another kind of object."""
    if key in known or value is None:
        return True
    if isinstance(value, str):
        return "{" in value
    return isinstance(value, (dict, list)) and key not in ("arguments", "parameters", "function")


def _fixed(start: int, spans: dict[str, Span], members: Any) -> Any:
    return lambda at: spans if at == start else members(at)


def _draft(
    cursor: WireCursor,
    piece: Piece,
    found: CallShape,
    shape: JsonShape,
    value: dict[str, Any],
    before: int,
) -> Draft:
    decorated = False
    for odd in found.misfits:
        if odd.code is Code.ARGS_KEY and shape.key in value and shape.key != "arguments":
            continue
        decorated = decorated or odd.code is Code.NAME_DECORATED
        index = cursor.index + before
        at = _with_key(piece.source, value, odd.span) if odd.code is Code.ARGS_KEY else odd.span
        cursor.flag(odd.code, odd.severity, at, odd.message, odd.hint, index)
    if shape.key == "parameters" and "arguments" in value:
        at = _with_key(piece.source, value, found.arguments_span or found.span)
        message, hint = "the arguments are in `arguments`", "the format says `parameters`"
        cursor.warn(Code.ARGS_KEY, at, message, hint)
    if found.name is None:
        raw = cursor.text[found.span.start : found.span.end]
        draft = Draft(found.span.start, None, found.name_span, None, found.span, FAILED)
        draft.raw = raw
        return draft
    name = found.name
    if cursor.tools and not decorated and found.name_span is not None:
        name = plain_name(cursor, name, found.name_span)
    spans: dict[str, Span] = {}
    if found.arguments_span and isinstance(found.value, dict):
        start = _trimmed(piece.source, found.arguments_span).start
        if piece.source[start : start + 1] == "{":
            spans = piece.literal.members(piece.source, start)
    return Draft(
        found.span.start,
        name,
        found.name_span,
        found.value,
        found.arguments_span,
        piece.literal.verdict,
        spans,
    )


def _with_key(source: str, payload: dict[str, Any], span: Span) -> Span:
    """Return the span of arguments widened to the key before them."""
    begin = max(0, span.start - _KEY_BACK)
    for key in ("arguments", *ARGUMENT_KEYS):
        at = source.rfind(key, begin, span.start) if key in payload else -1
        if at > 0:
            return Span(at - 1, span.end)
    return span


def _failed(text: str, literal: Literal) -> Draft:
    span = literal.span
    raw = text[span.start : span.end].rstrip()
    name = _NAME.search(text, span.start, min(span.end, span.start + _LOOK_AHEAD))
    return Draft(
        span.start,
        name[1] if name else None,
        Span(*name.span(1)) if name else None,
        None,
        Span(span.start, span.start + len(raw)),
        FAILED,
        {},
        raw,
    )


def flag_literal(
    cursor: WireCursor, piece: Piece, *, closed: bool, may_be_whole: bool = True
) -> None:
    """Report how a payload departs from JSON, and where. `closed`: its block has an end.

    `may_be_whole`: only brackets must follow the payload, so one may simply have been forgotten.
    """
    literal = piece.literal
    span = Span(literal.span.start, max(literal.span.end, literal.span.start))
    cursor.step(JSON, span.start, span.end, "read" if literal.rung == JSON else literal.error)
    if literal.rung != JSON:
        detail = ", ".join(flaw.code.value for flaw in literal.flaws)
        cursor.step("near-json", span.start, span.end, literal.rung, detail)
    if piece.stray is not None:
        message = f"special token {cursor.text[piece.stray.start : piece.stray.end]} in the JSON"
        cursor.error(Code.STRAY_SPECIAL, piece.stray, message, "remove it")
    if piece.escaped is not None:
        message = "quotes as HTML escapes them"
        cursor.error(Code.BAD_ESCAPE, piece.escaped, message, "something escaped the text")
    if piece.fence is not None:
        message, hint = "a code fence inside the payload", "engines refuse the block"
        cursor.error(Code.EXTRA_TEXT, piece.fence, message, hint)
    for flaw in literal.flaws:
        mild = literal.rung == JSON and flaw.code in MILD
        severity = Severity.WARNING if mild else Severity.ERROR
        cursor.flag(flaw.code, severity, flaw.span, flaw.message, flaw.hint, cursor.index)
    if literal.cut_at >= 0:
        _flag_cut(cursor, piece, closed=closed, may_be_whole=may_be_whole)
    elif literal.rung == FAILED or (
        literal.error and not literal.flaws and piece.source is cursor.text
    ):
        at = min(max(literal.error_at, span.start), max(0, len(cursor.text) - 1))
        message = f"not JSON: {literal.error}"
        hint = "the arguments are shown unchanged"
        cursor.error(Code.JSON_INVALID, Span(at, at + 1), message, hint)


def _flag_cut(cursor: WireCursor, piece: Piece, *, closed: bool, may_be_whole: bool) -> None:
    literal = piece.literal
    end = literal.span.end
    if literal.cut_in_string and closed:
        span = Span(literal.cut_at, end)
        cursor.error_of_last(Code.INNER_QUOTE, span, "a string that never ends", "close its quote")
        return
    before = cursor.text[literal.span.start : end].rstrip()
    if closed or (may_be_whole and before.endswith(("}", "]"))):
        at = literal.span.start + len(before)
        span = Span(at - 1, max(end, at))
        cursor.error_of_last(
            Code.BRACES_MISSING, span, "a closing bracket is missing here", "add it"
        )
    else:
        start = literal.cut_at if literal.cut_in_string else literal.span.start
        where = "inside a value" if literal.cut_in_string else "before its last bracket"
        hint = "raise max_tokens; do not run it: what is shown is only its beginning"
        if _has_whole_arguments(piece):
            hint = "its arguments are complete: only what closes the call is missing"
        cursor.error_of_last(Code.TRUNCATED, Span(start, end), f"the payload ends {where}", hint)
        if may_be_whole and not literal.cut_in_string and before.endswith('"'):
            at = literal.span.start + len(before)
            message = "if the text is whole, a closing bracket is missing here"
            cursor.warn(Code.BRACES_MISSING, Span(at - 1, max(end, at)), message, "add it")


def _has_whole_arguments(piece: Piece) -> bool:
    members = piece.literal.members(piece.source, piece.literal.span.start)
    span = next((members[key] for key in ("arguments", *ARGUMENT_KEYS) if key in members), None)
    return span is not None and is_json(piece.source, span.start, span.end)
