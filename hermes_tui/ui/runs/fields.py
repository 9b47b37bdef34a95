"""The fields of a run on the runs screen: those to filter by, and the columns to sort by."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, MutableSequence, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from hermes_tui.log.run_fields import AS_JSON, ATTRIBUTES, listed_id, numbered_group
from hermes_tui.ui.runs.steps import Steps, pieces
from hermes_tui.ui.runs.table import RunRow, RunTable, RunView

FIELDS: dict[str, str] = {
    "run": "position of the run in the list of all runs, from 1",
    "id": "id of the run",
    "task": "task or first user message, a line of it",
    "task_digest": "digest of the whole task: equal only in runs of exactly the same task",
    "model": "model",
    "turns": "replies of the model",
    "messages": "messages",
    "calls": "tool calls",
    "results": "tool results",
    "tool_errors": "tool errors",
    "errors": "findings of severity error",
    "warnings": "findings of severity warning",
    "codes": 'findings by code: codes.CALL_IN_CONTENT > 0, "TRUNCATED" in codes',
    "reward": "reward, missing if the file has none",
    "status": "ok, failed, error, truncated or unknown",
    "stop_reason": "why the run ended, in the words of the file",
    "scores": "scores by name: scores.format < 1",
    "size": "characters of text",
    "format": "format of the file",
    "file": "path of the file",
    "group": 'id of the group that the run belongs to, or as listed: group == "g3"',
    "tools": 'calls by tool: tools.terminal > 3, "read_file" in tools',
    "failed_tools": 'tool errors by tool: "terminal" in failed_tools',
    "tokens_in": "tokens of all requests, missing if the file has none",
    "tokens_out": "tokens of all replies",
    "cost": "US dollars",
    "duration": "seconds from the first to the last event",
    "latency": "mean seconds of a reply",
    "parser": "parser that read the model's text, if the file names it",
    "parent": "id of the run that this one is a part or a fork of",
    "began": "time of the first event, UTC, as text",
    "latest": 'time of the last event: latest > "2026-11-01", latest < "2026-11-01T12"',
}
FIELD_NAMES = tuple(FIELDS)
FOUND = "found"
FILTERS: dict[str, str] = {**FIELDS, FOUND: "true if the search ({search}) has found something"}
"""What a filter can read: the fields, and the search's result, which is no property of a run."""
FILTER_NAMES = tuple(FILTERS)
SORTS = (
    "run",
    "latest",
    "errors",
    "reward",
    "warnings",
    "tool_errors",
    "turns",
    "calls",
    "size",
    "tokens_in",
    "tokens_out",
    "duration",
    "began",
    "cost",
    "status",
    "stop_reason",
    "codes",
    "model",
    "task",
    "id",
    "file",
)
Codes = tuple[tuple[str, int], ...]
_LAST_TEXT: Final = chr(sys.maxunicode)
TIMES: Final = frozenset({"began", "latest"})
OPTIONAL_COLUMNS: Final = TIMES | {"reward"}
"""Columns that are skipped if they are empty for every run."""
_SPARSE: Final = TIMES | {"reward", "tokens_in", "tokens_out", "cost", "duration", "latency"}
"""Fields that many files do not have."""
WITHOUT_MEAN = frozenset({"run", "stop_reason", "codes", "model", "task", "id", "file"})
"""Columns without a mean for a group; that of `status` is how many of its runs failed."""
ASCENDING_COLUMNS = WITHOUT_MEAN | {"status", "reward"}
"""Columns that begin with the smallest: the worst comes first. Counts begin with the largest.
"""

_ATTRIBUTES: Final[MappingProxyType[str, str]] = MappingProxyType({
    **{name: f"summary.{attribute}" for name, attribute in ATTRIBUTES.items()},
    "file": "file_label",
})  # fmt: skip
_TEXTS: Final = frozenset({"id", "task"})
MANY_ROWS: Final = 1 << 17
"""From this many rows on, their whole texts together would take too much memory."""


def column(rows: Sequence[RunRow], name: str) -> Sequence[Any]:
    """Return the value of each row in a field, by its place in `rows`; `name` is one of FIELDS.

    The value of `run` is the place itself, from 1. Runs with the same value may share one object.
    For a whole table of runs, or a slice of one, no rows are created.
    """
    if name == "run":
        return range(1, len(rows) + 1)
    values = attribute(rows, _ATTRIBUTES[name])
    if name == "group" and not all(values):
        numbers = attribute(rows, "group")
        shared = {number: numbered_group(number) for number in set(numbers)}
        pairs = zip(values, numbers, strict=True)
        return [value or shared[number] for value, number in pairs]
    if name not in AS_JSON:
        return values
    converted = {value: AS_JSON[name](value) for value in set(values)}
    return list(map(converted.__getitem__, values))


def attribute(rows: Sequence[RunRow], name: str) -> Sequence[Any]:
    """Return an attribute of each row, such as `summary.task` or `file_name`."""
    if isinstance(rows, (RunTable, RunView)):
        return rows.values(name)
    return list(map(attrgetter(name), rows))


def column_in_steps(
    rows: Sequence[RunRow], name: str, *, short: bool = False
) -> Steps[MutableSequence[Any]]:
    """Return the raw value of each row in a field that is an attribute.

    With `short`, long texts are cut so that they still differ.
    """
    found: MutableSequence[Any] = []
    shared: dict[Any, Any] = {}
    for piece in pieces(len(rows)):
        some = rows[piece.start : piece.stop]
        if isinstance(some, RunView):
            values = some.values(_ATTRIBUTES[name], short=short, shared=shared)
        else:
            values = list(map(attrgetter(_ATTRIBUTES[name]), some))
        if found:
            found.extend(values)
        else:
            # The first piece decides the type: the values of counts are an array.
            found = values
        yield len(piece)
    return found


def sort_keys(rows: Sequence[RunRow], name: str, *, descending: bool) -> Steps[Sequence[Any]]:
    """Return the sort key of each row in a column; a row without a value comes last.

    In a very long list, long texts are ordered by their beginnings, and then arbitrarily.
    """
    is_short = name in _TEXTS and isinstance(rows, RunView) and len(rows) > MANY_ROWS
    keys = yield from column_in_steps(rows, name, short=is_short)
    if name in _SPARSE:
        last = -math.inf if descending else math.inf
        for piece in pieces(len(keys)):
            some = keys[piece.start : piece.stop]
            keys[piece.start : piece.stop] = [
                last if value is None or math.isnan(value) else value for value in some
            ]
            yield len(piece)
    nothing = "" if descending else _LAST_TEXT
    spelled: dict[str, Callable[[Any], str]] = {
        "status": AS_JSON["status"],
        "stop_reason": lambda text: text or nothing,
        "codes": _CodesTexts(nothing).__getitem__,
    }
    if text_of := spelled.get(name):
        for piece in pieces(len(keys)):
            keys[piece.start : piece.stop] = map(text_of, keys[piece.start : piece.stop])
            yield len(piece)
    return keys


class _CodesTexts(dict[Codes, str]):
    """Findings by code → their text in the list, built once; `nothing` if there are none."""

    def __init__(self, nothing: str) -> None:
        super().__init__()
        self._nothing = nothing

    def __missing__(self, codes: Codes) -> str:
        text = self[codes] = _codes_text(codes) or self._nothing
        return text


def _codes_text(codes: Codes) -> str:
    """Return findings by code, the most frequent code first."""
    return " ".join(f"{code}×{count}" for code, count in sorted(codes, key=lambda item: -item[1]))


def findings_text(row: RunRow) -> str:
    """Return the findings of a run by code, the most frequent code first."""
    return _codes_text(row.summary.codes)


def id_text(row: RunRow) -> str:
    """Return the id of a run, with the number of its group if its record holds several runs."""
    return listed_id(row.summary.run_id, row.group, row.ref.nth)


def run_line(row: RunRow) -> str:
    """Return a run as one line of text."""
    summary = row.summary
    codes = " ".join(f"{code}×{count}" for code, count in summary.codes)
    return (
        f"{row.file_label} run {row.ref.number + 1} {id_text(row)} {summary.task} "
        f"{summary.model} {summary.status} {codes}"
    )
