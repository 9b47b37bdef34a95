"""The outcomes of runs: how many failed their task, and their rewards."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from hermes_tui.log.fold import RunState
from hermes_tui.log.run_fields import has_failed


@dataclass(slots=True)
class Outcomes:
    """Sums over runs; a run whose outcome is unknown only counts in `runs`."""

    runs: int = 0
    known: int = 0
    """Runs whose file says how they ended."""
    failed: int = 0
    """Those of them that failed their task, or that a limit cut off without the full reward."""
    rewarded: int = 0
    """Runs with a finite reward."""
    reward: float = 0.0
    """The sum of these rewards."""
    zeros: int = 0
    """How many of these rewards are 0 or less."""

    def count(self, state: RunState) -> None:
        self.runs += 1
        failed = has_failed(state.status, state.reward)
        if failed is not None:
            self.known += 1
            self.failed += failed
        reward = state.reward
        if reward is not None and math.isfinite(reward):
            self.rewarded += 1
            self.reward += reward
            self.zeros += reward <= 0

    def merge(self, other: Outcomes) -> None:
        self.runs += other.runs
        self.known += other.known
        self.failed += other.failed
        self.rewarded += other.rewarded
        self.reward += other.reward
        self.zeros += other.zeros

    @property
    def is_known(self) -> bool:
        """Whether the outcome or reward of any run is known."""
        return bool(self.known or self.rewarded)

    @property
    def failed_share(self) -> float:
        """The share of failed runs among those with a known outcome; 0 if there are none."""
        return self.failed / self.known if self.known else 0.0

    @property
    def mean_reward(self) -> float | None:
        # Parts arrive in any order, on which the last digits of the sum depend.
        return round(self.reward / self.rewarded, 6) if self.rewarded else None

    def as_json(self) -> dict[str, Any]:
        return {
            "runs": self.runs,
            "known": self.known,
            "failed": self.failed,
            "rewarded": self.rewarded,
            "mean_reward": self.mean_reward,
            "reward_0": self.zeros,
        }
