"""What Agent Lightning's store adds to an OpenTelemetry span: its rollout, and rewards.

span   = {…, "rollout_id", "attempt_id"}
reward = {"agentlightning.reward.N.name", "agentlightning.reward.N.value"}   attributes of a
         span `agentlightning.annotation`, which is a trace of its own; the first is primary
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hermes_tui.formats import fields

_REWARD = "agentlightning.reward."
_MAX_REWARDS = 100


def attempt_of(span: dict[str, Any]) -> str:
    """Return the attempt at a rollout that a span belongs to, or "" for spans of other tracers."""
    rollout, attempt = fields.label(span, "rollout_id"), fields.label(span, "attempt_id")
    return f"{rollout}/{attempt}" if rollout and attempt else ""


def rewards_of(spans: Iterable[Any]) -> dict[str, dict[str, float]]:
    """Return the rewards of each attempt by name, the primary one first.

    If a reward is given more than once, the last value counts.
    """
    rewards: dict[str, dict[str, float]] = {}
    for span in spans:
        attempt = attempt_of(span) if isinstance(span, dict) else ""
        if not attempt:
            continue
        attributes = fields.as_dict(span.get("attributes"))
        for index in range(_MAX_REWARDS):
            value = fields.number(attributes.get(f"{_REWARD}{index}.value"))
            if value is None:
                break
            name = fields.label(attributes, f"{_REWARD}{index}.name") or "reward"
            rewards.setdefault(attempt, {})[name] = value
    return rewards
