"""A diagnostic of a run, with the place in the run where it stands."""

from __future__ import annotations

from typing import NamedTuple

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import RequestFailed, SourceDefect
from hermes_tui.model.spans import Span


class Finding(NamedTuple):
    """What was found at event `seq`. `turn` is 1-based, 0 before the first turn.

    `span` and `call_index` mean what they mean in a `Diagnostic`. `number` is that of the message
    of the run, from 1; 0 before the first.
    """

    code: Code
    severity: Severity
    message: str
    seq: int
    turn: int = 0
    span: Span | None = None
    hint: str = ""
    call_index: int | None = None
    number: int = 0
    tool: str = ""
    """The tool that the call names, where it is about a call or its result."""

    @classmethod
    def of(
        cls, diagnostic: Diagnostic, seq: int, turn: int = 0, *, number: int = 0, tool: str = ""
    ) -> Finding:
        """Return `diagnostic` as a finding at event `seq`."""
        return cls(
            diagnostic.code,
            diagnostic.severity,
            diagnostic.message,
            seq,
            turn,
            diagnostic.span,
            diagnostic.hint,
            diagnostic.call_index,
            number,
            tool,
        )

    def as_note(self, message: str) -> Finding:
        """Return what turned out to be worth no more than saying `message`."""
        return self._replace(severity=Severity.NOTE, message=message, hint="")


def failed(event: SourceDefect | RequestFailed, turn: int, number: int) -> Finding:
    """Return what is to be said of a request that failed, or of what cannot be read."""
    code, severity = Code.REQUEST_ERROR, Severity.ERROR
    if isinstance(event, SourceDefect):
        code, severity = Code.SOURCE_DEFECT, Severity.WARNING if event.partial else severity
    return Finding(code, severity, event.message, event.seq, turn, number=number)
