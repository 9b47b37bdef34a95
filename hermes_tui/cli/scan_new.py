"""The findings of a scan that its baseline lacks, as the table lists them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from hermes_tui.model.visible import visible_line, visible_row
from hermes_tui.model.wording import counted
from hermes_tui.runtime.scan.results import Row

MAX_LISTED: Final = 20
"""How many new findings are listed; those that make the exit code 1 come first."""


class NewFindings:
    """New findings with their files: the first few, and the count of all."""

    def __init__(self, fails: Callable[[Row], bool]) -> None:
        self._fails = fails
        self._failing: list[tuple[str, Row]] = []
        self._others: list[tuple[str, Row]] = []
        self._count = 0

    def add(self, path: str, findings: Iterable[Row]) -> None:
        """Add those findings of a run that are marked as new."""
        for finding in findings:
            if not finding["new"]:
                continue
            self._count += 1
            kept = self._failing if self._fails(finding) else self._others
            if len(kept) < MAX_LISTED:
                kept.append((path, finding))

    def lines(self) -> Iterator[str]:
        """Yield a line for each new finding, with its place; nothing if there is none."""
        if not self._count:
            return
        yield f"not in the baseline: {counted(self._count, 'finding')}"
        for path, finding in [*self._failing, *self._others][:MAX_LISTED]:
            yield f"  {finding_line(finding, path=shlex.quote(visible_row(path)))}"
        if self._count > MAX_LISTED:
            yield f"  and {self._count - MAX_LISTED:,} more: --runs lists them all"


def finding_line(finding: Row, *, path: str = "", mark: str = "") -> str:
    """Return a finding as a line that ends with its place, in the file at `path` if given.

    `mark` follows its code.
    """
    hint = f" — {finding['hint']}" if finding["hint"] else ""
    text = visible_line(f"{finding['message']}{hint}", 300)
    turn = f" turn {finding['turn']}" if finding["at"] else ""
    place = " ".join(filter(None, (path, finding["at"] and f"--at {finding['at']}")))
    return f"{finding['severity']:7} {finding['code']}{turn}{mark}: {text}  ({place})"


def new_mark(code: str, new: Mapping[str, int] | None) -> str:
    """Return the mark after a code: how many of its findings are new; "" without a baseline."""
    if new is None:
        return ""
    return f" ({new[code]:,} new)" if code in new else " (known)"
