"""Where a run can be forked "from here": how many events of its log the new run shares.

A fork stops at the very next moment, so the log must be cut while the intended moment is still to
come. Every cut is a prefix of the log, so the restored state is one that the run really had.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from hermes_tui.debugger.inputs import Fork
from hermes_tui.debugger.session import Session
from hermes_tui.debugger.state import SessionState
from hermes_tui.debugger.stepping import Moment, Phase, StopPoint
from hermes_tui.debugger.turn import CallStatus
from hermes_tui.model import events as ev

_REPLY_EVENTS = (
    ev.ResponseChunked,
    ev.ResponseReceived,
    ev.ReasoningExtracted,
    ev.ResponseParsed,
    ev.TextEdited,
)
_CALL_EVENTS = (
    ev.Stopped,
    ev.BreakpointsHit,
    ev.ArgumentsEdited,
    ev.CallSkipped,
    ev.CallDropped,
    ev.ToolDispatched,
    ev.ReplayDiverged,
    ev.LoopEscaped,
)
_REQUEST_EVENTS = (
    ev.RequestSent,
    ev.MessageAppended,
    ev.MessageEdited,
    ev.ToolReturned,
    ev.ToolFailed,
    ev.ToolErrorRecorded,
)
_RESULT_POINTS = frozenset(point for point in StopPoint if point.moment is Moment.RESULT)


class Log(Protocol):
    """The events of a run, from its beginning."""

    def __len__(self) -> int: ...

    def __getitem__(self, seq: int, /) -> ev.Event: ...


class _Cut(NamedTuple):
    """The state of a run after some number of events, as far as a fork is concerned."""

    rests: bool
    """No reply is owed, none is half read, and the run has not ended."""
    whole: bool
    """The reply of the turn has been read, and the moment after it has not yet passed."""
    asks: bool
    """The next request is to be sent, and the moment before it has not yet passed."""
    call: int | None
    """The call to be dispatched next, if the moment before it has not yet passed."""
    turn: tuple[int, int]


def fork_point(log: Log, seq: int) -> int:
    """Return how many events of `log` a fork from event `seq` shares; 0 if it cannot be forked.

    From a call, or an event about it: up to before its dispatch. From a reply: right after it was
    read. From a request, a message or a result: before the request that follows, so at the end of
    its turn. From any other event: after it, or at the last place before where a fork can stop.
    Raises IndexError if there is no such event.
    """
    if not 0 <= seq < len(log):
        raise IndexError(f"event {seq} of a log of {len(log)}")
    cuts, event = _cuts(log), log[seq]
    call = _call_index_of(event)
    if call is not None:
        length = _before_call(log, cuts, seq, call)
    elif isinstance(event, _REPLY_EVENTS) or _role(event) == "assistant":
        length = _after_reply(cuts, seq) or _before_request(log, cuts, seq)
    elif isinstance(event, _REQUEST_EVENTS):
        length = _before_request(log, cuts, seq)
    else:
        length = seq + 1
    stops = _last_stopping_cut(log, cuts, length if length is not None else seq + 1)
    return stops or _last_stopping_cut(log, cuts, _before_request(log, cuts, seq))


def _cuts(log: Log) -> list[_Cut]:
    """Return the state of the run after 0, 1, 2 … events."""
    state = SessionState()
    cuts = [_cut(state)]
    for seq in range(len(log)):
        state.apply(log[seq])
        cuts.append(_cut(state))
    return cuts


def _cut(state: SessionState) -> _Cut:
    reply, call = state.reply, state.call
    going = state.phase in (Phase.DECIDING, Phase.STOPPED)
    rests = going and not state.lost and (reply is None or reply.whole)
    waiting = None
    if rests and call is not None and call.status is CallStatus.WAITING:
        index = call.call.index
        waiting = index if _is_ahead(state, Moment.CALL, index) else None
    return _Cut(
        rests,
        rests and reply is not None and _is_ahead(state, Moment.REPLY),
        rests and call is None and _is_ahead(state, Moment.REQUEST),
        waiting,
        (state.turn, state.attempt),
    )


def _is_ahead(state: SessionState, moment: Moment, call_index: int | None = None) -> bool:
    """Return whether the run is at `moment`, or has yet to reach it."""
    is_there = state.moment is moment and state.stop.call_index == call_index
    return is_there or state.place_of(moment, call_index) > state.reached


def is_about_call(event: ev.Event) -> bool:
    """Return whether a fork from `event` is to stop before a call, not at a moment before that."""
    return _call_index_of(event) is not None


def _call_index_of(event: ev.Event) -> int | None:
    match event:
        case ev.ToolCallProposed():
            return event.call.index
        case ev.Stopped() | ev.BreakpointsHit() if event.stop_point in _RESULT_POINTS:
            return None
    return event.call_index if isinstance(event, _CALL_EVENTS) else None


def _role(event: ev.Event) -> str:
    return event.message.role if isinstance(event, ev.MessageAppended) else ""


def _before_call(log: Log, cuts: list[_Cut], seq: int, call: int) -> int | None:
    """Return the last cut before the dispatch of a call up to event `seq`, else the first after.

    Return None if there is neither.
    """
    turn = cuts[seq + 1].turn
    reads = (ev.ResponseReceived, ev.TextEdited)
    read = next((n for n in range(seq, -1, -1) if isinstance(log[n], reads)), 0)
    here = [n for n in range(read, len(cuts)) if cuts[n].turn == turn and cuts[n].call == call]
    return max((n for n in here if n <= seq + 1), default=here[0] if here else None)


def _after_reply(cuts: list[_Cut], seq: int) -> int | None:
    turn = cuts[seq + 1].turn
    return next(
        (n for n in range(seq + 1, len(cuts)) if cuts[n].whole and cuts[n].turn == turn), None
    )


def _before_request(log: Log, cuts: list[_Cut], seq: int) -> int:
    """Return the last cut before the next request, or before the end if none follows."""
    ends = (ev.RequestSent, ev.RunEnded)
    end = next((n for n in range(seq, len(log)) if isinstance(log[n], ends)), len(log))
    asks = (n for n in range(end, -1, -1) if cuts[n].asks and cuts[n].turn == cuts[end].turn)
    return next(asks, end)


def _last_stopping_cut(log: Log, cuts: list[_Cut], end: int) -> int:
    """Return the last cut up to `end` at which a fork stops, or 0 if there is none."""
    for n in range(min(end, len(cuts) - 1), 0, -1):
        if cuts[n].rests and _fork_stops(log, n):
            return n
    return 0


def _fork_stops(log: Log, length: int) -> bool:
    session = Session.from_events(log[n] for n in range(length))
    session.apply(Fork("", length - 1), now=0.0, new_id="fork")
    return session.state.phase is Phase.STOPPED
