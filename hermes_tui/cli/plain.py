"""Runs as plain text on standard output, for pipes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hermes_tui.cli.filters import check_for_list, check_for_run
from hermes_tui.cli.stderr import print_notice
from hermes_tui.log.event_log import MemoryLog
from hermes_tui.log.expressions import compile_expression
from hermes_tui.log.query import CHEAP_FIELDS, FIELDS, RowFields, row_texts
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted, title
from hermes_tui.runtime.opener import RunRef, read_events
from hermes_tui.ui.render.rows import plain, timeline_row
from hermes_tui.ui.runs.fields import FOUND, run_line
from hermes_tui.ui.runs.table import RunRow

if TYPE_CHECKING:
    from hermes_tui.ui.search import Search

WIDTH = 160
MAX_LINE = 8_000
"""In characters. The fields in the line of a run are short, except for its path."""
MAX_NAME = 100


def print_run(
    ref: RunRef, filter_text: str, *, search: Search | None, first_message: int = 0
) -> None:
    """Print the timeline of one run, one row per line.

    Prints only rows that match the filter and the search; with `first_message`, none before that
    message (counted from 1).
    """
    expression = None
    if filter_text:
        check_for_run(filter_text)
        expression = compile_expression(filter_text, FIELDS, cheap_names=CHEAP_FIELDS)
    timeline = Timeline(MemoryLog(read_events(ref), complete=True))
    timeline.advance()
    printed = 0
    first = timeline.message_row(first_message) or 0
    for row in range(first, len(timeline)):
        if expression is not None and not expression.matches(RowFields(timeline, row)):
            continue
        if search is not None and not any(map(search.found_in, row_texts(timeline, row))):
            continue
        sys.stdout.write(plain(timeline_row(timeline, row, WIDTH), WIDTH) + "\n")
        printed += 1
    if not printed and (filter_text or search is not None):
        print_notice(f"no row matches (of {len(timeline) - first})")


def print_runs(rows: Sequence[RunRow], filter_text: str, *, search: Search | None) -> None:
    """Print one line for every run that matches the filter and the search."""
    from hermes_tui.ui.runs.model import RunsModel

    if filter_text:
        check_for_list(filter_text)
    model = RunsModel(rows)
    model.set_search(search)
    if search is not None:
        filter_text = f"{FOUND} and ({filter_text})" if filter_text else FOUND
    model.try_filter(filter_text)
    model.update()
    while model.unsettled:
        model.advance(1.0)
    for position in range(len(model)):
        row = model.row(position)
        summary = row.summary
        counters = (("turn", summary.turns), ("call", summary.calls), ("error", summary.errors))
        counts = " ".join(counted(count, noun) for noun, count in counters)
        sys.stdout.write(f"{_line(row)}  {counts}\n")
    if rows and not len(model):
        print_notice(f"no run matches (of {len(rows)})")


def _line(row: RunRow) -> str:
    """Return a run as one line, complete except for values longer than any name."""
    summary = row.summary
    short = summary._replace(
        run_id=visible_line(summary.run_id, MAX_NAME),
        task=title(summary.task),
        model=visible_line(summary.model, MAX_NAME),
    )
    return visible_line(run_line(replace(row, summary=short)), MAX_LINE)
