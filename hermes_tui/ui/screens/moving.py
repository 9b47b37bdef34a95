"""Commands that are the same on every screen: moving in a list or a text, and between matches."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from hermes_tui.ui.widgets.row_list import RowList

if TYPE_CHECKING:
    from hermes_tui.ui.widgets.text_view import TextView


class Moving:
    """Moves in the focused list or text; a mixin that precedes the screen among the bases."""

    @abstractmethod
    def focused_pane(self) -> RowList | TextView: ...

    def follow_cursor(self, row_list: RowList) -> None:
        """Update the screen after the cursor has moved to a row, by a key or otherwise."""

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        self.follow_cursor(event.row_list)

    def do_down(self) -> None:
        self._carry(lambda pane: pane.move(1))

    def do_up(self) -> None:
        self._carry(lambda pane: pane.move(-1))

    def do_page_down(self) -> None:
        self._carry(lambda pane: pane.page(1))

    def do_page_up(self) -> None:
        self._carry(lambda pane: pane.page(-1))

    def do_top(self) -> None:
        self._carry(lambda pane: pane.to_top())

    def do_bottom(self) -> None:
        self._carry(lambda pane: pane.to_bottom())

    def _carry(self, step: Callable[[RowList | TextView], None]) -> None:
        """Move in the focused pane.

        Dependent panes are updated at once: a message would arrive a frame later, and every key
        would cost two paints.
        """
        pane = self.focused_pane()
        if isinstance(pane, RowList):
            before = pane.cursor
            with pane.prevent(RowList.Moved):
                step(pane)
            if pane.cursor != before:
                self.follow_cursor(pane)
        else:
            step(pane)


class Finding:
    """Goes from match to match; a mixin that precedes the screen among the bases."""

    @abstractmethod
    def go_match(self, step: int) -> None: ...

    def do_search_next(self) -> None:
        self.go_match(1)

    def do_search_previous(self) -> None:
        self.go_match(-1)
