"""What is known of all runs of the list together, kept up to date row by row."""

from __future__ import annotations

from collections.abc import Mapping

from hermes_tui.log.run_blocks import StoredRun, note_lengths
from hermes_tui.ui.runs.table import RunRow

LONGEST = 60
"""Characters: longer texts are not told apart."""


class RunsFacts:
    """How many runs have errors, and how long the texts of each column are."""

    def __init__(self) -> None:
        self.runs_with_errors = 0
        self.longest: dict[str, int] = {}
        """Characters of the longest text met in a column; a column that is always empty lacks.

        The path counts once there are several files; `reward`, `tool_errors` and `group` are 1.
        """
        self._erring = bytearray()
        self._first_file = (-1, 0)

    def note_block(self, rows: int, erring: int, longest: Mapping[str, int]) -> None:
        """Take in rows that are never replaced: how many have errors, and their longest texts."""
        self._erring.extend(bytes(rows))
        self.runs_with_errors += erring
        for name, length in longest.items():
            self._note_length(name, length)

    def note_file(self, number: int, name: str) -> None:
        """Take in that there are runs of a file."""
        if self._first_file[0] < 0:
            self._first_file = (number, len(name))
        first_file, length = self._first_file
        if number != first_file:
            self._note_length("file", max(length, len(name)))

    def note(self, place: int, row: RunRow) -> None:
        """Take in the row at a place in the list: the next new one, or one that was replaced."""
        summary = row.summary
        if place == len(self._erring):
            self._erring.append(0)
        is_erring = summary.errors > 0
        self.runs_with_errors += is_erring - self._erring[place]
        self._erring[place] = is_erring
        stored = StoredRun(summary, row.ref.record, row.ref.nth, row.group)
        note_lengths(self.longest, stored, LONGEST)
        self.note_file(row.file_number, row.file_name)

    def drop(self, place: int) -> None:
        """Take in that there is no run any more in the row at a place that was noted before."""
        self.runs_with_errors -= self._erring[place]
        self._erring[place] = 0

    def _note_length(self, name: str, length: int) -> None:
        if length > self.longest.get(name, 0):
            self.longest[name] = min(length, LONGEST)
