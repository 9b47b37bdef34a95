"""Calls in the text of a message of a run: between `<tool_call>` tags, or as bare JSON.

How an engine read such a text is no longer known. So fewer findings are reported than for a text
that is examined on its own: what usually does no harm is only a note.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity, finding_start
from hermes_tui.model.messages import ToolSpec, changed
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall, ParseResult
from hermes_tui.parsers.literals import FAILED, JSON, MILD, Literal, compact, read_literal
from hermes_tui.parsers.marks import OPEN, has_mark
from hermes_tui.parsers.reasoning_tags import has_reasoning_tag
from hermes_tui.parsers.recognise import foreign_format
from hermes_tui.parsers.shapes import call_shape, looks_like_call
from hermes_tui.parsers.sound_calls import sound_calls

__all__ = [
    "bare_call_json",
    "foreign_format",
    "has_mark",
    "read_bare",
    "read_embedded",
    "sound_calls",
]

_FENCE = re.compile(r"```\w*+\s*+")
_MAX_CALLS_IN_A_ROW = 64
"""The most consecutive calls that are read; each is searched for in all of the remaining text."""
_NEXT = re.compile(r"\s*+[;,]?\s*+(?=\{)")
_HARMLESS_CODES = frozenset({Code.DUP_KEY, Code.MARKER_IN_FENCE, Code.STRAY_SPECIAL})
"""Flaws that do not change what most engines read."""
_PROMPTED_CODES = frozenset({Code.NO_MARKER, Code.NAME_DECORATED})
"""Flaws that some prompts request: functions without a block (OpenHands), names with a dash."""
_JSON_BLOCKS = frozenset({"hermes", "qwen25"})
_NOT_VOIDING_CODES = frozenset({Code.NAME_DECORATED, Code.ORPHAN_CLOSE})
"""Errors of blocks that engines read nevertheless, or do not see."""
_VOIDING_CODES = frozenset({Code.EMPTY_BLOCK, Code.MARKER_IN_PROSE, Code.MARKER_IN_FENCE})
"""Flaws that engines take for a broken block."""


class BareCalls(NamedTuple):
    """Calls without markup, and the flaws of their JSON."""

    calls: tuple[ParsedCall, ...]
    flaws: tuple[Diagnostic, ...]


def read_embedded(text: str, tools: Sequence[ToolSpec] = ()) -> ParseResult | None:
    """Return the reading of a text with call markup or reasoning tags, None for any other."""
    if not _is_relevant(text):
        return None
    # Imported here, as most files have no text that needs it.
    from hermes_tui.parsers.wire.scan import scan

    result = scan(text, tools, tagged=True)
    if not result.diagnostics:
        return result
    findings = [*_softened(result.diagnostics, len(text)), *_voided(text, result)]
    return result._replace(diagnostics=tuple(sorted(findings, key=finding_start)))


def _softened(found: Sequence[Diagnostic], end: int) -> Iterator[Diagnostic]:
    """Yield the findings, those that usually do no harm as notes.

    Warnings about flaws that some prompts request are left out. `end` is the end of the text.
    """
    for one in found:
        if one.code in _PROMPTED_CODES and one.severity is Severity.WARNING:
            continue
        is_last = one.code is Code.UNCLOSED and one.span is not None and one.span.end == end
        is_softened = one.code in _HARMLESS_CODES or (is_last and one.severity is Severity.WARNING)
        yield changed(one, severity=Severity.NOTE) if is_softened else one


def _voided(text: str, result: ParseResult) -> Iterator[Diagnostic]:
    """Yield an error for each valid call that is lost because another block is broken."""
    blocks = [step.span for step in result.steps if step.depth == 1 and step.rule in _JSON_BLOCKS]
    starts = [block.start for block in blocks]
    block_of: dict[int, int] = {}
    for index, call in enumerate(result.calls):
        at = bisect_right(starts, call.span.start) - 1
        if at >= 0 and call.span.start < blocks[at].end:
            block_of[index] = at
    errors = [
        (one.code, block_of[one.call_index])
        for one in result.diagnostics
        if one.severity is Severity.ERROR and one.call_index in block_of
    ]
    is_void = any(code not in _NOT_VOIDING_CODES for code, _ in errors)
    if not is_void and not any(_voids_all(text, one) for one in result.diagnostics):
        return
    flawed = {block for _, block in errors}
    message = "a valid call, lost because another block of this message is broken"
    hint = "vLLM and hermes-agent refuse all calls of a message because of one bad block"
    for index, at in block_of.items():
        if at not in flawed:
            span = result.calls[index].span
            yield Diagnostic(Code.SIBLING_VOIDED, Severity.ERROR, message, span, hint, index)


def _voids_all(text: str, found: Diagnostic) -> bool:
    if found.code not in _VOIDING_CODES or found.call_index is not None or found.span is None:
        return False
    return text.startswith(OPEN, found.span.start)


def bare_call_json(text: str) -> tuple[ParsedCall, ...] | None:
    """Return the calls of a text that consists of call JSON without markup, None for any other.

    The text is one call, several calls in a row, or a list of calls, with or without a code fence.
    """
    found = read_bare(text)
    return found.calls if found is not None else None


def read_bare(text: str) -> BareCalls | None:
    """Return the calls of `bare_call_json` with the flaws that keep each from being JSON."""
    words = text.strip()
    fence = _FENCE.match(words)
    if fence and words.endswith("```"):
        words = words[:-3].rstrip()
    start = len(text) - len(text.lstrip()) + (fence.end() if fence else 0)
    end = len(text) - len(text.lstrip()) + len(words)
    if text[start : start + 1] not in ("{", "[") or text[end - 1] not in "}]":
        return None
    if "name" not in text:
        return None
    return _read_whole(text, Span(start, end))


def _is_relevant(text: str) -> bool:
    if "<" not in text:
        return "&lt;tool_call&gt;" in text
    return (
        "tool_call>" in text
        or "<function" in text
        or "TOOL_CALL>" in text
        or "tool call>" in text
        or "tool-call>" in text
        or "toolcall>" in text
        or has_reasoning_tag(text)
    )


def _read_whole(text: str, span: Span) -> BareCalls | None:
    calls: list[ParsedCall] = []
    flaws: list[Diagnostic] = []
    start = span.start
    while len(calls) < _MAX_CALLS_IN_A_ROW:
        literal = read_literal(text, start, span.end)
        if literal.rung == FAILED or literal.cut_at >= 0:
            return None
        values = literal.value if isinstance(literal.value, list) else [literal.value]
        if not values or not all(map(looks_like_call, values)):
            return None
        found = _calls(text, literal)
        if not all(call.name for call in found):
            return None
        flaws.extend(_flaws(literal, len(calls)))
        calls.extend(found)
        if literal.span.end == span.end:
            return BareCalls(tuple(calls), tuple(flaws))
        following = _NEXT.match(text, literal.span.end, span.end)
        if following is None or isinstance(literal.value, list):
            return None
        start = following.end()
    return None


def _flaws(literal: Literal, call_index: int) -> Iterator[Diagnostic]:
    for flaw in literal.flaws:
        mild = literal.rung == JSON and flaw.code in MILD
        severity = Severity.NOTE if mild else Severity.ERROR
        yield Diagnostic(flaw.code, severity, flaw.message, flaw.span, flaw.hint, call_index)


def _calls(text: str, literal: Literal) -> list[ParsedCall]:
    """Return the calls in a literal: one, or one for each item of a list."""

    def members(at: int) -> dict[str, Span]:
        return literal.members(text, at)

    items, spans = [literal.value], {"0": literal.span}
    if isinstance(literal.value, list):
        items, spans = literal.value, members(literal.span.start)
    calls = []
    for i, item in enumerate(items):
        shape = call_shape(item, spans.get(str(i), literal.span), members, ())
        given = compact(shape.value)
        where = shape.span, shape.name_span, shape.arguments_span
        calls.append(ParsedCall(shape.name, given, *where, shape.value, literal.rung))
    return calls
