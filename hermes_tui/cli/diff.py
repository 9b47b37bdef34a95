"""`hermes-tui diff`: where two runs diverge, and what each did from then on."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from hermes_tui.cli.inputs import add_format_option, path_text
from hermes_tui.cli.terminal_width import USUAL_COLUMNS, columns_of
from hermes_tui.model.errors import UsageError
from hermes_tui.model.visible import visible

if TYPE_CHECKING:
    from hermes_tui.cli.inputs import Commands
    from hermes_tui.log.run_diff import DiffRow
    from hermes_tui.log.run_steps import Step
    from hermes_tui.log.summary import RunSummary
    from hermes_tui.model.events import Event
    from hermes_tui.runtime.remote import Place

_EPILOG = """\
A run is FILE, or FILE:RUN with the number (from 1) or the id of one of its
runs, or its name in the list (g4 · rollout 1). Turns are aligned; whitespace
and key order of JSON do not count as a difference. --json prints every
difference with both texts.

  hermes-tui diff before.json after.json
  hermes-tui diff rollouts.jsonl:3 rollouts.jsonl:7 --json
  ssh build cat runs.jsonl | hermes-tui diff before.json -- -:3

exit codes: 0 both did the same, 1 they differ, 2 wrong usage, 3 cannot read"""


class ReadRun(NamedTuple):
    """One of the two runs to compare."""

    label: str
    events: list[Event]
    summary: RunSummary


class _RefuseRun(argparse.Action):
    """Explain how to write a run of standard input, which argparse takes for an option."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        raise UsageError(f"-:{values} looks like an option", f"write `-- -:{values}`, at the end")


def add_diff(commands: Commands) -> None:
    command = commands.add_parser(
        "diff",
        help="compare two runs, turn by turn",
        description="Compare two runs turn by turn: where they diverge, and what each did then.",
        usage="%(prog)s [-h] [--json] [--format NAME] A B",
        epilog=_EPILOG,
    )
    # Both are optional for argparse, so that our own error explains how to name two.
    for name, shown in (("left", "A"), ("right", "B")):
        command.add_argument(
            name, type=path_text, metavar=shown, help="FILE or FILE:RUN", nargs="?"
        )
    command.add_argument("-:", action=_RefuseRun, help=argparse.SUPPRESS)
    command.add_argument("--json", action="store_true", help="print one JSON object")
    add_format_option(command)


def run_diff_command(arguments: argparse.Namespace) -> int:
    """Print the differences and return the exit code."""
    from hermes_tui.log.run_diff import first_difference, run_diff
    from hermes_tui.runtime.opener import check_format

    check_format(arguments.format)
    if arguments.right is None:
        raise _missing_run_error(arguments.left)
    specs = (arguments.left, arguments.right)
    if all(_split_run(spec)[0] is None for spec in specs):
        raise UsageError(
            "both runs would be read from standard input", "give one of them as a file"
        )
    left, right = (_read(spec, arguments.format) for spec in specs)
    rows = run_diff(left.events, right.events)
    if arguments.json:
        sys.stdout.write(_json(rows, left, right))
    else:
        _print(rows, left, right)
    return int(first_difference(rows) is not None)


def _missing_run_error(left: str | None) -> UsageError:
    if left is None:
        return UsageError("name two runs to compare, A and B", "see `hermes-tui diff --help`")
    place, run = _split_run(left)
    file = left[: -len(run) - 1] if run else left
    if place is None:
        return UsageError("a second run is missing", "name it as FILE or FILE:RUN")
    pair = " ".join(shlex.quote(f"{file}:{number}") for number in (1, 2))
    return UsageError("a second run is missing", f"for two runs of one file: {pair}")


def _read(spec: str, wanted_format: str) -> ReadRun:
    from hermes_tui.cli.run_choice import chosen_run
    from hermes_tui.log.summary import fold_run, summarise
    from hermes_tui.runtime.opener import read_events

    path, run = _split_run(spec)
    with chosen_run(path, run, spelling="FILE:{}", wanted_format=wanted_format) as ref:
        events = read_events(ref)
    state, _ = fold_run(events)
    return ReadRun(spec, events, summarise(state))


def _split_run(spec: str) -> tuple[Place | None, str]:
    """Return the file (None: standard input) and the run that FILE or FILE:RUN names."""
    from hermes_tui.runtime.folder_walk import false_on_oserror
    from hermes_tui.runtime.remote import local_path, place_of

    if spec == "-":
        return None, ""
    head, colon, run = spec.rpartition(":")
    if not colon or run.startswith("//") or false_on_oserror(local_path(spec).exists):
        return place_of(spec), ""
    return None if head == "-" else place_of(head), run


def _print(rows: Sequence[DiffRow], left: ReadRun, right: ReadRun) -> None:
    from hermes_tui.ui.render.comparison import run_comparison

    labels, summaries = (left.label, right.label), (left.summary, right.summary)
    columns = columns_of(sys.stdout)
    comparison = run_comparison(rows, labels, summaries, width=columns or USUAL_COLUMNS)
    for line in comparison.document.lines:
        for row in _rows(line.text, columns):
            sys.stdout.write(visible(row) + "\n")


def _rows(text: str, columns: int) -> list[str]:
    """Return a line broken between words to fit the terminal; unbroken if `columns` is 0."""
    from hermes_tui.ui.render.wrap import row_starts

    if not columns:
        return [text]
    # A single space may extend beyond the end of a row.
    places = pairwise((*row_starts(text, columns), len(text)))
    return [text[start:end].rstrip(" ") for start, end in places]


def _json(rows: Sequence[DiffRow], left: ReadRun, right: ReadRun) -> str:
    from hermes_tui.cli.json_text import json_line, print_json

    print_json()
    differing = [(place, row) for place, row in enumerate(rows) if not row.is_same]
    report = {
        "same": not differing,
        "left": _run_json(left),
        "right": _run_json(right),
        "steps": len(rows),
        "steps_shared_at_first": differing[0][0] if differing else len(rows),
        "differences": [_row_json(place, row) for place, row in differing],
    }
    return json_line(report)


def _run_json(run: ReadRun) -> dict[str, Any]:
    summary = run.summary
    return {
        "path": run.label,
        "id": summary.run_id,
        "task": summary.task,
        "task_digest": summary.task_digest,
        "model": summary.model,
        "turns": summary.turns,
        "messages": summary.messages,
        "tool_calls": summary.calls,
        "tool_errors": summary.tool_errors,
        "errors": summary.errors,
        "warnings": summary.warnings,
        "diagnostics": dict(summary.codes),
        "status": summary.status,
        "stop_reason": summary.stop_reason,
        "reward": summary.reward,
        "tokens_in": summary.prompt_tokens,
        "tokens_out": summary.completion_tokens,
        "cost": summary.cost_usd,
        "duration": summary.duration_s,
    }


def _row_json(place: int, row: DiffRow) -> dict[str, Any]:
    changes = {(True, True): "changed", (True, False): "removed", (False, True): "added"}
    change = changes[row.left is not None, row.right is not None]
    return {
        "step": place,
        "change": change,
        "left": _step_json(row.left),
        "right": _step_json(row.right),
    }


def _step_json(step: Step | None) -> dict[str, Any] | None:
    if step is None:
        return None
    return {
        "turn": step.turn,
        "kind": str(step.kind),
        "title": step.title,
        "text": step.text,
        "error": step.error,
        "event": step.seq,
    }
