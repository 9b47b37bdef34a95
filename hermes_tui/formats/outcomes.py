"""How a run ended, as the members of an object say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_tui.formats.fields import detail, label, number
from hermes_tui.parsers.finish_reasons import TOO_LONG

OUTCOME_KEYS = (
    "reward",
    "score",
    "scores",
    "metrics",
    "resolved",
    "passed",
    "success",
    "correct",
    "is_correct",
    "completed",
    "error",
    "exit_status",
    "status",
    "stop_reason",
    "finish_reason",
)
REWARD_KEYS = ("reward", "score", "scores")
"""Keys of an outcome that only a judge of the run writes, never a server."""
_OK_WORDS = frozenset({"ok", "success", "succeeded", "completed", "complete", "passed", "resolved"})
_FAILED_WORDS = frozenset({"failed", "failure", "incorrect", "unresolved"})
_TRUNCATED_WORDS = TOO_LONG | {"truncated", "max_turns", "max_steps", "incomplete"}


def outcome_of(raw: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the arguments of `RunBuilder.end` found in `raw`, or None if it has no outcome."""
    outcome = {key: raw[key] for key in OUTCOME_KEYS if raw.get(key) is not None}
    if not outcome:
        return None
    scores: dict[str, float] = {}
    for key in ("score", "reward"):
        found = number(outcome.get(key))
        if found is not None:
            scores[key] = found
    for key in ("scores", "metrics"):
        group = outcome.get(key)
        for name, value in group.items() if isinstance(group, dict) else ():
            found = number(value)
            if found is not None:
                scores[str(name)] = found
    reward = scores.pop("reward", None)
    stop_reason = label(outcome, "exit_status", "stop_reason", "finish_reason", "status")
    return {
        "status": _status(outcome, stop_reason),
        "stop_reason": stop_reason,
        "reward": reward if reward is not None else scores.get("score"),
        "scores": scores,
        "details": {key: detail(key, value) for key, value in outcome.items() if key != "metrics"},
    }


def _status(outcome: Mapping[str, Any], stop_reason: str) -> str:
    if outcome.get("error"):
        return "error"
    for key in ("resolved", "passed", "success", "correct", "is_correct", "completed"):
        if isinstance(outcome.get(key), bool):
            return run_status(outcome[key])
    word = stop_reason.strip().lower()
    for status, words in (("ok", _OK_WORDS | {"submitted", "stop"}), ("failed", _FAILED_WORDS)):
        if word in words:
            return status
    if word in _TRUNCATED_WORDS:
        return "truncated"
    return "error" if "error" in word or "exception" in word else "unknown"


def run_status(passed: Any) -> str:
    """Return "ok" or "failed" for a boolean, "unknown" for anything else."""
    if not isinstance(passed, bool):
        return "unknown"
    return "ok" if passed else "failed"


def is_cut(finish_reason: str) -> bool:
    """Return whether a reply ended only because it was too long, in the terms of any API."""
    return finish_reason.lower() in TOO_LONG
