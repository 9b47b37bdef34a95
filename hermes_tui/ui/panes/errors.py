"""The tool-errors pane: every tool error of the run; Enter goes to it."""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style

from hermes_tui.ui.render.rows import Segments, error_row
from hermes_tui.ui.view_model import RunModel
from hermes_tui.ui.widgets.row_list import RowList


class ErrorRows:
    """The tool errors of a model as the list widget asks for them."""

    def __init__(self, model: RunModel) -> None:
        self.model = model

    def __len__(self) -> int:
        return len(self.model.timeline.tool_error_rows)

    def row(self, index: int, width: int) -> Segments:
        timeline = self.model.timeline
        return error_row(timeline, timeline.tool_error_rows[index], width)


class ErrorsPane(RowList):
    """Turn, tool, how sure, error and arguments of every tool error."""

    title = "Tool errors"

    def __init__(self, model: RunModel, resolve: Callable[[str], Style]) -> None:
        super().__init__(
            ErrorRows(model), resolve=resolve, id="errors", empty="no tool errors in this run"
        )
        self._model = model
        self._drawn_for = model.timeline

    def show(self) -> None:
        """Take over the errors found so far."""
        timeline = self._model.timeline
        self.rows_changed(None if timeline is self._drawn_for else 0)
        self._drawn_for = timeline

    def chosen_row(self) -> int | None:
        """Return the timeline row of the error under the cursor."""
        rows = self._model.timeline.tool_error_rows
        return rows[self.cursor] if self.cursor < len(rows) else None
