"""The requests of a run as they were sent, put together again from its log."""

from __future__ import annotations

from hermes_tui.debugger.forks import Log
from hermes_tui.debugger.state import SessionState
from hermes_tui.debugger.wire import body_of
from hermes_tui.model import events as ev


def request_body(log: Log, seq: int) -> str:
    """Return the exact body of the request that event `seq` says was sent, JSON text.

    Empty where that event is no `RequestSent`. Costs O(`seq`).
    """
    event = log[seq]
    if not isinstance(event, ev.RequestSent):
        return ""
    if event.body:
        return event.body
    state = SessionState.of(log[before] for before in range(seq + 1))
    return body_of(state.conversation, state.parameters)
