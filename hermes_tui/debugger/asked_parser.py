"""Calls in the text of a reply, parsed by the parser of an engine that was selected by name."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any, Final

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ToolSpec, changed
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.normalise import Normalised, TextCalls, normalise_message
from hermes_tui.parsers.reasoning_tags import split_reasoning
from hermes_tui.parsers.text_calls import with_findings

_NO_CALL_CODES: Final = frozenset({Code.MARKER_IN_REASONING, Code.CALLED_EMPTY})
"""Findings about a message from which no call was read."""
_EVERY_CALL_CODES: Final = frozenset({Code.NAME_UNKNOWN, Code.SCHEMA_VIOLATION})
"""Findings that are made about every call once it is proposed, whichever parser read it."""


def is_named_parser(parser: str) -> bool:
    """Return whether `parser` names an engine's parser or one of ours: not `auto`, nor empty."""
    return "/" in parser


def read_by_parser(parser: str, raw: Any, tools: Sequence[ToolSpec]) -> Normalised:
    """Return a reply with the calls that `parser` reads from its text; never raises.

    If it reads none, the calls that it misses are reported and not run. If the reply has calls in
    a field of their own, those are the calls and the text is not parsed.
    """
    without_calls = normalise_message(raw, text_calls=TextCalls.SUSPECT, role="assistant")
    plain = normalise_message(raw, text_calls=TextCalls.IGNORE, role="assistant")
    text = plain.message.text
    if plain.calls or not text:
        return without_calls
    calls, diagnostics = _read(parser, text, tools)
    if not calls:
        return without_calls
    findings = (one for one in diagnostics if one.code not in _EVERY_CALL_CODES)
    reading = with_findings(calls, tuple(findings))
    remaining = (one for one in plain.diagnostics if one.code not in _NO_CALL_CODES)
    return plain._replace(
        message=changed(plain.message, calls=len(calls)),
        calls=tuple(reading.calls),
        diagnostics=(*remaining, *map(_as_warning, reading.diagnostics)),
    )


def _read(
    parser: str, text: str, tools: Sequence[ToolSpec]
) -> tuple[tuple[ParsedCall, ...], tuple[Diagnostic, ...]]:
    from hermes_tui.parsers.choice import named_parser

    try:
        reader = named_parser(parser)
    except KeyError:
        # A recording of another version may name a parser that this version does not know.
        return (), ()
    result = reader.parse(text, tools)
    thoughts = [whole for whole, _, _ in split_reasoning(text)]
    if any(_is_within(call.span, thought) for call in result.calls for thought in thoughts):
        return (), ()
    calls = _with_markup(result.calls, result.content_spans, len(text))
    return calls, result.diagnostics


def _is_within(span: Span, outer: Span) -> bool:
    return outer.start <= span.start and span.end <= outer.end


def _with_markup(
    calls: tuple[ParsedCall, ...], content: Sequence[Span], length: int
) -> tuple[ParsedCall, ...]:
    """Return the calls with spans that cover their markup, so that only content lies outside."""
    starts, ends = [0, *(span.end for span in content)], [*(span.start for span in content), length]
    extended: list[ParsedCall] = []
    for index, call in enumerate(calls):
        start = starts[bisect_right(starts, call.span.start) - 1]
        end = ends[bisect_left(ends, call.span.end)]
        if extended and extended[-1].span.end > start:
            start = min(extended[-1].span.end, call.span.start)
        if index + 1 < len(calls) and calls[index + 1].span.start < end:
            end = call.span.end
        extended.append(call._replace(span=Span(start, end)))
    return tuple(extended)


def _as_warning(diagnostic: Diagnostic) -> Diagnostic:
    """Turn the error about calls left in the text into a warning, as the parsed calls will run."""
    is_error = diagnostic.code is Code.CALL_IN_CONTENT and diagnostic.severity is Severity.ERROR
    return changed(diagnostic, severity=Severity.WARNING) if is_error else diagnostic
