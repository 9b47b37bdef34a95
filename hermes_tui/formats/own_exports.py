"""The data about a run in exports of hermes-tui, other than messages (`writers/transcript.py`).

    metadata = {"run_id"?, "task"?, "source_format"?, "group_id"?, "status"?, "stop_reason"?,
                "reward"?, "scores"?, "usage"?, "details"?, …}

It is stored under `metadata`, in ATIF under `extra`. A run that has ended has a `status`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.parsers.measures import usage

STATUSES = frozenset({"ok", "failed", "error", "truncated", "unknown"})


def is_export(metadata: Mapping[str, Any]) -> bool:
    """Return whether `metadata` names the format that the run was exported from."""
    return bool(fields.label(metadata, "source_format"))


def outcome_of_export(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the arguments of `RunBuilder.end` in `metadata`, or None if there are none."""
    status = fields.label(metadata, "status")
    if status not in STATUSES:
        return None
    return {
        "status": status,
        "stop_reason": fields.label(metadata, "stop_reason"),
        "reward": fields.number(metadata.get("reward")),
        "scores": fields.numbers(fields.as_dict(metadata.get("scores"))),
        "usage": usage(metadata.get("usage")),
    }
