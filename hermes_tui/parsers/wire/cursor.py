"""The state of one pass over a text: the calls read so far, and the budget left for reading.

Every search is memoised or charged to the budget, so that reading any text takes time in proportion
to its length.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity, finding_start
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span, gaps
from hermes_tui.parsers.base import Outcome, ParsedCall, ParseResult, ParseStep
from hermes_tui.parsers.forward_search import ForwardSearch
from hermes_tui.parsers.literals import FAILED, JSON, Literal, read_literal
from hermes_tui.parsers.probe import is_readable

SPECIAL = re.compile(r"<\|[a-z_]{2,24}\|>|</?s>|<eos>")
"""Tokens that a template or a tokenizer inserts and that belong to no particular format."""

_BLANK = re.compile(r"\s*+")
_LOOK_BACK = 80
_BRACES = re.compile(r"\s*+[}\]][}\]\s]*+")
_QUOT = re.compile("&quot;")
_FENCE = re.compile(r"```\w*+[ \t]*+(?=\n)|(?<=\n)```")
"""A code fence between two payloads: JSON strings contain no line break."""
_BUDGET = 4_096
_PER_CHARACTER = 3
_PER_POSITION = 2
MAX_PER_CODE = 50
"""How often one code is reported in a text that repeats the same flaw endlessly."""

_WINDOW = 4_096
_NEAR_END = 256

_NO_BUDGET = "too much broken text before this to try"


class Piece(NamedTuple):
    """A literal and the text that it was read from.

    That is the cursor's text, or a copy of the same length with special tokens, code fences or HTML
    escapes replaced. `stray` is the first special token in the literal.
    """

    literal: Literal
    source: str
    stray: Span | None = None
    escaped: Span | None = None
    """The first quote that is written as an HTML escape."""
    fence: Span | None = None
    """The first code fence between its parts."""


@dataclass(slots=True)
class Draft:
    """A call as it was read, not yet checked against the tools. `start` is where its text begins.

    `spans` are the spans of the arguments, by name. `raw` is the text of arguments without a value.
    """

    start: int
    name: str | None
    name_span: Span | None = None
    value: Any = None
    arguments_span: Span | None = None
    verdict: str = JSON
    spans: dict[str, Span] = field(default_factory=dict)
    raw: str = ""


def _is_simpler(one: Literal, other: Literal) -> bool:
    """Return whether the first reading needs fewer repairs than the second."""
    return other.rung == FAILED or len(one.flaws) < len(other.flaws)


class WireCursor:
    """Collects what the readers of the wire formats find in a text, from left to right."""

    def __init__(self, text: str, tools: Sequence[ToolSpec]) -> None:
        self.text = text
        self.tools = {tool.name: tool for tool in tools}
        self.calls: list[ParsedCall] = []
        self.in_fence = False
        self.taken_until = 0
        """End of the last part that is a call, reasoning or dropped."""
        self.mentioned_openers = 0
        """How many opening tags were mentioned in prose and may be followed by closing ones."""
        self.last_orphan = 0
        """End of the last closing tag without an opening one."""
        self._search = ForwardSearch(text)
        self._steps: list[ParseStep] = []
        self._diagnostics: list[Diagnostic] = []
        self._reasoning: list[Span] = []
        self._dropped: list[Span] = []
        self.drafts: list[Draft] = []
        """Calls of the current block."""
        self.reading_reasoning = False
        self.broken = 0
        """How many blocks had a payload that was cut or unreadable."""
        self._spent = 0
        self._blanked: dict[re.Pattern[str], str] = {}
        """The text with the matches of a pattern blanked out, by pattern."""
        self._unescaped_text: str | None = None
        self._counts: Counter[Code] = Counter()
        self._settled = 0

    @property
    def index(self) -> int:
        """The index that the call being read will have among all calls."""
        return len(self.calls) + len(self.drafts)

    def find(self, marker: str, position: int) -> int:
        """Return where `marker` next occurs, or the length of the text if it does not."""
        return self._search.find(marker, position)

    def skip_blank(self, position: int) -> int:
        found = _BLANK.match(self.text, position)
        return found.end() if found else position

    def at_line_start(self, position: int) -> bool:
        """Return whether only blanks separate `position` from a line start, a tag or a part."""
        if position == self.taken_until:
            return True
        before = self.text[max(self.taken_until, position - _LOOK_BACK) : position].rstrip(" \t")
        return not before or before[-1] in "\n>"

    def step(self, rule: str, start: int, end: int, outcome: str, detail: str = "") -> None:
        """Record a decision inside the current part."""
        self._steps.append(ParseStep(rule, Span(start, end), outcome, detail, 2))

    def part(self, rule: str, start: int, end: int, outcome: str, detail: str, since: int) -> None:
        """Record a part of the text, before the steps recorded since `mark` returned `since`."""
        self._steps.insert(since, ParseStep(rule, Span(start, end), outcome, detail, 1))

    def mark(self) -> int:
        """Return the number of steps so far, for `part`."""
        return len(self._steps)

    def seek(self, pattern: re.Pattern[str], position: int) -> re.Match[str] | None:
        """Return the next match of `pattern`, or None if there is none."""
        return self._search.match(pattern, position)

    def _match_before(
        self, pattern: re.Pattern[str], position: int, end: int
    ) -> re.Match[str] | None:
        found = self.seek(pattern, position)
        return found if found and found.end() <= end else None

    def place(self, pattern: re.Pattern[str], position: int) -> int:
        """Return where `pattern` next matches, or the length of the text if it does not."""
        found = self.seek(pattern, position)
        return found.start() if found else len(self.text)

    def literal(self, start: int, end: int) -> Piece:
        """Read the JSON or near-JSON at `start`.

        Broken payloads are tried only as long as the budget lasts.
        """
        if not self.affords(start):
            late = Literal(None, Span(start, max(end, start + 1)), FAILED, (), _NO_BUDGET, start)
            return Piece(late, self.text)
        piece = self._read(self.text, start, end)
        if piece.literal.rung == JSON:
            return piece
        if piece.literal.rung == FAILED and (found := self._match_before(_QUOT, start, end)):
            other = self._read(self._unescaped(), start, end)
            if other.literal.rung != FAILED:
                return Piece(other.literal, other.source, None, Span(*found.span()))
        stop = end if piece.literal.rung == FAILED else piece.literal.span.end
        if stray := self._match_before(SPECIAL, start, stop):
            plain = self._without(SPECIAL, piece, start, end)
            return plain._replace(stray=Span(*stray.span())) if plain else piece
        if fence := self._match_before(_FENCE, start + 1, stop):
            plain = self._without(_FENCE, piece, start, end)
            return plain._replace(fence=Span(*fence.span())) if plain else piece
        return piece

    def _without(
        self, pattern: re.Pattern[str], piece: Piece, start: int, end: int
    ) -> Piece | None:
        """Read a broken literal again without the matches of `pattern`.

        None if that needs no fewer repairs.
        """
        if pattern not in self._blanked:
            self._blanked[pattern] = pattern.sub(lambda found: " " * len(found[0]), self.text)
        other = self._read(self._blanked[pattern], start, end)
        if other.literal.rung == FAILED or not _is_simpler(other.literal, piece.literal):
            return None
        return other

    def _unescaped(self) -> str:
        """Return the text with `&quot;` as quotes, padded so that positions stay the same."""
        if self._unescaped_text is None:
            count = 0

            def quote(_: re.Match[str]) -> str:
                nonlocal count
                count += 1
                return '     "' if count % 2 else '"     '

            self._unescaped_text = _QUOT.sub(quote, self.text)
        return self._unescaped_text

    def _read(self, source: str, start: int, end: int) -> Piece:
        """Read a literal in growing windows, because the decoder copies all of its input."""
        size = _WINDOW
        while start + size < end:
            literal = read_literal(source, start, start + size)
            self._charge(literal, start, start + size)
            whole = literal.cut_at < 0 and literal.span.end < start + size
            if literal.rung == JSON or (literal.rung != FAILED and whole):
                return Piece(literal, source)
            if literal.rung == FAILED and literal.reached < start + size - _NEAR_END:
                break
            size *= 4
        literal = read_literal(source, start, end)
        self._charge(literal, start, end)
        return Piece(literal, source)

    def _charge(self, literal: Literal, start: int, end: int) -> None:
        self._spent += 32
        if literal.rung == JSON:
            return
        self._spent += (end - start) // 64
        reached = literal.reached if literal.rung == FAILED else literal.span.end
        self._spent += max(0, reached - start)

    def past_braces(self, position: int) -> int:
        """Report surplus closing brackets after a call; return where they end."""
        braces = _BRACES.match(self.text, position)
        if braces is None:
            return position
        span = Span(position, position + len(braces[0].rstrip()))
        self.error(Code.BRACES_EXTRA, span, "extra closing brackets", "remove them")
        return span.end

    def with_blank(self, span: Span) -> Span:
        """Return a span extended over the blanks before it, back to the previous part."""
        start = span.start
        while start > self.taken_until and self.text[start - 1].isspace():
            start -= 1
        return Span(start, span.end)

    def spend(self, characters: int) -> bool:
        """Charge the budget for characters that may be read again; return whether any is left."""
        self._spent += characters
        return self.affords(self.taken_until)

    def affords(self, position: int) -> bool:
        """Return whether reading on at `position` keeps the cost in proportion to the text."""
        return self._spent <= _BUDGET + _PER_CHARACTER * len(self.text) + _PER_POSITION * position

    def flag(
        self,
        code: Code,
        severity: Severity,
        span: Span,
        message: str,
        hint: str = "",
        call_index: int | None = None,
    ) -> None:
        if not self.text or self._counts[code] >= MAX_PER_CODE:
            return
        self._counts[code] += 1
        size = len(self.text)
        start = max(0, min(span.start, size - 1))
        span = Span(start, max(start + 1, min(span.end, size)))
        self._diagnostics.append(Diagnostic(code, severity, message, span, hint, call_index))

    def error(self, code: Code, span: Span, message: str, hint: str = "") -> None:
        """Report what keeps the call being read from being delivered as meant."""
        self.flag(code, Severity.ERROR, span, message, hint, self.index)

    def error_of_last(self, code: Code, span: Span, message: str, hint: str) -> None:
        """Report what keeps the last call of the current block from being delivered as meant."""
        self.flag(code, Severity.ERROR, span, message, hint, sys.maxsize)

    def warn(self, code: Code, span: Span, message: str, hint: str = "") -> None:
        """Report what alters the call being read."""
        self.flag(code, Severity.WARNING, span, message, hint, self.index)

    def unclosed(self, end: int, message: str, hint: str) -> None:
        """Report that a block ends at `end` without its closing marker.

        At the end of the text it is only a warning: nothing follows that an engine could take for a
        part of the block.
        """
        after = self.skip_blank(end)
        is_last = after >= len(self.text)
        report = self.warn if is_last else self.error
        report(Code.UNCLOSED, Span(end - 1, after if is_last else end), message, hint)

    def flag_call(self, code: Code, span: Span, message: str, hint: str, index: int) -> None:
        """Report what keeps the call at `index` from being delivered as meant."""
        self.flag(code, Severity.ERROR, span, message, hint, index)

    def is_cut_reported(self) -> bool:
        """Return whether a finding already reports that the text ends too soon."""
        return any(found.code is Code.TRUNCATED for found in self._diagnostics)

    def save(self) -> tuple[int, int, int]:
        """Return a checkpoint of the steps, findings and drafts so far, for `forget`."""
        return len(self._steps), len(self._diagnostics), len(self.drafts)

    def forget(self, saved: tuple[int, int, int]) -> None:
        """Discard the steps, findings and drafts added since `save`."""
        del self._steps[saved[0] :]
        del self._diagnostics[saved[1] :]
        del self.drafts[saved[2] :]

    def take_call(self, call: ParsedCall) -> None:
        self.calls.append(call)
        self.taken_until = call.span.end

    def take_reasoning(self, span: Span) -> None:
        self._reasoning.append(span)
        self.taken_until = span.end

    def drop(self, start: int, end: int) -> None:
        self._dropped.append(Span(start, end))
        self.taken_until = end

    def result(self) -> ParseResult:
        """Return the result of the reading; text that belongs to no other part is content."""
        self.settle()
        readable = sum(map(is_readable, self.calls))
        parts = [*self._reasoning, *self._dropped, *(call.span for call in self.calls)]
        content = gaps(parts, len(self.text))
        words = "".join(self.text[span.start : span.end] for span in content).strip()
        outcome = Outcome.CALLS if readable else Outcome.TEXT
        detail = f"{readable} of {len(self.calls)} calls readable"
        root = ParseStep("text", Span(0, len(self.text)), outcome.value, detail, 0)
        return ParseResult(
            outcome,
            tuple(self.calls),
            words or None,
            content,
            tuple(self._reasoning),
            tuple(self._dropped),
            tuple(sorted(self._diagnostics, key=finding_start)),
            (root, *self._steps),
        )

    def settle(self) -> None:
        """Attribute the findings of a block to its own calls.

        A finding whose index lies beyond the last call becomes one about the last call.
        """
        last = len(self.calls) - 1
        for i in range(min(self._settled, len(self._diagnostics)), len(self._diagnostics)):
            found = self._diagnostics[i]
            if found.call_index is not None and found.call_index > last:
                index = last if last >= 0 else None
                self._diagnostics[i] = Diagnostic(
                    found.code, found.severity, found.message, found.span, found.hint, index
                )
        self._settled = len(self._diagnostics)
