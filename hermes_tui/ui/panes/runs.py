"""The table of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.message import Message

from hermes_tui.log.run_fields import UNKNOWN
from hermes_tui.model.wording import utc_text
from hermes_tui.ui.key_names import KeyNames
from hermes_tui.ui.render.groups import heading_row, tree_text
from hermes_tui.ui.render.rows import Segments, short_number, short_size
from hermes_tui.ui.render.wrap import fit, fit_end
from hermes_tui.ui.runs.arranged_runs import ArrangedRuns
from hermes_tui.ui.runs.columns import (
    MARKS,
    Column,
    column_at,
    columns_for,
    fields_without_column,
    heading_of,
)
from hermes_tui.ui.runs.fields import column as column_of
from hermes_tui.ui.runs.fields import findings_text, id_text
from hermes_tui.ui.runs.group_facts import FactsOfGroups
from hermes_tui.ui.runs.lines import RunLines
from hermes_tui.ui.runs.table import RunRow
from hermes_tui.ui.widgets.row_list import GUTTER, RowList

STYLES = {"tool_errors": "warning", "errors": "error", "warnings": "warning", "file": "dim"}
LONGEST_SUFFIX = 6
FOLDED_RUN = "▸ +1 "
SAMPLED_RUNS = 200
"""How many of the first runs are checked for whether their tasks tell them apart."""
WAITING = "no runs yet: waiting for files"
NO_RUNS_YET, NO_RUNS = "no runs yet", "no runs"
NO_MATCH_YET, NO_MATCH = (
    "no run matches the filter so far: {unfilter} shows all",
    "no run matches the filter: {unfilter} shows all",
)


class RunRows:
    """The runs of a model and the headings of their groups, as the list widget's row source."""

    def __init__(self, model: ArrangedRuns) -> None:
        self.model = model
        self.lines = RunLines(model)
        self.columns: tuple[Column, ...] = ()
        self.facts = FactsOfGroups(model)
        self._width = 0
        self._sampled = 0
        self._tasks_are_shared = False

    def __len__(self) -> int:
        return len(self.lines)

    def fit_columns(self) -> bool:
        """Fit the columns to the values of the runs; return whether the columns changed."""
        before = self.columns
        model = self.model
        self.columns = columns_for(
            self._width,
            self._longest_texts(),
            len(model.rows),
            sorted_by=model.sort_name,
            by_id=self._are_tasks_shared(),
        )
        return self.columns != before

    def _longest_texts(self) -> Mapping[str, int]:
        """Return the length of the longest text by column; tasks with the mark of a parent."""
        longest = self.model.facts.longest
        if not (self.model.arrangement.has_children and "task" in longest):
            return longest
        return {**longest, "task": longest["task"] + len(FOLDED_RUN)}

    def _are_tasks_shared(self) -> bool:
        """Return whether the first runs have at most half as many tasks as runs."""
        sampled = min(self.model.taken, SAMPLED_RUNS)
        if self._sampled != sampled:
            tasks = column_of(self.model.rows[:sampled], "task")
            self._sampled, self._tasks_are_shared = sampled, 2 * len(set(tasks)) <= sampled
        return self._tasks_are_shared

    def header(self, width: int) -> list[Segments]:
        """Return the line of column headings, for `width` cells."""
        self._width = width
        self.fit_columns()
        return [[self._column_heading(column) for column in self.columns]]

    def _column_heading(self, column: Column) -> tuple[str, str]:
        is_sorted = column.name == self.model.sort_name
        mark = MARKS[self.model.descending] if is_sorted else ""
        if column.is_number:
            text = f"{mark}{column.heading}".rjust(column.gap + column.width)
        else:
            text = " " * column.gap + fit(f"{column.heading}{mark}", column.width)
        return text, "heading"

    def row(self, index: int, width: int) -> Segments:
        position = self.lines.position(index)
        if position is None:
            return self._group_row(index, width)
        row = self.model.row(position)
        number = str(self.model.number(position))
        before = tree_text(self.lines.branch(position))
        return [
            (" " * column.gap + _cell(column, number, row, before), STYLES.get(column.name, ""))
            for column in self.columns
        ]

    def _group_row(self, index: int, width: int) -> Segments:
        group = self.lines.group(index)
        if group is None:
            return []
        is_folded = group.key in self.lines.folded_groups
        facts = self.facts.of(group)
        namesakes = self.facts.namesakes(group)
        return heading_row(group, facts, width, is_folded=is_folded, namesakes=namesakes)


def _cell(column: Column, number: str, row: RunRow, before: str) -> str:
    """Return the text of a cell; `before` is the branch of the tree to draw before the task."""
    if column.name == "file":
        return file_cell(row.file_name, column.width)
    text = number if column.name == "run" else _value_text(column.name, row)
    if column.name == "task":
        if not (row.summary.task or row.summary.run_id):
            # A path is shown in their place, and its end is what identifies it.
            text = fit_end(text, max(0, column.width - cell_len(before)))
        text = before + text
    return text.rjust(column.width) if column.is_number else fit(text, column.width)


def _value_text(name: str, row: RunRow) -> str:
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
            return _text_if_known(short_number, summary.reward)
        case "size":
            return short_size(summary.characters)
        case "tokens_in":
            return _text_if_known(short_size, summary.prompt_tokens)
        case "tokens_out":
            return _text_if_known(short_size, summary.completion_tokens)
        case "duration":
            return _text_if_known(short_number, summary.duration_s)
        case "cost":
            return _text_if_known(short_number, summary.cost_usd)
        case "began":
            return _minute(summary.began_ts)
        case "latest":
            return _minute(summary.latest_ts)
        case "status":
            return "" if summary.status == UNKNOWN else summary.status
        case "stop_reason":
            return summary.stop_reason
        case "id":
            return id_text(row)
        case "model":
            return summary.model
        case "codes":
            return findings_text(row)
        case _:
            return summary.task or summary.run_id or row.file_label


def _labelled_value(name: str, row: RunRow) -> str:
    """Return a value with its name, unless it is clear without; empty if it is unknown."""
    text = row.file_name if name == "file" else _value_text(name, row)
    if not text:
        return ""
    return text if name == "codes" else f"{heading_of(name)} {text}"


def _text_if_known(to_text: Callable[[Any], str], value: float | None) -> str:
    return "" if value is None else to_text(value)


def _minute(ts: float | None) -> str:
    """Return a time in the form 2026-11-22 07:30, in UTC; empty if there is none."""
    return utc_text(ts, "%Y-%m-%d %H:%M")


def file_cell(name: str, width: int) -> str:
    """Return the end of a path on exactly `width` cells, without its suffix if it does not fit."""
    stem, _, suffix = name.rpartition(".")
    is_tight = len(name) > width and len(suffix) <= LONGEST_SUFFIX
    return fit_end(stem if is_tight and stem else name, width)


class RunsPane(RowList):
    """The table of runs: one row for each run, and headings for groups."""

    title = "Runs"
    styles_blanks = False

    class HeadingClicked(Message):
        """The heading of the column `name` was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(
        self,
        model: ArrangedRuns,
        resolve: Callable[[str], Style],
        *,
        keys: KeyNames,
        waits: bool = False,
    ) -> None:
        """Show the runs of a model; with `waits`, files that do not exist yet may add some."""
        rows = RunRows(model)
        self._no_match_yet, self._no_match = keys.format(NO_MATCH_YET), keys.format(NO_MATCH)
        self._no_runs_yet = WAITING if waits else NO_RUNS_YET
        empty = self._no_runs_yet
        super().__init__(rows, resolve=resolve, id="runs", header=rows.header, empty=empty)
        self.no_more = False
        """Whether all runs were read and none can be added."""
        self._rows = rows
        self._model = model
        self._heading_key = ""
        """The key of the group whose heading the cursor is on, else empty."""
        self._drawn_revision = 0
        self._drawn_sort = (model.sort_name, model.descending)

    def show(self) -> None:
        """Show the rows of the model; the cursor stays on its run."""
        # A new order changes rows that are already drawn.
        model = self._model
        is_moved = self._rows.lines.update() or model.revision != self._drawn_revision
        self.rows_changed(0 if is_moved else None)
        self._drawn_revision = model.revision
        sort = (model.sort_name, model.descending)
        if self._rows.fit_columns() or sort != self._drawn_sort:
            self._drawn_sort = sort
            self.set_header(self._rows.header)
        if not len(model):
            self._update_empty_text()
        if self.follow:
            self.keep()
            self.follow = self._may_grow
            return
        line = self._kept_line()
        if line is not None and line != self.cursor:
            self.go(line, quiet=True)

    @property
    def _may_grow(self) -> bool:
        """Whether another run may become the last of the list by itself."""
        return not self.no_more or self._model.unsettled

    def to_bottom(self) -> None:
        """Move the cursor to the last row; it stays at the end as long as rows are added."""
        super().to_bottom()
        self.follow = self._may_grow

    def _update_empty_text(self) -> None:
        if self._model.filter is not None:
            empty = self._no_match_yet if self._may_grow else self._no_match
        else:
            empty = NO_RUNS if self.no_more else self._no_runs_yet
        self.set_empty_text(empty)

    @property
    def unsettled(self) -> bool:
        """Whether a heading is shown whose facts are not known yet."""
        return self._rows.facts.unsettled

    def advance(self, budget_s: float) -> None:
        """Compute facts of headings for about `budget_s` seconds, and draw what is known."""
        if self._rows.facts.advance(budget_s):
            self.rows_changed(0)

    @property
    def lines(self) -> RunLines:
        return self._rows.lines

    @property
    def position(self) -> int | None:
        """Return the position of the run under the cursor; None on a heading or without runs."""
        return self.lines.position(self.cursor)

    def values_without_column(self) -> list[str]:
        """Return the known values of the run under the cursor for which no column has room."""
        if self.position is None:
            return []
        row = self._model.row(self.position)
        names = fields_without_column(self._rows.columns, self._model.facts.longest)
        return [text for name in names if (text := _labelled_value(name, row))]

    def keep(self) -> None:
        """Remember what is under the cursor, so that it stays there when the order changes."""
        group = self.lines.group(self.cursor)
        self._heading_key = "" if group is None else group.key
        if self.position is not None:
            self._model.keep(self.position)

    def _kept_line(self) -> int | None:
        if self._heading_key and (line := self.lines.line_of_group(self._heading_key)) is not None:
            return line
        position = self._model.kept_position()
        return None if position is None else self.lines.line_of(position)

    def go_to(self, position: int) -> None:
        """Move the cursor to a run, unfolding what hides it."""
        self.lines.unfold(position)
        self._heading_key, self.follow = "", False
        self._model.keep(position)
        self.show()

    def fold(self, *, everything: bool = False) -> bool:
        """Fold or unfold what is under the cursor, or everything; return whether anything was."""
        lines = self.lines
        if not (lines.toggle_all() if everything else lines.toggle(self.cursor)):
            return False
        self.follow = False
        self.show()
        self.keep()
        return True

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or offset.y:
            return
        column = column_at(self._rows.columns, offset.x - GUTTER)
        if column is not None:
            self.post_message(self.HeadingClicked(column.name))
