"""A session's state: all that a decision depends on, folded from the log and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from hermes_tui.debugger.breakpoints import Breakpoint, parse_breakpoint
from hermes_tui.debugger.call_rules import call_key
from hermes_tui.debugger.stepping import Command, Moment, Phase, StopPoint
from hermes_tui.debugger.turn import CallState, CallStatus, Reply
from hermes_tui.model import events as ev
from hermes_tui.model.messages import ToolSpec

RETRY = "retry"
_NO_STOP = ev.Stopped(seq=-1, stop_point="")


@dataclass(slots=True)
class SessionState:
    """`reached` is the place in the turn of the last stop, dispatch or result; see `place_of`."""

    phase: Phase = Phase.READY
    events: int = 0
    tools: dict[str, ToolSpec] | None = None
    max_turns: int = 30
    stop_points: frozenset[StopPoint] = frozenset()
    breakpoints: dict[str, Breakpoint] = field(default_factory=dict)
    hits: Counter[str] = field(default_factory=Counter)
    spent: set[str] = field(default_factory=set)
    """Breakpoints for one time only that had theirs."""
    aim: Command = Command.CONTINUE
    aim_moment: Moment | None = None
    pausing: bool = False
    stop: ev.Stopped = _NO_STOP
    conversation: list[str] = field(default_factory=list)
    """The messages of the turns before this one, as JSON texts."""
    turn: int = 0
    attempt: int = 0
    reply: Reply | None = None
    failure: ev.RequestFailed | None = None
    reached: tuple[int, ...] = ()
    seen_calls: Counter[str] = field(default_factory=Counter)
    doomed: bool = False

    @classmethod
    def of(cls, events: Iterable[ev.Event]) -> SessionState:
        """Return the state after `events`, the log of one run from its beginning."""
        state = cls()
        for event in events:
            state.apply(event)
        return state

    @property
    def moment(self) -> Moment | None:
        """The moment of the present stop; None where the run is not stopped."""
        return StopPoint(self.stop.stop_point).moment if self.phase is Phase.STOPPED else None

    @property
    def call(self) -> CallState | None:
        """The call that the run is at: the first that is not done with."""
        return self.reply.current if self.reply else None

    @property
    def request(self) -> tuple[int, int]:
        """Turn and attempt of the next request."""
        again = self.turn > 0 and self.reply is None
        return (self.turn, self.attempt + 1) if again else (self.turn + 1, 1)

    def place_of(self, moment: Moment, call_index: int | None) -> tuple[int, ...]:
        """Return where `moment` stands in the turn; places only grow, so none is passed twice."""
        match moment:
            case Moment.REQUEST:
                return (0,) if self.reply is None else (5,)
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

    def apply(self, event: ev.Event) -> None:
        """Take one event into account."""
        self.events += 1
        match event:
            case ev.RunStarted():
                self._started(event)
            case ev.BreakpointsSet():
                self._set_breakpoints(event)
            case ev.RequestSent():
                self._sent(event)
            case ev.RequestFailed():
                self.failure, self.phase = event, Phase.DECIDING
            case ev.ReplyDiscarded() if self.phase is not Phase.ENDED:
                self.reply = None
            case ev.Stopped():
                self._hit(event)
                self.stop, self.phase = event, Phase.STOPPED
                self.aim, self.aim_moment, self.pausing = Command.CONTINUE, None, False
            case ev.BreakpointsHit():
                self._hit(event)
                self.doomed = event.fatal
            case ev.Resumed():
                self._resumed(event)
            case ev.PauseRequested():
                self.pausing = True
            case ev.RunEnded():
                self.phase = Phase.ENDED
            case _:
                self._of_reply(event)

    def _of_reply(self, event: ev.Event) -> None:
        """Take what a reply says into account, and what becomes of its calls."""
        if isinstance(event, ev.ResponseReceived):
            self.reply, self.phase = Reply(finish_reason=event.finish_reason), Phase.DECIDING
            return
        reply = self.reply
        if reply is None:
            if isinstance(event, ev.MessageAppended):
                self.conversation.append(event.raw)
            return
        current = reply.current
        reply.apply(event)
        match event:
            case ev.ToolCallProposed():
                proposed = reply.calls[-1]
                key = call_key(proposed.name, proposed.arguments)
                proposed.repeats = self.seen_calls[key]
                self.seen_calls[key] += 1
            case ev.ToolDispatched():
                self.phase = Phase.DISPATCHING
                self._reach(Moment.CALL, event.call_index)
            case ev.ToolReturned() | ev.ToolFailed():
                self.phase = Phase.DECIDING
                self._reach(Moment.CALL, event.call_index)
            case ev.MessageAppended() if current is not None and reply.current is not current:
                self._reach(Moment.RESULT, current.call.index)
            case _:
                pass

    def _started(self, event: ev.RunStarted) -> None:
        self.tools = {tool.name: tool for tool in event.tools} if event.tools_declared else None
        self.max_turns = int(event.details.get("max_turns", self.max_turns))
        self.conversation = []

    def _set_breakpoints(self, event: ev.BreakpointsSet) -> None:
        self.breakpoints = {
            key: parse_breakpoint(text, breakpoint_id=key)
            for key, text in event.breakpoints.items()
        }
        self.stop_points = frozenset(StopPoint(point) for point in event.stop_points)
        self.spent &= self.breakpoints.keys()
        if self.phase is Phase.READY:
            self.phase = Phase.DECIDING

    def _sent(self, event: ev.RequestSent) -> None:
        if self.reply is not None:
            self.conversation += self.reply.messages()
        self.turn, self.attempt, self.phase = event.turn, event.attempt, Phase.REQUESTING
        self.reply, self.failure, self.reached = None, None, ()

    def _hit(self, event: ev.Stopped | ev.BreakpointsHit) -> None:
        self._reach(StopPoint(event.stop_point).moment, event.call_index)
        self.hits.update(event.hits)
        for key in event.breakpoints:
            if key in self.breakpoints and self.breakpoints[key].once:
                self.spent.add(key)

    def _reach(self, moment: Moment, call_index: int | None) -> None:
        self.reached = max(self.reached, self.place_of(moment, call_index))

    def _resumed(self, event: ev.Resumed) -> None:
        moment, call = self.moment, self.call
        self.phase = Phase.DECIDING
        if event.command in list(Command):
            self.aim, self.aim_moment = Command(event.command), moment
        if self.aim is Command.RUN:
            self.stop_points -= {StopPoint.BEFORE_DISPATCH}
        if call is not None and call.status is CallStatus.DISPATCHED:
            call.status = CallStatus.WAITING if event.command == RETRY else CallStatus.LOST
        elif event.command == RETRY and self.reply is None:
            self.failure, self.reached = None, ()
