"""The palette: typed words narrow a list of the actions that are available now; Enter does one.

Textual's own palette fills its list in the background: a key that arrives meanwhile, or a second
Esc or Enter, can end the program or close the screen below. Here each key is handled at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partialmethod
from itertools import pairwise
from typing import Final

from textual import events
from textual.fuzzy import Matcher
from textual.widget import Widget
from textual.widgets import Input

from hermes_tui.ui.commands import keys_of
from hermes_tui.ui.dialog_keys import dialog_keys
from hermes_tui.ui.palette import Offer, offers_found
from hermes_tui.ui.render.wrap import fit, row_starts
from hermes_tui.ui.screens.base import KeyHolder
from hermes_tui.ui.screens.dialog import Dialog
from hermes_tui.ui.widgets.ordered_keys import run_binding_now
from hermes_tui.ui.widgets.row_list import GUTTER, Row, RowList, Rows

_TITLE_WIDTH: Final = 34
"""Cells of the column of labels and keys."""
_LEAST_HEIGHT: Final = 6
"""Rows of a list that has room for the whole description of the offer under the cursor."""
_EDITING_KEYS: Final = ("backspace", "ctrl+u", "ctrl+w")
"""Keys that edit the line, if they arrive before it is focused."""


class PaletteScreen(KeyHolder, Dialog[Offer | None]):
    """Lists offers; returns the one to do, or None if it is cancelled."""

    scope = "palette"
    AUTO_FOCUS = "Input"
    DEFAULT_CSS = """
    PaletteScreen Input {
        border: none; height: 1; padding: 0 1; margin-bottom: 1; background: $surface;
    }
    """

    def __init__(self, offers: Sequence[Offer]) -> None:
        super().__init__("All actions")
        self._offers = offers
        self._query = ""
        self.found: Sequence[Offer] = offers_found("", offers, Matcher(""))

    def body(self) -> Iterable[Widget]:
        yield _Line(placeholder="Find an action…", compact=True)
        rows = _OfferRows(
            Rows(lambda: len(self.found), self._row),
            resolve=self.hermes.style,
            empty="no action is found by these words",
        )
        # The line keeps the focus, also after a click.
        rows.can_focus = False
        yield rows

    def take(self, event: events.Key) -> bool:
        """Do the action of a key; return whether it is one of the palette's keys."""
        for key in dialog_keys(self.scope):
            if event.key in keys_of(key, self.hermes.config.keys):
                if self.is_current:
                    self.action_dialog(key.id)
                return True
        return False

    def hold_key(self, event: events.Key) -> bool:
        """Take a key that was pressed before the line had the focus; return whether it was."""
        if not self.is_mounted:
            return False
        line = self.query_one(_Line)
        if event.key in _EDITING_KEYS:
            line.action_delete_left() if event.key == "backspace" else line.clear()
        elif event.is_printable and event.character:
            line.insert_text_at_cursor(event.character)
        else:
            return self.take(event)
        return True

    def on_input_changed(self, event: Input.Changed) -> None:
        self._find()

    def _find(self) -> None:
        """List what the present text finds: a key may arrive before the line's message does."""
        query = self.query_one(_Line).value.strip()
        if query != self._query:
            self._query = query
            self.found = offers_found(query, self._offers, Matcher(query))
            self.query_one(RowList).set_source(Rows(lambda: len(self.found), self._row))

    def _row(self, index: int, width: int) -> Row:
        """Return the row of an offer: label, key, and as much of the description as fits."""
        offer = self.found[index]
        title = fit(offer.title, min(_TITLE_WIDTH, width * 2 // 3))
        return [(title, "strong"), (f" {' '.join(offer.help.split())}", "dim")]

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        if self.is_current:
            self.do_run()

    # Keys

    def do_run(self) -> None:
        self._find()
        if self.found:
            self.dismiss(self.found[self.query_one(RowList).cursor])

    def _move(self, rows: int) -> None:
        self._find()
        self.query_one(RowList).move(rows)

    def _page(self, pages: int) -> None:
        self._find()
        self.query_one(RowList).page(pages)

    do_down = partialmethod(_move, 1)
    do_up = partialmethod(_move, -1)
    do_page_down = partialmethod(_page, 1)
    do_page_up = partialmethod(_page, -1)


class _Line(Input):
    """The line for the words; the palette's own keys come first, in the order of typing."""

    async def on_key(self, event: events.Key) -> None:
        screen = self.screen
        if isinstance(screen, PaletteScreen) and screen.take(event):
            event.stop()
            event.prevent_default()
        else:
            await run_binding_now(self, event)


class _OfferRows(RowList):
    """The list of offers. A click does one; below, the description of the one under the cursor."""

    def footer_height(self) -> int:
        return 2 if self.scrollable_content_region.height >= _LEAST_HEIGHT else 0

    def footer_rows(self, height: int) -> Sequence[Row]:
        screen = self.screen
        if not isinstance(screen, PaletteScreen) or not screen.found:
            return ((),) * height
        text = screen.found[self.cursor].help
        starts = [*row_starts(text, max(1, self.scrollable_content_region.width - GUTTER)), None]
        rows = [[(text[start:end].rstrip(), "dim")] for start, end in pairwise(starts)]
        return [*rows, *([()] * height)][:height]

    def on_click(self, event: events.Click) -> None:
        # RowList moves the cursor to the row only after this.
        offset = event.get_content_offset(self)
        if offset is not None and self.scroll_offset.y + offset.y < self.row_count:
            self.call_next(self.choose)
