"""The reasoning pane: every piece of reasoning of the selected message, and where it was found."""

from __future__ import annotations

from hermes_tui.log.query import message_of
from hermes_tui.model.events import ToolFailed, ToolReturned
from hermes_tui.ui.render.document import Document
from hermes_tui.ui.render.message import body
from hermes_tui.ui.render.page import Page
from hermes_tui.ui.render.rows import characters
from hermes_tui.ui.view_model import ViewState


def reasoning_page(view: ViewState) -> Document:
    """Return what the reasoning pane shows for the row under the cursor."""
    page = Page()
    event = view.event
    owner = message_of(view.timeline, event.seq) if event is not None else None
    if owner is None or not owner.message.reasoning:
        is_result = isinstance(event, (ToolReturned, ToolFailed))
        role = f"this {owner.message.role} message" if owner and not is_result else "this row"
        page.line(f"no reasoning in {role}", "dim")
        return page.document()
    for number, piece in enumerate(owner.message.reasoning, 1):
        if number > 1:
            page.blank()
        also = f" · the same text in {', '.join(piece.also_in)}" if piece.also_in else ""
        if piece.kind == "encrypted":
            # The text itself says that it is encrypted, and how long it is.
            page.heading(f"{piece.field}{also}")
        else:
            kind = "" if piece.kind == "text" else f" · {piece.kind}"
            page.heading(f"{piece.field}{kind} · {characters(piece.text)}{also}")
        body(page, piece.text, view.mode)
    return page.document()
