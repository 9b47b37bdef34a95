"""The raw pane: what was sent or received, then the exact JSON of the record; secrets masked."""

from __future__ import annotations

from collections.abc import Callable

from hermes_tui.formats.secrets import mask_json_text
from hermes_tui.log.event_log import EventLog
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.events import (
    Event,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    copy_event,
)
from hermes_tui.ui.render.calls import is_recorded
from hermes_tui.ui.render.document import Document
from hermes_tui.ui.render.json_lines import json_lines, unfolded_lines
from hermes_tui.ui.render.message import MAX_STYLED, pretty_json
from hermes_tui.ui.render.page import Page
from hermes_tui.ui.render.rows import characters
from hermes_tui.ui.view_model import ViewState

RawText = Callable[[Event], tuple[str, bool]]
"""Returns the exact text of an event, and whether it is the source's own."""


def on_the_wire(log: EventLog, event: Event) -> tuple[str, str]:
    """Return a title and the exact text of what was received or sent with an event, or empty."""
    match event:
        case ResponseReceived(raw=text):
            return "the reply as it arrived", text
        case RequestFailed(body=text):
            return "the answer as it arrived", text
        case RequestSent(body=""):
            from hermes_tui.ui.render.event_page import sent_text

            return "the body of the request, put together from the recording", sent_text(log, event)
        case RequestSent(body=text):
            return "the body of the request as it was sent", text
        case _:
            return "", ""


def raw_page(view: ViewState, raw_text: RawText) -> Document:
    """Return what the raw pane shows: what was sent or received, then the record and its place.

    In JSON mode both are indented, with the strings in them unfolded.
    """
    page = Page()
    event = view.event
    if event is None:
        return page.document()
    what, wire = on_the_wire(view.timeline.log, event)
    if wire:
        _add_exact(page, f"{what} · {characters(wire)}", wire, view.mode)
        page.blank()
    _add_exact(page, *_record_text(view.timeline, event, raw_text), view.mode)
    return page.document()


def _record_text(timeline: Timeline, event: Event, raw_text: RawText) -> tuple[str, str]:
    """Return a title with the place of the record of an event, and the record's text.

    In a recording, the record of what was sent or received is shown without that.
    """
    if is_recorded(timeline):
        rest = _without_wire(event)
        if rest is not event:
            return f"{_place_text(event)} · the rest of the event", raw_text(rest)[0]
    text, is_exact = raw_text(event)
    kind = "as in the source" if is_exact else "the event (the source has no text for it)"
    return f"{_place_text(event)} · {characters(text)} · {kind}", text


def _place_text(event: Event) -> str:
    if event.at is None:
        return "event"
    at = event.at.range
    return f"bytes {at.start:,}–{at.end:,} {event.at.pointer}".rstrip()


def _without_wire(event: Event) -> Event:
    match event:
        case ResponseReceived(raw=text) if text:
            return copy_event(event, raw="", at=None)
        case RequestFailed(body=text) | RequestSent(body=text) if text:
            return copy_event(event, body="", at=None)
        case _:
            return event


def _add_exact(page: Page, title: str, text: str, mode: str) -> None:
    masked = mask_json_text(text)
    page.line(title, "dim")
    if masked != text:
        page.line("secrets are masked", "warning")
    pretty = pretty_json(masked) if mode == "json" else None
    if pretty is not None:
        page.extend(unfolded_lines(pretty))
    elif len(masked) > MAX_STYLED:
        page.text(masked)
    else:
        page.extend(json_lines(masked))
