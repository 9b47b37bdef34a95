"""The interface of all parsers of model text: what they take and return.

A result answers two separate questions: what an engine does with a text (`outcome`, `calls`,
`content`) and why (`steps`, `diagnostics`). Every parser is property-tested for these laws: it
never raises, for any text; spans are in bounds; steps nest; the content, reasoning, call and
dropped spans together cover the text; the time grows linearly with the length of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span


class Outcome(StrEnum):
    """What the engine would hand to the loop."""

    CALLS = "calls"
    TEXT = "text"
    RAISED = "raised"


class ParsedCall(NamedTuple):
    """One call read from text. `arguments` is the exact string that the engine emits.

    `value` is the decoded value of the arguments, None if they could not be read.
    `verdict` is how the block was read: `json`, `python-literal`, `repaired`, `unclosed` or
    `failed`.
    """

    name: str | None
    arguments: str
    span: Span
    name_span: Span | None = None
    arguments_span: Span | None = None
    value: Any = None
    verdict: str = "json"


class ParseStep(NamedTuple):
    """One decision: the rule, the span it examined, its outcome and why. Pre-order by `depth`."""

    rule: str
    span: Span
    outcome: str
    detail: str = ""
    depth: int = 0


class ParseResult(NamedTuple):
    """A parser's verdict on one text, and the steps that led to it."""

    outcome: Outcome
    calls: tuple[ParsedCall, ...] = ()
    content: str | None = None
    content_spans: tuple[Span, ...] = ()
    reasoning: tuple[Span, ...] = ()
    dropped: tuple[Span, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    steps: tuple[ParseStep, ...] = ()
    error: str = ""
    """The message of the exception, if the engine raised one."""


class Parser(Protocol):
    """Reads tool calls from model text."""

    name: str

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> ParseResult:
        """Return the verdict on `text`; never raises."""
        ...
