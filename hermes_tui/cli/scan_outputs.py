"""The output of a scan as it proceeds: lines for people, or one JSON object per line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from hermes_tui.cli.json_text import json_line
from hermes_tui.cli.scan_new import NewFindings, finding_line, new_mark
from hermes_tui.cli.scan_summary import Ending, summary_lines
from hermes_tui.log.run_fields import UNKNOWN
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.visible import visible_line, visible_row
from hermes_tui.model.wording import counted
from hermes_tui.runtime.scan.results import DEFECTS_KEPT, Row

DEFECTS_LISTED: Final = DEFECTS_KEPT - 1
"""How many malformed places in the runs of a file are listed below its line."""
INCOMPLETE_NOTE: Final = "(not read to its end)"
_COUNTS: Final = {
    "tool_results": "result",
    "tool_errors": "tool error",
    "reasoning": "reasoning block",
    # Not all findings of SOURCE_DEFECT are: warnings and notes are about whole files.
    "defects": "malformed place",
}
"""What a line for people counts after messages and calls, if the count is not 0."""

Write = Callable[[str], None]


class Output:
    """An output format. Rows arrive in order within a file; the file's own row is its last."""

    rows = ""
    """Which runs it needs, as in `ScanOptions.rows`."""
    reports_defects = False
    """Whether it reports malformed places outside any run itself."""

    def begin(self) -> None:
        """Write what precedes all results."""

    def run(self, row: Row) -> None:
        """Write a run."""

    def file(self, row: Row) -> None:
        """Write the counts of a file."""

    def first_defects(self, findings: Sequence[Row]) -> None:
        """Write the first malformed places in runs of the file whose counts came last."""

    def defect(self, path: str, format_name: str, finding: Row) -> None:
        """Write a malformed place outside any run."""

    def refused(self, path: str, reason: str) -> None:
        """Write that a named file cannot be read."""

    def broke_off(self, path: str, reason: str) -> None:
        """Write that a named file cannot be read to its end; its own row says so as well."""

    def end(self, ending: Ending) -> None:
        """Write what follows all results."""


class Table(Output):
    """A line per file, or with `by_run` per run with its errors and warnings; then the summary.

    A note is listed if it is new or makes the exit code 1.
    """

    def __init__(
        self,
        write: Write,
        *,
        by_run: bool,
        fails: Callable[[Row], bool] = lambda finding: False,
        filtered: bool = False,
        new: NewFindings | None = None,
    ) -> None:
        """Take, among others, the predicate that selects the findings that make the exit code 1."""
        self.rows = "all" if by_run else "found" if new is not None else ""
        self._write = write
        self._by_run = by_run
        self._fails = fails
        self._filtered = filtered
        self._new = new
        """The findings that are not in the baseline; None without one."""

    def run(self, row: Row) -> None:
        if not self._by_run:
            if self._new is not None:
                self._new.add(row["path"], row["findings"])
            return
        name = visible_line(row["id"], 40)
        self._write(_line(row, f"run {row['run']} {name}".rstrip() + _outcome(row)))
        for finding in row["findings"]:
            is_new = finding.get("new", False)
            if is_new or finding["severity"] != "note" or self._fails(finding):
                self._write_finding(finding, " (new)" if is_new else "")

    def file(self, row: Row) -> None:
        runs = counted(row["runs"], "run")
        if self._filtered and not row["runs"] and not row["defects"] and row.get("complete", True):
            return
        if not self._by_run:
            self._write(_line(row, runs))
        elif not row.get("complete", True):
            self._write(f"{visible_row(row['path'])}  {runs}  {INCOMPLETE_NOTE}\n")

    def first_defects(self, findings: Sequence[Row]) -> None:
        # With a baseline, the new ones are listed at the end.
        if self._by_run or self._new is not None:
            return
        for finding in findings[:DEFECTS_LISTED]:
            self._write_finding(finding)
        if len(findings) > DEFECTS_LISTED:
            self._write(f"  and more {Code.SOURCE_DEFECT}: --runs lists them all\n")

    def defect(self, path: str, format_name: str, finding: Row) -> None:
        if self._new is not None and not self._by_run:
            self._new.add(path, [finding])

    def end(self, ending: Ending) -> None:
        self._write_block(self._new.lines() if self._new is not None else ())
        rates = ending.rates
        has_findings = bool(rates.of_group("code") or ending.outside or rates.outcomes.is_known)
        has_more = rates.all.runs > 1 and (has_findings or self._by_run)
        if has_more or ending.files + ending.refused > 1:
            self._write_block(summary_lines(ending))
        if ending.interrupted:
            self._write(f"\n{ending.interrupted}: there is more than what is counted here\n")

    def _write_finding(self, finding: Row, mark: str = "") -> None:
        self._write(f"  {finding_line(finding, mark=mark)}\n")

    def _write_block(self, lines: Iterable[str]) -> None:
        """Write lines after an empty one, if there are any."""
        for number, line in enumerate(lines):
            self._write(("" if number else "\n") + line.rstrip() + "\n")


class JsonLines(Output):
    """A JSON object per file, or with `by_run` per run; a last one if the scan was interrupted.

    Either way there is one with `error` for a file that cannot be read; with `by_run`, also for one
    that cannot be read to its end.
    """

    def __init__(self, write: Write, *, by_run: bool, found: bool) -> None:
        self.rows = "all" if by_run else "found" if found else ""
        self.reports_defects = not by_run
        self._write = write
        self._by_run = by_run

    def run(self, row: Row) -> None:
        if self._by_run:
            self._write(json_line(row))

    def file(self, row: Row) -> None:
        if not self._by_run:
            self._write(json_line(row))

    def refused(self, path: str, reason: str) -> None:
        self._write(json_line({"path": path, "error": reason}))

    def broke_off(self, path: str, reason: str) -> None:
        if self._by_run:
            self.refused(path, reason)

    def end(self, ending: Ending) -> None:
        if ending.interrupted:
            self._write(json_line({"complete": False}))


def _outcome(row: Row) -> str:
    """Return how a run ended, as far as its file records it."""
    status = f", {row['status']}" if row["status"] != UNKNOWN else ""
    reward = f", reward {row['reward']:.4g}" if row["reward"] is not None else ""
    fails = ", --fail-if" if row.get("fails") else ""
    return f"{visible_line(status, 30)}{reward}{fails}"


def _line(row: Row, title: str) -> str:
    new = row.get("new")
    codes = " ".join(
        f"{code}×{count:,}{new_mark(code, new)}" for code, count in row["diagnostics"].items()
    )
    parts = [counted(row["messages"], "message"), counted(row["tool_calls"], "call")]
    parts += [counted(row[key], name) for key, name in _COUNTS.items() if row[key]]
    counts = ", ".join(parts)
    path = visible_row(row["path"])
    formats = row.get("formats", {})
    mixed = ", ".join(f"{count:,} {name}" for name, count in formats.items())
    read_as = f"mixed: {mixed}" if mixed else row["format"]
    end = "" if row.get("complete", True) else f"  {INCOMPLETE_NOTE}"
    clean = "" if end else "clean"
    return f"{path}  {read_as}  {title}: {counts}  {codes or clean}".rstrip() + f"{end}\n"
