"""The token pane: the completion as running text, and below it a row for each token."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from textwrap import wrap

from rich.style import Style
from textual import events

from hermes_tui.formats.token_table import TokenTable
from hermes_tui.ui.render.raw import RawText
from hermes_tui.ui.render.rows import Segments
from hermes_tui.ui.render.tokens import (
    RunningText,
    column_row,
    note_row,
    numbered,
    title_row,
    token_row,
)
from hermes_tui.ui.token_sources import TokenSource, read_tokens, requests_tokens, source_of
from hermes_tui.ui.view_model import RunModel
from hermes_tui.ui.widgets.row_list import RowList

NOTHING = "no tokens here; live --raw logprobs asks for them"
NOT_SENT = "no tokens here: they were requested, but the server sent none"
_LEAST_WIDTH = 10
MAX_ROWS = 16
"""Most rows of running text."""
_OTHER_LINES = 3


class TokenRows:
    """The rows of several tables, one after another, as the row source of the list widget."""

    def __init__(self, tables: Sequence[TokenTable] = ()) -> None:
        self.tables = tables
        self._begins = numbered(tables)

    def __len__(self) -> int:
        return self._begins[-1]

    def place(self, index: int) -> tuple[int, int]:
        """Return the number of the table and of the token in a row."""
        table = bisect_right(self._begins, index) - 1
        return table, index - self._begins[table]

    def row(self, index: int, width: int) -> Segments:
        table, token = self.place(index)
        return token_row(self.tables[table].row(token))


class TokensPane(RowList):
    """Shows the tokens of the row under the run's cursor; its own cursor moves by tokens."""

    title = "Tokens"
    header_style = "text"

    def __init__(self, model: RunModel, resolve: Callable[[str], Style], raw_text: RawText) -> None:
        self._rows = TokenRows()
        self._running_text: RunningText | None = None
        self._nothing = NOTHING
        self._shown: tuple[object, str, int] | None = None
        super().__init__(
            self._rows, resolve=resolve, header=self._header_lines, id="tokens", empty=""
        )
        self._model = model
        self._raw_text = raw_text

    def show(self) -> None:
        """Show the tokens of the row under the run's cursor, unless they are already shown."""
        view = self._model.state()
        source = source_of(view.timeline, view.row)
        key = self._key(source)
        if key == self._shown:
            return
        self._shown = key
        tables = read_tokens(source, view.timeline, self._raw_text) if source is not None else ()
        self._rows = TokenRows([table for table in tables if len(table)])
        self._running_text = None
        self._nothing = NOTHING
        if requests_tokens(view.timeline, view.row):
            has_reply = source is not None and source.kind == "reply"
            self._nothing = NOT_SENT if has_reply else "no tokens here"
        self.set_source(self._rows, cursor=self._first_token())

    def _key(self, source: TokenSource | None) -> tuple[object, str, int]:
        if source is None:
            return self._model.timeline, "", -1
        return self._model.timeline, source.kind, source.event.seq

    @property
    def copied(self) -> str:
        """The text to copy: the completion that the cursor is in."""
        table = self._table_at_cursor()
        return "" if table is None else table.full_text or table.text

    def go(self, index: int, *, quiet: bool = False) -> None:
        before = self.cursor
        super().go(index, quiet=quiet)
        if self.cursor != before:
            # The running text scrolls with the cursor.
            self.set_header(self._header_lines)

    def on_resize(self, event: events.Resize) -> None:
        self.set_header(self._header_lines)

    def _first_token(self) -> int:
        """Return where the cursor begins: at the first trained token, as the prompt precedes it."""
        trained = self._rows.tables[0].trained if len(self._rows) else None
        return max(0, trained.find(1)) if trained is not None else 0

    def _table_at_cursor(self) -> TokenTable | None:
        if not len(self._rows):
            return None
        return self._rows.tables[self._rows.place(self.cursor)[0]]

    def _header_lines(self, width: int) -> list[Segments]:
        """Return the lines above the rows."""
        if not len(self._rows):
            # Unlike the list's own text for no rows, these lines are wrapped.
            return [[(line, "dim")] for line in wrap(self._nothing, max(_LEAST_WIDTH, width))]
        if width < 1:
            return []
        number, token = self._rows.place(min(self.cursor, len(self._rows) - 1))
        table = self._rows.tables[number]
        height = self.scrollable_content_region.height - _OTHER_LINES
        lines = [title_row(table, number + 1, len(self._rows.tables)), note_row(table)]
        text = self._running_text
        if text is None or (text.table, text.width) != (table, width):
            text = self._running_text = RunningText(table, width)
        if (room := min(MAX_ROWS, height // 2, text.rows)) > 0:
            lines.extend(text.window(token, room))
        return [*lines, column_row(table)]
