"""The rows of a run that the timeline shows: one for every message, call, result, error and
diagnostic, in order. Rows are kept in arrays (about 20 bytes each), so that a run of a million rows
costs megabytes; their text is made when they are drawn.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from enum import IntEnum
from operator import itemgetter

from hermes_tui.log.event_log import EventLog
from hermes_tui.log.finding_list import FindingList
from hermes_tui.log.findings import Finding
from hermes_tui.log.fold import RunState
from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    ReasoningExtracted,
    RequestFailed,
    RequestSent,
    ResponseChunked,
    ResponseParsed,
    ResponseReceived,
    RunEnded,
    SourceDefect,
    TextEdited,
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
_SEVERITY_KINDS = {
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


MARK_EVERY = 4096


class Timeline:
    """Rows, findings and links of one log, extended event by event."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.state = RunState()
        self._marks = [(0, 0)]
        """Number of messages and of events so far, noted every `MARK_EVERY` events."""
        self.findings = FindingList()
        self.finished = False
        self._seqs = array("I")
        self._findings = array("i")
        self._turns = array("I")
        self._kinds = bytearray()
        self._links = array("i")
        """For a call the seq of its answer, for an answer the seq of its call, else -1."""
        self._event_rows = array("I")
        """The rows that show events, and so in the order of seq."""
        self._rows_of = {"call": array("I"), "turn": array("I"), "problem": array("I")}
        self.tool_error_rows = array("I")
        self._discarded_rows: dict[int, int] = {}
        """For a turn whose reply was discarded, the first row after those of that reply."""
        self._awaits_reply = 0
        """1 while a reply is awaited: events until then belong to the turn that it will open."""

    def __len__(self) -> int:
        return len(self._seqs)

    def advance(self, limit: int = 1_000_000_000) -> int:
        """Process up to `limit` further events of the log and return how many there were.

        Once the log is complete and all of it is processed, the findings of the end are added.
        """
        count = 0
        while count < limit and self.state.events < len(self.log):
            self._process(self.log[self.state.events])
            count += 1
        if not self.finished and self.log.complete and self.state.events == len(self.log):
            self.finished = True
            self._add_findings(self.state.finish())
            self._end_last_turn()
        return count

    def seq(self, row: int) -> int:
        return self._seqs[row]

    def turn(self, row: int) -> int:
        return self._turns[row]

    def kind(self, row: int) -> RowKind:
        return RowKind(self._kinds[row])

    def finding(self, row: int) -> Finding | None:
        """Return the finding that the row shows, or None if it shows an event."""
        number = self._findings[row]
        return self.findings[number] if number >= 0 else None

    def event(self, row: int) -> Event:
        return self.log[self._seqs[row]]

    def findings_of(self, seq: int) -> list[Finding]:
        """Return the findings about event `seq`, wherever their rows are."""
        return self.findings.of(seq)

    def linked_seq(self, row: int) -> int | None:
        """Return the seq of the event that the row is linked with, or None.

        A call is linked with its answer, an answer with its call. A call read from text may be
        answered by a message, several of them by the same one.
        """
        link = self._links[row]
        return link if link >= 0 else None

    def linked(self, row: int) -> Event | None:
        """Return the event that the row is linked with; see `linked_seq`."""
        seq = self.linked_seq(row)
        return self.log[seq] if seq is not None else None

    def row_of(self, seq: int) -> int | None:
        """Return the row that shows event `seq` itself, or the first one after it."""
        rows = self._event_rows
        place = bisect_left(rows, seq, key=self._seqs.__getitem__)
        return rows[place] if place < len(rows) else None

    def rows_from(self, what: str, row: int, step: int) -> Iterator[int]:
        """Yield the rows beyond `row` in the direction `step`, the nearest first.

        `what` is `call`, `turn` (the replies that open one) or `problem` (errors and warnings).
        """
        rows = self._rows_of[what]
        place = bisect_right(rows, row) if step > 0 else bisect_left(rows, row) - 1
        while 0 <= place < len(rows):
            yield rows[place]
            place += step

    def problem_number(self, row: int) -> tuple[int, int] | None:
        """Return which problem a row is (from 1) and how many there are, or None if it is none."""
        rows = self._rows_of["problem"]
        place = bisect_left(rows, row)
        return (place + 1, len(rows)) if place < len(rows) and rows[place] == row else None

    def turn_row(self, turn: int) -> int | None:
        """Return the row of the reply that opens a turn (from 1), or None if there is none."""
        rows = self._rows_of["turn"]
        return rows[turn - 1] if 1 <= turn <= len(rows) else None

    def message_row(self, number: int) -> int | None:
        """Return the row that shows a message (from 1), or None if the rows end before it.

        Costs O(events since the last mark before it).
        """
        if not 1 <= number <= self.state.appended:
            return None
        count, first = self._marks[bisect_left(self._marks, (number,)) - 1]
        for seq in range(first, self.state.events):
            event = self.log[seq]
            if not isinstance(event, MessageAppended):
                continue
            count += 1
            if count == number:
                # A message that has no row is shown by the row of its result.
                return self.row_of(seq if self._has_row(event) else seq - 1)
        return None

    def message_number(self, row: int) -> int:
        """Return the message (from 1) that a row belongs to, 0 before the first.

        Costs O(events since the last mark before it).
        """
        finding, seq = self.finding(row), self._seqs[row]
        if finding is not None and finding.number:
            return min(finding.number, self.state.appended)
        mark = bisect_right(self._marks, seq, key=itemgetter(1)) - 1
        count, first = self._marks[mark]
        count += sum(isinstance(self.log[at], MessageAppended) for at in range(first, seq + 1))
        # A message comes after the reply as received, or after the result, that it contains.
        is_before = isinstance(self.log[seq], (ResponseReceived, ToolReturned, ToolFailed))
        return min(count + is_before, self.state.appended)

    def call_rows(self, turn: int) -> list[int]:
        """Return the rows of the calls of a turn; for turn 0 those before any reply."""
        calls, turns = self._rows_of["call"], self._rows_of["turn"]
        if turn > len(turns) + 1:
            return []
        # Events while a reply is awaited come before the row that opens its turn.
        first = bisect_left(calls, turns[turn - 2]) if turn > 1 else 0
        last = bisect_left(calls, turns[turn]) if turn < len(turns) else len(calls)
        beginning = self._discarded_rows.get(turn, 0)
        return [row for row in calls[first:last] if row >= beginning and self._turns[row] == turn]

    def _process(self, event: Event) -> None:
        turn = self.state.turn
        findings = self.state.apply(event)
        if self.state.turn < turn:
            # The reply that opened the turn was discarded; another one will open it.
            self._rows_of["turn"].pop()
            self._discarded_rows[turn] = len(self._seqs)
        if isinstance(event, RequestSent):
            self._awaits_reply = int(event.turn == self.state.turn + 1)
        elif self.state.turn != turn or isinstance(event, RunEnded):
            self._awaits_reply = 0
        # Findings about the turn before this event are shown before it.
        early = [f for f in findings if f.seq < event.seq]
        self._add_findings(early)
        if isinstance(event, MessageAppended) and event.message.role == "assistant":
            self._rows_of["turn"].append(len(self._seqs))
        if self._has_row(event):
            self._add_row(event.seq, -1, self._turn_of(event), _kind_of(event))
        if isinstance(event, (ToolReturned, ToolFailed)) and event.result.error is not None:
            self.tool_error_rows.append(len(self._seqs) - 1)
        self._link(event)
        self._add_findings(f for f in findings if f.seq >= event.seq)
        if self.state.events % MARK_EVERY == 0:
            self._marks.append((self.state.appended, self.state.events))

    def _turn_of(self, event: Event) -> int:
        if isinstance(event, MessageAppended) and event.message.role not in ("assistant", "tool"):
            return self.state.turn + 1
        if isinstance(event, (RequestSent, ResponseReceived)) and event.turn:
            return event.turn
        if isinstance(event, TextEdited):
            # The edited reply opens its turn once more, right after this event.
            return self.state.turn + 1
        return self.state.turn + self._awaits_reply

    @staticmethod
    def _has_row(event: Event) -> bool:
        if isinstance(event, MessageAppended):
            message = event.message
            if message.role == "tool" and message.results == 1:
                # It is shown by that result's own row.
                return False
            # So is one with results and nothing else, to which some APIs give the role user.
            return not message.results or bool(message.text or message.parts)
        return not isinstance(event, _WITHOUT_ROW)

    def _link(self, event: Event) -> None:
        state = self.state
        answered = (state.answered,) if state.answered is not None else state.answered_in_text
        if not answered:
            return
        # A message that has no row is shown by the row of its result.
        answer = event.seq if self._has_row(event) else event.seq - 1
        for call in answered:
            self._set_link(call.seq, answer)
        row = self.row_of(answer)
        if row is not None and self._links[row] < 0:
            self._set_link(answer, answered[0].seq)

    def _set_link(self, seq: int, other: int) -> None:
        row = self.row_of(seq)
        if row is not None and self._seqs[row] == seq:
            self._links[row] = other

    def _end_last_turn(self) -> None:
        # Messages after the last reply would belong to the next turn, which will not come.
        turns = self._rows_of["turn"]
        for row in range(turns[-1] if turns else 0, len(self._turns)):
            if self._kinds[row] == RowKind.MESSAGE:
                self._turns[row] = min(self._turns[row], self.state.turn)

    def _add_row(self, seq: int, finding: int, turn: int, kind: RowKind) -> None:
        row = len(self._seqs)
        if finding < 0:
            self._event_rows.append(row)
        if kind is RowKind.CALL:
            self._rows_of["call"].append(row)
        elif kind in (RowKind.ERROR, RowKind.WARNING):
            self._rows_of["problem"].append(row)
        self._seqs.append(seq)
        self._findings.append(finding)
        self._turns.append(turn)
        self._kinds.append(kind)
        self._links.append(-1)

    def _add_findings(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.findings.append(finding)
            self._add_row(
                finding.seq, len(self.findings) - 1, finding.turn, _SEVERITY_KINDS[finding.severity]
            )


def _kind_of(event: Event) -> RowKind:
    match event:
        case MessageAppended():
            return RowKind.MESSAGE
        case ToolCallProposed():
            return RowKind.CALL
        case ToolReturned() | ToolFailed():
            return RowKind.RESULT
        case _:
            return RowKind.EVENT
