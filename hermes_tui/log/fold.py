"""The state of a run, folded from its events so far: `RunState`. The fold also finds what is wrong
*between* messages: calls never answered, results of no call, ids used twice, names of no tool.

A turn is one reply of the model and its calls. Messages before a reply belong to the turn that the
reply opens, results to the turn of their call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from itertools import takewhile
from operator import attrgetter
from typing import Any

from hermes_tui.log.empty_replies import empty_reply, is_flawed
from hermes_tui.log.findings import Finding, failed, unexplained_error
from hermes_tui.log.no_answer import NOTHING, REQUEST, TOOL, Last, without_answer
from hermes_tui.log.open_calls import (
    OpenCall,
    id_used_twice,
    misfit,
    orphan,
    unanswered,
    unknown_name,
)
from hermes_tui.log.suspect_calls import decide_suspects, note_answer
from hermes_tui.log.tally import Tally
from hermes_tui.log.waiting_calls import WaitingCalls
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.events import (
    CallDropped,
    Event,
    MessageAppended,
    ReplyDiscarded,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RunEnded,
    RunForked,
    RunStarted,
    SourceDefect,
    Stopped,
    TextEdited,
    ToolCallProposed,
    ToolDispatched,
    ToolFailed,
    ToolReturned,
)
from hermes_tui.model.messages import Origin, ToolResult, ToolSpec, Usage
from hermes_tui.model.wording import title

_DISCARDED = -1
"""The turn recorded for ids whose reply was discarded: they may be used again."""

_START_TEXTS = ("run_id", "parent_run_id", "task", "model", "source_format", "group_id", "parser")
_START_FIELDS = (*_START_TEXTS, "lone_reply", "tools_declared")
_REPLY_COUNTS = ("turn", "messages", "calls", "results", "tool_errors", "reasoning", "characters")
"""The counts that are reset when a reply is discarded."""
_reply_counts: Callable[[RunState], tuple[int, ...]] = attrgetter(*_REPLY_COUNTS)
_HIDDEN_FLAGS = frozenset({"hidden", "injected"})
_PARAMETER_TAG = "<parameter"
_NOT_RECEIVED: tuple[Usage | None, bool] = (None, False)


@dataclass(slots=True)
class RunState:
    """All that is known about a run after its events so far."""

    events: int = 0
    turn: int = 0
    messages: int = 0
    appended: int = 0
    """Number of messages so far, including those of discarded replies."""
    calls: int = 0
    results: int = 0
    tool_errors: int = 0
    reasoning: int = 0
    defects: int = 0
    characters: int = 0
    run_id: str = ""
    parent_run_id: str = ""
    task: str = ""
    first_user_text: str = ""
    model: str = ""
    source_format: str = ""
    group_id: str = ""
    lone_reply: bool = False
    tools: dict[str, ToolSpec] = field(default_factory=dict)
    tools_declared: bool = False
    parser: str = ""
    status: str = ""
    stop_reason: str = ""
    reward: float | None = None
    scores: dict[str, float] = field(default_factory=dict)
    usage: Usage | None = None
    details: dict[str, Any] = field(default_factory=dict)
    first_ts: float | None = None
    last_ts: float | None = None
    ended: bool = False
    open_calls: WaitingCalls = field(default_factory=WaitingCalls)
    open_in_text: bool = field(default=False, compare=False)
    """Whether any of them may have been read from text."""
    call_ids: dict[str, int] = field(default_factory=dict)
    """Each id seen so far and the turn in which it was last seen, the latest last."""
    codes: Counter[Code] = field(default_factory=Counter)
    severities: Counter[Severity] = field(default_factory=Counter)
    tally: Tally = field(default_factory=Tally)
    tagged_arguments: bool = False
    """Whether the calls of this reply write arguments as tags, whose texts are read by schema."""
    empty_message: MessageAppended | None = None
    """The last message, if it is a reply without text and no call of it has come so far."""
    last: Last = NOTHING
    received: tuple[Usage | None, bool] = _NOT_RECEIVED
    """The usage of the reply received last, and whether an error was reported with it."""
    before_reply: tuple[int, ...] = ()
    """The counts before the reply of this turn; empty if there is none."""
    answered: OpenCall | None = None
    """The call that the last event answered, if it was a result."""
    last_answered: OpenCall | None = None
    """The call that was answered last; it may be dispatched again."""
    answered_in_text: tuple[OpenCall, ...] = ()
    """The calls read from text that the last event answered, if it was a message."""
    answered_together: WaitingCalls = field(default_factory=WaitingCalls)
    """Calls read from text that share the turn's first result, unless it has another for them."""
    suspects: tuple[Finding, ...] = ()
    """Findings of calls in content, undecided until it is clear whether anybody answers them."""
    suspect_calls: WaitingCalls = field(default_factory=WaitingCalls)
    """The calls that were read from the text of `suspects`."""
    answering_role: str = ""
    """The role that answers calls in the text; empty while no such call was answered."""

    def copy(self) -> RunState:
        """Return an independent state with the same content."""
        twin = replace(self)
        for item in fields(twin):
            value = getattr(twin, item.name)
            if isinstance(value, (dict, Counter, Tally, WaitingCalls)):
                setattr(twin, item.name, value.copy())
        return twin

    def apply(self, event: Event) -> tuple[Finding, ...]:
        """Apply one event and return the findings that result from it, in order."""
        self.events += 1
        self.answered, self.answered_in_text = None, ()
        if event.ts is not None:
            self.first_ts = event.ts if self.first_ts is None else self.first_ts
            self.last_ts = event.ts
        findings = list(self._settle_empty_message(event)) if self.empty_message is not None else []
        if type(event) is MessageAppended:
            self._apply_message(event, findings)
        else:
            self._apply_other(event, findings)
        if event.diagnostics:
            self._add_diagnostics(event, findings)
        return self._count_all(findings) if findings else ()

    def _apply_other(self, event: Event, findings: list[Finding]) -> None:
        match event:
            case ToolCallProposed():
                self._apply_call(event, findings)
            case ToolReturned() | ToolFailed():
                self._apply_result(event.result, event.seq, findings)
            case RunStarted():
                self._apply_start(event)
            case RunEnded():
                self._apply_end(event, findings)
            case SourceDefect():
                self.defects += 1
                findings.append(failed(event, self._turn_of(event), self.appended))
            case RequestFailed():
                self.last = NOTHING
                if not event.diagnostics:
                    findings.append(failed(event, self._turn_of(event), self.appended))
            case CallDropped():
                self.open_calls.drop(event.call_index)
            case ReplyDiscarded() | TextEdited():
                self._discard_reply()
            case RequestSent():
                self.before_reply, self.last = (), Last(REQUEST)
            case ResponseReceived():
                self.last = NOTHING
                self.received = event.usage, is_flawed(event.diagnostics)
                self.tally.received(event.usage, event.duration_s, self.turn + 1)
            case Stopped() if self.suspects:
                # A live run: decide now, as whoever is stopped here needs to see the findings
                # and nobody else will answer these calls.
                decide_suspects(self, findings, answered=False)
            case ToolDispatched():
                self._reopen_call(event.call_index)
            case RunForked():
                self.parent_run_id = event.parent_run_id
                self.run_id = event.run_id or self.run_id

    def _turn_of(self, event: Event) -> int:
        """Return the turn that an event is about. A reply's turn is opened only by its message."""
        if isinstance(event, (RequestFailed, ResponseReceived)):
            return max(event.turn, self.turn)
        return self.turn

    def finish(self) -> tuple[Finding, ...]:
        """Return the findings that are certain only once no more events can come."""
        findings = list(self._settle_empty_message(None))
        self._close_turn(findings, at_end=True)
        findings += [] if self.ended else without_answer(self, self.events - 1)
        return self._count_all(findings)

    def _settle_empty_message(self, event: Event | None) -> Iterator[Finding]:
        """Yield a finding if the last reply was empty and `event` is not a call of it.

        `event` is None at the end of the run.
        """
        empty_message, (usage, is_reported) = self.empty_message, self.received
        self.empty_message = None
        # Some files store the calls of a reply separately from it.
        if empty_message is None or is_reported or type(event) is ToolCallProposed:
            return
        if type(event) is RunEnded and self.turn == 1:
            usage = usage or event.usage
        diagnostic = empty_reply(empty_message, usage, tools=bool(self.tools))
        if diagnostic is not None:
            yield Finding.of(diagnostic, empty_message.seq, self.turn, number=self.appended)

    def _add_diagnostics(self, event: Event, findings: list[Finding]) -> None:
        number, tool = self._place_of(event)
        for diagnostic in event.diagnostics:
            finding = Finding.of(
                diagnostic, event.seq, self._turn_of(event), number=number, tool=tool
            )
            if diagnostic.code is Code.CALL_IN_CONTENT and diagnostic.severity is Severity.ERROR:
                self.suspects += (finding,)
            else:
                findings.append(finding)

    def _place_of(self, event: Event) -> tuple[int, str]:
        """Return the number of the message that an event belongs to, and the tool it is about."""
        match event:
            case ToolReturned() | ToolFailed():
                name = self.answered.name if self.answered is not None else event.result.name
                # The message that contains a result comes after it.
                return self.appended + 1, name or ""
            case ToolCallProposed():
                return self.appended, event.call.name or ""
            case ResponseReceived():
                # The reply as received comes before its message.
                return self.appended + 1, ""
            case _:
                return self.appended, ""

    def _count_all(self, findings: list[Finding]) -> tuple[Finding, ...]:
        for finding in findings:
            self.count(finding)
        return tuple(findings)

    def count(self, finding: Finding) -> None:
        """Count a finding of this run."""
        self.codes[finding.code] += 1
        self.severities[finding.severity] += 1

    def _apply_start(self, event: RunStarted) -> None:
        for name in _START_FIELDS:
            setattr(self, name, getattr(event, name))
        self.tools = {tool.name: tool for tool in event.tools}
        self.details = dict(event.details)

    def _apply_end(self, event: RunEnded, findings: list[Finding]) -> None:
        if event.by_call:
            self.open_calls.drop_last()
        self.ended, self.status = True, event.status
        self._close_turn(findings, at_end=True)
        self.tally.whole_s = event.duration_s
        self.stop_reason, self.reward = event.stop_reason, event.reward
        self.scores = dict(event.scores)
        self.usage = event.usage or self.usage
        self.details.update(event.details)
        findings.extend(without_answer(self, event.seq))
        findings.extend(unexplained_error(self, event, findings))

    def _discard_reply(self) -> None:
        """Count as if the reply of this turn had never come; its findings stay counted."""
        self.open_calls.clear()
        self.suspect_calls.clear()
        self.suspects = ()
        if self.ended or not self.before_reply:
            return
        for call_id in [key for key, turn in self._latest_ids() if turn == self.turn]:
            del self.call_ids[call_id]
            self.call_ids[call_id] = _DISCARDED
        for name, count in zip(_REPLY_COUNTS, self.before_reply, strict=True):
            setattr(self, name, count)
        self.tally.discard_reply()
        self.before_reply = ()

    def _latest_ids(self) -> Iterator[tuple[str, int]]:
        """Yield the call ids of this turn and those discarded in it, the latest first."""
        return takewhile(
            lambda used: used[1] in (self.turn, _DISCARDED), reversed(self.call_ids.items())
        )

    def _reopen_call(self, call_index: int) -> None:
        """Reopen the call that was answered last if its tool is run once more."""
        last = self.last_answered
        if last is None or (last.turn, last.index) != (self.turn, call_index):
            return
        if not self.open_calls.has_index(call_index):
            self.open_calls.add(last)
            self.open_in_text |= last.in_text

    def _apply_message(self, event: MessageAppended, findings: list[Finding]) -> None:
        message = event.message
        if message.role == "assistant":
            if self.open_calls or self.suspects:
                self._close_turn(findings, at_end=False)
            self.answered_together.clear()
            self.before_reply = _reply_counts(self)
            self.last_answered = None
            self.tally.reply()
            self.turn += 1
            # In a run of our own, argument texts are passed to tools unchanged.
            is_read = message.calls > 0 and self.source_format != "native"
            self.tagged_arguments = is_read and _PARAMETER_TAG in message.text
            if not message.calls and (not message.text or message.text.isspace()):
                self.empty_message = event
            else:
                self.received = _NOT_RECEIVED
        else:
            if self.suspects:
                is_answer = note_answer(self, message.role, message.text)
                decide_suspects(self, findings, answered=message.results > 0 or is_answer)
            if self.open_in_text:
                self.answered_in_text = self.open_calls.take_in_text()
                self.open_in_text = False
                if message.results:
                    self.answered_together.extend(self.answered_in_text)
        if message.role == "user" and not (self.task and self.first_user_text):
            self.task, self.first_user_text = self.task or title(message.text), message.text
        if not message.results:
            self.last = Last("" if _HIDDEN_FLAGS.intersection(message.flags) else message.role)
        self.messages += 1
        self.appended += 1
        self.characters += len(message.text)
        self.reasoning += bool(message.reasoning)
        is_counted = message.usage or message.flags or self.tally.has_counted
        if is_counted or message.duration_s is not None:
            self.tally.message(message, event.seq, self.turn)

    def _apply_call(self, event: ToolCallProposed, findings: list[Finding]) -> None:
        call = event.call
        self.calls += 1
        self.tally.call(call.name)
        reply = event.seq - 1 - call.index
        suspect = bool(self.suspects) and any(f.seq == reply for f in self.suspects)
        # If a call read from text has an id, each call of its turn gets a separate result.
        in_text = call.origin is Origin.TEXT and (suspect or not call.id)
        self.open_in_text |= in_text
        opened = OpenCall(
            event.seq, self.turn, call.id, call.name, call.index, in_text, self.appended
        )
        if call.id:
            last_turn = self.call_ids.pop(call.id, _DISCARDED)
            if last_turn != _DISCARDED:
                findings.append(id_used_twice(opened, last_turn))
            self.call_ids[call.id] = self.turn
        if call.name and self.tools:
            spec = self.tools.get(call.name)
            if spec is None:
                findings.append(unknown_name(opened, tuple(self.tools)))
            else:
                as_text = self.tagged_arguments and call.origin is Origin.TEXT
                findings.extend(misfit(opened, call, spec.parameters, as_text=as_text))
        if suspect and in_text:
            self.suspect_calls.add(opened)
        else:
            self.open_calls.add(opened)

    def _apply_result(self, result: ToolResult, seq: int, findings: list[Finding]) -> None:
        self.results += 1
        if result.error is not None:
            self.tool_errors += 1
        suspected = self.suspects
        answered = self.open_calls.take(result) or self.answered_together.take(result)
        if suspected and answered is None:
            # A client-side parser read these calls from the text: from now on they are open calls.
            decide_suspects(self, findings, answered=True)
            answered = self.open_calls.take(result)
        name = answered.name if answered is not None else result.name
        self.last = Last(TOOL, name or "")
        self.tally.result(result, name, self.turn)
        if answered is not None:
            self.answered = self.last_answered = answered
        elif not suspected:
            findings.append(orphan(result, seq, self.turn, self.appended + 1))

    def _close_turn(self, findings: list[Finding], *, at_end: bool) -> None:
        if self.suspects:
            decide_suspects(self, findings, answered=False, at_end=at_end)
        if not (at_end and self.lone_reply):
            findings.extend(unanswered(self, call, at_end=at_end) for call in self.open_calls)
        self.open_calls.clear()
