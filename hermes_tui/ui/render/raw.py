"""The raw pane: the exact JSON of the selected record, secrets masked."""

from __future__ import annotations

from collections.abc import Callable

from hermes_tui.formats.secrets import mask_json_text
from hermes_tui.model.events import Event, RequestSent, ToolCallProposed
from hermes_tui.ui.render.document import Document
from hermes_tui.ui.render.json_lines import json_lines
from hermes_tui.ui.render.message import MAX_STYLED, pretty_json
from hermes_tui.ui.render.page import Page
from hermes_tui.ui.render.rows import characters
from hermes_tui.ui.view_model import ViewState

RawText = Callable[[Event], tuple[str, bool]]
"""Returns the exact text behind an event, and whether it is the source's own."""


def row_text(view: ViewState, raw_text: RawText) -> str:
    """Return the exact text behind the row of a state, secrets masked; a finding in words.

    Of a call only that call, of a request its body: as JSON.
    """
    finding = view.timeline.finding(view.row) if view.row >= 0 else None
    if finding is not None:
        return f"{finding.severity} {finding.code} turn {finding.turn}: {finding.message}"
    match view.event:
        case None:
            return ""
        case ToolCallProposed(call=call):
            from hermes_tui.ui.render.copied import call_json

            return call_json(call)
        case RequestSent() as sent:
            from hermes_tui.ui.render.copied import request_json

            return request_json(view.timeline.log, sent) or mask_json_text(raw_text(sent)[0])
        case event:
            return mask_json_text(raw_text(event)[0])


def raw_page(view: ViewState, raw_text: RawText) -> Document:
    """Return what the raw pane shows: where the record stands, and its text as it stands there.

    In JSON mode it is indented.
    """
    page = Page()
    event = view.event
    if event is None:
        return page.document()
    text, is_exact = raw_text(event)
    masked = mask_json_text(text)
    where = ""
    if event.at is not None:
        where = f"bytes {event.at.range.start:,}–{event.at.range.end:,} {event.at.pointer}".rstrip()
    kind = "as it stands in the source" if is_exact else "the event (the source has no text for it)"
    page.line(f"{where or 'event'} · {characters(text)} · {kind}", "dim")
    if masked != text:
        page.line("secrets are masked", "warning")
    if len(masked) > MAX_STYLED:
        page.text(masked)
        return page.document()
    pretty = pretty_json(masked) if view.mode == "json" else None
    page.extend(json_lines(pretty if pretty is not None else masked))
    return page.document()
