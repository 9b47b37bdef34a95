"""What runs are grouped by: the key of the group that each belongs to, and what groups are called.

A key may have parts, with `APART` between them: what the group is called, and what keeps it apart
from others of that name. Tasks are apart by their whole text; groups of the same id by the format,
and within that by the task, since every benchmark counts its samples from 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hermes_tui.ui.runs.fields import attribute, column

if TYPE_CHECKING:
    from hermes_tui.ui.runs.table import RunRow

GROUPINGS: Final = (
    *("codes", "status", "stop_reason", "model", "task", "group", "file", "format", "parser"),
)
"""Fields whose values runs can be grouped by; of `codes` all that a run has together."""
APART: Final = "\0"
_PARTS: Final = {"task": 1, "group": 2}
"""How many parts of a key are behind what the group is called."""


class Name(NamedTuple):
    """What a group is called, and whether others of another key have the same title."""

    title: str
    has_namesakes: bool = False


class GroupKeys:
    """Gives the key of the group of each run; all runs of a list are given, in order."""

    def __init__(self, grouping: str) -> None:
        self._grouping = grouping
        self._tasks: dict[tuple[str, str, str], str] = {}
        """Group, format and file → the task that the group has in the file."""
        self._files: dict[tuple[str, str, str], str] = {}
        """Group, format and task → the first file of it."""

    def of(self, rows: Sequence[RunRow]) -> list[str]:
        """Return the keys of these runs."""
        match self._grouping:
            case "group":
                return self._groups(rows)
            case "task":
                pairs = zip(column(rows, "task"), column(rows, "task_digest"), strict=True)
                return [f"{task}{APART}{digest}" if task else "" for task, digest in pairs]
            case "codes":
                codes: Sequence[Any] = column(rows, "codes")
                # Runs may share one object: it is spelled once.
                spelled = {id(each): " + ".join(each) for each in codes}
                return [spelled[id(each)] for each in codes]
            case name:
                return list(column(rows, name))

    def _groups(self, rows: Sequence[RunRow]) -> list[str]:
        """Return the groups; those that are only a number in a file, with the file."""
        columns = (
            column(rows, "group"),
            attribute(rows, "summary.group_id"),
            column(rows, "format"),
            column(rows, "task_digest"),
            attribute(rows, "file_name"),
        )
        tasks, files = self._tasks, self._files
        keys = []
        for group, name, format_name, task, file in zip(*columns, strict=True):
            if name:
                task = tasks.setdefault((name, format_name, file), task)
                first = files.setdefault((name, format_name, task), file)
                keys.append(f"{name}{APART}{format_name}{APART}{first}")
            else:
                keys.append(f"{group} · {file}" if group else "")
        return keys


def names_of(keys: Sequence[str], grouping: str) -> list[Name]:
    """Return what the groups of these keys are called together."""
    # What a file says may hold the mark, too.
    parts = [key.rsplit(APART, _PARTS.get(grouping, 0)) for key in keys]
    shared = Counter(titles[0] for titles in parts)
    named = Counter(tuple(titles[:2]) for titles in parts)
    names = []
    for title, *apart in parts:
        if shared[title] == 1:
            names.append(Name(title))
        elif len(apart) == 1:
            names.append(Name(title, has_namesakes=True))
        else:
            known = 1 if named[title, *apart[:1]] == 1 else 2
            names.append(Name(" · ".join((title, *apart[:known]))))
    return names
