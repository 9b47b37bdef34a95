"""The help screen: every key, the expression language, and what could not be read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult

from hermes_tui.log.expressions import HELP
from hermes_tui.log.query import FIELDS
from hermes_tui.ui.bindings import bindings_for
from hermes_tui.ui.commands import COMMANDS, DEBUG, all_keys
from hermes_tui.ui.render.document import Document, Line, StyledSpan
from hermes_tui.ui.render.page import Page
from hermes_tui.ui.render.wrap import row_starts
from hermes_tui.ui.runs.fields import FILTERS
from hermes_tui.ui.screens.base import CommandScreen
from hermes_tui.ui.screens.moving import Moving
from hermes_tui.ui.widgets.key_bar import KeyBar
from hermes_tui.ui.widgets.status_line import StatusLine
from hermes_tui.ui.widgets.text_view import TextView

_FRAME: Final = 4
"""Cells beside the text: padding and scroll bar."""
_COLUMN_GAP: Final = re.compile(r"^ +|(?<=\S) {2,}(?![ \[])")
_LEAST_ROOM: Final = 24
_MARKS: Final = """\
  → call   ← result   ←✗ error flagged by the source   ←? reads like an error
  ✗ error finding   ! warning   · note   ‹reasoning› ‹length› marks of a message
  ◆ where people saw the run go wrong   ● a bar whose runs are chosen   ▸ folded"""
_SETTINGS: Final = """\
  config.toml in the configuration folder: theme = "hermes-light", and under [keys]
  the id in brackets above = the keys it shall have, such as next-call = "ctrl+n\""""


class HelpScreen(Moving, CommandScreen):
    """One page of text; the keys for a live run come first where there is one, or those of the
    group `first`."""

    scope = "help"
    BINDINGS: ClassVar = bindings_for("help")
    DEFAULT_CSS = "HelpScreen TextView { height: 1fr; padding: 0 1; }"

    def __init__(self, *, live: bool = False, first: str = "") -> None:
        super().__init__()
        self._live, self._first = live, first

    def compose(self) -> ComposeResult:
        yield StatusLine(self.hermes.style, id="title")
        yield TextView(resolve=self.hermes.style)
        yield KeyBar(self.hermes.style)

    def on_mount(self) -> None:
        self.query_one(StatusLine).show([(" hermes-tui help", "strong")])
        self.query_one(TextView).focus()
        self.refresh_bar()

    def on_resize(self, event: events.Resize) -> None:
        width = event.size.width - _FRAME
        complaints, keys = self.hermes.complaints, self.hermes.config.keys
        document = help_document(keys, complaints, live=self._live, first=self._first, width=width)
        self.query_one(TextView).set_document(document, keep_position=True)

    def focused_pane(self) -> TextView:
        return self.query_one(TextView)

    def do_clear(self) -> None:
        self.do_back()


def help_document(
    keymap: dict[str, str],
    complaints: Sequence[str],
    *,
    live: bool = False,
    first: str = "",
    width: int = 100,
) -> Document:
    """Return the help text on `width` cells; keys as remapped, what there is to complain of first.

    The keys of the group `first` stand above the others; those of debugging where it is `live`.
    """
    page = Page()
    if complaints:
        page.heading("Warnings" if live else "What could not be read, or only in part")
        for complaint in complaints:
            page.line("  " + complaint, "warning")
        page.blank()
    first = first or (DEBUG if live else "")
    ordered = sorted(COMMANDS, key=lambda command: bool(first) and command.group != first)
    for group, commands in groupby(ordered, key=lambda command: command.group):
        keys = {all_keys(item, keymap): f"{item.help}  [{item.id}]" for item in commands}
        _table(page, group, keys)
    if live:
        _dialogs(page)
    page.heading("Where things stand")
    page.line(_MARKS)
    page.blank()
    page.heading("Expressions")
    page.line(HELP.rstrip("\n"))
    page.blank()
    _table(page, "Fields of a row (f on the run screen)", FIELDS)
    _table(page, "Fields of a run (f on the runs screen)", FILTERS)
    page.heading("Settings")
    page.line(_SETTINGS)
    lines = page.document().lines
    return Document([part for line in lines for part in hanging_lines(line, width)])


def hanging_lines(line: Line, width: int) -> Iterator[Line]:
    """Yield the rows of a line: what goes on in the next one stands below the last column."""
    text = line.text
    columns = [found.end() for found in _COLUMN_GAP.finditer(text)]
    hang = max((end for end in columns if end <= width - _LEAST_ROOM), default=0)
    breaks = [hang + start for start in row_starts(text[hang:], max(1, width - hang))][1:]
    for begin, end in pairwise([0, *breaks, len(text)]):
        start = end - len(text[begin:end].lstrip(" ")) if begin else 0
        spans = (
            StyledSpan(max(span.start, start) - start, min(span.end, end) - start, span.style_name)
            for span in line.spans
            if span.start < end and span.end > start
        )
        yield Line(text[start:end], tuple(spans), line.indent + hang * bool(start))


def _table(page: Page, heading: str, rows: Mapping[str, str]) -> None:
    page.heading(heading)
    page.fields({f"  {name}": text for name, text in rows.items()})
    page.blank()


def _dialogs(page: Page) -> None:
    """Add the keys of the editors and lists, and what breakpoints can ask for."""
    from hermes_tui.debugger.breakpoints import FIELDS as BREAKPOINT_FIELDS
    from hermes_tui.ui.dialog_keys import DIALOG_KEYS

    for scope, keys in groupby(DIALOG_KEYS, key=lambda key: key.scope):
        _table(page, f"In a dialog: {scope}", {key.shown: key.help for key in keys})
    _table(page, "Fields of a breakpoint's condition (b, B)", BREAKPOINT_FIELDS)
