"""Commands that mean the same on every screen: moving in a list or a text, going on to a match."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from hermes_tui.ui.widgets.row_list import RowList

if TYPE_CHECKING:
    from hermes_tui.ui.widgets.text_view import TextView


class Moving:
    """Moves in the list or text that has the keys; stands before the screen among the bases."""

    @abstractmethod
    def focused_pane(self) -> RowList | TextView: ...

    def follow_cursor(self, row_list: RowList) -> None:
        """Show what belongs to the row that the cursor has come to, by a key or otherwise."""

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
        """Move in the pane that has the keys.

        What follows the cursor does so at once: told by a message, it would be drawn a frame later,
        and every key would cost two drawings.
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
    """Goes from match to match; stands before the screen among the bases."""

    @abstractmethod
    def go_match(self, step: int) -> None: ...

    def do_search_next(self) -> None:
        self.go_match(1)

    def do_search_previous(self) -> None:
        self.go_match(-1)
