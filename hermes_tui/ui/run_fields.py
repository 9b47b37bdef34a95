"""What is known of a run on the runs screen: the fields to filter by and the columns to sort by."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from types import MappingProxyType
from typing import Any, Final

from hermes_tui.ui.feeds import RunRow

FIELDS: dict[str, str] = {
    "run": "position of the run in the list of all runs, from 1",
    "id": "id of the run",
    "task": "task or first user message",
    "model": "model",
    "turns": "replies of the model",
    "messages": "messages",
    "calls": "tool calls",
    "results": "tool results",
    "tool_errors": "tool errors",
    "errors": "findings of severity error",
    "warnings": "findings of severity warning",
    "codes": 'findings by code: codes.CALL_IN_CONTENT > 0, "TRUNCATED" in codes',
    "reward": "reward, missing where the file has none",
    "status": "ok, failed, error, truncated or unknown",
    "size": "characters of text",
    "format": "format of the file",
    "file": "path of the file",
    "group": "id of the group that the run belongs to",
}
FIELD_NAMES = tuple(FIELDS)
SORTS = (
    "run",
    "errors",
    "warnings",
    "tool_errors",
    "turns",
    "calls",
    "reward",
    "size",
    "status",
    "model",
    "task",
    "id",
    "file",
)
UPWARDS = frozenset({"run", "status", "model", "task", "id", "file"})
"""Columns that begin with the smallest; counts begin with the largest."""

_GETTERS: Final[MappingProxyType[str, Callable[[RunRow], Any]]] = MappingProxyType({
    "id": lambda row: row.summary.run_id,
    "task": lambda row: row.summary.task,
    "model": lambda row: row.summary.model,
    "turns": lambda row: row.summary.turns,
    "messages": lambda row: row.summary.messages,
    "calls": lambda row: row.summary.calls,
    "results": lambda row: row.summary.results,
    "tool_errors": lambda row: row.summary.tool_errors,
    "errors": lambda row: row.summary.errors,
    "warnings": lambda row: row.summary.warnings,
    "codes": lambda row: dict(row.summary.codes),
    "reward": lambda row: row.summary.reward,
    "status": lambda row: row.summary.status,
    "size": lambda row: row.summary.characters,
    "format": lambda row: row.summary.format,
    "file": lambda row: row.file_label,
    "group": lambda row: row.summary.group_id,
})  # fmt: skip


def run_fields(number: int, row: RunRow, names: Collection[str] = FIELD_NAMES) -> dict[str, Any]:
    """Return fields of a run as plain JSON values; `number` is its 0-based position."""
    return {name: number + 1 if name == "run" else _GETTERS[name](row) for name in names}


def sort_values(rows: list[RunRow], name: str, *, descending: bool) -> list[Any]:
    """Return the value of each row in a column; where there is none, one that comes last."""
    if name != "reward":
        return list(map(_GETTERS[name], rows))
    last = -math.inf if descending else math.inf
    rewards = [row.summary.reward for row in rows]
    return [last if value is None or math.isnan(value) else value for value in rewards]


def findings_text(row: RunRow) -> str:
    """Return the findings of a run by code, the most frequent code first."""
    codes = sorted(row.summary.codes, key=lambda item: -item[1])
    return " ".join(f"{code}×{count}" for code, count in codes)


def id_text(row: RunRow) -> str:
    """Return the id of a run; with the number of its group, if its record holds several runs."""
    run_id = row.summary.run_id
    if not row.group:
        return run_id
    return f"g{row.group} · {run_id or f'run {row.ref.nth + 1}'}"


def run_line(row: RunRow) -> str:
    """Return a run as one line of text."""
    summary = row.summary
    codes = " ".join(f"{code}×{count}" for code, count in summary.codes)
    return (
        f"{row.file_label} run {row.ref.number + 1} {id_text(row)} {summary.task} "
        f"{summary.model} {summary.status} {codes}"
    )
