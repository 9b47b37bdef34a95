"""The state of the parser lab, without any widget: a text, its parser, the current step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import Outcome, ParsedCall, ParseResult, ParseStep
from hermes_tui.parsers.choice import AUTO
from hermes_tui.runtime.parser_verdicts import TEXT_KEPT
from hermes_tui.ui.key_names import KeyNames
from hermes_tui.ui.lab import steps as lab_steps
from hermes_tui.ui.lab.fates import Piece, calls_at, frontiers, pieces_of, read_up_to
from hermes_tui.ui.lab.parsers import (
    EMULATED,
    OURS,
    LabParser,
    guessed,
    is_known,
    known_name,
    lab_parser,
    lab_parsers,
    marked_in,
)
from hermes_tui.ui.lab.verdicts import (
    Verdict,
    differences,
    in_order,
    ranked,
    result_verdict,
    sound_calls,
)

SMALL = 20_000
"""Characters up to which a text is parsed at once, between two keys; longer ones in a thread."""
CONSEQUENCES: Final = frozenset(
    {Code.SIBLING_VOIDED, Code.SILENT_DROP, Code.CALLED_EMPTY, Code.CONTENT_LOST}
)
"""Codes of findings that are consequences of another finding."""
_NO_RESULT = ParseResult(Outcome.TEXT)
OWN_READING = "auto"
"""A live run's name for our own reading; not a server's parser, which `LabText.parser` names."""


class LabText(NamedTuple):
    """The text that the lab is opened on.

    `where` says which message it is, `parser` names the parser of the run. `field` is the field of
    the message that the text is in, if that is not its content.
    """

    text: str
    tools: tuple[ToolSpec, ...] = ()
    where: str = ""
    parser: str = ""
    field: str = ""


def _tools_called(text: str) -> tuple[ToolSpec, ...]:
    """Return tools with the names that our own reading finds called, if the text is not long.

    They are needed because SGLang looks for no calls in the reply to a request without tools.
    """
    if len(text) > SMALL:
        return ()
    calls = lab_parser(AUTO).parser.parse(text).calls
    names = dict.fromkeys(call.name for call in calls if call.name)
    return tuple(ToolSpec(name, parameters={"type": "object"}) for name in names if name)


class LabModel:
    """The state of a lab. Steps are numbered as in the result; the first is the whole parse."""

    def __init__(self, given: LabText) -> None:
        self.given = given
        self.keys = KeyNames()
        self.text = given.text
        self.tools = given.tools or _tools_called(given.text)
        name, self.why = self._initial_parser(given)
        self.parser: LabParser = lab_parser(name)
        self.real: Verdict | None = None
        """The real engine's verdict that was chosen in the matrix."""
        self.result = _NO_RESULT
        self.is_read = False
        """Whether `result` is that of `parser` for `text`."""
        self.step = 0
        self.pointed: Diagnostic | None = None
        """The finding that a person went to."""
        self.verdicts: dict[tuple[str, str], Verdict] = {}
        """The verdicts on the text so far, by parser name and source."""
        self._pieces: list[Piece] | None = None
        self._sound_counts: dict[tuple[str, str], int] = {}
        self._frontiers: list[int] = []
        self._stops: list[int] = []
        self._finding_steps: list[int | None] = []

    @staticmethod
    def _initial_parser(given: LabText) -> tuple[str, str]:
        known = known_name(given.parser) if given.parser else ""
        if known:
            return known, "the run's parser"
        name, why = guessed(given.text)
        is_foreign = given.parser not in ("", OWN_READING)
        return name, f"{why}; the lab has no {given.parser}" if is_foreign else why

    @property
    def assumes_tools(self) -> bool:
        """Whether the run declares no tools, and those that the text calls are used instead."""
        return not self.given.tools and bool(self.tools)

    # Reading

    @property
    def is_small(self) -> bool:
        return len(self.text) <= SMALL

    @property
    def is_edited(self) -> bool:
        return self.text != self.given.text

    def set_text(self, text: str) -> None:
        """Replace the text; the new one is not parsed yet."""
        if text != self.text:
            self.text = text
            self.is_read = False
            self.real = None
            self.verdicts.clear()
            self._sound_counts.clear()

    def choose(self, name: str, real: Verdict | None = None) -> None:
        """Choose another parser; it has not parsed the text yet."""
        if name != self.parser.name:
            self.is_read = False
            self.step = 0
        self.parser, self.real, self.why = lab_parser(name), real, "chosen"

    def read_now(self) -> None:
        """Parse the text; blocks until that is done."""
        self.take(self.parser, self.text, self.parser.parser.parse(self.text, self.tools))

    def take(self, parser: LabParser, text: str, result: ParseResult) -> None:
        """Show a result, unless the text or the parser was changed meanwhile."""
        if text is not self.text:
            return
        self.add_verdict(parser, result)
        if parser.name != self.parser.name:
            return
        before, self.result, self.is_read = self.result, result, True
        self._pieces = None
        self._frontiers = frontiers(result.steps, len(text))
        self._finding_steps = lab_steps.step_of_each(result.steps, result.diagnostics)
        self._stops = lab_steps.stops(result.steps, result.diagnostics, self._finding_steps)
        self.pointed = None
        if before is not _NO_RESULT and self.step:
            changed = lab_steps.first_change(before.steps, result.steps)
            self.go(self.step if changed is None else changed)
        else:
            self.go(0)

    def add_verdict(self, parser: LabParser, result: ParseResult) -> None:
        """Add the verdict of one of our parsers on the current text."""
        self.note(result_verdict(parser, self.text, result))

    def note(self, found: Verdict) -> None:
        """Add a verdict; a real one that equals its emulation's takes over the `lost` of that."""
        self.verdicts[found.key] = found
        emulated = self.verdicts.get((found.name, EMULATED))
        if emulated is None or not emulated.lost:
            return
        alike = [each for each in self.verdicts.values() if each.name == found.name]
        for real in alike:
            if real.is_real and not real.lost and not differences(emulated, real):
                completed = self.verdicts[real.key] = real._replace(lost=emulated.lost)
                self.real = completed if self.real is real else self.real

    @property
    def meant(self) -> int:
        """How many calls our own reading finds in the text; 0 until that is known."""
        ours = self.verdicts.get((AUTO, OURS))
        return len(ours.calls) if ours is not None else 0

    @property
    def outcome(self) -> str:
        """The verdict in a word or two; `no call` if our own reading finds nothing to lose."""
        word = self.verdict.word if self.verdict is not None else ""
        if word != TEXT_KEPT:
            return word
        if not self.text:
            return "no text"
        ours = self.verdicts.get((AUTO, OURS))
        is_note = (found.severity is Severity.NOTE for found in self.result.diagnostics)
        is_plain = ours is not None and ours.word == TEXT_KEPT and all(is_note)
        return "no call" if is_plain else word

    # What is shown

    @property
    def steps(self) -> Sequence[ParseStep]:
        return self.result.steps

    @property
    def current(self) -> ParseStep | None:
        """The current step, or None before anything was parsed."""
        return self.steps[self.step] if self.step < len(self.steps) else None

    @property
    def is_overview(self) -> bool:
        """Whether the current step is the first, which represents the whole parse."""
        return self.step == 0

    @property
    def read_to(self) -> int:
        """How many characters are read at the current step."""
        return self._frontiers[self.step] if self.step < len(self._frontiers) else len(self.text)

    def calls(self) -> list[ParsedCall]:
        """Return the calls in force at the current step."""
        return calls_at(self.result, self.step)

    def pieces(self) -> list[Piece]:
        """Return what happened to the text up to the current step."""
        length, calls = len(self.text), self.calls()
        if len(calls) and not self.result.calls:
            # These calls are temporary: the parser takes them back in the end.
            found = pieces_of(self.result, length, calls)
        else:
            if self._pieces is None:
                self._pieces = pieces_of(self.result, length, self.result.calls)
            found = self._pieces
        return read_up_to(found, self.read_to, length)

    @property
    def failures(self) -> list[int]:
        """The steps at which `next_failure` stops."""
        return self._stops

    def failure(self) -> Diagnostic | None:
        """Return the finding to mark in the text, or None.

        That is the finding that a person went to; else the one of the current step, or if the step
        failed, the first inside it; else the last one before it. For the whole parse it is the
        first that is no mere consequence of another. If sound calls are lost because of a broken
        one, the broken one is marked.
        """
        if self.pointed is not None:
            return self.pointed
        marked = [
            (holder, finding)
            for holder, finding in zip(self._finding_steps, self.result.diagnostics, strict=True)
            if finding.span is not None and finding.severity is not Severity.NOTE
        ]
        marked.sort(key=lambda each: (each[1].code in CONSEQUENCES, each[1].severity))
        if self.is_overview:
            return marked[0][1] if marked else None
        own = [
            finding
            for holder, finding in marked
            if holder == self.step and finding.code is not Code.SIBLING_VOIDED
        ]
        own = own or [finding for _, finding in marked if self._is_inside(finding)]
        before = [each for each in marked if (each[0] or 0) < self.step and self._is_read(each[1])]
        last = max(before, key=lambda each: each[0] or 0, default=(0, None))
        return own[0] if own else last[1]

    def _is_inside(self, finding: Diagnostic) -> bool:
        """Return whether the current step failed and the finding is inside it."""
        step, span = self.current, finding.span
        if step is None or span is None or not lab_steps.is_failure(step):
            return False
        return step.span.start <= span.start and span.end <= step.span.end

    def _is_read(self, finding: Diagnostic) -> bool:
        return (
            finding.code not in CONSEQUENCES
            and finding.span is not None
            and finding.span.start < self.read_to
        )

    def span(self) -> Span | None:
        """Return the span to underline: that of the current step; None for the whole parse."""
        current = self.current
        return current.span if current is not None and self.step else None

    def place(self) -> Span | None:
        """Return the span to show: that of the marked failure, else of the step, else of a call."""
        failure = self.failure()
        if failure is not None and failure.span is not None:
            return failure.span
        return self.span() or next((call.span for call in self.result.calls), None)

    @property
    def verdict(self) -> Verdict | None:
        """The verdict of the chosen real engine, else of the chosen parser, if known."""
        if self.real is not None:
            return self.real
        return self.verdicts.get((self.parser.name, self.parser.source))

    # Stepping

    def go(self, step: int) -> bool:
        """Go to a step, or the nearest existing one; return whether the step changed."""
        before, self.step = self.step, max(0, min(step, len(self.steps) - 1))
        if before != self.step:
            self.pointed = None
        return before != self.step

    def step_in(self) -> bool:
        return self.go(self.step + 1)

    def step_back(self) -> bool:
        return self.go(self.step - 1)

    def step_over(self) -> bool:
        """Go to the next step that is not inside this one; from the whole parse to its first."""
        if not self.steps or self.is_overview:
            return self.step_in()
        return self.go(lab_steps.over(self.steps, self.step))

    def step_out(self) -> bool:
        return bool(self.steps) and self.go(lab_steps.out(self.steps, self.step))

    def next_failure(self) -> bool:
        """Go to the next step that failed or that a finding is about."""
        return self._stop_at(step for step in self._stops if step > self.step)

    def previous_failure(self) -> bool:
        """Go to the previous step that failed or that a finding is about."""
        return self._stop_at(step for step in reversed(self._stops) if step < self.step)

    def _stop_at(self, steps: Iterator[int]) -> bool:
        """Go to the first of some steps, and point at its finding; return whether there is one."""
        step = next(steps, None)
        if step is None:
            return False
        self.go(step)
        for holder, finding in zip(self._finding_steps, self.result.diagnostics, strict=True):
            if holder == step and finding.severity is not Severity.NOTE:
                self.pointed = finding
                break
        return True

    def point_at(self, finding: Diagnostic) -> None:
        """Point at a finding, and go to the step that it is about."""
        holder = lab_steps.step_of_each(self.steps, [finding])[0]
        if holder is not None and not self.is_overview:
            self.go(holder)
        self.pointed = finding

    # Comparing

    def unread(self) -> list[LabParser]:
        """Return the parsers that have not parsed the current text yet."""
        return [each for each in lab_parsers() if (each.name, each.source) not in self.verdicts]

    def rows(self, *, by_rank: bool = False) -> list[Verdict]:
        """Return the verdicts so far by name; `by_rank`: only those with calls, the best first.

        A parser that reads only some of the calls ranks only if its marker is in the text.
        """
        marked = marked_in(self.text)
        if not by_rank:
            return in_order(self.verdicts.values(), marked)
        found = ranked(self.verdicts.values(), self._sound_calls, near=self.parser.engine)
        return [
            each
            for each in found
            if self._sound_calls(each) >= self.meant
            or each.name in marked
            or not is_known(each.name)
        ]

    def _sound_calls(self, verdict: Verdict) -> int:
        if verdict.key not in self._sound_counts:
            declared = frozenset(tool.name for tool in self.tools)
            self._sound_counts[verdict.key] = sound_calls(verdict, declared)
        return self._sound_counts[verdict.key]
