"""Copying from the run screen: to the clipboard, one alternative after another, or to a pager."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hermes_tui.ui.panes.text_panes import TextPane
from hermes_tui.ui.screens.run_finding import RunFinding
from hermes_tui.ui.widgets.row_list import RowList
from hermes_tui.ui.widgets.text_view import TextView

if TYPE_CHECKING:
    from hermes_tui.ui.render.copied import Copyable


class RunCopying(RunFinding):
    """Copies what is selected, and the next alternative each time the command is repeated."""

    def __init__(self) -> None:
        super().__init__()
        self._last_copy: object = None
        """The pane and row that were copied from last, and what went to the clipboard."""
        self._copied_index = 0
        """The index of the alternative that was copied."""

    def do_copy(self) -> None:
        copies = self._copies()
        if not copies:
            return
        origin = (self.focused_pane(), self.model.timeline, self.model.row)
        is_repeated = (origin, self.hermes.clipboard) == self._last_copy
        self._copied_index = (self._copied_index + 1) % len(copies) if is_repeated else 0
        chosen = copies[self._copied_index]
        note = ", secrets masked" if chosen.is_masked else ""
        if len(copies) > 1:
            note += f"; again: {copies[(self._copied_index + 1) % len(copies)].what}"
        self.copy(chosen.text, chosen.what, note)
        self._last_copy = origin, self.hermes.clipboard

    def _copies(self) -> Sequence[Copyable]:
        from hermes_tui.ui.render.copied import Copyable, row_copies

        pane, view = self.focused_pane(), self.model.state()
        if isinstance(pane, TextPane):
            return pane.copies(view)
        if isinstance(pane, RowList) and pane.copied:
            return [Copyable(pane.copied)]
        return row_copies(view, self.feed.raw_text)

    def do_copy_place(self) -> None:
        """Copy the command that opens the run at the message under the cursor."""
        self.copy_command(self.feed.place, self.model.timeline.message_number(self.model.row))

    def do_pager(self) -> None:
        pane = self.focused_pane()
        metadata = self.metadata_pane()
        if isinstance(pane, TextView):
            wrong = self.hermes.show_in_pager([pane.document.indented_text])
        elif metadata is not None:
            wrong = self.hermes.show_in_pager([metadata.text])
        else:
            wrong = self.hermes.show_rows_in_pager(pane)
        if wrong:
            self.say(wrong)
