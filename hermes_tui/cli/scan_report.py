"""What a scan reports while it runs, and its exit code."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import TextIO

from hermes_tui.cli.fail_on import counts_text
from hermes_tui.cli.json_text import print_json, print_xml
from hermes_tui.cli.progress import ProgressLine
from hermes_tui.cli.scan_arguments import ScanRequest
from hermes_tui.cli.scan_baseline import Baseline
from hermes_tui.cli.scan_new import NewFindings
from hermes_tui.cli.scan_outputs import JsonLines, Output, Table
from hermes_tui.cli.scan_summary import Ending
from hermes_tui.cli.stderr import print_notice
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.wording import counted
from hermes_tui.runtime.scan.collect import ScannedFile
from hermes_tui.runtime.scan.rates import Rates
from hermes_tui.runtime.scan.results import Counts, Row, place_finding
from hermes_tui.runtime.targets import Target

MAX_KEPT_COMPLAINTS = 1_000
"""How many complaints a document repeats at its end; stderr gets all of them."""
MAX_REPORTED_PLACES = 20
"""How many malformed places of a file that belong to no run are reported one by one."""


class Report:
    """Receives the results, prints them and decides the exit code."""

    def __init__(self, request: ScanRequest, targets: Sequence[Target]) -> None:
        self.progress = ProgressLine()
        self._is_terminal = sys.stdout.isatty()
        """Whether results go to the terminal that may show the progress line."""
        self._baseline = Baseline.load(request.baseline) if request.baseline else None
        self._fail_on = request.fail_on
        self._fail_if, self._at_most = request.fail_if, request.at_most
        self._findings: Counter[tuple[str, str]] = Counter()
        """The number of findings by code and severity."""
        self._new_findings: Counter[tuple[str, str]] = Counter()
        """Those of them that are not in the baseline, if there is one."""
        self._failing_runs = 0
        """How many runs `--fail-if` is true of."""
        self._targets = targets
        self._complaints: list[str] = []
        self._places_outside: Counter[str] = Counter()
        """How many malformed places outside any run each file has."""
        self._all_outside = 0
        """How many malformed places outside any run all files have."""
        self._unreadable = False
        self._fails = False
        self._files_read = self._refused = 0
        self._filtered_out = 0
        """How many runs do not pass the filter."""
        self._new_count = self._known_count = 0
        self._held_rows: dict[str, list[Row]] = {}
        """With a baseline: the runs of the files being read, which are judged together."""
        self._new_by_file: dict[str, Counter[str]] = {}
        """New findings by code in each of the files being read."""
        self._new_in_runs: Counter[str] = Counter()
        self.output = self._output(request)

    @property
    def exit_code(self) -> int:
        return 3 if self._unreadable or not self._files_read else int(self._fails)

    def _output(self, request: ScanRequest) -> Output:
        has_baseline = self._baseline is not None
        if request.output == "table":
            new = NewFindings(self._makes_fail) if has_baseline else None
            return Table(
                self._write,
                by_run=request.by_run,
                fails=self._makes_fail,
                filtered=bool(request.filter),
                new=new,
            )
        if request.output != "junit":
            print_json()
        if request.output == "jsonl":
            return JsonLines(self._write, by_run=request.by_run, found=has_baseline)
        from hermes_tui.cli.scan_documents import JsonDocument, JUnit, Sarif

        match request.output:
            case "sarif":
                return Sarif(self._write)
            case "junit":
                print_xml()
                return JUnit(self._write, fails=self._makes_fail, fail_if=self._fail_if)
            case _:
                return JsonDocument(self._write, by_run=request.by_run)

    # Results

    def began(self, file: ScannedFile, rivals: tuple[str, ...]) -> None:
        self._files_read += 1
        if rivals:
            also = ", ".join(rivals)
            self.complain(f"{file.label}: read as {file.format}; fits {also} as well")

    def refused(self, file: ScannedFile) -> None:
        # A folder may hold files that are not transcripts; a named file must be one.
        skipped = file.is_foreign and not file.target.named
        self.complain(file.failure, skipped=skipped)
        if not skipped:
            self._unreadable = True
            self._refused += 1
            self.output.refused(file.label, file.failure)

    def counted(self, file: ScannedFile, counts: Counts) -> None:
        self._failing_runs += counts.condemned
        self._fails |= counts.condemned > 0 and not self._at_most
        for code, by_severity in counts.findings.items():
            for severity, count in by_severity.items():
                self._findings[code, severity] += count
        if self._baseline is not None:
            return
        if self._fail_on:
            self._fails |= bool(self._fail_on.selected(self._findings))
        elif not self._fail_if:
            self._fails |= counts.errors > 0

    def defect(self, file: ScannedFile, message: str) -> None:
        finding = defect_finding(message)
        self._all_outside += 1
        if self._baseline is not None:
            finding["new"] = self._baseline.is_new_defect(file.label)
            self._judge(finding)
            self._new_in_file(file).update(_new_codes([finding]))
        # One that is in the baseline is not reported.
        if not self.output.reports_defects and finding.get("new", True):
            self._places_outside[file.label] += 1
            if self._places_outside[file.label] <= MAX_REPORTED_PLACES:
                self.complain(f"{file.label}: {message}")
        self.output.defect(file.label, file.format, finding)

    def run(self, file: ScannedFile, row: Row) -> None:
        if self._baseline is None:
            self.output.run(row)
        else:
            self._held_rows.setdefault(file.label, []).append(row)

    def _judge_runs(self, baseline: Baseline, file: ScannedFile) -> None:
        rows = self._held_rows.pop(file.label, [])
        baseline.mark(rows)
        for row in rows:
            for finding in row["findings"]:
                self._judge(finding)
            row["new"] = codes = _new_codes(row["findings"])
            self._new_in_file(file).update(codes)
            self._new_in_runs.update(codes)
            self.output.run(row)

    def ended(self, file: ScannedFile) -> None:
        from hermes_tui.parsers.run_diagnosis import guessed_line

        if self._baseline is not None:
            self._judge_runs(self._baseline, file)
        self._filtered_out += file.seen - file.counts.runs
        if (more := self._places_outside.pop(file.label, 0) - MAX_REPORTED_PLACES) > 0:
            what = f"{more:,} more malformed places outside of any run"
            self.complain(f"{file.label}: {what} (--to json lists them)")
        if file.failure:
            self._broke_off(file)
        guessed = guessed_line(file.guessed)
        if guessed:
            self.complain(f"{file.label}: {guessed}")
        counts = file.counts
        self.output.file(self._file_row(file))
        self.output.first_defects([place_finding(row, run) for run, row in counts.first_defects])

    def _broke_off(self, file: ScannedFile) -> None:
        """Report a file that could not be read to its end, like one that cannot be read at all."""
        self._unreadable = True
        reason = _with_next_step(file)
        self.complain(reason)
        self.output.broke_off(file.label, reason)

    def end(self, rates: Rates, *, interrupted: str = "") -> None:
        """Print what comes last; `interrupted` is how far the scan came, if it was interrupted."""
        complaints = tuple(self._complaints)
        self.output.end(
            Ending(
                rates,
                self._path_of,
                self._files_read,
                complaints,
                interrupted,
                self._all_outside,
                self._new_in_runs if self._baseline is not None else None,
                self._findings,
                self._refused,
                self._baseline.summary if self._baseline is not None else None,
            )
        )
        if self._filtered_out:
            passed, runs = rates.all.runs, rates.all.runs + self._filtered_out
            self.complain(f"--filter: {passed:,} of {counted(runs, 'run')} pass")
        if self._fail_if:
            self._judge_failing_runs(rates.all.runs)
        if self._fail_on:
            self.complain(f"--fail-on: {self._selected_text()}")
        if self._baseline is not None:
            others = "; it names none of these files: spell the paths as when it was written"
            note = others if self._new_count and self._baseline.matches_no_file else ""
            self.complain(
                f"{self._new_count:,} new, {self._known_count:,} as in the baseline{note}"
            )
        self.progress.clear()

    def _judge_failing_runs(self, runs: int) -> None:
        share = f" ({self._failing_runs / runs:.1%})" if self._failing_runs else ""
        text = f"--fail-if: true for {self._failing_runs:,} of {counted(runs, 'run')}{share}"
        if self._at_most:
            allowed = Decimal(self._at_most.rstrip("%"))
            if self._at_most.endswith("%"):
                allowed = allowed * runs / 100
            is_over = self._failing_runs > allowed
            self._fails |= is_over
            text += f", {'more than' if is_over else 'at most'} {self._at_most}"
        self.complain(text)

    def _selected_text(self) -> str:
        findings = self._findings if self._baseline is None else self._new_findings
        found = counts_text(self._fail_on.selected(findings)) or "no such finding"
        notes = self._fail_on.notes_left_out(findings)
        return f"{found}; {notes}" if notes else found

    def _file_row(self, file: ScannedFile) -> Row:
        row = file.counts.row(file.label, file.format)
        if self._baseline is not None:
            row["new"] = self._new_by_file.pop(file.label, Counter())
        if not file.is_whole:
            row["complete"] = False
        if file.failure:
            row["failure"] = file.failure
        return row

    # Judging

    def _new_in_file(self, file: ScannedFile) -> Counter[str]:
        return self._new_by_file.setdefault(file.label, Counter())

    def _judge(self, finding: Row) -> None:
        if finding["new"]:
            self._new_count += 1
            self._new_findings[finding["code"], finding["severity"]] += 1
        else:
            self._known_count += 1
        self._fails |= self._makes_fail(finding)

    def _makes_fail(self, finding: Row) -> bool:
        """Return whether a finding makes the exit code 1."""
        if not finding.get("new", True):
            return False
        if self._fail_on:
            return self._fail_on.selects(finding["code"], finding["severity"])
        if self._fail_if and self._baseline is None:
            return False
        return bool(finding["severity"] == Severity.ERROR)

    # Writing

    def complain(self, message: str, *, skipped: bool = False) -> None:
        if len(self._complaints) < MAX_KEPT_COMPLAINTS:
            self._complaints.append(message)
        with self.progress.aside():
            print_notice(f"skipped {message}" if skipped else message)

    def _write(self, text: str) -> None:
        out: TextIO = sys.stdout
        if not self._is_terminal:
            out.write(text)
            return
        with self.progress.aside():
            out.write(text)

    def _path_of(self, number: int) -> str:
        return self._targets[number].label


def _with_next_step(file: ScannedFile) -> str:
    """Return why a file was not read to its end and what to do, which some reasons include."""
    reason = file.failure.removeprefix(f"{file.label}: ")
    if "; " in reason or reason.endswith(")"):
        return file.failure
    return f"{file.failure}; what could be read is counted; fetch the file again"


def _new_codes(findings: Sequence[Row]) -> Counter[str]:
    return Counter(finding["code"] for finding in findings if finding["new"])


def defect_finding(message: str) -> Row:
    """Return a malformed place that belongs to no run as a finding."""
    return {
        "code": str(Code.SOURCE_DEFECT),
        "severity": str(Severity.ERROR),
        "turn": 0,
        "message": message,
        "span": None,
        "hint": "",
        "tool": "",
        "at": "",
    }
