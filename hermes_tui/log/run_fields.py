"""The fields of a run that filters read, and the attributes of its summary behind them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from hermes_tui.log.summary import RunSummary
from hermes_tui.model.wording import utc_text

UNKNOWN: Final = "unknown"
"""The status of a run for which the file gives none."""
ATTRIBUTES: Final[MappingProxyType[str, str]] = MappingProxyType({
    "id": "run_id",
    "task": "task",
    "task_digest": "task_digest",
    "model": "model",
    "turns": "turns",
    "messages": "messages",
    "calls": "calls",
    "results": "results",
    "tool_errors": "tool_errors",
    "errors": "errors",
    "warnings": "warnings",
    "codes": "codes",
    "reward": "reward",
    "status": "status",
    "stop_reason": "stop_reason",
    "scores": "scores",
    "size": "characters",
    "format": "format",
    "group": "group_id",
    "tools": "tools",
    "failed_tools": "tools",
    "tokens_in": "prompt_tokens",
    "tokens_out": "completion_tokens",
    "cost": "cost_usd",
    "duration": "duration_s",
    "latency": "latency_s",
    "parser": "parser",
    "parent": "parent_run_id",
    "began": "began_ts",
    "latest": "latest_ts",
})  # fmt: skip


def moment_text(ts: float | None) -> str | None:
    """Return unix seconds in the form 2026-11-22T07:30:05Z, in which texts sort as times do."""
    return utc_text(ts, "%Y-%m-%dT%H:%M:%SZ") or None


AS_JSON: Final[MappingProxyType[str, Callable[[Any], Any]]] = MappingProxyType({
    "codes": dict,
    "status": lambda status: status or UNKNOWN,
    "tools": lambda tools: {name: calls for name, calls, _ in tools if calls},
    "failed_tools": lambda tools: {name: errors for name, _, errors in tools if errors},
    "scores": dict,
    "began": moment_text,
    "latest": moment_text,
})  # fmt: skip
"""How the fields that differ from their attribute are made from it."""
_GETTERS: Final = {name: attrgetter(attribute) for name, attribute in ATTRIBUTES.items()}


FILE_FIELDS: Final = (*ATTRIBUTES, "file")
"""All fields of a run of a file, wherever it is listed."""


FAILED: Final = frozenset({"failed", "error"})
FULL_REWARD: Final = 1.0


def has_failed(status: str, reward: float | None) -> bool | None:
    """Return whether a run failed its task, or None if its file does not say how it ended.

    A run that was cut off by a limit failed, unless it has the full reward all the same.
    """
    if status in ("", UNKNOWN):
        return None
    if status == "truncated":
        return reward is None or not reward >= FULL_REWARD
    return status in FAILED


def field_of(summary: RunSummary, name: str) -> Any:
    """Return a field of a run as a plain JSON value."""
    value = _GETTERS[name](summary)
    return AS_JSON[name](value) if name in AS_JSON else value


def fields_of(summary: RunSummary, names: Collection[str], file: str) -> dict[str, Any]:
    """Return the fields `names` of a run of the file `file`, by name."""
    return {name: file if name == "file" else field_of(summary, name) for name in names}


def numbered_group(number: int) -> str:
    """Return the name of a group that has only a number, empty if there is none (0)."""
    return f"g{number}" if number else ""


def listed_id(run_id: str, group: int, nth: int) -> str:
    """Return the id of a run as lists show it, with the number of its group if it has one.

    `nth` is its 0-based position in the group.
    """
    return f"{numbered_group(group)} · {run_id or f'run {nth + 1}'}" if group else run_id
