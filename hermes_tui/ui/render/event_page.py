"""The message pane for other events: requests in full, edits as differences, stops and reasons."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

from hermes_tui.log.event_log import EventLog
from hermes_tui.log.query import describe
from hermes_tui.model import events as ev
from hermes_tui.model.errors import HermesError
from hermes_tui.ui.render.diff import unfolded_diff
from hermes_tui.ui.render.event_lines import changes, event_line
from hermes_tui.ui.render.message import body
from hermes_tui.ui.render.page import Page


def event_page(page: Page, log: EventLog, event: ev.Event) -> None:
    """Add everything that is known about an event."""
    label, style, text = event_line(log, event)
    page.heading(f"{type(event).__name__}  {label}", style if style != "dim" else "heading")
    if isinstance(event, ev.ReplayDiverged):
        # The row's text quotes both sides at length, which would push the difference down.
        text = event.what
    page.line(text)
    for what, before, after in changes(event):
        page.blank()
        if what:
            page.line(what, "key")
        page.extend(unfolded_diff(before, after))
    match event:
        case ev.RequestSent():
            _add_request(page, log, event)
        case ev.ResponseReceived():
            page.blank()
            body(page, event.raw, "json")
        case ev.ToolDispatched():
            page.blank()
            page.line("what the tool receives", "dim")
            body(page, event.arguments, "json")
        case ev.CallSkipped():
            page.blank()
            page.line("the error that the model gets" if event.failed else "the result", "dim")
            body(page, event.result, "json")
        case ev.Stopped() | ev.BreakpointsHit():
            page.fields({"stop point": event.stop_point, "notes": "\n".join(event.notes)})
        case ev.BreakpointsSet():
            page.fields({"stop points": "\n".join(event.stop_points), **event.breakpoints})
        case ev.UnknownEvent():
            page.fields(event.raw)
        case _ if text.startswith(type(event).__name__):
            page.line(describe(event))
        case _:
            pass


def _add_request(page: Page, log: EventLog, event: ev.RequestSent) -> None:
    """Add the body that was sent: as recorded, else rebuilt from the log."""
    page.blank()
    if event.body:
        body(page, event.body, "json")
        return
    if not event.messages:
        page.line(describe(event), "dim")
        return
    text = sent_text(log, event)
    if not text:
        page.line("its body cannot be put together from this recording", "dim")
        return
    page.line("the request's body, put together from the recording", "dim")
    body(page, text, "json")


def sent_text(log: EventLog, event: ev.RequestSent) -> str:
    """Return the body of a request, as recorded or rebuilt; empty if that is not possible."""
    return event.body or (_rebuilt_body(cast(Any, log), event.seq) if event.messages else "")


@lru_cache(maxsize=4)
def _rebuilt_body(log: EventLog, seq: int) -> str:
    """Return the body of the request that event `seq` sent; empty if the log is not sound."""
    from hermes_tui.debugger.requests import request_body

    try:
        return request_body(log, seq)
    except (HermesError, AttributeError, LookupError, TypeError, ValueError):
        # A recording that was edited by hand: it is shown, but cannot be resumed.
        return ""
