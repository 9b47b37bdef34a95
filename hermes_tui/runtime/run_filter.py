"""Filters the runs of a file by their fields."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from hermes_tui.log.run_fields import FILE_FIELDS, fields_of, numbered_group
from hermes_tui.log.summary import summarise
from hermes_tui.runtime.index.blocks import Groups
from hermes_tui.runtime.opener import FoundRun, OpenFile

if TYPE_CHECKING:
    from hermes_tui.log.expressions import Expression


class RunFilter:
    """Tests the runs of a file with the given label, in order; if `text` is empty, all pass."""

    def __init__(self, file: OpenFile, label: str, text: str) -> None:
        self._label = label
        self._groups = Groups(file)
        self._expression = run_expression(text) if text else None

    def group(self, found: FoundRun) -> int:
        """Return the number of the group that a run is listed in; 0 if there is none."""
        return self._groups.number(found.ref) if found.siblings > 1 else 0

    def passes(self, found: FoundRun) -> bool:
        """Return whether a run passes the filter."""
        if self._expression is None:
            return True
        summary = summarise(found.state)
        group_id = summary.group_id or numbered_group(self.group(found))
        names = self._expression.names
        return self._expression.matches(
            fields_of(summary._replace(group_id=group_id), names, self._label)
        )


@cache
def run_expression(text: str) -> Expression:
    """Compile an expression on the fields of a run; raise ExpressionError if it is invalid."""
    # Imported only if there is a filter.
    from hermes_tui.log.expressions import compile_expression

    return compile_expression(text, FILE_FIELDS)
