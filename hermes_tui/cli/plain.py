"""Runs as plain text on standard output, for pipes."""

from __future__ import annotations

import sys

from hermes_tui.log.event_log import MemoryLog
from hermes_tui.log.expressions import compile_expression
from hermes_tui.log.query import FIELDS, row_fields
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.visible import visible_line
from hermes_tui.runtime.opener import RunRef, read_events
from hermes_tui.ui.feeds import RunRow
from hermes_tui.ui.render.rows import plain, timeline_row

WIDTH = 160


def print_run(ref: RunRef, filter_text: str = "") -> None:
    """Print the timeline of one run, a row a line; only rows that an expression matches."""
    expression = compile_expression(filter_text, FIELDS) if filter_text else None
    timeline = Timeline(MemoryLog(read_events(ref), complete=True))
    timeline.advance()
    for row in range(len(timeline)):
        if expression is not None and not expression.matches(row_fields(timeline, row)):
            continue
        sys.stdout.write(plain(timeline_row(timeline, row, WIDTH), WIDTH) + "\n")


def print_runs(rows: list[RunRow]) -> None:
    """Print one line for every run."""
    from hermes_tui.ui.runs_model import RunsModel

    model = RunsModel(rows)
    model.update()
    for position in range(len(model)):
        summary = model.row(position).summary
        counts = f"{summary.turns} turns {summary.calls} calls {summary.errors} errors"
        sys.stdout.write(f"{visible_line(model.line(position), 200)}  {counts}\n")
