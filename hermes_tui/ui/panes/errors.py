"""The tool-errors pane: every tool error of the run; below, the chosen one in full."""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style

from hermes_tui.ui.render.rows import Segments
from hermes_tui.ui.render.tool_errors import (
    ToolError,
    error_lines,
    error_row,
    error_text,
    tool_error,
)
from hermes_tui.ui.view_model import RunModel
from hermes_tui.ui.widgets.row_list import GUTTER, RowList, Rows

LEAST_HEIGHT = 8
"""Rows that the pane needs to have room for more than the list."""


class ErrorsPane(RowList):
    """Lists turn, tool, certainty, error and arguments of each tool error; below, all of one.

    Enter goes to the error in the timeline.
    """

    title = "Tool errors"

    def __init__(self, model: RunModel, resolve: Callable[[str], Style]) -> None:
        rows = Rows(lambda: len(model.timeline.tool_error_rows), self._row)
        super().__init__(rows, resolve=resolve, id="errors", empty="no tool errors so far")
        self._model = model
        self._drawn_for = model.timeline

    def _row(self, index: int, width: int) -> Segments:
        error = self._error(index)
        return [] if error is None else error_row(error, width)

    def _error(self, index: int) -> ToolError | None:
        timeline = self._model.timeline
        rows = timeline.tool_error_rows
        return tool_error(timeline, rows[index]) if index < len(rows) else None

    def show(self) -> None:
        """Show the errors found so far."""
        timeline = self._model.timeline
        empty = f"no tool errors{self._model.so_far or ' in this run'}"
        if self._model.situation().problems:
            empty += self._model.keys.format(": {next-problem} goes to what else is wrong")
        self.set_empty_text(empty)
        self.rows_changed(None if timeline is self._drawn_for else 0)
        self._drawn_for = timeline

    def chosen_row(self) -> int | None:
        """Return the timeline row of the error under the cursor."""
        rows = self._model.timeline.tool_error_rows
        return rows[self.cursor] if self.cursor < len(rows) else None

    @property
    def copied(self) -> str:
        """The text to copy: the whole error under the cursor."""
        error = self._error(self.cursor)
        return error_text(error) if error is not None else ""

    def footer_height(self) -> int:
        """Return the larger of half the pane and what the list leaves; 0 if the pane is too low."""
        room = self.scrollable_content_region.height
        if room < LEAST_HEIGHT or not self.row_count:
            return 0
        return max(room // 2, room - self.row_count)

    def footer_rows(self, height: int) -> list[Segments]:
        """Return the error under the cursor, with its arguments and result."""
        error = self._error(self.cursor)
        width = self.scrollable_content_region.width - GUTTER
        return error_lines(error, width, height) if error is not None else [[]] * height
