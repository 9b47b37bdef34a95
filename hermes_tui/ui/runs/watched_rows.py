"""The rows of files that are read again completely whenever they have changed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.wording import counted
from hermes_tui.runtime.index.blocks import Groups
from hermes_tui.ui.runs.table import RunRow, RunTable

if TYPE_CHECKING:
    from hermes_tui.runtime.watched_run import ListedRun, WatchedFile

FILES_PER_POLL: Final = 256
"""How many files are polled in one go, which takes a few milliseconds."""


@dataclass(slots=True)
class _Watched:
    """A watched file and the places of its rows. `number` and `name` are as in `RunRow`."""

    watched: WatchedFile
    number: int
    name: str
    places: list[int] = field(default_factory=list)
    revision: int = 0
    failure: str = ""


class WatchedRows:
    """Replaces the rows of watched files, and adds those of new runs."""

    def __init__(self, rows: RunTable) -> None:
        self._rows = rows
        self._files: dict[int, _Watched] = {}
        self._turns: deque[_Watched] = deque()
        self.complaints: list[str] = []
        """What went wrong since this was last emptied."""

    def note(self, watched: WatchedFile, place: int) -> None:
        """Note that a row is that of the next run of a file, read for the first time."""
        row = self._rows[place]
        file = self._files.get(row.file_number)
        if file is None:
            file = _Watched(watched, row.file_number, row.file_name)
            self._files[row.file_number] = file
        file.places.append(place)

    def begin(self, watched: WatchedFile, number: int, name: str) -> None:
        """Watch a file that has been read for the first time."""
        file = self._files.setdefault(number, _Watched(watched, number, name))
        self._turns.append(file)
        if any(_is_waiting(self._rows[place]) for place in file.places):
            watched.read_again()

    def poll(self) -> set[int]:
        """Return the places of the rows that were replaced or added since the last call."""
        changed: set[int] = set()
        for _ in range(min(len(self._turns), FILES_PER_POLL)):
            file = self._turns[0]
            self._turns.rotate(-1)
            file.watched.poll()
            if file.failure != file.watched.failure:
                file.failure = file.watched.failure
                self.complaints += [file.failure] if file.failure else []
            if file.revision != file.watched.revision:
                file.revision = file.watched.revision
                changed.update(self._replace_rows(file))
        return changed

    def _replace_rows(self, file: _Watched) -> list[int]:
        """Replace the rows of a file by those of its present runs; a row without a run is gone."""
        groups = Groups(file.watched.file)
        for number, run in enumerate(file.watched.runs):
            row = self._row(file, run, groups)
            if number < len(file.places):
                self._rows.replace(file.places[number], row)
            else:
                file.places.append(len(self._rows))
                self._rows.append(row)
        gone = set(file.places[len(file.watched.runs) :]) - self._rows.gone
        self._rows.gone |= gone
        news = file.watched.news or (gone and f"{counted(len(gone), 'run')} no longer in it")
        if news:
            self.complaints.append(f"{file.watched.file.label}: {news}")
        return file.places

    def _row(self, file: _Watched, run: ListedRun, groups: Groups) -> RunRow:
        group = groups.number(run.ref) if run.siblings > 1 else 0
        label = run.ref.file.label
        return RunRow(run.ref, run.summary, label, file.number, file.name, group)

    def close(self) -> None:
        for file in self._files.values():
            file.watched.close()


def _is_waiting(row: RunRow) -> bool:
    """Return whether a run was listed as ended although a call or a message has no answer."""
    waits = (Code.CALL_UNANSWERED, Code.NO_ANSWER)
    return any(code in waits for code, _ in row.summary.codes)
