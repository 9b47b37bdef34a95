"""A diagnostic of a run, with the place in the run where it stands."""

from __future__ import annotations

from typing import NamedTuple

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.spans import Span


class Finding(NamedTuple):
    """What was found at event `seq`. `turn` is 1-based, 0 before the first turn.

    `span` and `call_index` mean what they mean in a `Diagnostic`.
    """

    code: Code
    severity: Severity
    message: str
    seq: int
    turn: int = 0
    span: Span | None = None
    hint: str = ""
    call_index: int | None = None

    @classmethod
    def of(cls, diagnostic: Diagnostic, seq: int, turn: int = 0) -> Finding:
        """Return `diagnostic` as a finding at event `seq`."""
        return cls(
            code=diagnostic.code,
            severity=diagnostic.severity,
            message=diagnostic.message,
            seq=seq,
            turn=turn,
            span=diagnostic.span,
            hint=diagnostic.hint,
            call_index=diagnostic.call_index,
        )
