"""Calls whose parameters are between tags: one reader for all formats of that kind.

    block     := WRAP* (blank call)* blank END_WRAP? | call
    call      := CALL(NAME) (blank parameter)* blank END_CALL
    parameter := PARAMETER(KEY) VALUE END_PARAMETER

VALUE has no escapes: a closing tag ends it only if the syntax continues after the tag. Also read,
each with a diagnostic: tags that are never closed, JSON in place of calls or of parameters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.parsers.literals import FAILED, JSON, UNCLOSED
from hermes_tui.parsers.wire.cursor import Draft, WireCursor
from hermes_tui.parsers.wire.emit import emit, plain_name
from hermes_tui.parsers.wire.fit import json_value, schema_of, text_value
from hermes_tui.parsers.wire.json_block import FENCE, cut_opener, empty_block, leave_in_prose
from hermes_tui.parsers.wire.json_calls import JsonShape, calls_in, flag_literal
from hermes_tui.parsers.wire.tag_set import NEVER, TagSet

_LINE_BACK = 40
_WORDS_AHEAD = 200
_CUT_TAG = re.compile(r"<[^<>\s=]{0,40}(?:function|invoke)[=\s][^<>]{0,300}\Z")
_TWICE = re.compile(r"(<[^<>\s]++>)\s*+\1")
_OBJECT = re.compile(r"\s*+(?:```\w*+\s*+)?(?=\{)")
_FENCE_END = re.compile(r"\s*+```")


@dataclass(slots=True)
class _Call:
    """A call that is being read. `cut`: the text ends inside it."""

    draft: Draft
    values: dict[str, Any] = field(default_factory=dict)
    cut: bool = False


def read_tagged(cursor: WireCursor, opener: Span, tags: TagSet) -> int:
    """Read the block that opens at `opener`, with wrappers or without; return its end."""
    text, since, saved = cursor.text, cursor.mark(), cursor.save()
    wrapped = tags.wraps.match(text, opener.start) is not None
    position = cursor.skip_blank(opener.end) if wrapped else opener.start
    if wrapped and position >= len(text):
        return cut_opener(cursor, opener, tags.format)
    if wrapped and (end := tags.wrap_ends.match(text, position)):
        return empty_block(cursor, Span(opener.start, end.end()), tags.format)
    after = _calls(cursor, position, tags, wrapped=wrapped)
    if after < 0 and wrapped:
        after = _json_instead(cursor, position, tags)
    if after < 0:
        cursor.forget(saved)
        return _cut_call(cursor, opener, position, tags)
    stop = _block_end(cursor, opener, after, tags, wrapped=wrapped)
    return emit(cursor, tags.format, opener.start, stop, since)


def _cut_call(cursor: WireCursor, opener: Span, position: int, tags: TagSet) -> int:
    """Report an opening marker without a call as cut if the text ends in its tag, else as prose.

    Return where to continue.
    """
    cut, since = _CUT_TAG.match(cursor.text, position), cursor.mark()
    if cut is None or not cursor.at_line_start(opener.start):
        return leave_in_prose(cursor, opener)
    span = Span(*cut.span())
    message, hint = "the text ends inside the tag of a call", "raise max_tokens"
    cursor.error(Code.TRUNCATED, span, message, hint)
    cursor.drafts.append(Draft(opener.start, None, None, None, span, FAILED))
    return emit(cursor, tags.format, opener.start, span.end, since)


def _calls(cursor: WireCursor, position: int, tags: TagSet, *, wrapped: bool) -> int:
    """(blank call)* — return where the last one ends, -1 if there is none.

    Without a wrapper only one call is read.
    """
    last = -1
    while True:
        start = cursor.skip_blank(position)
        head = tags.calls.match(cursor.text, start)
        if not head or not _is_call(cursor, head, tags):
            return last
        if last >= 0 and tags.lines:
            message, hint = "a second call in one block", "templates write one block per call"
            cursor.warn(Code.MULTI_PAYLOAD, Span(*head.span()), message, hint)
        if (last >= 0 or wrapped) and (twice := _TWICE.match(head[0])):
            message, hint = "an opening marker inside an open block", "engines lose the call"
            at = Span(start, start + twice.end())
            cursor.error(Code.NESTED_OPEN, at, message, hint)
        position = last = _call(cursor, head, tags)
        if not wrapped:
            return last


def _is_call(cursor: WireCursor, head: re.Match[str], tags: TagSet) -> bool:
    """Return whether an opening tag begins a call, not only a mention, by what follows it."""
    if head.start() and cursor.text[head.start() - 1] == "`":
        return False
    if tags.goes_on.match(cursor.text, head.end()):
        return True
    if _OBJECT.match(cursor.text, head.end()):
        return True
    if head["name"].strip() not in cursor.tools:
        return False
    first = tags.any_tag.search(cursor.text, head.end(), head.end() + _WORDS_AHEAD)
    return first is not None and first["parameter"] is not None


def _call(cursor: WireCursor, head: re.Match[str], tags: TagSet) -> int:
    name = head["name"]
    span = Span(*head.span("name"))
    draft = Draft(head.start(), None, span, {}, Span(head.end(), head.end()))
    if not name.strip():
        message, hint = "the call has no name", "engines drop it or call nothing"
        cursor.error(Code.NAME_MISSING, Span(*head.span()), message, hint)
        draft.verdict = FAILED
    else:
        draft.name = plain_name(cursor, name, span)
        if _is_odd(head):
            message, hint = "the tag is not written as the format requires", "engines misread it"
            cursor.error(Code.MARKER_VARIANT, Span(*head.span()), message, hint)
    call = _Call(draft)
    position = _parameters(cursor, call, head.end(), tags)
    if position == head.end():
        position = _json_body(cursor, call, position)
    draft.value = call.values
    draft.arguments_span = Span(head.end(), max(head.end(), position))
    if call.cut and not any(value != "" for value in call.values.values()):
        draft.verdict, draft.value = FAILED, None
    after = cursor.skip_blank(position)
    end = tags.call_ends.match(cursor.text, after)
    wrap_end = tags.wrap_ends.match(cursor.text, after)
    if end:
        position = end.end()
    elif wrap_end:
        message, hint = "the closing tag of the call is missing here", "some engines drop it"
        cursor.warn(Code.UNCLOSED, Span(position - 1, position), message, hint)
    elif not call.cut:
        here = Span(position - 1, after if after == len(cursor.text) else position)
        message, hint = "the call is never closed", "parameters may be missing; some engines run it"
        cursor.error(Code.UNCLOSED, here, message, hint)
    if not end and not wrap_end and draft.verdict == JSON:
        draft.verdict = UNCLOSED
    cursor.drafts.append(draft)
    return position


def _parameters(cursor: WireCursor, call: _Call, position: int, tags: TagSet) -> int:
    """(blank parameter)* — return where the last one ends."""
    text = cursor.text
    while True:
        start = cursor.skip_blank(position)
        head = tags.parameters.match(text, start)
        if head:
            position = _parameter(cursor, call, head, tags)
            continue
        if start >= len(text):
            return position
        stray = cursor.seek(tags.any_tag, start)
        if not stray or not stray["parameter"] or stray.start() == start:
            return position
        span = Span(start, stray.start())
        if re.match(tags.orphan, text[start : start + 200]):
            message, hint = "a key without a value", "engines join it with the next one"
            cursor.error(Code.PARAM_PAIRING, span, message, hint)
        else:
            message, hint = "text between the parameters", "it reaches no tool"
            cursor.warn(Code.EXTRA_TEXT, span, message, hint)
        position = stray.start()


def _parameter(cursor: WireCursor, call: _Call, head: re.Match[str], tags: TagSet) -> int:
    text, draft = cursor.text, call.draft
    value_end, end, closed = _value_end(cursor, head.end(), tags)
    raw = text[head.end() : value_end]
    key, at = head["name"].strip(), Span(*head.span("name"))
    if _is_odd(head):
        message, hint = "the key is not written as the format requires", "engines misread this tag"
        cursor.error(Code.MARKER_VARIANT, Span(*head.span()), message, hint)
    elif "=" in key and not raw.strip():
        key, _, raw = key.partition("=")
        message, hint = "the value is inside the tag", "engines read all of it as the key"
        cursor.error(Code.PARAM_PAIRING, at, message, hint)
    if not closed:
        call.cut = _flag_open(cursor, head, value_end, tags) or call.cut
    if key in call.values:
        message = f"parameter {key!r} appears twice; the last one counts"
        cursor.warn(Code.DUP_KEY, at, message, "some engines use the first, some the last")
    span = Span(head.end(), max(value_end, head.end()))
    call.values[key] = _value(cursor, draft, key, head, _trimmed(raw, tags, closed=closed), span)
    draft.spans[key] = span if len(span) else at
    cursor.step("parameter", head.start(), end, key)
    return end


def _value(
    cursor: WireCursor, draft: Draft, key: str, head: re.Match[str], raw: str, span: Span
) -> Any:
    flag = head.groupdict().get("string")
    schema = schema_of(cursor, draft.name, key)
    if flag == "false" and not schema:
        return json_value(cursor, raw, span)
    value = text_value(cursor, raw, schema, span)
    if flag is not None and schema and (flag == "true") != isinstance(value, str):
        declared = "text" if flag == "true" else "JSON"
        message = f"the tag says {declared}, the schema does not"
        at = Span(*head.span("string"))
        cursor.warn(Code.TYPE_GUESSED, at, message, "engines follow one or the other")
    return value


def _is_odd(head: re.Match[str]) -> bool:
    return any(head.groupdict().get(group) is not None for group in ("odd", "slip"))


def _flag_open(cursor: WireCursor, head: re.Match[str], value_end: int, tags: TagSet) -> bool:
    """Report that a value is never closed; return whether the text ends in it."""
    if value_end == len(cursor.text):
        hint = "raise max_tokens; some engines run the call anyway, without this value"
        span = Span(head.start(), value_end)
        cursor.error(Code.TRUNCATED, span, "the text ends inside a value", hint)
        return True
    message = f"no {tags.parameter_end_text or 'closing tag'} after this value"
    hint = "some engines drop the parameter and run the call without it"
    # The span includes what is in place of the closing tag: the next tag's first character.
    cursor.error(Code.PARAM_UNCLOSED, Span(head.start(), value_end + 1), message, hint)
    return False


def _value_end(cursor: WireCursor, start: int, tags: TagSet) -> tuple[int, int, bool]:
    """Return where a value ends, where its closing tag ends, and whether it has one.

    The first tag that could end the value counts unless a better one follows before the next call.
    """
    text = cursor.text
    fallback: tuple[int, int, bool] | None = None
    for mark in tags.in_value.finditer(text, start):
        here = (mark.start(), mark.end(), mark.lastgroup == "close")
        open_here = (mark.start(), mark.start(), False)
        match mark.lastgroup:
            case "close" if tags.goes_on.match(text, mark.end()):
                _flag_inside(cursor, fallback, mark, start, tags)
                return here
            case "close":
                fallback = fallback or here
            case "end" if tags.done.match(text, mark.end()):
                return fallback or open_here
            case "outer" | "end" if fallback is None and _own_line(text, mark, tags):
                fallback = open_here
            case "next" if fallback or _own_line(text, mark, tags):
                return fallback or open_here
            case "new" if fallback or tags.wraps.match(mark[0]):
                return fallback or open_here
    return fallback or (len(text), len(text), False)


def _own_line(text: str, mark: re.Match[str], tags: TagSet) -> bool:
    if not tags.lines and mark.lastgroup == "next":
        return True
    before = text[max(0, mark.start() - _LINE_BACK) : mark.start()].rstrip(" \t")
    return before.endswith("\n")


def _flag_inside(
    cursor: WireCursor,
    earlier: tuple[int, int, bool] | None,
    close: re.Match[str],
    start: int,
    tags: TagSet,
) -> None:
    expected = tags.parameter_end_text
    if expected and close[0] != expected:
        message, hint = f"{close[0]!r} is not {expected!r}", "engines read it as part of the value"
        cursor.error(Code.MARKER_VARIANT, Span(*close.span()), message, hint)
    if earlier is None:
        inner = tags.wrap_ends.search(cursor.text, start, close.start())
        earlier = (inner.start(), inner.end(), True) if inner else None
    if earlier is not None and earlier[0] < close.start():
        message = "a closing tag inside a value"
        hint = "the format has no escapes: some engines cut the value there"
        span = Span(earlier[0], max(earlier[1], earlier[0] + 1))
        cursor.error(Code.MARKER_IN_VALUE, span, message, hint)


def _trimmed(raw: str, tags: TagSet, *, closed: bool) -> str:
    """Return a value without the newlines that the format puts around it."""
    if tags.lines:
        raw = raw[2:] if raw.startswith("\r\n") else raw.removeprefix("\n")
    if not closed:
        return raw.rstrip("\r\n")
    if not tags.lines:
        return raw
    return raw[:-2] if raw.endswith("\r\n") else raw.removesuffix("\n")


def _json_body(cursor: WireCursor, call: _Call, position: int) -> int:
    """Read JSON arguments in place of parameters."""
    found = _OBJECT.match(cursor.text, position)
    if not found:
        return position
    piece = cursor.literal(found.end(), len(cursor.text))
    literal = piece.literal
    if literal.rung == FAILED or not isinstance(literal.value, dict):
        return position
    message = "JSON where the format requires parameters between tags"
    hint = "engines of this format find no parameters in it, or refuse the call"
    cursor.error(Code.WRONG_FORMAT, literal.span, message, hint)
    flag_literal(cursor, piece, closed=False, may_be_whole=False)
    call.values.update(literal.value)
    return literal.span.end


def _json_instead(cursor: WireCursor, position: int, tags: TagSet) -> int:
    """Draft the JSON calls in a wrapper in place of tags; return their end, -1 if none."""
    text, end = cursor.text, -1
    fence = FENCE.match(text, position)
    position = fence.end() if fence else position
    while text.startswith(("{", "["), position):
        piece = cursor.literal(position, cursor.place(tags.any_end, position))
        items = calls_in(cursor, piece, JsonShape(listed=text[position] == "["))
        if not items.named:
            break
        message = "JSON where the format requires tags"
        hint = "this is what hermes parsers read; check which parser the model needs"
        cursor.error(Code.WRONG_FORMAT, piece.literal.span, message, hint)
        flag_literal(cursor, piece, closed=False, may_be_whole=False)
        cursor.drafts.extend(items.drafts)
        end = piece.literal.span.end
        position = cursor.skip_blank(end)
    if end >= 0 and fence and (closing := _FENCE_END.match(text, end)):
        end = closing.end()
    return end


def _block_end(
    cursor: WireCursor, opener: Span, position: int, tags: TagSet, *, wrapped: bool
) -> int:
    """blank END_WRAP? — return where a block ends."""
    text, after = cursor.text, cursor.skip_blank(position)
    end = tags.wrap_ends.match(text, after)
    if wrapped:
        _flag_compact(cursor, opener, tags)
    if end and wrapped:
        return end.end()
    if end:
        message, hint = "a closing tag that nothing opened", "SGLang leaves the call as text"
        cursor.warn(Code.ORPHAN_CLOSE, Span(*end.span()), message, hint)
        before = cursor.with_blank(opener)
        cursor.warn(Code.NO_MARKER, before, "no opening marker before this call", hint)
        return end.end()
    if not wrapped and tags.wrap != NEVER:
        message = "a call without the format's opening marker"
        hint = "vLLM reads it, SGLang leaves it as text"
        cursor.warn(Code.NO_MARKER, cursor.with_blank(opener), message, hint)
    if not wrapped:
        return after if after == len(text) else position
    cut = any(draft.verdict in (FAILED, UNCLOSED) for draft in cursor.drafts)
    if not cut or after < len(text):
        cursor.unclosed(position, "the block is never closed", "look for a stop string that cut it")
    return after if after == len(text) else position


def _flag_compact(cursor: WireCursor, opener: Span, tags: TagSet) -> None:
    """Report a missing line break after the opening marker if the format's templates write one."""
    if "\n" in cursor.text[opener.start : opener.end] or not tags.spaced:
        return
    if not cursor.text.startswith(("\n", "\r"), opener.end):
        message = "no line break after the opening marker"
        hint = "the model's template writes one; some engines require it"
        cursor.warn(Code.MARKER_VARIANT, opener, message, hint)
