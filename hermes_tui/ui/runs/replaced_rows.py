"""What happens to the rows of a followed file after another file has replaced it."""

from __future__ import annotations

from typing import NamedTuple

from hermes_tui.runtime.growing import FileChange
from hermes_tui.runtime.replaced_file import (
    change_of,
    leave,
    replace_from_path,
    replacement_message,
)
from hermes_tui.runtime.targets import Target
from hermes_tui.ui.runs.reading import Reading


class Replacement(NamedTuple):
    """How the list continues."""

    complaint: str
    reading: Reading | None = None
    """What to read next from the same file: its rest, or the run that replaces the old one."""
    target: Target | None = None
    """What to read as a separate file."""
    is_gone: bool = False
    """Whether the runs that were read are no longer readable, or are found under another name."""


def replacement(reading: Reading, *, may_keep: bool) -> Replacement | None:
    """Return how the list continues after what was read of a file, or None if it is still there.

    `may_keep`: the runs of a renamed file stay in the list, since nothing else finds them.
    """
    file = reading.file
    change = change_of(file)
    is_other = replace_from_path(file)
    if reading.is_outdated:
        anew = Reading(reading.number, file)
        anew.row = reading.row
        return Replacement(file.news, anew)
    if change is None or (file.is_one_run and not is_other):
        return None
    target = Target(file.path)
    keeps = change is FileChange.RENAMED and may_keep
    leave(file, keeps=keeps)
    if keeps:
        reading.begin()
        complaint = f"{file.label}: {change.value}; the runs of both are listed"
        return Replacement(complaint, reading, target)
    return Replacement(f"{file.label}: {replacement_message(change)}", None, target, is_gone=True)
