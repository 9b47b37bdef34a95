"""A text being read: where markers stand, and what was made of every part so far."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity, start_of
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import Outcome, ParsedCall, ParseResult, ParseStep
from hermes_tui.parsers.coverage import gaps

OPEN = "<tool_call>"
CLOSE = "</tool_call>"

_BLANK = re.compile(r"\s*+")
_NEWLINES_BACK = 80


class Cursor:
    """Collects calls, findings and steps from left to right; what is left over is content."""

    def __init__(self, text: str, tools: Sequence[ToolSpec]) -> None:
        self.text = text
        self.tools = {tool.name: tool for tool in tools}
        self.calls: list[ParsedCall] = []
        self.sound: list[int] = []
        """Calls that an engine would deliver if it were not for their siblings."""
        self.voided = False
        self.in_fence = False
        self.taken = 0
        """End of the last part that is a call, reasoning or dropped."""
        self.spoken_of = 0
        """Opening tags in prose whose closing tags may follow."""
        self.last_orphan = 0
        """End of the last closing tag that closed nothing."""
        self._steps: list[ParseStep] = []
        self._diagnostics: list[Diagnostic] = []
        self._reasoning: list[Span] = []
        self._dropped: list[Span] = []
        self._next: dict[str, tuple[int, int]] = {}

    def find(self, marker: str, position: int) -> int:
        """Return where `marker` stands next, the length of the text if nowhere.

        Remembers its last answer: over one scan all searches together cost one pass.
        """
        asked, found = self._next.get(marker, (-1, -1))
        if not asked <= position <= found:
            found = self.text.find(marker, position)
            found = found if found >= 0 else len(self.text)
            self._next[marker] = (position, found)
        return found

    def limit(self, position: int) -> int:
        """Return where a block that is open at `position` ends at the latest."""
        return min(self.find(CLOSE, position), self.find(OPEN, position))

    def skip_blank(self, position: int) -> int:
        found = _BLANK.match(self.text, position)
        return found.end() if found else position

    def at_line_start(self, position: int) -> bool:
        """Tell whether only blanks, or the end of another part, stand before `position`."""
        if position == self.taken:
            return True
        before = self.text[max(self.taken, position - _NEWLINES_BACK) : position].rstrip(" \t")
        return not before or before[-1] in "\n>"

    def step(self, rule: str, start: int, end: int, outcome: str, detail: str = "") -> None:
        """Note a decision inside the part at hand."""
        self._steps.append(ParseStep(rule, Span(start, end), outcome, detail, 2))

    def part(self, rule: str, start: int, end: int, outcome: str, detail: str, since: int) -> None:
        """Note a part of the text, to stand before the steps made since `mark` was called."""
        self._steps.insert(since, ParseStep(rule, Span(start, end), outcome, detail, 1))

    def mark(self) -> int:
        """Return the number of steps so far, for `part`."""
        return len(self._steps)

    def flag(
        self,
        code: Code,
        severity: Severity,
        span: Span,
        message: str,
        hint: str = "",
        call_index: int | None = None,
    ) -> None:
        self._diagnostics.append(Diagnostic(code, severity, message, span, hint, call_index))

    def take_call(self, call: ParsedCall) -> None:
        self.calls.append(call)
        self.taken = call.span.end

    def take_reasoning(self, span: Span) -> None:
        self._reasoning.append(span)
        self.taken = span.end

    def drop(self, start: int, end: int) -> None:
        self._dropped.append(Span(start, end))
        self.taken = end

    def result(self) -> ParseResult:
        self._flag_voided()
        readable = sum(call.name is not None and call.verdict != "failed" for call in self.calls)
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
            tuple(sorted(self._diagnostics, key=start_of)),
            (root, *self._steps),
        )

    def _flag_voided(self) -> None:
        if not self.voided:
            return
        for index in self.sound:
            self.flag(
                Code.SIBLING_VOIDED,
                Severity.ERROR,
                self.calls[index].span,
                "a sound call, lost because another block of this message is not",
                "vLLM and hermes-agent refuse all calls of a message for one bad block",
                index,
            )
