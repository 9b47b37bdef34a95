"""What is known of all runs of the list together, kept up to date row by row."""

from __future__ import annotations

from hermes_tui.ui.feeds import RunRow
from hermes_tui.ui.run_fields import findings_text, id_text

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

    def note(self, place: int, row: RunRow) -> None:
        """Take in the row at a place in the list: the next new one, or one that was replaced."""
        summary = row.summary
        if place == len(self._erring):
            self._erring.append(0)
        if not place:
            self._first_file = (row.file_number, len(row.file_name))
        is_erring = summary.errors > 0
        self.runs_with_errors += is_erring - self._erring[place]
        self._erring[place] = is_erring
        self._note_length("id", len(id_text(row)))
        self._note_length("task", len(summary.task))
        self._note_length("model", len(summary.model))
        if summary.status != "unknown":
            self._note_length("status", len(summary.status))
        self._note_length("reward", summary.reward is not None)
        self._note_length("tool_errors", summary.tool_errors > 0)
        self._note_length("group", row.group > 0)
        if summary.codes:
            self._note_length("codes", len(findings_text(row)))
        first_file, length = self._first_file
        if row.file_number != first_file:
            self._note_length("file", max(length, len(row.file_name)))

    def _note_length(self, name: str, length: int) -> None:
        if length > self.longest.get(name, 0):
            self.longest[name] = min(length, LONGEST)
