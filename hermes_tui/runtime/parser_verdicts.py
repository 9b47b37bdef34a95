"""One type of verdict on a text, for our own reading, an emulated parser and a real engine.

A real engine only returns a result, never the reason for it: steps and findings come from the
emulation if it agrees with the engine, else from our own reading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ToolSpec, changed
from hermes_tui.model.same_json import text_key
from hermes_tui.model.spans import Span
from hermes_tui.model.wording import first_line
from hermes_tui.parsers.base import Outcome, ParsedCall, Parser, ParseResult, ParseStep
from hermes_tui.parsers.call_places import call_spans_in
from hermes_tui.parsers.choice import AUTO, named_parser
from hermes_tui.parsers.engines.audit import audit_calls
from hermes_tui.parsers.engines.base import MAX_FINDINGS, EngineInfo, Trace
from hermes_tui.parsers.engines.no_calls import NO_CALL_HINT
from hermes_tui.parsers.recognise import formats_in
from hermes_tui.runtime.engines.verdicts import EngineCall, EngineOutcome, EngineVerdict

ENGINE_FINDINGS: Final = frozenset(
    {
        *(Code.PARSER_RAISED, Code.PARSER_TIMEOUT, Code.STREAM_DIVERGES),
        *(Code.SILENT_DROP, Code.CALL_IN_CONTENT, Code.CALLED_EMPTY, Code.RAW_ARGS),
    }
)
"""Findings about a real engine itself, regardless of which reading explains its result."""
_DOUBT_CODES: Final = frozenset(
    {Code.MARKER_IN_FENCE, Code.MARKER_IN_PROSE, Code.MARKER_IN_REASONING}
)
"""Findings of our own reading about calls that may not be meant as calls."""
_MARKED_SCORE: Final = 0.5
"""The score from which a format is recognised by its markers, not only by its shape."""
_MAX_NAME_LENGTH: Final = 60
_MAX_MISSING: Final = 2 * MAX_FINDINGS
"""How many missing calls are looked for at most: each costs a search through the content."""


LOST, TEXT_KEPT = "lost", "text kept"
"""What became of a text from which no call was parsed."""


class ParserVerdict(NamedTuple):
    """The result of a parser for a text.

    `log` holds the lines that a real engine logged, `printed` those that a person's own parser
    printed.
    """

    parser: str
    version: str
    is_real: bool
    outcome: Outcome
    tools_called: bool
    calls: tuple[EngineCall, ...] = ()
    content: str | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    dropped: tuple[Span, ...] = ()
    steps: tuple[ParseStep, ...] = ()
    error: str = ""
    log: tuple[str, ...] = ()
    reasoning: str | None = None
    explained_by: str = ""
    """The parser whose steps, findings and places these are, if not the verdict's own parser."""
    printed: tuple[str, ...] = ()
    places: tuple[Span | None, ...] = ()
    """Where each call is in the text; None if unknown."""

    @property
    def has_errors(self) -> bool:
        return any(found.severity is Severity.ERROR for found in self.diagnostics)

    def loses(self, text: str) -> bool:
        """Return whether there is no call and content and reasoning lack some of `text`.

        Our own reader leaves out nothing but markers.
        """
        if self.calls or self.parser == AUTO:
            return False
        return lost_characters(text, self.content, self.reasoning) > 0


def verdict_of_engine(name: str, version: str, verdict: EngineVerdict, text: str) -> ParserVerdict:
    """Return a real engine's verdict; a failure of the engine becomes a finding.

    As for its emulation, the outcome is CALLS if the engine reports calls, even if it returns none.
    """
    outcomes = {EngineOutcome.CALLS: Outcome.CALLS, EngineOutcome.TEXT: Outcome.TEXT}
    outcome = outcomes.get(verdict.outcome, Outcome.RAISED)
    diagnostics: tuple[Diagnostic, ...] = ()
    if outcome is Outcome.TEXT and verdict.tools_called:
        outcome = Outcome.CALLS
    if outcome is Outcome.RAISED:
        timed_out = verdict.outcome is EngineOutcome.TIMED_OUT
        code = Code.PARSER_TIMEOUT if timed_out else Code.PARSER_RAISED
        diagnostics = (_failure_finding(code, name, verdict.error, text),)
    return ParserVerdict(
        name,
        version,
        True,
        outcome,
        verdict.tools_called,
        verdict.tool_calls,
        verdict.content,
        diagnostics,
        error=verdict.error,
        log=verdict.log,
        printed=verdict.printed,
        reasoning=verdict.reasoning,
    )


def verdict_of_result(parser: Parser, result: ParseResult) -> ParserVerdict:
    """Return the verdict of one of our own parsers."""
    return ParserVerdict(
        parser.name,
        version_of(parser),
        False,
        result.outcome,
        result.outcome is Outcome.CALLS,
        tuple(EngineCall(call.name or "", call.arguments) for call in result.calls),
        result.content,
        result.diagnostics,
        result.dropped,
        result.steps,
        result.error,
        places=tuple(call.span for call in result.calls),
    )


def version_of(parser: Parser) -> str:
    """Return the engine version that a parser emulates; empty for our own parsers."""
    return str(getattr(getattr(parser, "info", None), "version", ""))


def with_reason(
    verdict: ParserVerdict, emulated: str, text: str, tools: Sequence[ToolSpec]
) -> ParserVerdict:
    """Return the verdict with the findings of the emulation if it agrees, else of our reading."""
    try:
        parser = named_parser(emulated)
    except KeyError:
        parser = None
    if parser is not None:
        ours = verdict_of_result(parser, parser.parse(text, tools))
        if _is_same_verdict(verdict, ours):
            return verdict._replace(
                diagnostics=ours.diagnostics or verdict.diagnostics,
                dropped=ours.dropped,
                steps=ours.steps,
                explained_by=emulated,
                places=ours.places,
            )
    result = named_parser(AUTO).parse(text, tools)
    lost, left, thought = _undelivered_calls(verdict, result, text)
    odd = _odd_calls(verdict, result, text, tools)
    own = result.diagnostics
    if (
        verdict.calls
        and not odd
        and _comparable_calls(verdict.calls) == _comparable_calls(result.calls)
    ):
        # The defects of the text do no harm: this parser reads it all the same.
        own = tuple(changed(one, severity=Severity.NOTE) for one in own)
    return verdict._replace(
        diagnostics=(
            *verdict.diagnostics,
            *_losses(verdict, lost, text),
            *_left_in_content(verdict, left, result, text),
            *_taken_for_reasoning(verdict.parser, thought),
            *odd,
            *own,
        ),
        dropped=tuple(call.span for call in lost),
        steps=result.steps,
        explained_by=AUTO,
        places=tuple(
            call_spans_in([(call.name, call.arguments) for call in verdict.calls], result)
        ),
    )


def _is_same_verdict(one: ParserVerdict, other: ParserVerdict) -> bool:
    return (
        one.outcome is other.outcome
        and _comparable_calls(one.calls) == _comparable_calls(other.calls)
        and (one.content or "").strip() == (other.content or "").strip()
    )


def _comparable_calls(calls: Sequence[EngineCall | ParsedCall]) -> list[tuple[str, str]]:
    """Return names and arguments; arguments that are JSON are in one canonical spelling."""
    return [(call.name or "", text_key(call.arguments)) for call in calls]


def lost_characters(text: str, content: str | None, reasoning: str | None) -> int:
    """Return how many characters are in neither content nor reasoning, not counting whitespace."""
    return max(0, ink(text) - ink(content or "") - ink(reasoning or ""))


def ink(text: str) -> int:
    """Return how many characters are not whitespace."""
    # Parsers strip all that Unicode counts as whitespace.
    return sum(map(len, text.split()))


def lost_calls(verdict: ParserVerdict, ours: ParseResult, text: str) -> list[ParsedCall]:
    """Return the calls of our reading that the engine neither returns nor keeps as text.

    A call that the engine returns altered is not lost: each of its calls accounts for one of ours.
    """
    return _undelivered_calls(verdict, ours, text).lost


class _Undelivered(NamedTuple):
    """Calls of our reading that the engine does not return.

    They are `lost`, `left` in the content, or `thought`: in the reasoning.
    """

    lost: list[ParsedCall]
    left: list[ParsedCall]
    thought: list[ParsedCall]


def _undelivered_calls(verdict: ParserVerdict, ours: ParseResult, text: str) -> _Undelivered:
    if verdict.outcome is Outcome.RAISED:
        return _Undelivered([], [], [])
    emitted = Counter((call.name, text_key(call.arguments)) for call in verdict.calls)
    content = verdict.content or ""
    kept, position = f"{content}\n{verdict.reasoning or ''}", 0
    missing: list[ParsedCall] = []
    left: list[ParsedCall] = []
    thought: list[ParsedCall] = []
    for call in ours.calls:
        if not call.name:
            continue
        if emitted[key := (call.name, text_key(call.arguments))]:
            emitted[key] -= 1
        elif (end := _end_of(call, text, kept, position)) >= 0:
            position = end
            (left if end <= len(content) else thought).append(call)
        elif len(missing) < _MAX_MISSING:
            missing.append(call)
        else:
            break
    return _Undelivered(_unmatched(missing, emitted), _unmatched(left, emitted), thought)


def _end_of(call: ParsedCall, text: str, kept: str, at: int) -> int:
    """Return where the name and arguments of a call end in the kept text after `at`; else -1."""
    parts = [span for span in (call.name_span, call.arguments_span) if span is not None]
    for span in sorted(parts) or [call.span]:
        part = text[span.start : span.end]
        found = kept.find(part, at)
        if found < 0:
            return -1
        at = found + len(part)
    return at


def _unmatched(
    missing: Sequence[ParsedCall], emitted: Counter[tuple[str, str]]
) -> list[ParsedCall]:
    """Return the calls left after pairing off altered ones, first those of the same name."""
    names = Counter(name for name, _ in emitted.elements())
    left = []
    for call in missing:
        if names[call.name or ""]:
            names[call.name or ""] -= 1
        else:
            left.append(call)
    return left[names.total() :]


def _odd_calls(
    verdict: ParserVerdict, ours: ParseResult, text: str, tools: Sequence[ToolSpec]
) -> list[Diagnostic]:
    """Return the problems that a client will have with the engine's calls.

    Findings whose code our reading already reports are left out. The place is that of our call
    with the same number and name, else the whole text.
    """
    trace = Trace(EngineInfo(verdict.parser, "", verdict.version, "", "", "", ""), text, tools)
    for number, call in enumerate(verdict.calls):
        twin = ours.calls[number] if number < len(ours.calls) else None
        place = Span(0, len(text))
        if twin is not None and twin.name == call.name:
            place = twin.arguments_span or twin.span
        trace.call(call.name, call.arguments, place)
    audit_calls(trace)
    known = {one.code for one in ours.diagnostics}
    return [one for one in trace.diagnostics if one.code not in known]


def _losses(verdict: ParserVerdict, lost: Sequence[ParsedCall], text: str) -> Iterator[Diagnostic]:
    """Yield a finding for each call the engine loses, and one if it reports calls but has none."""
    for call in lost[:MAX_FINDINGS]:
        name = first_line(call.name or "", _MAX_NAME_LENGTH)
        yield Diagnostic(
            Code.SILENT_DROP,
            Severity.ERROR,
            f"{verdict.parser} loses the call ({name}): not returned, and not whole in the content",
            call.span,
            "the client never sees it: compare the parsers with --all",
        )
    if verdict.tools_called and not verdict.calls:
        yield Diagnostic(
            Code.CALLED_EMPTY,
            Severity.ERROR,
            f"{verdict.parser} reports a call, but has none",
            Span(0, len(text)) if text else None,
            NO_CALL_HINT,
        )


def _left_in_content(
    verdict: ParserVerdict, left: Sequence[ParsedCall], ours: ParseResult, text: str
) -> Iterator[Diagnostic]:
    """Yield a finding for each call that the engine leaves in the content.

    Calls that may not be meant as such, bare JSON or one in a code fence, are left out.
    """
    doubts = [one.span for one in ours.diagnostics if one.code in _DOUBT_CODES and one.span]
    if any(one.code is Code.NO_MARKER for one in ours.diagnostics):
        left = [call for call in left if _is_marked(text[call.span.start : call.span.end])]
    certain = (call for call in left if not any(map(call.span.overlaps, doubts)))
    for call in islice(certain, MAX_FINDINGS):
        name = first_line(call.name or "", _MAX_NAME_LENGTH)
        yield Diagnostic(
            Code.CALL_IN_CONTENT,
            Severity.ERROR,
            f"{verdict.parser} leaves the call ({name}) in the content",
            call.span,
            "the client gets text, and no call runs: compare the parsers with --all",
        )


def _taken_for_reasoning(name: str, thought: Sequence[ParsedCall]) -> Iterator[Diagnostic]:
    for call in thought[:MAX_FINDINGS]:
        called = first_line(call.name or "", _MAX_NAME_LENGTH)
        yield Diagnostic(
            Code.MARKER_IN_REASONING,
            Severity.ERROR,
            f"{name} takes the call ({called}) for reasoning",
            call.span,
            "no call runs: the reasoning parser sees no end of the reasoning before it",
        )


def _is_marked(text: str) -> bool:
    """Return whether the markers of a format are in the text of a call."""
    return any(guess.score >= _MARKED_SCORE for guess in formats_in(text))


def _failure_finding(code: Code, name: str, error: str, text: str) -> Diagnostic:
    timed_out = code is Code.PARSER_TIMEOUT
    what = "does not finish" if timed_out else "raises"
    return Diagnostic(
        code,
        Severity.ERROR,
        f"{name} {what}: {error}",
        Span(0, len(text)) if text else None,
        "the request blocks a worker of the server"
        if timed_out
        else "the server answers with HTTP 500",
    )
