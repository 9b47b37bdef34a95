"""The base of every emulated engine parser: its info card, and the trace that it fills.

An emulation is a function that reads `trace.text` the way the engine does and records what it
decides: `call`, `keep` (content), `step`, `flag`. Text that is in no call, content or reasoning at
the end is lost in the engine as well: the trace computes these spans and flags them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import msgspec

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity, finding_start
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span, gaps, merged
from hermes_tui.model.wording import counted
from hermes_tui.parsers.base import Outcome, ParsedCall, ParseResult, ParseStep
from hermes_tui.parsers.engines.audit import audit_calls, audit_content, audit_losses
from hermes_tui.parsers.engines.json_text import BadJson, loads
from hermes_tui.parsers.engines.no_calls import audit_no_calls
from hermes_tui.parsers.literals import FAILED, JSON
from hermes_tui.parsers.reasoning_tags import split_reasoning

DELIVERED = "delivered"
"""The outcome of the step of a delivered call."""
TAKEN_BACK = "taken back"
"""The outcome of the step of a call that is withdrawn later because another call is bad."""
MAX_STEPS = 5_000
MAX_FINDINGS = 1_000
"""Beyond this number, further findings about a pathological text add nothing new."""


class EngineInfo(NamedTuple):
    """The card of an emulated parser. `name` is engine/parser, `format` the wire format.

    `kind` is how the engine parses: regex, ast, engine (declared terminals), state machine …
    `flag` is the server option that selects the parser. `markers` are the texts that open a call.
    """

    name: str
    engine: str
    version: str
    format: str
    families: str
    kind: str
    flag: str
    markers: tuple[str, ...] = ()

    @property
    def parser(self) -> str:
        """The engine's own name for the parser."""
        return self.name.rpartition("/")[2]


class EngineParser(Protocol):
    """An emulated parser: a `Parser` with a card."""

    name: str
    info: EngineInfo

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> ParseResult: ...


class EngineRaised(Exception):
    """The emulated engine raises an exception here; the message is that of its exception."""


def raise_unless_syntax(error: BadJson) -> None:
    """Raise EngineRaised for an error that an engine which only catches JSONDecodeError raises."""
    if not error.syntax:
        raise EngineRaised(error.raised)


class Refused(Exception):
    """The emulated engine gives up on the text and keeps all of it as content."""


class Part:
    """An open step; set `outcome` and `detail` before it ends. `index` -1: it is not recorded."""

    def __init__(self, trace: Trace, index: int) -> None:
        self.index = index
        self.outcome = ""
        self.detail = ""
        self._trace = trace

    def __enter__(self) -> Part:
        return self

    def __exit__(self, *_: object) -> None:
        if self.index >= 0:
            self._trace.close(self)


class Trace:
    """Collects what an emulated parser decides, and computes what became of the rest."""

    def __init__(self, info: EngineInfo, text: str, tools: Sequence[ToolSpec] = ()) -> None:
        self.info = info
        self.text = text
        self.whole = Span(0, len(text))
        self.tools = {tool.name: tool for tool in tools}
        self.calls: list[ParsedCall] = []
        self.places: list[Mapping[str, Span]] = []
        """The span of each value of each call, by key; empty if the call's arguments are JSON."""
        self.content: str | None = None
        """Set if the engine's content is not just the kept spans joined."""
        self.tools_called: bool | None = None
        """Set if the engine reports calls although it has none, or the other way round."""
        self.diagnostics: list[Diagnostic] = []
        self._content_set = False
        self._kept: list[Span] = []
        self._steps = [ParseStep(info.name, self.whole, "")]
        self._depth = 1
        self._elsewhere: dict[str, ParseResult] | None = {}

    def elsewhere(self, parser: str) -> ParseResult | None:
        """Return what another emulated parser reads from the text.

        None if there is no such parser, or if this trace itself was created by `elsewhere`.
        """
        from hermes_tui.parsers.engines.registry import parser_of

        if self._elsewhere is None:
            return None
        if parser not in self._elsewhere and (other := parser_of(parser)):
            trace = Trace(other.info, self.text, tuple(self.tools.values()))
            trace._elsewhere = None
            self._elsewhere[parser] = other.traced(trace)
        return self._elsewhere.get(parser)

    @cached_property
    def thoughts(self) -> tuple[Span, ...]:
        """The spans of the reasoning in the text, tags included, in order."""
        return tuple(whole for whole, _, _ in split_reasoning(self.text))

    def first(self, marker: str) -> int:
        """Return where the first `marker` begins; raise Refused if there is none."""
        at = self.text.find(marker)
        if at < 0:
            raise Refused(f"no {marker} in the text")
        return at

    def _clamped(self, span: Span) -> Span:
        """Return the part of the span that is in the text."""
        if 0 <= span.start <= span.end <= len(self.text):
            return span
        start = max(0, min(span.start, len(self.text)))
        return Span(start, max(start, min(span.end, len(self.text))))

    def step(self, rule: str, span: Span, outcome: str, detail: str = "") -> None:
        """Record one decision inside the open part."""
        if len(self._steps) >= MAX_STEPS:
            return
        self._steps.append(ParseStep(rule, self._clamped(span), outcome, detail, self._depth))

    def part(self, rule: str, span: Span) -> Part:
        """Open a decision that contains others; its span grows to cover them.

        Exceptions pass through; the part is closed all the same.
        """
        if len(self._steps) >= MAX_STEPS:
            return Part(self, -1)
        part = Part(self, len(self._steps))
        self.step(rule, span, "")
        self._depth += 1
        return part

    def close(self, part: Part) -> None:
        """End a part, with all steps recorded since it began."""
        self._depth -= 1
        step, inner = self._steps[part.index], self._steps[part.index + 1 :]
        start = min([step.span.start, *(one.span.start for one in inner if one.span.end > 0)])
        end = max([step.span.end, *(one.span.end for one in inner)])
        outcome = part.outcome or (inner[-1].outcome if inner else "read")
        self._steps[part.index] = ParseStep(
            step.rule, Span(start, end), outcome, part.detail or step.detail, step.depth
        )

    def flag(
        self,
        code: Code,
        severity: Severity,
        span: Span,
        message: str,
        hint: str = "",
        call_index: int | None = None,
    ) -> None:
        """Record a finding. An empty span is widened to one character if the text has one."""
        if self.findings_full:
            return
        span = self._clamped(span)
        if not len(span) and self.text:
            at = min(span.start, len(self.text) - 1)
            span = Span(at, at + 1)
        place = span if len(span) else None
        self.diagnostics.append(Diagnostic(code, severity, message, place, hint, call_index))

    @property
    def findings_full(self) -> bool:
        """Whether there are so many findings that no more are recorded."""
        return len(self.diagnostics) >= MAX_FINDINGS

    def call(
        self,
        name: str,
        arguments: str,
        span: Span,
        *,
        name_span: Span | None = None,
        arguments_span: Span | None = None,
        value: Any = None,
        verdict: str = JSON,
        places: Mapping[str, Span] = MappingProxyType({}),
    ) -> None:
        """Deliver a call: `arguments` is the exact string that the engine emits.

        Without a `value`, the arguments are decoded; if they are not JSON, the verdict is `failed`.
        If the verdict is `failed` already, they are not decoded. `places` are the spans of the
        values by key, needed if the arguments are not JSON in the text.
        """
        span = self._clamped(span)
        if value is None and verdict != FAILED:
            try:
                value = loads(arguments)
            except BadJson:
                verdict = FAILED
        self.calls.append(
            ParsedCall(name, arguments, span, name_span, arguments_span, value, verdict)
        )
        self.places.append(places)
        self.step("call", span, DELIVERED, name)

    def keep(self, span: Span) -> None:
        """Keep a part of the text as content."""
        span = self._clamped(span)
        if len(span):
            self._kept.append(span)

    def keep_before(self, first: int) -> None:
        """Keep the text before `first` as content, stripped of blanks."""
        self.keep(Span(0, first))
        self.say(self.text[:first].strip() or None)

    def say(self, content: str | None) -> None:
        """Set the exact text of the content if it is not just the kept parts joined."""
        self.content = content
        self._content_set = True

    def void_calls(self, reason: str, hint: str = "") -> None:
        """Take back all calls delivered so far because another call is bad.

        `reason` continues a message that begins like "a valid call (search)" or "45 valid calls".
        """
        if self.calls:
            start = min(call.span.start for call in self.calls)
            calls = Span(start, max(call.span.end for call in self.calls))
            several = counted(len(self.calls), "valid call")
            what = several if len(self.calls) > 1 else f"a valid call ({self.calls[0].name})"
            self.flag(Code.SIBLING_VOIDED, Severity.ERROR, calls, f"{what}, {reason}", hint)
        self._take_back()
        self.diagnostics[:] = [_without_call_index(found) for found in self.diagnostics]

    def _take_back(self) -> None:
        """Remove all calls, and mark their steps as taken back."""
        if self.calls:
            self._steps = [
                step._replace(outcome=TAKEN_BACK) if step.outcome == DELIVERED else step
                for step in self._steps
            ]
        self.calls.clear()
        self.places.clear()

    def keep_all(self, reason: str) -> None:
        """Take back everything: the whole text becomes content."""
        if self.calls:
            self.void_calls(
                f"lost because {self.info.name} keeps the whole text: {reason}",
                "send the bad call again, or ask for one call per message",
            )
        self._kept = [self.whole] if self.text else []
        self.say(self.text)
        self.step("keep", self.whole, "kept as text", reason)

    def result(self) -> ParseResult:
        """Return the verdict, with lost text and flaws of the calls flagged."""
        order = sorted(range(len(self.calls)), key=lambda index: self.calls[index].span)
        self.calls[:] = [self.calls[index] for index in order]
        self.places[:] = [self.places[index] for index in order]
        called = bool(self.calls) if self.tools_called is None else self.tools_called
        kept, length = merged(self._kept, len(self.text)), len(self.text)
        content = self.content
        if not self._content_set:
            content = "".join(self.text[span.start : span.end] for span in kept) or None
        call_spans = [call.span for call in self.calls]
        dropped = gaps([*kept, *call_spans], length)
        kept = gaps([*call_spans, *gaps(list(kept), length)], length)
        audit_calls(self)
        audit_losses(self, dropped, content)
        if self.calls:
            audit_content(self, kept)
        else:
            audit_no_calls(self, called=called)
        return self._result(Outcome.CALLS if called else Outcome.TEXT, content, kept, dropped)

    def raised(self, error: str) -> ParseResult:
        """Return the verdict of an engine that raises: nothing reaches the client."""
        self._take_back()
        dropped = (self.whole,) if self.text else ()
        self.step("raise", self.whole, "raised", error)
        self.flag(
            Code.PARSER_RAISED,
            Severity.ERROR,
            self.whole,
            f"{self.info.name} raises: {error}",
            "the server answers with HTTP 500; use another parser, or another version",
        )
        return self._result(Outcome.RAISED, None, (), dropped)._replace(error=error)

    def _result(
        self,
        outcome: Outcome,
        content: str | None,
        kept: tuple[Span, ...],
        dropped: tuple[Span, ...],
    ) -> ParseResult:
        detail = counted(len(self.calls), "call") if self.calls else ""
        root = self._steps[0]._replace(outcome=outcome.value, detail=detail)
        count = len(self.calls)
        findings = [
            finding if (finding.call_index or 0) < count else _without_call_index(finding)
            for finding in sorted(self.diagnostics, key=_cause_first)
        ]
        return ParseResult(
            outcome,
            tuple(self.calls),
            content,
            kept,
            (),
            dropped,
            tuple(findings),
            (root, *self._steps[1:]),
        )


def _cause_first(diagnostic: Diagnostic) -> tuple[bool, int]:
    """Return a sort key: findings by position, those of calls voided by another call last."""
    return diagnostic.code is Code.SIBLING_VOIDED, finding_start(diagnostic)


def _without_call_index(diagnostic: Diagnostic) -> Diagnostic:
    """Return the finding without its call index, for a call that is not delivered after all."""
    if diagnostic.call_index is None:
        return diagnostic
    return msgspec.structs.replace(diagnostic, call_index=None)
