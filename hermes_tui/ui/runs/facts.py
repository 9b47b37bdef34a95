"""Facts about all runs of the list together, kept up to date row by row."""

from __future__ import annotations

import math
from array import array

from hermes_tui.log.run_blocks import BlockFacts, StoredRun, note_lengths
from hermes_tui.ui.runs.table import RunRow

LONGEST = 60
"""In characters: lengths beyond this are treated as equal."""


class RunsFacts:
    """How many runs have errors, their mean reward, and how long the texts of columns are."""

    def __init__(self) -> None:
        self.runs_with_errors = 0
        self.rewarded = 0
        """How many runs have a reward that is a finite number."""
        self._reward_sum = 0.0
        self.longest: dict[str, int] = {}
        """The length of the longest text in each column, in characters; empty columns are missing.

        The path counts only if there are several files, and an id only if its file is not named
        after it; `reward`, `tool_errors` and `group` are 1.
        """
        self._has_errors = bytearray()
        self._rewards = array("d")
        """By place; NaN if there is no reward, and for rows that are never replaced."""
        self._first_file = (-1, 0)

    @property
    def mean_reward(self) -> float | None:
        """The mean over the runs that have a reward, or None if none has."""
        return self._reward_sum / self.rewarded if self.rewarded else None

    def note_block(self, block: BlockFacts) -> None:
        """Add a block of rows, which are never replaced."""
        self._has_errors.extend(bytes(block.rows))
        self._rewards.extend([math.nan] * block.rows)
        self.runs_with_errors += block.erring
        rewarded, reward_sum = block.rewards
        self.rewarded += rewarded
        self._reward_sum += reward_sum
        for name, length in block.longest.items():
            self._note_length(name, length)

    def note_file(self, number: int, name: str) -> None:
        """Add the name of a file that has runs."""
        if self._first_file[0] < 0:
            self._first_file = (number, len(name))
        first_file, length = self._first_file
        if number != first_file:
            self._note_length("file", max(length, len(name)))

    def note(self, place: int, row: RunRow) -> None:
        """Add the row at a place in the list: the next new one, or a replacement."""
        summary = row.summary
        if place == len(self._has_errors):
            self._has_errors.append(0)
            self._rewards.append(math.nan)
        is_erring = summary.errors > 0
        self.runs_with_errors += is_erring - self._has_errors[place]
        self._has_errors[place] = is_erring
        self._replace_reward(place, summary.reward)
        if summary.run_id and row.file_name.rpartition(".")[0].endswith(summary.run_id):
            summary = summary._replace(run_id="")  # The column of files shows it.
        stored = StoredRun(summary, row.ref.record, row.ref.nth, row.group)
        note_lengths(self.longest, stored, LONGEST)
        self.note_file(row.file_number, row.file_name)

    def drop(self, place: int) -> None:
        """Remove the run of a row that was added before."""
        self.runs_with_errors -= self._has_errors[place]
        self._has_errors[place] = 0
        self._replace_reward(place, None)

    def _replace_reward(self, place: int, reward: float | None) -> None:
        """Replace the reward that a run had by a new one."""
        if not math.isnan(before := self._rewards[place]):
            self.rewarded -= 1
            self._reward_sum -= before
        self._rewards[place] = math.nan
        if reward is not None and math.isfinite(reward):
            self._rewards[place] = reward
            self.rewarded += 1
            self._reward_sum += reward

    def _note_length(self, name: str, length: int) -> None:
        if length > self.longest.get(name, 0):
            self.longest[name] = min(length, LONGEST)
