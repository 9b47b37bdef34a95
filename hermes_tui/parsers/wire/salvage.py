"""Recovers single calls from a JSON list that cannot be read as a whole."""

from __future__ import annotations

import re
from typing import Any

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.parsers.literals import FAILED, JSON, REPAIRED
from hermes_tui.parsers.shapes import ARGUMENT_KEYS
from hermes_tui.parsers.wire.cursor import Draft, WireCursor
from hermes_tui.parsers.wire.emit import plain_name
from hermes_tui.parsers.wire.json_calls import CALLISH, JsonShape, calls_in, flag_literal

_KEYED = re.compile(r"[\"'](?P<key>[\w.\- ]{1,100})[\"']\s*+:\s*+(?=\{)")
_BETWEEN_BRACKETS = re.compile(r"(?P<words>[^{}\[\]\"<]{0,100}+)(?:[}\]]\s*+){1,3}")
BETWEEN = re.compile(r"\s*+[,;]?\s*+(?=[{\[])")
FENCE_END = re.compile(r"\s*+```")
ONLY_JSON = "engines refuse the block; only JSON may be between the markers"


def salvage(cursor: WireCursor, start: int, limit: int, shape: JsonShape) -> int:
    """Draft the single calls of a list that cannot be read as a whole.

    Return where they end, -1 if there are none.
    """
    if shape.keyed:
        return _salvage_keyed(cursor, start, limit)
    text, position, found = cursor.text, start + 1, -1
    while object_at := CALLISH.search(text, position, limit):
        piece = cursor.literal(object_at.start(), limit)
        if piece.literal.rung == FAILED:
            position = object_at.end()
            continue
        saved = cursor.save()
        items = calls_in(cursor, piece, shape._replace(listed=False))
        position = max(piece.literal.span.end, object_at.end())
        if not items.named or not _has_arguments(cursor, piece.literal.value):
            cursor.forget(saved)
            continue
        if text[start + 1 : object_at.start()].strip() and found < 0:
            span = Span(start + 1, object_at.start())
            cursor.error(Code.EXTRA_TEXT, span, "text before the call", ONLY_JSON)
        if piece.literal.rung != JSON:
            flag_literal(cursor, piece, closed=False)
        cursor.drafts.extend(items.drafts)
        found = position
    if found >= 0 and (fence := FENCE_END.match(text, found)):
        found = fence.end()
    if found >= 0 and text.startswith("]", after := cursor.skip_blank(found)):
        found = after + 1
    return found


def _has_arguments(cursor: WireCursor, value: Any) -> bool:
    """Return whether an object is a call, not data that merely has a name."""
    if not isinstance(value, dict) or not value.keys().isdisjoint(("arguments", *ARGUMENT_KEYS)):
        return True
    return value.get("name") in cursor.tools


def _salvage_keyed(cursor: WireCursor, start: int, limit: int) -> int:
    """Draft the arguments after each name of a keyed list; return their end, -1 if none."""
    text, position, found = cursor.text, start, -1
    name: re.Match[str] | None = None
    while True:
        again = BETWEEN.match(text, position, limit) if name else None
        head = None if again else _KEYED.search(text, position, limit)
        name = head or (name if again else None)
        if name is None:
            return _list_end(cursor, found)
        at = again.end() if again else name.end()
        piece = cursor.literal(at, limit)
        position = max(piece.literal.span.end, at + 1)
        if piece.literal.rung == FAILED or not isinstance(piece.literal.value, dict):
            name, position = None, at
            continue
        span, key = piece.literal.span, Span(*name.span("key"))
        if again:
            message, hint = "a second object without a name", "write one object per call"
            cursor.error(Code.MULTI_PAYLOAD, Span(at, at + 1), message, hint)
        if piece.literal.rung != JSON:
            flag_literal(cursor, piece, closed=False)
        plain = plain_name(cursor, name["key"], key)
        begin = at if again else name.start()
        cursor.drafts.append(Draft(begin, plain, key, piece.literal.value, span, REPAIRED))
        found = position
        rest = _BETWEEN_BRACKETS.match(text, found, limit)
        if rest and rest["words"].strip():
            words = Span(*rest.span("words"))
            cursor.error(Code.EXTRA_TEXT, words, "text after the arguments", ONLY_JSON)


def _list_end(cursor: WireCursor, found: int) -> int:
    """Return where a salvaged list ends: after its closing brackets."""
    if found < 0:
        return found
    rest = _BETWEEN_BRACKETS.match(cursor.text, found)
    return rest.end() if rest else found
