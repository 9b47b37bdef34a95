"""Blocks of calls in JSON between a format's markers.

    block    := OPEN+ blank payload+ blank CLOSE?
    payload  := calls (`json_calls`), in a code fence or not

Also read, each with a diagnostic: text before and after the payload, misspelt, missing or doubled
closing markers, payloads that are not quite JSON.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.literals import FAILED, REPAIRED, UNCLOSED, is_json
from hermes_tui.parsers.wire.cursor import SPECIAL, Draft, Piece, WireCursor
from hermes_tui.parsers.wire.emit import emit
from hermes_tui.parsers.wire.json_calls import JsonShape, calls_in, flag_literal
from hermes_tui.parsers.wire.salvage import BETWEEN, FENCE_END, ONLY_JSON, salvage

FENCE = re.compile(r"```\w*+[ \t]*+\n?\s*+(?=[{\[\"])")
_BRACE = re.compile(r"[{\[]")
_EXTRA_BRACES = re.compile(r"[}\]][}\]\s]*+")
_PAYLOAD_SIGN = re.compile(r"[\"'“]|name")
_BARE = re.compile(r"[{\[][^\"'“\]}n]{0,200}+\Z")
"""Brackets without a word in them, up to the end of the block."""
_WORD = re.compile(r"\w")
_LOOK_AHEAD = 200
_MAX_BROKEN = 32
"""After this many broken blocks, only valid JSON is read."""
_CHECKED_AHEAD = 4_096


class JsonTag(NamedTuple):
    """A format's markers. If `close` is None, the end of the payload ends the block."""

    format: str
    opener: re.Pattern[str]
    close: re.Pattern[str] | None = None
    close_text: str = ""
    close_variant: re.Pattern[str] | None = None
    shape: JsonShape = JsonShape()


def read_json_block(cursor: WireCursor, opener: Span, tag: JsonTag) -> int:
    """Read the block that opens at `opener` (all its opening markers); return where to continue."""
    text, since, saved = cursor.text, cursor.mark(), cursor.save()
    body = cursor.skip_blank(opener.end)
    if body >= len(text):
        return cut_opener(cursor, opener, tag.format)
    if tag.close and (end := tag.close.match(text, body)):
        return empty_block(cursor, Span(opener.start, end.end()), tag.format)
    limit = block_limit(cursor, body, tag)
    if _BARE.match(text, body, limit):
        return leave_in_prose(cursor, opener)
    ahead = min(limit, body + _CHECKED_AHEAD)
    if cursor.broken >= _MAX_BROKEN and not is_json(text, body, ahead):
        return _skip_broken(cursor, opener, limit)
    position = _payloads(cursor, body, limit, tag)
    if position < 0 or not cursor.drafts:
        cursor.forget(saved)
        position = _draft_text(cursor, opener, Span(body, limit), tag)
    if position < 0:
        return leave_in_prose(cursor, opener)
    end_at, closed = block_end(cursor, opener, position, tag)
    for draft in cursor.drafts if tag.close else ():
        if not closed:
            draft.verdict = draft.verdict if draft.verdict == FAILED else UNCLOSED
        elif draft.verdict == UNCLOSED:
            draft.verdict = REPAIRED
    return emit(cursor, tag.format, opener.start, end_at, since)


def block_limit(cursor: WireCursor, position: int, tag: JsonTag) -> int:
    """Return where a block that is open at `position` ends at the latest: at the next marker."""
    closes = cursor.place(tag.close, position) if tag.close else len(cursor.text)
    return min(closes, cursor.place(tag.opener, position))


def cut_opener(cursor: WireCursor, opener: Span, rule: str) -> int:
    """Report an opening marker at the end of the text as a cut call, or as one in prose.

    Return where to continue.
    """
    end = len(cursor.text)
    if not cursor.at_line_start(opener.start):
        return leave_in_prose(cursor, opener)
    since = cursor.mark()
    message, hint = "the text ends right after the opening marker", "raise max_tokens"
    cursor.error(Code.TRUNCATED, opener, message, hint)
    cursor.drafts.append(Draft(opener.start, None, verdict=FAILED))
    return emit(cursor, rule, opener.start, end, since)


def empty_block(cursor: WireCursor, span: Span, rule: str) -> int:
    """Drop an empty block, unless it is in a sentence; return where to continue."""
    if not cursor.at_line_start(span.start):
        return leave_in_prose(cursor, span)
    hint = "the model opened a block and changed its mind"
    cursor.flag(Code.EMPTY_BLOCK, Severity.WARNING, span, "the block is empty", hint)
    cursor.drop(span.start, span.end)
    cursor.part(rule, span.start, span.end, "dropped", "empty", cursor.mark())
    return span.end


def leave_in_prose(cursor: WireCursor, opener: Span) -> int:
    """Leave an opening marker in the content: it is mentioned, not used. Return its end."""
    code, where = Code.MARKER_IN_PROSE, "prose"
    if cursor.in_fence:
        code, where = Code.MARKER_IN_FENCE, "a code fence"
    hint = "engines may read it as one: a real call after it can be lost"
    message = f"an opening marker in {where}, no call"
    cursor.flag(code, Severity.NOTE, opener, message, hint)
    cursor.mentioned_openers += 1
    cursor.part("opener", opener.start, opener.end, "text", f"in {where}", cursor.mark())
    return opener.end


def _skip_broken(cursor: WireCursor, opener: Span, limit: int) -> int:
    """Leave a broken block in the content, as there were too many before; report that once."""
    if cursor.broken == _MAX_BROKEN:
        cursor.broken += 1
        message = f"{_MAX_BROKEN} broken blocks before this: it is left in the text"
        hint = "from here on only blocks of valid JSON are read"
        cursor.flag(Code.PARSER_TIMEOUT, Severity.WARNING, opener, message, hint)
    cursor.mentioned_openers += 1
    end = limit if limit < len(cursor.text) else opener.end
    cursor.part("block", opener.start, end, "text", "too much is broken", cursor.mark())
    return end


def _payloads(cursor: WireCursor, body: int, limit: int, tag: JsonTag) -> int:
    """Draft all payloads of a block; return where the last one ends, -1 if there is none."""
    text, position = cursor.text, body
    fence = FENCE.match(text, position)
    if fence:
        span = Span(position, fence.end())
        cursor.error(Code.EXTRA_TEXT, span, "a code fence around the payload", ONLY_JSON)
        position = fence.end()
    elif not text.startswith(("{", "["), position):
        brace = _BRACE.search(text, position, min(limit, position + _LOOK_AHEAD))
        if not brace:
            return -1
        span = Span(position, brace.start())
        cursor.error(Code.EXTRA_TEXT, span, "text before the payload", ONLY_JSON)
        position = brace.start()
    unusual = position > body and not fence
    position = _payload(cursor, position, limit, tag, unusual=unusual)
    while position >= 0:
        between = BETWEEN.match(text, position)
        if not between or between.end() >= block_limit(cursor, position, tag):
            return position
        saved = cursor.save()
        start, stop = between.end(), block_limit(cursor, between.end(), tag)
        message, hint = "several payloads in one block", "write one block per call"
        cursor.error(Code.MULTI_PAYLOAD, Span(between.start(), start + 1), message, hint)
        position = _payload(cursor, start, stop, tag, unusual=True)
        if position < 0:
            cursor.forget(saved)
            return between.start()
    return position


def _payload(cursor: WireCursor, start: int, limit: int, tag: JsonTag, *, unusual: bool) -> int:
    """Draft the calls of one payload; return where it ends, -1 if it is not one.

    `unusual`: it is in an unusual place, where only a payload that names a call counts.
    """
    piece = marked_literal(cursor, start, limit, tag)
    literal = piece.literal
    cursor.broken += literal.rung == FAILED or literal.cut_at >= 0
    end = literal.span.end
    if literal.rung == FAILED:
        end = min(end, max(limit, start + 1))
    saved = cursor.save()
    cut_here = literal.cut_at >= 0 or literal.rung == FAILED
    closed = bool(tag.close) and cut_here and limit < len(cursor.text)
    whole = tag.close is None
    flag_literal(cursor, piece, closed=closed, may_be_whole=whole)
    items = calls_in(cursor, piece, tag.shape)
    if items.named:
        cursor.drafts.extend(items.drafts)
        return end
    if literal.rung == FAILED or not _has_object(literal.value):
        cursor.forget(saved)
        found = salvage(cursor, start, limit, tag.shape)
        if found >= 0:
            return found
        flag_literal(cursor, piece, closed=closed, may_be_whole=whole)
    if literal.rung != FAILED and literal.value in ([], {}):
        span = Span(start, end)
        cursor.forget(saved)
        if unusual:
            return -1
        cursor.error(Code.EMPTY_BLOCK, span, "the payload is empty")
        cursor.drafts.append(Draft(start, None, None, None, span, FAILED))
        return end
    if unusual or not _is_payload(cursor, start, limit):
        cursor.forget(saved)
        return -1
    cursor.drafts.extend(items.drafts or [Draft(start, None, None, None, None, FAILED)])
    return end


def _draft_text(cursor: WireCursor, opener: Span, body: Span, tag: JsonTag) -> int:
    """Draft the text that a block has instead of a payload; -1 if no call is meant."""
    text = cursor.text
    if not tag.close or not tag.close.match(text, body.end) or cursor.in_fence:
        return -1
    words = text[body.start : body.end].rstrip()
    if not cursor.at_line_start(opener.start) or not _WORD.search(words):
        return -1
    hint = "the arguments are shown unchanged"
    here = Span(body.start, body.start + 1)
    cursor.error(Code.JSON_INVALID, here, "not JSON: Expecting value", hint)
    span = Span(body.start, body.start + len(words))
    cursor.drafts.append(Draft(opener.start, None, None, None, span, FAILED, raw=words))
    return body.end


def _has_object(value: object) -> bool:
    """Return whether a value is an object, or a list (of lists …) that begins with one."""
    while isinstance(value, list) and value and not isinstance(value[0], dict):
        value = value[0]
    return isinstance(value, dict) or (isinstance(value, list) and bool(value))


def _is_payload(cursor: WireCursor, start: int, limit: int) -> bool:
    """Return whether brackets begin a payload, however bad, and are not just brackets."""
    return _PAYLOAD_SIGN.search(cursor.text, start, min(limit, start + 2_000)) is not None


def marked_literal(cursor: WireCursor, start: int, limit: int, tag: JsonTag) -> Piece:
    """Read a payload; if it breaks at a closing marker, try whether that is inside a string."""
    piece = cursor.literal(start, limit)
    literal = piece.literal
    broken = literal.rung == FAILED or literal.cut_in_string
    if broken and tag.close and tag.close.match(cursor.text, limit):
        later = cursor.seek(tag.close, limit + 1)
        if later and later.start() < cursor.place(tag.opener, limit + 1):
            other = cursor.literal(start, later.start())
            if other.literal.rung != FAILED and other.literal.cut_at < 0:
                piece = other
    literal = piece.literal
    if literal.rung != FAILED and tag.close:
        inner = cursor.seek(tag.close, start)
        if inner and inner.end() <= literal.span.end:
            message = "a closing marker inside a string of the payload"
            hint = "many engines cut the block there and refuse it"
            cursor.error(Code.MARKER_IN_VALUE, Span(*inner.span()), message, hint)
    return piece


def block_end(cursor: WireCursor, opener: Span, position: int, tag: JsonTag) -> tuple[int, bool]:
    """Return the end of a block whose payload ends at `position`, and whether it is closed."""
    text = cursor.text
    fence = FENCE_END.match(text, position)
    if fence and not cursor.in_fence:
        position = fence.end()
    after = cursor.skip_blank(position)
    braces = _EXTRA_BRACES.match(text, after)
    if braces:
        span = Span(after, after + len(braces[0].rstrip()))
        message, hint = "extra closing brackets", "remove them; engines refuse the block"
        cursor.error(Code.BRACES_EXTRA, span, message, hint)
        position, after = span.end, braces.end()
    if tag.close is None:
        return (after if after == len(text) else position), True
    if end := tag.close.match(text, after):
        return end.end(), True
    variant = tag.close_variant.match(text, after) if tag.close_variant else None
    if variant:
        message = f"{variant[0]!r} is not {tag.close_text!r}"
        hint = "engines do not see the end of the block"
        cursor.error(Code.MARKER_VARIANT, Span(*variant.span()), message, hint)
        return variant.end(), True
    again = tag.opener.match(text, after)
    if again and not text.startswith(("{", "[", "<"), cursor.skip_blank(again.end())):
        message = "an opening marker where the closing one belongs"
        cursor.error(Code.NESTED_OPEN, Span(*again.span()), message, "engines refuse the block")
        return again.end(), True
    return _open_end(cursor, opener, Span(position, after), tag)


def _open_end(cursor: WireCursor, opener: Span, blank: Span, tag: JsonTag) -> tuple[int, bool]:
    """Return the same as `block_end` if no closing marker follows the payload and `blank`."""
    assert tag.close is not None
    text, after = cursor.text, blank.end
    limit = block_limit(cursor, after, tag)
    if end := tag.close.match(text, limit):
        words = text[after:limit].rstrip()
        span = Span(after, after + len(words))
        special = SPECIAL.fullmatch(words)
        code = Code.STRAY_SPECIAL if special else Code.EXTRA_TEXT
        what = "a special token" if special else "text"
        cursor.error(code, span, f"{what} after the payload", ONLY_JSON)
        return end.end(), True
    position = after if after == len(text) else blank.start
    hint = "some engines read it at the very end of a text only, some not at all"
    cursor.unclosed(position, f"no {tag.close_text!r} after this", hint)
    return position, False
