"""The requests of a run as they were sent, put together again from its log."""

from __future__ import annotations

from collections.abc import Sequence

from hermes_tui.debugger.forks import Log
from hermes_tui.debugger.state import SessionState
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
    state = SessionState()
    for before in range(seq + 1):
        state.apply(log[before])
    return body_of(state.conversation, state.parameters)


def body_of(messages: Sequence[str], parameters: str) -> str:
    """Return a body: the messages first, so that what turns share is the same byte for byte."""
    rest = parameters[1:]
    comma = "," if rest.strip() != "}" else ""
    return f'{{"messages":[{",".join(messages)}]{comma}{rest}'
