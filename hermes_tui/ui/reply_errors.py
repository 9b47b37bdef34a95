"""What is wrong with the reply at which a live run is stopped, in few words, from its log."""

from __future__ import annotations

import re
from itertools import takewhile

from hermes_tui.debugger.stepping import StopPoint
from hermes_tui.log.event_log import EventLog
from hermes_tui.model import events as ev
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.ui.reversed_log import back_from

ABOUT_REPLY = frozenset({StopPoint.TRUNCATED, StopPoint.PARSE_FAILURE})
"""Stop points caused by a finding in the reply; the stop names the finding."""
_SHORT_FORMS = (
    (" is left in the text", " in the text"),
    (" are left in the text", " in the text"),
    (" in the text as ", " as "),
    ("the text contains ", ""),
    ("says tool_calls, but there is no call", "tool_calls, but no call"),
)
"""Phrases of findings and their short forms, so that a stop fits on 80 columns."""


def reply_error(log: EventLog, seq: int, point: StopPoint | None) -> str:
    """Return the error in the reply that the stop at event `seq` is about; empty if there is none.

    At `PARSE_FAILURE`, the finding that the reply was cut off counts only if there is no other.
    """
    if point not in ABOUT_REPLY:
        return ""
    events = _reply_events(log, seq)
    errors = [
        (error, isinstance(event, ev.ToolCallProposed) and event.call.verdict == "repaired")
        for event in events
        for error in event.diagnostics
        if error.severity is Severity.ERROR
    ]
    if point is StopPoint.PARSE_FAILURE:
        errors.sort(key=lambda one: one[0].code is Code.TRUNCATED)
    if not errors:
        return _same_ids(events)
    error, repaired = errors[0]
    message = re.split(r"; | \(", error.message)[0]
    for long, short in _SHORT_FORMS:
        message = message.replace(long, short)
    return f"{error.code}{' repaired' if repaired else ''}: {message}"


def _reply_events(log: EventLog, seq: int) -> list[ev.Event]:
    """Return the events of the reply before event `seq`, in order."""
    events = list(takewhile(_is_in_reply, back_from(log, seq - 1)))
    return events[::-1]


def _is_in_reply(event: ev.Event) -> bool:
    return not isinstance(event, (ev.RequestSent, ev.TextEdited))


def _same_ids(events: list[ev.Event]) -> str:
    from hermes_tui.debugger.turn import Reply

    reply = Reply()
    for event in events:
        reply.apply(event)
    return f"{Code.ID_DUPLICATE}: several calls share one id" if reply.same_ids else ""
