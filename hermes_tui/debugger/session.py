"""A run under the debugger, without I/O: an input goes in, events and effects come out.

    session = Session()
    events, effects = session.apply(Start(messages), now=time.time(), new_id=uuid4().hex)

The state is a fold of the events that came out, so `Session.from_events(log)` is a session at the
end of the log; `Reopen` then records what was lost with the old process. The caller must store the
events before it performs the effects, and give each input a new unique id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hermes_tui.debugger import answers, commands, gates, replies
from hermes_tui.debugger import inputs as given
from hermes_tui.debugger.effects import (
    CancelRequest,
    CancelTool,
    DispatchTool,
    Effect,
    Finish,
    SendRequest,
)
from hermes_tui.debugger.inputs import TERMINATED
from hermes_tui.debugger.loop_rules import Dispatch, Escaped, Raised, rules_for
from hermes_tui.debugger.state import SessionState
from hermes_tui.debugger.stepping import Kind, Moment, Phase, StopPoint, allowed, check
from hermes_tui.debugger.turn import CallState, CallStatus, Reply
from hermes_tui.model import events as ev
from hermes_tui.model.events import PERSON
from hermes_tui.model.messages import Message

ACCEPT = "accept"
"""The command recorded when a run resumes without a person after a replay diverged."""
_NO_DETAILS: Mapping[str, object] = {}
_LATE_KINDS = frozenset({Kind.RESPONSE, Kind.REQUEST_FAILURE, Kind.TOOL_REPLY, Kind.DIVERGENCE})
_STATUS_BY_REASON = {
    "finished": "ok",
    "max_turns": "truncated",
    "breakpoint": "failed",
}


class Session:
    """Applies inputs to one run. Holds only its state; the caller keeps the log."""

    def __init__(self, state: SessionState | None = None) -> None:
        self.state = state or SessionState()
        self._now, self._by = 0.0, PERSON
        self._events: list[ev.Event] = []
        self._effects: list[Effect] = []

    @classmethod
    def from_events(cls, events: Iterable[ev.Event]) -> Session:
        """Return the session as it was after `events`, a log from its beginning."""
        return cls(SessionState.of(events))

    @property
    def allowed(self) -> tuple[Kind, ...]:
        """The inputs that are legal now."""
        return allowed(self.state.phase, self.state.moment)

    def apply(
        self, given_input: given.Input, *, now: float, new_id: str, by: str = PERSON
    ) -> tuple[tuple[ev.Event, ...], tuple[Effect, ...]]:
        """Apply an input and return the events and effects that follow from it.

        `now` is in unix seconds, `by` is who gives the command. Raises IllegalCommand, without any
        change, if the present phase does not allow the input.
        """
        state = self.state
        check(given_input.kind, state.phase, state.moment)
        self._now, self._by = now, by
        opening = self._opening_events(given_input, new_id)
        self._events, self._effects = [], []
        if given_input.kind is Kind.TERMINATE:
            self._cancel()
        for event in opening:
            self._emit(event)
        if isinstance(given_input, given.Terminate):
            by_details = {"by": by} if given_input.reason == TERMINATED else {}
            self._end(given_input.reason, "truncated", {**by_details, **given_input.details})
        if isinstance(given_input, given.EditText):
            self._emit(ev.Stopped(seq=0, stop_point=gates.stop_point_at(state, Moment.REPLY)))
        while state.phase is Phase.DECIDING:
            self._decide()
        return tuple(self._events), tuple(self._effects)

    def effects_due(self) -> tuple[Effect, ...]:
        """Return the effect whose reply is owed, as a tuple; empty if none is."""
        state, call = self.state, self.state.call
        if state.phase is Phase.REQUESTING:
            return (
                SendRequest(
                    state.turn,
                    state.attempt,
                    tuple(state.conversation),
                    state.parameters,
                    state.delay_s,
                    state.accepted,
                ),
            )
        if state.phase is Phase.DISPATCHING and call is not None and call.dispatched is not None:
            return (
                DispatchTool(
                    call.call.index,
                    call.call.id or "",
                    call.dispatched.name,
                    call.dispatched.arguments,
                    state.accepted,
                ),
            )
        return ()

    def _opening_events(self, given_input: given.Input, new_id: str) -> list[ev.Event]:
        """Return the events that record the input, changing nothing. Raises IllegalCommand."""
        state = self.state
        if state.phase is Phase.ENDED and given_input.kind in _LATE_KINDS:
            return [ev.ReplyDiscarded(seq=0, reason=f"{given_input.kind} after the end")]
        match given_input:
            case given.Start():
                return replies.started(given_input, new_id)
            case given.ModelReplied():
                return rules_for(state.mode).read(given_input, state, new_id)
            case given.RequestFailed():
                return rules_for(state.mode).failed(given_input, state)
            case given.ToolReplied() | given.ToolRaised():
                return [answers.tool_answered(given_input, state)]
            case given.Reopen():
                return self._recovery_events()
            case given.Fork():
                forked = ev.RunForked(
                    seq=0,
                    parent_run_id=given_input.parent_run_id,
                    parent_seq=given_input.parent_seq,
                    run_id=new_id,
                    at_call=given_input.at_call,
                )
                return [forked, *self._recovery_events()]
            case given.Diverged(what=what, expected=expected, got=got):
                index = state.call.call.index if state.call else None
                return [
                    ev.ReplayDiverged(
                        seq=0, what=what, expected=expected, got=got, call_index=index
                    )
                ]
            case given.Terminate(partial=partial, reason=reason):
                if not partial or state.phase is not Phase.REQUESTING:
                    return []
                by = self._by if reason == TERMINATED else reason
                return [replies.given_up(partial, by, state)]
            case _:
                return commands.opening(given_input, state, new_id)

    def _emit(self, event: ev.Event) -> None:
        numbered = ev.copy_event(event, seq=self.state.events, ts=self._now)
        if isinstance(numbered, ev.Resumed) and self.state.phase is Phase.STOPPED:
            waited = max(0.0, self._now - (self.state.stop.ts or self._now))
            numbered = ev.copy_event(numbered, waited_s=waited, by=self._by)
        self._events.append(numbered)
        self.state.apply(numbered)
        if isinstance(numbered, (ev.RequestSent, ev.ToolDispatched, ev.Resumed)):
            self._effects.extend(self.effects_due())

    def _recovery_events(self) -> list[ev.Event]:
        """Return a stop if a reply was owed that cannot come any more; else nothing was lost."""
        state = self.state
        if state.lost:
            return []
        if state.phase is Phase.REQUESTING:
            return [ev.Stopped(seq=0, stop_point=StopPoint.RECOVERY)]
        if state.phase is Phase.DISPATCHING and state.call is not None:
            index = state.call.call.index
            return [ev.Stopped(seq=0, stop_point=StopPoint.RECOVERY, call_index=index)]
        if state.reply is not None and not state.reply.whole:
            return [
                ev.ReplyDiscarded(seq=0, reason="the recording broke off in the middle of it"),
                ev.Stopped(seq=0, stop_point=StopPoint.RECOVERY),
            ]
        return []

    def _cancel(self) -> None:
        match self.effects_due():
            case (SendRequest(turn=turn),):
                self._effects.append(CancelRequest(turn))
            case (DispatchTool(call_index=index),):
                self._effects.append(CancelTool(index))

    def _decide(self) -> None:
        """Take the next step. Each step is an event, so that a log may end between any two."""
        state = self.state
        if state.ends_by_breakpoint:
            self._end("breakpoint")
        elif state.escaped is not None:
            self._end("escaped", details={"exception": state.escaped.exception})
        elif state.diverged is not None:
            if self._passes(Moment.DIVERGENCE, state.call):
                self._emit(ev.Resumed(seq=0, command=ACCEPT, by="replay"))
        elif state.failure is not None:
            if self._passes(Moment.FAILURE):
                self._after_failure(state.failure)
        elif state.reply is None:
            self._send_request()
        elif self._passes(Moment.REPLY):
            self._continue_turn(state.reply)

    def _after_failure(self, failure: ev.RequestFailed) -> None:
        if self.state.retries_request:
            self._send_request()
        else:
            self._finish("empty_response" if failure.empty else "request_failed")

    def _continue_turn(self, reply: Reply) -> None:
        call = self.state.call
        if call is not None:
            self._advance(call, reply)
        elif not self._passes(Moment.TURN_END):
            return
        elif reply.running:
            self._send_request()
        else:
            self._finish("finished")

    def _send_request(self) -> None:
        """Send the next request, unless the run is out of turns."""
        state = self.state
        turn, attempt = state.request
        if turn - state.turns_before > state.max_turns:
            self._finish("max_turns")
        elif self._passes(Moment.REQUEST):
            changed = state.parameters != state.sent_parameters
            self._emit(
                ev.RequestSent(
                    seq=0,
                    turn=turn,
                    attempt=attempt,
                    url=state.url,
                    parameters=state.parameters if changed else "",
                    messages=len(state.upcoming()),
                )
            )

    def _finish(self, stop_reason: str) -> None:
        if self._passes(Moment.RUN_END):
            self._end(stop_reason)

    def _end(
        self, stop_reason: str, status: str = "", details: Mapping[str, object] = _NO_DETAILS
    ) -> None:
        status = status or _STATUS_BY_REASON.get(stop_reason, "error")
        details = {"turns_used": self.state.own_turn, **details}
        self._emit(ev.RunEnded(seq=0, status=status, stop_reason=stop_reason, details=details))
        self._effects.append(Finish(stop_reason))

    def _passes(self, moment: Moment, call: CallState | None = None) -> bool:
        """Return whether the run continues at `moment`; emit its stop, hits and log lines."""
        event = gates.stop_or_hits(self.state, moment, call)
        if event is None:
            return True
        self._emit(event)
        return isinstance(event, ev.BreakpointsHit) and not event.fatal

    def _advance(self, call: CallState, reply: Reply) -> None:
        """Advance a call by one event."""
        match call.status:
            case CallStatus.WAITING:
                if self._passes(Moment.CALL, call):
                    self._dispatch(call, reply)
            case CallStatus.SKIPPED:
                self._emit(answers.skipped(call))
            case CallStatus.LOST | CallStatus.DISPATCHED:
                self._emit(answers.lost(call))
            case _:
                self._conclude(call, reply)

    def _dispatch(self, call: CallState, reply: Reply) -> None:
        index = call.call.index
        match rules_for(self.state.mode).decide(call, reply, self.state.names):
            case Dispatch(name=name, arguments=arguments):
                self._emit(
                    ev.ToolDispatched(seq=0, call_index=index, name=name, arguments=arguments)
                )
            case Raised(exception=exception):
                self._emit(answers.raised(call, exception))
            case Escaped() as escaped:
                self._escape(escaped, call)
            case refusal:
                self._emit(answers.refused(call, refusal))

    def _escape(self, escaped: Escaped, call: CallState) -> None:
        self._emit(
            ev.LoopEscaped(
                seq=0,
                exception=escaped.exception,
                turn=self.state.turn,
                call_index=call.call.index,
            )
        )

    def _conclude(self, call: CallState, reply: Reply) -> None:
        """Record an error of the answered call, stop after its result, or append its message."""
        result, rules = call.result, rules_for(self.state.mode)
        if result is None:
            return
        error = None
        if not call.error_recorded and not call.substituted:
            error = rules.error_of(call, reply, self.state.turn)
        if isinstance(error, Escaped):
            self._escape(error, call)
        elif error is not None:
            self._emit(ev.ToolErrorRecorded(seq=0, error=error))
        elif self._passes(Moment.RESULT, call):
            message = Message("tool", result.content, results=1, flags=answers.flags_of(call))
            raw = rules.tool_message(call, reply)
            self._emit(ev.MessageAppended(seq=0, message=message, raw=raw))
