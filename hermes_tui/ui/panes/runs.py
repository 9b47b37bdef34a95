"""The table of runs."""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.message import Message

from hermes_tui.model.visible import ELLIPSIS, visible_row
from hermes_tui.ui.feeds import RunRow
from hermes_tui.ui.render.rows import Segments, short_size
from hermes_tui.ui.run_columns import MARKS, Column, column_at, columns_for
from hermes_tui.ui.run_fields import findings_text, id_text
from hermes_tui.ui.runs_model import RunsModel
from hermes_tui.ui.widgets.row_list import GUTTER, RowList
from hermes_tui.ui.widgets.wrap import fit

STYLES = {"tool_errors": "warning", "errors": "error", "warnings": "warning", "file": "dim"}
LONGEST_SUFFIX = 6


class RunRows:
    """The runs of a model as the list widget asks for them."""

    def __init__(self, model: RunsModel) -> None:
        self.model = model
        self.columns: tuple[Column, ...] = ()
        self._width = 0

    def __len__(self) -> int:
        return len(self.model)

    def fit_columns(self) -> bool:
        """Fit the columns to what the runs hold now; return whether that changed them."""
        before = self.columns
        self.columns = columns_for(self._width, self.model.facts.longest, len(self.model.rows))
        return self.columns != before

    def header(self, width: int) -> list[Segments]:
        """Return the line of column headings."""
        self._width = width
        self.fit_columns()
        return [[self._heading(column) for column in self.columns]]

    def _heading(self, column: Column) -> tuple[str, str]:
        is_sorted = column.name == self.model.sort_name
        mark = MARKS[self.model.descending] if is_sorted else ""
        if column.is_number:
            text = f"{mark}{column.heading}".rjust(column.width + 1)
        else:
            text = " " + fit(f"{column.heading}{mark}", column.width)
        return text, "heading"

    def row(self, index: int, width: int) -> Segments:
        row = self.model.row(index)
        number = str(self.model.number(index))
        return [
            (" " + _cell(column, number, row), STYLES.get(column.name, ""))
            for column in self.columns
        ]


def _cell(column: Column, number: str, row: RunRow) -> str:
    if column.name == "file":
        return file_cell(row.file_name, column.width)
    text = number if column.name == "run" else _text(column.name, row)
    return text.rjust(column.width) if column.is_number else fit(text, column.width)


def _text(name: str, row: RunRow) -> str:
    summary = row.summary
    match name:
        case "turns":
            return short_size(summary.turns)
        case "calls":
            return short_size(summary.calls)
        case "tool_errors":
            return short_size(summary.tool_errors) if summary.tool_errors else ""
        case "errors":
            return f"✗{short_size(summary.errors)}" if summary.errors else ""
        case "warnings":
            return f"!{short_size(summary.warnings)}" if summary.warnings else ""
        case "reward":
            return short_number(summary.reward) if summary.reward is not None else ""
        case "size":
            return short_size(summary.characters)
        case "status":
            return summary.status
        case "id":
            return id_text(row)
        case "model":
            return summary.model
        case "codes":
            return findings_text(row)
        case _:
            return summary.task or summary.run_id or row.file_label


def short_number(number: float) -> str:
    """Return a number in at most seven characters."""
    text = f"{number:.3g}"
    return text if len(text) <= 7 else f"{number:.0e}"


def file_cell(name: str, width: int) -> str:
    """Return the end of a path on exactly `width` cells, without its suffix where that is tight."""
    stem, _, suffix = name.rpartition(".")
    is_tight = len(name) > width and len(suffix) <= LONGEST_SUFFIX
    return fit_end(stem if is_tight and stem else name, width)


def fit_end(text: str, width: int) -> str:
    """Return the end of `text` on one line of exactly `width` cells, … before what is left out."""
    shown = visible_row(text[-2 * width - 1 :])
    if cell_len(shown) <= width:
        return fit(shown, width)
    while shown and cell_len(shown) >= width:
        shown = shown[1:]
    return fit(ELLIPSIS + shown, width)


class RunsPane(RowList):
    """One row a run."""

    title = "Runs"

    class HeadingClicked(Message):
        """The heading of the column `name` was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, model: RunsModel, resolve: Callable[[str], Style]) -> None:
        rows = RunRows(model)
        super().__init__(rows, resolve=resolve, id="runs", header=rows.header, empty="no runs yet")
        self._rows = rows
        self._model = model
        self._drawn_revision = 0
        self._drawn_sort = (model.sort_name, model.descending)

    def show(self) -> None:
        """Take over the rows; the cursor stays on its run."""
        # Another order changes rows that are drawn already.
        model = self._model
        self.rows_changed(None if model.revision == self._drawn_revision else 0)
        self._drawn_revision = model.revision
        sort = (model.sort_name, model.descending)
        if self._rows.fit_columns() or sort != self._drawn_sort:
            self._drawn_sort = sort
            self.set_header(self._rows.header)
        position = model.kept_position()
        if position is not None and position != self.cursor:
            self.go(position, quiet=True)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or offset.y:
            return
        column = column_at(self._rows.columns, offset.x - GUTTER)
        if column is not None:
            self.post_message(self.HeadingClicked(column.name))
