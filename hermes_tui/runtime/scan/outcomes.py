"""The outcomes of runs: how many failed their task, and their rewards."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from hermes_tui.log.fold import RunState
from hermes_tui.log.run_fields import has_failed


@dataclass(slots=True)
class Rewards:
    """Sums over the finite rewards of runs."""

    runs: int = 0
    """Runs that have one."""
    total: float = 0.0
    zeros: int = 0
    """How many are 0 or less."""

    def count(self, reward: float | None) -> None:
        if reward is not None and math.isfinite(reward):
            self.runs += 1
            self.total += reward
            self.zeros += reward <= 0

    def merge(self, other: Rewards) -> None:
        self.runs += other.runs
        self.total += other.total
        self.zeros += other.zeros

    def without(self, part: Rewards) -> Rewards:
        """Return the sums over the other runs, `part` being the sums over some of these."""
        return Rewards(self.runs - part.runs, self.total - part.total, self.zeros - part.zeros)

    @property
    def mean(self) -> float | None:
        # Parts arrive in any order, on which the last digits of the sum depend.
        return round(self.total / self.runs, 6) if self.runs else None

    def as_json(self) -> dict[str, Any]:
        return {"rewarded": self.runs, "mean_reward": self.mean, "reward_0": self.zeros}


@dataclass(slots=True)
class Outcomes:
    """Sums over runs; a run whose outcome is unknown only counts in `runs`."""

    runs: int = 0
    known: int = 0
    """Runs whose file says how they ended."""
    failed: int = 0
    """Those of them that failed their task, or that a limit cut off without the full reward."""
    rewards: Rewards = field(default_factory=Rewards)
    with_errors: Rewards = field(default_factory=Rewards)
    """The rewards of runs with errors."""

    def count(self, state: RunState, *, has_errors: bool) -> None:
        self.runs += 1
        failed = has_failed(state.status, state.reward)
        if failed is not None:
            self.known += 1
            self.failed += failed
        self.rewards.count(state.reward)
        if has_errors:
            self.with_errors.count(state.reward)

    def merge(self, other: Outcomes) -> None:
        self.runs += other.runs
        self.known += other.known
        self.failed += other.failed
        self.rewards.merge(other.rewards)
        self.with_errors.merge(other.with_errors)

    @property
    def is_known(self) -> bool:
        """Whether the outcome or reward of any run is known."""
        return bool(self.known or self.rewards.runs)

    @property
    def failed_share(self) -> float:
        """The share of failed runs among those with a known outcome; 0 if there are none."""
        return self.failed / self.known if self.known else 0.0

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Outcomes:
        """Return outcomes that were written as JSON by `asdict`."""
        rewards, with_errors = Rewards(**value["rewards"]), Rewards(**value["with_errors"])
        return cls(value["runs"], value["known"], value["failed"], rewards, with_errors)

    def as_json(self) -> dict[str, Any]:
        return {
            "runs": self.runs,
            "known": self.known,
            "failed": self.failed,
            **self.rewards.as_json(),
            "with_errors": self.with_errors.as_json(),
        }
