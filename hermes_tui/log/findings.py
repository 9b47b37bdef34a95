"""Findings: diagnostics with their place in a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import RequestFailed, RunEnded, SourceDefect
from hermes_tui.model.spans import Span
from hermes_tui.model.wording import title

if TYPE_CHECKING:
    from hermes_tui.log.fold import RunState


class Finding(NamedTuple):
    """A finding at event `seq`. `turn` is 1-based, 0 before the first turn.

    `span` and `call_index` are as in `Diagnostic`. `number` is the number of the message in the
    run, from 1; 0 before the first.
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
    """The name of the tool if the finding is about a call or its result."""

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
        """Return this finding reduced to a note that reads `message`."""
        return self._replace(severity=Severity.NOTE, message=message, hint="")


def failed(event: SourceDefect | RequestFailed, turn: int, number: int) -> Finding:
    """Return the finding for a failed request, or for a record that cannot be read."""
    code, severity = Code.REQUEST_ERROR, Severity.ERROR
    if isinstance(event, SourceDefect):
        code, severity = Code.SOURCE_DEFECT, Severity.WARNING if event.partial else severity
    return Finding(code, severity, event.message, event.seq, turn, number=number)


def unexplained_error(
    state: RunState, event: RunEnded, findings: Iterable[Finding]
) -> Iterator[Finding]:
    """Yield the finding for a run that ended in an error if neither its state counts an error nor
    a finding at its end is one."""
    if event.status != "error" or state.severities[Severity.ERROR]:
        return
    at_end: tuple[Finding | Diagnostic, ...] = (*findings, *event.diagnostics)
    if all(found.severity is not Severity.ERROR for found in at_end):
        message = title(event.stop_reason) or "the source says only that the run ended in an error"
        diagnostic = Diagnostic(Code.RUN_ERROR, Severity.ERROR, message)
        yield Finding.of(diagnostic, event.seq, state.turn, number=state.appended)
