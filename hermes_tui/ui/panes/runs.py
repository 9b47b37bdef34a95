"""The table of runs."""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style

from hermes_tui.model.visible import visible_line
from hermes_tui.ui.render.rows import Segments, short_size
from hermes_tui.ui.runs_model import RunsModel
from hermes_tui.ui.widgets.row_list import RowList

NARROW = 100


class RunRows:
    """The runs of a model as the list widget asks for them."""

    def __init__(self, model: RunsModel) -> None:
        self.model = model

    def __len__(self) -> int:
        return len(self.model)

    def header(self, width: int) -> list[Segments]:
        """Return the line of column headings."""
        wide = "   size" if width >= NARROW else ""
        return [
            [
                (
                    f"{'run':>6} turns calls terr  err warn {'reward':>7} {'status':<9}{wide}  ",
                    "heading",
                ),
                ("task · id · model · findings", "heading"),
            ]
        ]

    def row(self, index: int, width: int) -> Segments:
        row = self.model.row(index)
        summary = row.summary
        number = self.model.order[index] + 1
        reward = f"{summary.reward:.3g}" if summary.reward is not None else ""
        wide = f" {short_size(summary.characters):>6}" if width >= NARROW else ""
        texts = [summary.task or summary.run_id or row.file_label]
        if summary.task and summary.run_id:
            texts.append(summary.run_id)
        texts += [summary.model, *(f"{code}×{count}" for code, count in summary.codes)]
        return [
            (f"{number:>6} {summary.turns:>5} {summary.calls:>5} ", ""),
            (f"{summary.tool_errors or '':>4} ", "warning"),
            (f"{f'✗{summary.errors}' if summary.errors else '':>4} ", "error"),
            (f"{f'!{summary.warnings}' if summary.warnings else '':>4} ", "warning"),
            (f"{reward:>7} {visible_line(summary.status, 9):<9}{wide}  ", ""),
            (visible_line(" · ".join(text for text in texts if text), max(20, width)), ""),
        ]


class RunsPane(RowList):
    """One row a run."""

    title = "Runs"

    def __init__(self, model: RunsModel, resolve: Callable[[str], Style]) -> None:
        rows = RunRows(model)
        super().__init__(rows, resolve=resolve, id="runs", header=rows.header, empty="no runs yet")
        self._model = model
        self._drawn_revision = 0

    def show(self) -> None:
        """Take over the rows; the cursor stays on its run."""
        # Another order changes rows that are drawn already.
        revision = self._model.revision
        self.rows_changed(None if revision == self._drawn_revision else 0)
        self._drawn_revision = revision
        position = self._model.kept_position()
        if position is not None and position != self.cursor:
            self.go(position)
