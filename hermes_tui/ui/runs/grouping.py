"""What runs are grouped by: the key of the group that each belongs to, and the names of groups.

A key may have parts, separated by `APART`: the name of the group, and what distinguishes it from
others with that name. Tasks are distinguished by their whole text; groups with the same id by the
format, and within that by the task, since every benchmark numbers its samples from 1.
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
"""Fields that runs can be grouped by; for `codes`, by the set of codes that a run has."""
APART: Final = "\0"
_EXTRA_PARTS: Final = {"task": 1, "group": 2}
"""How many parts of a key follow the name of the group."""


class Name(NamedTuple):
    """The name of a group, and whether groups with another key have the same title."""

    title: str
    has_namesakes: bool = False


class GroupKeys:
    """Computes the group key of each run; must receive all runs of a list, in order."""

    def __init__(self, grouping: str) -> None:
        self._grouping = grouping
        self._tasks: dict[tuple[str, str, str], str] = {}
        """Group, format and file → the task that the group has in the file."""
        self._files: dict[tuple[str, str, str], str] = {}
        """Group, format and task → its first file."""

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
                # Runs may share one object, which is then formatted once.
                spelled = {id(each): " + ".join(each) for each in codes}
                return [spelled[id(each)] for each in codes]
            case name:
                return list(column(rows, name))

    def _groups(self, rows: Sequence[RunRow]) -> list[str]:
        """Return the groups; those that are only numbered within a file, with the file."""
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
    """Return the names of the groups with these keys, which depend on each other."""
    # A value from a file may contain the separator, too.
    parts = [key.rsplit(APART, _EXTRA_PARTS.get(grouping, 0)) for key in keys]
    title_counts = Counter(titles[0] for titles in parts)
    pair_counts = Counter(tuple(titles[:2]) for titles in parts)
    names = []
    for title, *apart in parts:
        if title_counts[title] == 1:
            names.append(Name(title))
        elif len(apart) == 1:
            names.append(Name(title, has_namesakes=True))
        else:
            shown_parts = 1 if pair_counts[title, *apart[:1]] == 1 else 2
            names.append(Name(" · ".join((title, *apart[:shown_parts]))))
    return names
