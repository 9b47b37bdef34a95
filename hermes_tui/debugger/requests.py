"""The requests of a run as they were sent, reconstructed from its log."""

from __future__ import annotations

from hermes_tui.debugger.forks import Log
from hermes_tui.debugger.state import SessionState
from hermes_tui.debugger.wire import body_of
from hermes_tui.model import events as ev


def request_body(log: Log, seq: int) -> str:
    """Return the exact body, JSON text, of the request that was sent at event `seq`.

    Empty if that event is not a `RequestSent`. Costs O(`seq`).
    """
    event = log[seq]
    if not isinstance(event, ev.RequestSent):
        return ""
    if event.body:
        return event.body
    state = SessionState.of(log[before] for before in range(seq + 1))
    return body_of(state.conversation, state.parameters)
