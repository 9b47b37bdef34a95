"""Lists of runs for tests, without files."""

from __future__ import annotations

from typing import Any

from hermes_tui.log.summary import RunSummary
from hermes_tui.runtime.opener import RunRef
from hermes_tui.ui.runs.arranged_runs import ArrangedRuns
from hermes_tui.ui.runs.model import RunsModel
from hermes_tui.ui.runs.table import RunRow

NOTHING = RunSummary("", "", "", "openai-messages", *[0] * 9, (), "unknown", None, 0)


class _AnyFile:
    """A stand-in for the file of a run that is never opened."""

    def __init__(self, number: int) -> None:
        self.number = number


def runs_of(*runs: dict[str, Any], files: int = 1) -> ArrangedRuns:
    """Return a list of runs with these summary fields, spread evenly over `files` files."""
    opened = [_AnyFile(number) for number in range(files)]
    rows = []
    for number, fields in enumerate(runs):
        which = number * files // len(runs)
        summary = NOTHING._replace(**{"run_id": f"run-{number}", **fields})
        ref = RunRef(opened[which], number, number)  # type: ignore[arg-type]
        rows.append(RunRow(ref, summary, f"/runs/{which}.jsonl", which, f"{which}.jsonl"))
    model = ArrangedRuns(rows)
    model.update()
    settle_list(model)
    return model


def settle_list(model: RunsModel) -> None:
    """Finish all pending work of a list."""
    while model.unsettled:
        model.advance(1.0)


def listed(model: ArrangedRuns) -> list[str]:
    """Return the ids of the listed runs, in order."""
    return [model.row(position).summary.run_id for position in range(len(model))]
