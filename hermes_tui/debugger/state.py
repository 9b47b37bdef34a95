"""The state of a session: all that a decision depends on, folded from the log alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hermes_tui.debugger.breakpoints import Breakpoint, parse_breakpoint
from hermes_tui.debugger.call_rules import call_key
from hermes_tui.debugger.loop_rules import rules_for
from hermes_tui.debugger.prefix import TURNS_BEFORE
from hermes_tui.debugger.stepping import Command, Moment, Phase, StopPoint, stop_point
from hermes_tui.debugger.turn import CallState, CallStatus, Reply
from hermes_tui.model import events as ev
from hermes_tui.model.errors import UsageError
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.call_arguments import Arguments
from hermes_tui.parsers.plain_values import json_text

RETRY = "retry"
_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 8.0
_NO_STOP = ev.Stopped(seq=-1, stop_point="")


@dataclass(slots=True)
class SessionState:
    """State of a session. `reached` is how far the turn has got: the place of its last stop,
    dispatch or result; see `place_of`."""

    phase: Phase = Phase.READY
    events: int = 0
    tools: dict[str, ToolSpec] | None = None
    names: frozenset[str] | None = None
    """The tools that may be called; None: any."""
    manual: frozenset[str] = frozenset()
    mode: str = "strict"
    parser: str = ""
    """The parser of calls in the text of replies: auto, hermes in faithful mode, or the name of an
    engine's parser; empty: none."""
    api: str = ""
    """The API by which a live run asks its server; empty if the log does not say."""
    url: str = ""
    max_turns: int = 30
    retries: int = 0
    parameters: str = "{}"
    """The body of the next request without its messages, JSON text."""
    sent_parameters: str = ""
    """The parameters of the last request."""
    delay_s: float = 0.0
    """How long the last request waits before it is sent."""
    stop_points: frozenset[StopPoint] = frozenset()
    breakpoints: dict[str, Breakpoint] = field(default_factory=dict)
    hits: Counter[str] = field(default_factory=Counter)
    spent: set[str] = field(default_factory=set)
    """Breakpoints with `once` that have taken effect."""
    aim: Command = Command.CONTINUE
    aim_moment: Moment | None = None
    pausing: bool = False
    stop: ev.Stopped = _NO_STOP
    conversation: list[str] = field(default_factory=list)
    """The messages of the turns before this one, as JSON texts."""
    message_edits: list[ev.MessageEdited] = field(default_factory=list)
    """A person's changes to the messages of the next request."""
    turn: int = 0
    """The turn as the log counts turns: replies, including those that the run began with."""
    turns_before: int = 0
    """How many replies the run began with."""
    attempt: int = 0
    cancelled_attempts: int = 0
    """How many attempts of the present request somebody cancelled."""
    reply: Reply | None = None
    failure: ev.RequestFailed | None = None
    reached: tuple[int, ...] = ()
    seen_calls: Counter[str] = field(default_factory=Counter)
    ends_by_breakpoint: bool = False
    escaped: ev.LoopEscaped | None = None
    diverged: ev.ReplayDiverged | None = None
    accepted: bool = False
    """Whether the reply that is owed is one that a replay could not give."""

    @classmethod
    def of(cls, events: Iterable[ev.Event]) -> SessionState:
        """Return the state after `events`, the log of one run from its beginning."""
        state = cls()
        for event in events:
            state.apply(event)
        return state

    @property
    def moment(self) -> Moment | None:
        """The moment of the present stop; None if the run is not stopped."""
        return stop_point(self.stop.stop_point).moment if self.phase is Phase.STOPPED else None

    @property
    def call(self) -> CallState | None:
        """The call that the run is at, the first that is not settled; None if there is none."""
        return self.reply.current if self.reply else None

    @property
    def request(self) -> tuple[int, int]:
        """Turn and attempt of the next request."""
        again = self.attempt > 0 and self.reply is None
        return (self.turn, self.attempt + 1) if again else (self.turn + 1, 1)

    @property
    def own_turn(self) -> int:
        """The turn as the loop counts turns: replies that it requested itself."""
        return self.turn - self.turns_before

    @property
    def lost(self) -> bool:
        """Whether the run can only end, or needs a reply that a replay could not give."""
        return self.ends_by_breakpoint or self.escaped is not None or self.diverged is not None

    @property
    def retries_request(self) -> bool:
        """Whether the failed request is retried without asking a person."""
        failure = self.failure
        return failure is not None and failure.retryable and self.tries <= self.retries

    @property
    def tries(self) -> int:
        """The attempts of the present request that nobody cancelled."""
        return self.attempt - self.cancelled_attempts

    @property
    def cancelled(self) -> bool:
        """Whether somebody cancelled the request or the call that the run is at."""
        of_call = self.call is not None and self.call.cancelled
        return of_call or (self.failure is not None and bool(self.failure.by))

    @property
    def tool_ran(self) -> bool:
        """Whether a tool of this turn was dispatched."""
        return self.reply is not None and any(
            call.dispatched is not None for call in self.reply.calls
        )

    def upcoming(self) -> list[str]:
        """Return the messages that the next request would hold."""
        messages = list(self.conversation)
        if self.reply is not None:
            messages += rules_for(self.mode).messages(self.reply)
        for edit in self.message_edits:
            if not edit.after:
                del messages[edit.index : edit.index + 1]
            else:
                messages[edit.index : edit.index + 1] = [edit.after]
        return messages

    def place_of(self, moment: Moment, call_index: int | None) -> tuple[int, ...]:
        """Return the place of `moment` in the turn. Places only grow, so none is passed twice."""
        match moment:
            case Moment.REQUEST if self.reply is not None:
                return (5,)
            case Moment.REQUEST:
                return (0,) if self.failure is None else (1, 1)
            case Moment.FAILURE:
                return (1,)
            case Moment.REPLY:
                return (2,)
            case Moment.CALL:
                return (3, call_index or 0, 0)
            case Moment.RESULT:
                return (3, call_index or 0, 1)
            case Moment.TURN_END:
                return (4,)
            case Moment.RUN_END:
                return (6,)
            case Moment.RECOVERY:
                return ()
            case Moment.DIVERGENCE:
                return (0, 1) if call_index is None else (3, call_index, 0, 1)

    def apply(self, event: ev.Event) -> None:
        """Apply one event."""
        self.events += 1
        match event:
            case ev.RunStarted():
                self._apply_start(event)
            case ev.BreakpointsSet():
                self._set_breakpoints(event)
            case ev.RequestSent():
                self._apply_request(event)
            case ev.RequestFailed():
                self.failure, self.phase, self.accepted = event, Phase.DECIDING, False
                self.cancelled_attempts += bool(event.by)
            case ev.ReplyDiscarded() if self.phase is not Phase.ENDED:
                self._forget_calls()
                if self.reply is not None and self.reply.given:
                    # The next reply replaces the one that the run began with.
                    self.turn, self.turns_before = self.turn - 1, self.turns_before - 1
                self.reply, self.reached = None, ()
            case ev.TextEdited() if self.reply is not None:
                self._forget_calls()
                self.reply = self.reply.without_content()
            case ev.MessageEdited():
                self.message_edits.append(event)
            case ev.ParametersChanged():
                self.parameters = event.after
            case ev.ReplayDiverged() if self.phase is not Phase.ENDED:
                self.diverged, self.phase = event, Phase.DECIDING
            case ev.LoopEscaped():
                self.escaped, self.phase = event, Phase.DECIDING
            case ev.RunForked():
                self._apply_fork(event)
            case ev.Stopped():
                self._apply_hits(event)
                self.stop, self.phase = event, Phase.STOPPED
                self.aim, self.aim_moment, self.pausing = Command.CONTINUE, None, False
            case ev.BreakpointsHit():
                self._apply_hits(event)
                self.ends_by_breakpoint = event.fatal
            case ev.Resumed():
                self._apply_resume(event)
            case ev.PauseRequested():
                self.pausing = True
            case ev.RunEnded():
                self.phase = Phase.ENDED
            case _:
                self._apply_to_reply(event)

    def _apply_to_reply(self, event: ev.Event) -> None:
        """Apply an event about a reply or one of its calls."""
        if isinstance(event, ev.ResponseReceived):
            self.reply = Reply.of(event)
            self.phase, self.accepted = Phase.DECIDING, False
            return
        reply = self.reply
        if reply is None:
            self._apply_to_prefix(event)
            return
        current = reply.current
        reply.apply(event)
        match event:
            case ev.ToolCallProposed():
                proposed = reply.calls[-1]
                proposed.key = call_key(proposed.name, proposed.arguments)
                proposed.repeats = self.seen_calls[proposed.key]
                self.seen_calls[proposed.key] += 1
            case ev.ToolDispatched():
                if reply.current is not None and reply.current.status is CallStatus.DISPATCHED:
                    self.phase, self.accepted = Phase.DISPATCHING, False
                self._reach(Moment.CALL, event.call_index)
            case ev.ToolReturned() | ev.ToolFailed():
                if self.phase is not Phase.READY:
                    self.phase, self.accepted = Phase.DECIDING, False
                self._reach(Moment.CALL, event.call_index)
            case ev.MessageAppended() if current is not None and reply.current is not current:
                self._reach(Moment.RESULT, current.call.index)
            case _:
                pass

    def _apply_to_prefix(self, event: ev.Event) -> None:
        """Apply an event about a message that the run begins with."""
        match event:
            case ev.MessageAppended():
                self.conversation.append(event.raw)
            case ev.ToolCallProposed(call=call):
                arguments = Arguments(call.arguments_text, call.arguments_state, call.arguments)
                self.seen_calls[call_key(call.name, arguments)] += 1
            case ev.ResponseParsed() if self.phase is Phase.READY:
                self.reply = Reply(given=True)
                self.reply.apply(event)

    def _forget_calls(self) -> None:
        """Remove the calls of the reply from the calls seen so far."""
        for call in self.reply.calls if self.reply else ():
            self.seen_calls[call.key] -= 1

    def _apply_start(self, event: ev.RunStarted) -> None:
        self.tools = {tool.name: tool for tool in event.tools} if event.tools_declared else None
        self.parser = event.parser
        self.conversation = []
        details = event.details
        live = details.get("live")
        self.api = str(live.get("api", "")) if isinstance(live, dict) else ""
        self.turn = self.turns_before = max(0, _number(details, TURNS_BEFORE, 0))
        self.max_turns = _number(details, "max_turns", self.max_turns)
        self.retries = _number(details, "retries", 0)
        self.mode = str(details.get("mode", "strict"))
        self.url = str(details.get("url", ""))
        self.manual = _names(details, "manual") or frozenset()
        self.names = _names(details, "valid_names")
        if self.names is None and self.tools is not None:
            self.names = frozenset(self.tools)
        if isinstance(parameters := details.get("parameters"), dict):
            self.parameters = json_text(parameters)

    def _apply_fork(self, event: ev.RunForked) -> None:
        """Make the fork stop at the next moment, even if the other run was resumed there before."""
        if self.phase is not Phase.DECIDING:
            return
        self.pausing = True
        if self.call is not None and self.call.status is CallStatus.WAITING:
            self.reached = min(self.reached, self.place_of(Moment.CALL, self.call.call.index)[:2])
            if event.at_call:
                self._reach(Moment.REPLY, None)
        elif self.reply is None and self.failure is None:
            self.reached = ()
        else:
            self.reached = min(self.reached, self.place_of(Moment.TURN_END, None))

    def _set_breakpoints(self, event: ev.BreakpointsSet) -> None:
        self.breakpoints = {}
        for key, text in event.breakpoints.items():
            # Another version or a person may have written one that this version cannot read.
            with suppress(UsageError):
                self.breakpoints[key] = parse_breakpoint(text, breakpoint_id=key)
        known = frozenset(StopPoint)
        self.stop_points = frozenset(StopPoint(name) for name in event.stop_points if name in known)
        self.spent &= self.breakpoints.keys()
        if self.phase is Phase.READY:
            self.phase = Phase.DECIDING

    def _apply_request(self, event: ev.RequestSent) -> None:
        self.delay_s, self.accepted = self._delay_s(), False
        self.conversation, self.message_edits = self.upcoming(), []
        self.sent_parameters = event.parameters or self.sent_parameters
        if event.attempt == 1:
            self.cancelled_attempts = 0
        self.turn, self.attempt, self.phase = event.turn, event.attempt, Phase.REQUESTING
        self.reply, self.failure, self.reached = None, None, ()

    def _delay_s(self) -> float:
        """Return how long to wait before a failed request is retried."""
        if self.failure is None:
            return 0.0
        if self.failure.retry_in_s is not None:
            return max(0.0, self.failure.retry_in_s)
        return min(_FIRST_DELAY_S * 2.0 ** min(self.tries - 1, 8), _LONGEST_DELAY_S)

    def _apply_hits(self, event: ev.Stopped | ev.BreakpointsHit) -> None:
        self._reach(stop_point(event.stop_point).moment, event.call_index)
        self.hits.update(event.hits)
        for key in event.breakpoints:
            if key in self.breakpoints and self.breakpoints[key].once:
                self.spent.add(key)

    def _reach(self, moment: Moment, call_index: int | None) -> None:
        self.reached = max(self.reached, self.place_of(moment, call_index))

    def _apply_resume(self, event: ev.Resumed) -> None:
        moment, call = self.moment, self.call
        self.phase = Phase.DECIDING
        if event.command in list(Command):
            self.aim, self.aim_moment = Command(event.command), moment
        if self.aim is Command.RUN:
            self.stop_points -= {StopPoint.BEFORE_DISPATCH}
        if self.diverged is not None:
            self.diverged, self.accepted = None, True
            self.phase = Phase.REQUESTING if call is None else Phase.DISPATCHING
        elif call is not None and call.status is CallStatus.DISPATCHED:
            call.status = CallStatus.WAITING if event.command == RETRY else CallStatus.LOST
        elif call is not None and event.command == RETRY:
            call.run_again()
            self.reached = self.place_of(Moment.CALL, call.call.index)
        elif event.command == RETRY and self.reply is None:
            self.failure, self.reached = None, ()


def _number(details: dict[str, Any], key: str, default: int) -> int:
    value = details.get(key, default)
    return value if isinstance(value, int) else default


def _names(details: dict[str, Any], key: str) -> frozenset[str] | None:
    value = details.get(key)
    return frozenset(map(str, value)) if isinstance(value, (list, tuple)) else None
