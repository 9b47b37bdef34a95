"""From the payloads of a block to calls, and what is to be said about each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.cursor import Cursor
from hermes_tui.parsers.literals import FAILED, JSON, MILD, Literal, compact, is_json
from hermes_tui.parsers.shapes import CallShape, call_shape

_NAME = re.compile(r"[\"'“]name[\"'”]\s*+:\s*+[\"'“]([^\"'“”\n]{1,200})[\"'”]")
_LOOK_AHEAD = 400
_REFUSED = frozenset({Code.ARGS_KEY, Code.NAME_MISSING, Code.NAME_TYPE})


@dataclass(frozen=True, slots=True)
class BlockEnd:
    """Where a block ends; `sound` where engines see the same end."""

    position: int
    closed: bool
    sound: bool


@dataclass(frozen=True, slots=True)
class Payload:
    """One call and the literal that it was read from; no shape where nothing could be read."""

    literal: Literal
    shape: CallShape | None = None

    @property
    def span(self) -> Span:
        return self.shape.span if self.shape else self.literal.span


def payloads_of(text: str, literal: Literal, tools: Mapping[str, ToolSpec]) -> list[Payload]:
    """Return the calls that a literal says, one for each item of a list."""
    if literal.rung == FAILED:
        return [Payload(literal)]

    def members(at: int) -> dict[str, Span]:
        return literal.members(text, at)

    if not isinstance(literal.value, list) or not literal.value:
        return [Payload(literal, call_shape(literal.value, literal.span, members, tools))]
    spans = members(literal.span.start)
    return [
        Payload(literal, call_shape(item, spans.get(str(i), literal.span), members, tools))
        for i, item in enumerate(literal.value)
    ]


def names_call(text: str, literal: Literal, tools: Mapping[str, ToolSpec]) -> bool:
    """Tell whether a literal names at least one thing to call."""
    return any(item.shape and item.shape.name for item in payloads_of(text, literal, tools))


def parsed_call(text: str, item: Payload, span: Span, *, closed: bool) -> ParsedCall:
    """Return the call of a payload; `span` is the part of the text that it stands for."""
    shape, literal = item.shape, item.literal
    if shape is None:
        return _failed_call(text, literal.span, span)
    if shape.name is None:
        raw = text[shape.span.start : shape.span.end]
        return ParsedCall(None, raw, span, shape.name_span, shape.span, None, FAILED)
    return ParsedCall(
        shape.name,
        compact(shape.value),
        span,
        shape.name_span,
        shape.arguments_span,
        shape.value,
        literal.rung if closed else "unclosed",
    )


def _failed_call(text: str, body: Span, span: Span) -> ParsedCall:
    end = max(body.start, min(body.end, span.end))
    raw = text[body.start : end].rstrip()
    name = _NAME.search(text, body.start, min(end, body.start + _LOOK_AHEAD))
    return ParsedCall(
        name[1] if name else None,
        raw,
        span,
        Span(*name.span(1)) if name else None,
        Span(body.start, body.start + len(raw)),
        verdict=FAILED,
    )


def emit(
    cursor: Cursor, start: int, literals: list[Literal], end: BlockEnd, since: int, *, sound: bool
) -> None:
    """Turn the payloads of the block from `start` to `end` into calls that share its text.

    `sound` False: engines refuse the block for what stands around the payloads.
    """
    first = len(cursor.calls)
    text, tools = cursor.text, cursor.tools
    items = [item for literal in literals for item in payloads_of(text, literal, tools)]
    lists = [literal for literal in literals if isinstance(literal.value, list)]
    for literal in lists:
        flag_several(cursor, literal.span, "a list in a one-object block")
    bounds = [start, *(item.span.start for item in items[1:]), end.position]
    sound = sound and end.sound and not lists
    told: Literal | None = None
    for item, begin, stop in zip(items, bounds, bounds[1:], strict=False):
        if item.literal is not told:
            told = item.literal
            sound = _flag_literal(cursor, told, end) and sound
        if item.shape:
            sound = _flag_shape(cursor, item.shape) and sound
        cursor.take_call(parsed_call(text, item, Span(begin, stop), closed=end.closed))
    _flag_fence(cursor, Span(start, end.position), first)
    if sound:
        cursor.sound.extend(range(first, len(cursor.calls)))
    cursor.voided = cursor.voided or not sound
    made = cursor.calls[first:]
    outcome = FAILED if all(call.verdict == FAILED for call in made) else "calls"
    names = ", ".join(call.name or "?" for call in made)
    cursor.part("block", start, end.position, outcome, names, since)


def flag_several(cursor: Cursor, span: Span, message: str) -> None:
    hint = "engines read one object a block; write one block a call"
    cursor.flag(Code.MULTI_PAYLOAD, Severity.ERROR, span, message, hint, len(cursor.calls))


def _flag_fence(cursor: Cursor, span: Span, index: int) -> None:
    if cursor.in_fence:
        hint = "engines do not look at fences: it runs, even if it was meant as an example"
        cursor.flag(
            Code.MARKER_IN_FENCE, Severity.NOTE, span, "a call inside a code fence", hint, index
        )


def _flag_literal(cursor: Cursor, literal: Literal, end: BlockEnd) -> bool:
    """Say how far a payload is from JSON, and where; return whether it is JSON."""
    index, span = len(cursor.calls), literal.span
    stop = min(span.end, end.position)
    outcome = "read" if literal.rung == JSON else f"refused: {literal.error}"
    cursor.step(JSON, span.start, stop, outcome)
    if literal.rung != JSON:
        detail = ", ".join(flaw.code.value for flaw in literal.flaws)
        cursor.step("near-json", span.start, stop, literal.rung, detail)
    for flaw in literal.flaws:
        severity = Severity.ERROR
        if literal.rung == JSON and flaw.code in MILD:
            severity = Severity.NOTE if flaw.code is Code.DUP_KEY else Severity.WARNING
        cursor.flag(flaw.code, severity, flaw.span, flaw.message, flaw.hint, index)
    if literal.cut_at >= 0:
        _flag_cut(cursor, literal, end, index)
    elif literal.rung == FAILED or (literal.error and not literal.flaws):
        at = min(literal.error_at, max(0, len(cursor.text) - 1))
        message = f"not JSON: {literal.error}"
        hint = "the arguments are shown as they stand"
        cursor.flag(Code.JSON_INVALID, Severity.ERROR, Span(at, at + 1), message, hint, index)
    return literal.rung == JSON


def _flag_cut(cursor: Cursor, literal: Literal, end: BlockEnd, index: int) -> None:
    in_string = literal.cut_in_string
    if end.closed:
        at = literal.cut_at if in_string else cursor.limit(literal.span.start)
        code = Code.JSON_INVALID if in_string else Code.BRACES_MISSING
        what = "a string that never ends" if in_string else "a closing bracket is missing here"
        cursor.flag(code, Severity.ERROR, Span(at, at + 1), what, "engines refuse the block", index)
    else:
        start = literal.cut_at if in_string else literal.span.start
        where = "inside a value" if in_string else "before its last bracket"
        message = f"the payload ends {where}"
        hint = "raise max_tokens; do not run it: what is shown is only its beginning"
        items = payloads_of(cursor.text, literal, cursor.tools)
        if _have_whole_arguments(cursor.text, items):
            hint = "its arguments are whole: only what closes the call is missing"
        span = Span(start, literal.span.end)
        # Of a list, the last call is the one that is cut.
        last = index + len(items) - 1
        cursor.flag(Code.TRUNCATED, Severity.ERROR, span, message, hint, last)


def _have_whole_arguments(text: str, items: list[Payload]) -> bool:
    spans = [item.shape.arguments_span if item.shape else None for item in items]
    return all(span and is_json(text, span.start, span.end) for span in spans)


def _flag_shape(cursor: Cursor, shape: CallShape) -> bool:
    """Say how a call departs from the shape meant; return whether engines still take the block."""
    index = len(cursor.calls)
    for odd in shape.misfits:
        cursor.flag(odd.code, odd.severity, odd.span, odd.message, odd.hint, index)
    cursor.step("shape", shape.span.start, shape.span.end, shape.name or "no name")
    return not any(odd.code in _REFUSED for odd in shape.misfits)
