"""One verdict on a text, whoever gave it: our own reading, an emulated parser, or a real engine.

A real engine says what comes out, never why: steps and findings are those of the emulation that
agrees with it, else of our own reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.model.wording import counted
from hermes_tui.parsers.base import Outcome, Parser, ParseResult, ParseStep
from hermes_tui.parsers.choice import AUTO, named_parser
from hermes_tui.parsers.plain_values import text_key

if TYPE_CHECKING:
    from hermes_tui.runtime.engines.verdicts import EngineVerdict


class Emitted(NamedTuple):
    """A call as it goes out; `arguments` is the exact string."""

    name: str
    arguments: str


class ParserVerdict(NamedTuple):
    """What a parser makes of a text. `log` are a real engine's own words."""

    parser: str
    version: str
    is_real: bool
    outcome: Outcome
    tools_called: bool
    calls: tuple[Emitted, ...] = ()
    content: str | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    dropped: tuple[Span, ...] = ()
    steps: tuple[ParseStep, ...] = ()
    error: str = ""
    log: tuple[str, ...] = ()
    reasoning: str | None = None
    explained_by: str = ""
    """Whose the steps and findings are, where they are not the parser's own."""

    @property
    def has_errors(self) -> bool:
        return any(found.severity is Severity.ERROR for found in self.diagnostics)


def verdict_of_engine(name: str, version: str, verdict: EngineVerdict, text: str) -> ParserVerdict:
    """Return a real engine's verdict; where it fails, that is a finding."""
    from hermes_tui.runtime.engines.verdicts import EngineOutcome

    outcomes = {EngineOutcome.CALLS: Outcome.CALLS, EngineOutcome.TEXT: Outcome.TEXT}
    outcome = outcomes.get(verdict.outcome, Outcome.RAISED)
    found: tuple[Diagnostic, ...] = ()
    if outcome is Outcome.RAISED:
        timed_out = verdict.outcome is EngineOutcome.TIMED_OUT
        code = Code.PARSER_TIMEOUT if timed_out else Code.PARSER_RAISED
        found = (_failed(code, name, verdict.error, text),)
    return ParserVerdict(
        name,
        version,
        True,
        outcome,
        verdict.tools_called,
        tuple(Emitted(call.name, call.arguments) for call in verdict.tool_calls),
        verdict.content,
        found,
        error=verdict.error,
        log=verdict.log,
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
        tuple(Emitted(call.name or "", call.arguments) for call in result.calls),
        result.content,
        result.diagnostics,
        result.dropped,
        result.steps,
        result.error,
    )


def version_of(parser: Parser) -> str:
    """Return the engine version that a parser emulates, empty for our own."""
    return str(getattr(getattr(parser, "info", None), "version", ""))


def with_reason(
    told: ParserVerdict, emulated: str, text: str, tools: Sequence[ToolSpec]
) -> ParserVerdict:
    """Add the findings of the emulation if it comes to the same verdict, else of our reading."""
    try:
        parser = named_parser(emulated)
    except KeyError:
        parser = None
    if parser is not None:
        ours = verdict_of_result(parser, parser.parse(text, tools))
        if _same(told, ours):
            return told._replace(
                diagnostics=ours.diagnostics or told.diagnostics,
                dropped=ours.dropped,
                steps=ours.steps,
                explained_by=emulated,
            )
    result = named_parser(AUTO).parse(text, tools)
    found = (*told.diagnostics, *result.diagnostics)
    return told._replace(diagnostics=found, steps=result.steps, explained_by=AUTO)


def _same(one: ParserVerdict, other: ParserVerdict) -> bool:
    return (
        one.outcome is other.outcome
        and [(c.name, text_key(c.arguments)) for c in one.calls]
        == [(c.name, text_key(c.arguments)) for c in other.calls]
        and (one.content or "").strip() == (other.content or "").strip()
    )


def _failed(code: Code, name: str, error: str, text: str) -> Diagnostic:
    timed_out = code is Code.PARSER_TIMEOUT
    what = "does not finish" if timed_out else "raises"
    return Diagnostic(
        code,
        Severity.ERROR,
        f"{name} {what}: {error}",
        Span(0, len(text)) if text else None,
        "the request hangs a worker of the server" if timed_out else "the server answers HTTP 500",
    )


def divergence(whole: EngineVerdict, streamed: EngineVerdict, text: str) -> list[Diagnostic]:
    """Say how the streaming path differs from the whole-text path."""
    if _sent(whole) == _sent(streamed):
        return []
    calls_differ = _sent(whole)[:2] != _sent(streamed)[:2]
    what = f"{_shape(whole)} at once, {_shape(streamed)} streamed"
    if _shape(whole) == _shape(streamed):
        what = "other arguments" if calls_differ else "other content"
        what += " streamed than at once"
    return [
        Diagnostic(
            Code.STREAM_DIVERGES,
            Severity.ERROR if calls_differ else Severity.WARNING,
            f"the same text gives {what}",
            Span(0, len(text)) if text else None,
            "compare with --stream 1 and without --stream; streaming is another parser",
        )
    ]


def _sent(verdict: EngineVerdict) -> tuple[Any, ...]:
    calls = [(call.name, text_key(call.arguments)) for call in verdict.tool_calls]
    return verdict.outcome, calls, (verdict.content or "").strip()


def _shape(verdict: EngineVerdict) -> str:
    if verdict.outcome not in ("calls", "text"):
        return f"{verdict.outcome.value} ({verdict.error[:80]})"
    count = len(verdict.tool_calls)
    return counted(count, "call") if count else "text"
