"""Commands that mean the same on every screen: moving in a list or a text, going on to a match."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hermes_tui.ui.widgets.row_list import RowList
    from hermes_tui.ui.widgets.text_view import TextView


class Moving:
    """Moves in the list or text that has the keys; stands before the screen among the bases."""

    @abstractmethod
    def focused_pane(self) -> RowList | TextView: ...

    def do_down(self) -> None:
        self.focused_pane().move(1)

    def do_up(self) -> None:
        self.focused_pane().move(-1)

    def do_page_down(self) -> None:
        self.focused_pane().page(1)

    def do_page_up(self) -> None:
        self.focused_pane().page(-1)

    def do_top(self) -> None:
        self.focused_pane().to_top()

    def do_bottom(self) -> None:
        self.focused_pane().to_bottom()


class Finding:
    """Goes from match to match; stands before the screen among the bases."""

    @abstractmethod
    def go_match(self, step: int) -> None: ...

    def do_search_next(self) -> None:
        self.go_match(1)

    def do_search_previous(self) -> None:
        self.go_match(-1)
