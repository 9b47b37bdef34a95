"""What the panes show of a reply that is still arriving, and of a tool that is still running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted
from hermes_tui.ui.render.calls import LONGEST_NAME
from hermes_tui.ui.render.document import Document
from hermes_tui.ui.render.page import Page

if TYPE_CHECKING:
    from hermes_tui.runtime.partial_reply import Partial

TAIL = 60_000
"""Most characters of a text that are shown: laying out more takes longer than a paint may."""

SHORT_TAIL = 400
"""Most characters of a call's arguments that are shown next to the text."""

MAX_CALLS = 20
"""Most calls of a reply that are shown: the last to arrive."""


def streamed_page(pane: str, partial: Partial) -> Document | None:
    """Return what has arrived for a pane, or None if the pane shows something else."""
    match pane:
        case "message":
            page = Page()
            page.line("the reply so far", "dim")
            if not partial.text("content"):
                reasoning = partial.text("reasoning")
                page.line(
                    f"{counted(len(reasoning), 'character')} of reasoning, no text yet", "dim"
                )
                _add_tail(page, reasoning)
            _add_tail(page, partial.text("content"))
            _add_call_sizes(page, partial)
        case "reasoning":
            page = Page()
            _add_tail(page, partial.text("reasoning"))
        case "calls":
            page = Page()
            page.line("the calls so far" if partial.calls else "no call so far", "dim")
            for call in _last_calls(page, partial):
                page.blank()
                name = visible_line(partial.text("call", call), LONGEST_NAME)
                page.line(f"  {call + 1}. {name}", "call")
                _add_tail(page, partial.text("arguments", call), indent=6)
        case _:
            return None
    return page.document()


def tool_output_page(name: str, arguments: str, printed: str, heard: int) -> Document:
    """Return what a running tool has printed so far: the end of its output of `heard` bytes."""
    page = Page()
    page.line(f"→ {visible_line(name, LONGEST_NAME)}", "call")
    more = "…" if len(arguments) > SHORT_TAIL else ""
    page.text(arguments[:SHORT_TAIL] + more, indent=2)
    page.blank()
    page.line(f"printed so far: {counted(heard, 'byte')}", "dim")
    # Of a line that is overwritten, such as a progress bar, only the latest state is shown.
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in printed.split("\n"))
    page.text("\n".join(lines).removesuffix("\n"), indent=2)
    return page.document()


def _add_call_sizes(page: Page, partial: Partial) -> None:
    """Add the calls so far and the end of the last one: the calls pane may have no room."""
    arguments = ""
    for call in _last_calls(page, partial):
        arguments = partial.text("arguments", call)
        name = visible_line(partial.text("call", call), LONGEST_NAME)
        page.line(f"→ {name}  {counted(len(arguments), 'character')}", "call")
    if arguments:
        page.text(arguments[-SHORT_TAIL:], indent=2)


def _last_calls(page: Page, partial: Partial) -> range:
    """Return the calls to show; add a line that counts those before them."""
    count = partial.calls
    first = max(0, count - MAX_CALLS)
    if first:
        page.line(f"… {counted(first, 'call')} before these", "dim")
    return range(first, count)


def _add_tail(page: Page, text: str, *, indent: int = 0) -> None:
    if len(text) > TAIL:
        page.line(f"… {counted(len(text) - TAIL, 'character')} before this", "dim")
        text = text[-TAIL:]
    page.text(text, indent=indent)
