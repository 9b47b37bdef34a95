"""What a scan prints as it goes: lines for people, a JSON object a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from hermes_tui.cli.json_text import json_line
from hermes_tui.cli.scan_summary import PathOf, summary_lines
from hermes_tui.formats.writers.wording import counted
from hermes_tui.model.visible import visible_line, visible_row
from hermes_tui.runtime.scan_rates import Rates
from hermes_tui.runtime.scan_results import Row

Write = Callable[[str], None]


class Ending(NamedTuple):
    """What is known when the scan is over."""

    rates: Rates
    path_of: PathOf
    files: int
    complaints: tuple[str, ...] = ()
    complete: bool = True
    """False where it was interrupted."""


class Output(Protocol):
    """One way of writing. Rows come in order within a file; the file's own row ends it."""

    rows: str
    """Which runs it wants, as `ScanOptions.rows`."""
    tells_defects: bool
    """Whether it says itself where a file is malformed outside any run."""

    def run(self, row: Row) -> None: ...

    def file(self, row: Row) -> None: ...

    def defect(self, path: str, format_name: str, finding: Row) -> None: ...

    def refused(self, path: str, reason: str) -> None: ...

    def end(self, ending: Ending) -> None: ...


class Table:
    """A line a file, or with `by_run` a run and its errors and warnings; the summary at the end."""

    tells_defects = False

    def __init__(self, write: Write, *, by_run: bool, found: bool = False) -> None:
        self.rows = "all" if by_run else "found" if found else ""
        self._write = write
        self._by_run = by_run

    def run(self, row: Row) -> None:
        if not self._by_run:
            return
        name = visible_line(row["id"], 40)
        self._write(_line(row, f"run {row['run']} {name}".rstrip()))
        for finding in row["findings"]:
            if finding["severity"] != "note":
                self._write(f"  {_finding_line(finding)}\n")

    def file(self, row: Row) -> None:
        if not self._by_run:
            self._write(_line(row, counted(row["runs"], "run")))

    def defect(self, path: str, format_name: str, finding: Row) -> None:
        return

    def refused(self, path: str, reason: str) -> None:
        return

    def end(self, ending: Ending) -> None:
        rates = ending.rates
        if rates.all.runs > 1 and rates.groups.get("code"):
            self._write("\n")
            for line in summary_lines(rates, ending.path_of, files=ending.files):
                self._write(line.rstrip() + "\n")


class JsonLines:
    """A JSON object a file, or with `by_run` a run."""

    def __init__(self, write: Write, *, by_run: bool, found: bool = False) -> None:
        self.rows = "all" if by_run else "found" if found else ""
        self.tells_defects = not by_run
        self._write = write
        self._by_run = by_run

    def run(self, row: Row) -> None:
        if self._by_run:
            self._write(json_line(row))

    def file(self, row: Row) -> None:
        if not self._by_run:
            self._write(json_line(row))

    def defect(self, path: str, format_name: str, finding: Row) -> None:
        return

    def refused(self, path: str, reason: str) -> None:
        return

    def end(self, ending: Ending) -> None:
        return


def _line(row: Row, who: str) -> str:
    codes = " ".join(f"{code}×{count:,}" for code, count in row["diagnostics"].items())
    counts = ", ".join(
        (
            counted(row["messages"], "message"),
            counted(row["tool_calls"], "call"),
            counted(row["tool_results"], "result"),
            counted(row["tool_errors"], "tool error"),
            f"{row['reasoning']:,} reasoning",
            counted(row["defects"], "defect"),
        )
    )
    path = visible_row(row["path"])
    return f"{path}  {row['format']}  {who}: {counts}  {codes or 'clean'}\n"


def _finding_line(finding: Mapping[str, object]) -> str:
    hint = f" — {finding['hint']}" if finding["hint"] else ""
    text = visible_line(f"{finding['message']}{hint}", 300)
    new = " (new)" if finding.get("new") else ""
    where = f"turn {finding['turn']}"
    return f"{finding['severity']:7} {finding['code']} {where}{new}: {text}  (--at {finding['at']})"
