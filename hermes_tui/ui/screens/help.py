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
from hermes_tui.model.visible import visible_line
from hermes_tui.ui.bindings import bindings_for
from hermes_tui.ui.command import Command, Situation
from hermes_tui.ui.commands import DEBUG, SCOPES, all_keys, in_scope, shown_key
from hermes_tui.ui.key_names import KeyNames
from hermes_tui.ui.lab.commands import GROUP as LAB_GROUP
from hermes_tui.ui.page_search import PageSearch
from hermes_tui.ui.render.document import Document, Line, StyledSpan
from hermes_tui.ui.render.page import Page
from hermes_tui.ui.render.wrap import row_starts
from hermes_tui.ui.runs.fields import FILTERS
from hermes_tui.ui.screens.moving import Moving
from hermes_tui.ui.screens.searching import Searching
from hermes_tui.ui.search import Search
from hermes_tui.ui.widgets.key_bar import KeyBar
from hermes_tui.ui.widgets.status_line import StatusLine
from hermes_tui.ui.widgets.text_view import TextView

_FRAME: Final = 4
"""Cells next to the text: padding and scroll bar."""
_KEY_MARGINS: Final = 4
"""Cells before and after the column of keys."""
_ID_AT_END = re.compile(r"\[[a-z0-9-]+\]$")
_COLUMN_GAP: Final = re.compile(r"^ +|(?<=\S) {2,}(?![ \[])")
_MIN_ROOM: Final = 24
_MAX_COMPLAINT: Final = 8_000
"""In characters; a path in the complaint may be long."""
_PLACES: Final = {
    "run": "In a run",
    "runs": "In the list of runs",
    "live": "In a live run",
    "lab": "In the parser lab",
    "help": "In the help",
}
_SINGLE_PLACE_GROUPS: Final = frozenset({DEBUG, LAB_GROUP})
_MARKS: Final = """\
  → call   ← result   ←✗ error flagged by the source
  ←? reads like an error   ✗ error finding   ! warning   · note
  ‹reasoning› ‹length› marks of a message
  ◆ where people saw the run go wrong
  ● a bar whose runs are chosen   ▸ folded"""
_SAVED_RUN_DIALOGS: Final = ("palette", "comparison")
"""The dialogs that there are without a live run, too."""
_SETTINGS: Final = """\
  config.toml in the configuration folder: theme = "hermes-light",
  and under [keys] the id of an action (in brackets above) = its keys,
  such as next-call = "ctrl+n\""""


class HelpScreen(Searching, Moving):
    """One page of text; the keys of the screen `place` that opened it come first, and among these
    the group `first`."""

    scope = "help"
    BINDINGS: ClassVar = bindings_for("help")
    DEFAULT_CSS = "HelpScreen TextView { height: 1fr; padding: 0 1; }"

    def __init__(self, *, place: str, first: str = "") -> None:
        super().__init__()
        self._place, self._first = place, first
        self._page_search = PageSearch()

    def compose(self) -> ComposeResult:
        yield StatusLine(self.hermes.style, id="title")
        yield TextView(resolve=self.hermes.style)
        yield KeyBar(self.hermes.style)

    def on_mount(self) -> None:
        self.refresh_lines()
        self.focus_main()
        self.refresh_bar()

    def situation(self) -> Situation:
        return Situation(searching=self._page_search.search is not None)

    def draw_lines(self) -> None:
        message = [(f"  {self._message}", "hint")] if self._message else []
        self.query_one(StatusLine).show([(" hermes-tui help", "strong"), *message])

    def focus_main(self) -> None:
        self.focused_pane().focus()

    def on_resize(self, event: events.Resize) -> None:
        width = event.size.width - _FRAME
        complaints, keys = self.hermes.complaints, self.hermes.config.keys
        document = help_document(
            keys, complaints, place=self._place, first=self._first, width=width
        )
        self.focused_pane().set_document(document, keep_position=True)
        self._page_search.find(self.focused_pane())

    def focused_pane(self) -> TextView:
        return self.query_one(TextView)

    def do_clear(self) -> None:
        if self._page_search.search is None:
            self.do_back()
        else:
            self.begin_search(None)

    def do_help_page(self) -> None:
        self.do_page_down()

    def do_help_close(self) -> None:
        self.do_back()

    # Finding

    def search_begun(self) -> Search | None:
        return self._page_search.search

    def begin_search(self, search: Search | None) -> None:
        message = self._page_search.begin(search, self.focused_pane())
        self.refresh_bar()
        self.say(message)

    def go_match(self, step: int) -> None:
        self.say(self._page_search.go(self.focused_pane(), step))


def help_document(
    keymap: dict[str, str],
    complaints: Sequence[str],
    *,
    place: str = "run",
    first: str = "",
    width: int = 100,
) -> Document:
    """Return the help text, `width` cells wide, with remapped keys, and with complaints on top.

    The keys of the screen `place` come before those of other screens, and among these the group
    `first`, by default in a live run that of debugging.
    """
    page, keys = Page(), KeyNames(keymap)
    live = place == "live"
    if complaints:
        page.heading("Warnings" if live else "What could not be read, or only in part")
        for complaint in complaints:
            page.line("  " + visible_line(complaint, _MAX_COMPLAINT), "warning")
        page.blank()
    first = first or (DEBUG if live else "")
    _commands(page, in_scope(place), keys, first=first, width=width)
    shown = set(in_scope(place))
    for elsewhere in (scope for scope in SCOPES if scope != place):
        others = [command for command in in_scope(elsewhere) if command not in shown]
        shown |= set(others)
        _commands(page, others, keys, where=_PLACES[elsewhere], width=width)
    _dialogs(page, keys, live=live)
    fields = {name: keys.format(meaning) for name, meaning in FILTERS.items()}
    page.heading("Marks")
    page.line(_MARKS)
    page.blank()
    page.heading("Expressions")
    page.line(HELP.rstrip("\n"))
    page.blank()
    _table(page, keys.format("Fields of a row ({filter} on the run screen)"), FIELDS)
    _table(page, keys.format("Fields of a run ({filter} on the runs screen)"), fields)
    page.heading("Settings")
    page.line(_SETTINGS)
    lines = map(_with_dim_id, page.document().lines)
    return Document([part for line in lines for part in _hanging_lines(line, width)])


def _commands(
    page: Page,
    commands: Sequence[Command],
    keys: KeyNames,
    *,
    first: str = "",
    where: str = "",
    width: int,
) -> None:
    """Add a table for each group of commands, `first` before the others."""
    ordered = sorted(commands, key=lambda command: bool(first) and command.group != first)
    for group, members in groupby(ordered, key=lambda command: command.group):
        rows = {
            all_keys(item, keys.keymap): f"{keys.format(item.help)}  [{item.id}]"
            for item in members
        }
        room = width - max(map(len, rows)) - _KEY_MARGINS
        texts = {shown: _joined_if_long(text, room) for shown, text in rows.items()}
        _table(page, _heading(group, where), texts)


def _joined_if_long(text: str, room: int) -> str:
    """Return a text with its lines joined into one if a line of it is longer than `room`."""
    return text if all(len(line) <= room for line in text.split("\n")) else text.replace("\n", " ")


def _heading(group: str, where: str) -> str:
    """Return the heading of a group of commands; `where` they work, "" for here."""
    if not where:
        return group
    return where if group in _SINGLE_PLACE_GROUPS else f"{where}: {group[:1].lower()}{group[1:]}"


def _with_dim_id(line: Line) -> Line:
    """Return a line with the id of an action at its end, if it has one, in a quiet colour."""
    found = _ID_AT_END.search(line.text)
    if found is None:
        return line
    return Line(line.text, (*line.spans, StyledSpan(*found.span(), "dim")), line.indent)


def _hanging_lines(line: Line, width: int) -> Iterator[Line]:
    """Yield the rows of a line; continuation rows are indented to its last column."""
    text = line.text
    columns = [found.end() for found in _COLUMN_GAP.finditer(text)]
    hang = max((end for end in columns if end <= width - _MIN_ROOM), default=0)
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


def _dialogs(page: Page, keys: KeyNames, *, live: bool) -> None:
    """Add the keys of the dialogs; in a live run also the fields of breakpoint conditions."""
    from hermes_tui.debugger.breakpoints import FIELDS as BREAKPOINT_FIELDS
    from hermes_tui.ui.dialog_keys import DIALOG_KEYS

    for scope, members in groupby(DIALOG_KEYS, key=lambda key: key.scope):
        if live or scope in _SAVED_RUN_DIALOGS:
            rows = {shown_key(key, keys.keymap): f"{key.help}  [{key.id}]" for key in members}
            _table(page, f"In a dialog: {scope}", rows)
    if not live:
        return
    heading = keys.format("Fields of a breakpoint's condition ({breakpoint}, {breakpoints})")
    _table(page, heading, BREAKPOINT_FIELDS)
