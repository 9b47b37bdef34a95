"""The timeline pane: every row of the run, or those that the filter matches."""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style

from hermes_tui.ui.render.rows import Segments, timeline_row
from hermes_tui.ui.render.titles import lags_behind, so_far
from hermes_tui.ui.view_model import RunModel
from hermes_tui.ui.widgets.row_list import RowList, Rows


def _marked(segments: Segments, letter: str) -> Segments:
    """Return a row with its mark in the blanks before the turn, so that no column moves."""
    (turn, style), *others = segments
    if not turn.startswith(" "):
        return [(f"{letter} ", "badge"), *segments]
    return [(letter, "badge"), (turn[1:], style), *others]


class TimelinePane(RowList):
    """Lists the rows of the run; all other panes follow its cursor."""

    title = "Timeline"

    def __init__(self, model: RunModel, resolve: Callable[[str], Style]) -> None:
        rows = Rows(model.visible_rows, self._row)
        super().__init__(rows, resolve=resolve, id="timeline", empty="no rows yet")
        self._model = model
        self._drawn_for: object = (model.timeline, None, 0)

    def _row(self, index: int, width: int) -> Segments:
        model = self._model
        row = model.row_at(index)
        segments = timeline_row(model.timeline, row, width)
        if row in model.marks.values():
            letter = next(mark for mark, marked in model.marks.items() if marked == row)
            segments = _marked(segments, letter)
        return segments

    def go(self, index: int, *, quiet: bool = False) -> None:
        super().go(index, quiet=quiet)
        model = self._model
        if not quiet and (rows := model.visible_rows()):
            # Not when `Moved` arrives: a view drawn before that would move the cursor back.
            model.go(model.row_at(min(self.cursor, rows - 1)))
            model.follow = model.follow and self.follow

    def show(self) -> None:
        """Show the rows of the model, and put the cursor on its current row."""
        model = self._model
        self.follow = model.follow
        drawn_for = (model.timeline, model.filter, len(model.marks))
        # Another run, filter or mark changes rows that are already drawn.
        self.rows_changed(None if drawn_for == self._drawn_for else 0)
        self._drawn_for = drawn_for
        self.set_empty_text(self._empty_text())
        if model.visible_rows():
            self.go(model.position(), quiet=True)

    def _empty_text(self) -> str:
        model = self._model
        if model.filter is None:
            return "no rows yet"
        scope = so_far(model, model.filtered)
        if lags_behind(model, model.filtered):
            return f"filtering: nothing{scope}"
        return model.keys.format(f"no row matches the filter{scope}: {{unfilter}} shows all")
