"""The rows of a run: what the timeline shows, one row for every message, call, result, error and
diagnostic, in order. Rows are kept in arrays (about 20 bytes each), so that a run of a million rows
costs megabytes; their text is made when they are drawn.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from enum import IntEnum

from hermes_tui.log.event_log import EventLog
from hermes_tui.log.findings import Finding
from hermes_tui.log.fold import Checkpoints, RunState
from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    ReasoningExtracted,
    RequestFailed,
    ResponseChunked,
    ResponseParsed,
    SourceDefect,
    ToolCallProposed,
    ToolErrorRecorded,
    ToolFailed,
    ToolReturned,
)


class RowKind(IntEnum):
    """What a row is about. `EVENT` is any other fact: a request, a stop, the end of the run."""

    MESSAGE = 0
    CALL = 1
    RESULT = 2
    ERROR = 3
    WARNING = 4
    NOTE = 5
    EVENT = 6


KIND_NAMES = {
    RowKind.MESSAGE: "message",
    RowKind.CALL: "call",
    RowKind.RESULT: "result",
    RowKind.ERROR: "error",
    RowKind.WARNING: "warning",
    RowKind.NOTE: "note",
    RowKind.EVENT: "event",
}
_OF_SEVERITY = {
    Severity.ERROR: RowKind.ERROR,
    Severity.WARNING: RowKind.WARNING,
    Severity.NOTE: RowKind.NOTE,
}
_WITHOUT_ROW = (
    ResponseChunked,
    ReasoningExtracted,
    ResponseParsed,
    ToolErrorRecorded,
    # Each of these has a finding, whose row shows it.
    RequestFailed,
    SourceDefect,
)


class Timeline:
    """Rows, findings and links of one log, extended event by event."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.state = RunState()
        self.checkpoints = Checkpoints()
        self.findings: list[Finding] = []
        self.finished = False
        self._seqs = array("L")
        self._findings = array("l")
        self._turns = array("L")
        self._kinds = bytearray()
        self._links = array("l")
        """For a call the seq of its result, for a result the seq of its call, else -1."""
        self.tool_error_rows = array("L")

    def __len__(self) -> int:
        return len(self._seqs)

    def advance(self, limit: int = 1_000_000_000) -> int:
        """Take in up to `limit` further events of the log; return how many were taken.

        Once the log is complete and all of it is taken in, the findings of the end are added.
        """
        taken = 0
        while taken < limit and self.state.events < len(self.log):
            self._take(self.log[self.state.events])
            taken += 1
        if not self.finished and self.log.complete and self.state.events == len(self.log):
            self.finished = True
            self._add_findings(self.state.finish())
        return taken

    def seq(self, row: int) -> int:
        return self._seqs[row]

    def turn(self, row: int) -> int:
        return self._turns[row]

    def kind(self, row: int) -> RowKind:
        return RowKind(self._kinds[row])

    def finding(self, row: int) -> Finding | None:
        """Return the finding that the row shows, None for a row that shows an event."""
        number = self._findings[row]
        return self.findings[number] if number >= 0 else None

    def event(self, row: int) -> Event:
        return self.log[self._seqs[row]]

    def linked_seq(self, row: int) -> int | None:
        """Return the event at the other end: the result of a call, the call of a result."""
        link = self._links[row]
        return link if link >= 0 else None

    def row_of(self, seq: int) -> int | None:
        """Return the row that shows event `seq` itself, or the first one after it."""
        # Findings of an unanswered call point back, so seqs are sorted only among event rows.
        low, high = 0, len(self._seqs)
        while low < high:
            middle = (low + high) // 2
            probe = middle
            while probe < high and self._findings[probe] >= 0:
                probe += 1
            if probe == high:
                high = middle
            elif self._seqs[probe] < seq:
                low = probe + 1
            else:
                high = middle
        while low < len(self._seqs) and self._findings[low] >= 0:
            low += 1
        return low if low < len(self._seqs) else None

    def _take(self, event: Event) -> None:
        found = self.state.apply(event)
        # What concerns the turn before this event is shown before it.
        early = [f for f in found if f.seq < event.seq]
        self._add_findings(early)
        if self._has_row(event):
            kind = RowKind.EVENT
            if isinstance(event, MessageAppended):
                kind = RowKind.MESSAGE
            elif isinstance(event, ToolCallProposed):
                kind = RowKind.CALL
            elif isinstance(event, (ToolReturned, ToolFailed)):
                kind = RowKind.RESULT
            self._add_row(event.seq, -1, self._turn_of(event), kind)
        if isinstance(event, (ToolReturned, ToolFailed)):
            if event.result.error is not None:
                self.tool_error_rows.append(len(self._seqs) - 1)
            self._link(event.seq)
        self._add_findings(f for f in found if f.seq >= event.seq)
        self.checkpoints.offer(self.state)

    def _turn_of(self, event: Event) -> int:
        if isinstance(event, MessageAppended) and event.message.role not in ("assistant", "tool"):
            return self.state.turn + 1
        return self.state.turn

    @staticmethod
    def _has_row(event: Event) -> bool:
        if isinstance(event, MessageAppended):
            # A tool message with one result is shown by that result's own row.
            return not (event.message.role == "tool" and event.message.results == 1)
        return not isinstance(event, _WITHOUT_ROW)

    def _link(self, seq: int) -> None:
        call = self.state.answered
        if call is None:
            return
        row = self.row_of(call.seq)
        if row is not None and self._seqs[row] == call.seq:
            self._links[row] = seq
            self._links[len(self._seqs) - 1] = call.seq

    def _add_row(self, seq: int, finding: int, turn: int, kind: RowKind) -> None:
        self._seqs.append(seq)
        self._findings.append(finding)
        self._turns.append(turn)
        self._kinds.append(kind)
        self._links.append(-1)

    def _add_findings(self, found: Iterable[Finding]) -> None:
        for finding in found:
            self.findings.append(finding)
            self._add_row(
                finding.seq, len(self.findings) - 1, finding.turn, _OF_SEVERITY[finding.severity]
            )
