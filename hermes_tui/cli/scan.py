"""`hermes-tui scan`: read runs and report what is in them and what is wrong, without a screen."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson

from hermes_tui.cli.json_text import escaped_json
from hermes_tui.cli.progress import ProgressLine
from hermes_tui.log.findings import Finding
from hermes_tui.log.fold import RunState
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.errors import SourceError
from hermes_tui.model.visible import visible_line, visible_row
from hermes_tui.runtime.opener import (
    FoundDefect,
    FoundRun,
    OpenFile,
    Progress,
    Target,
    check_format,
    check_parser,
    expand_paths,
    open_file,
    survey,
)


@dataclass(slots=True)
class Tally:
    """Counts over the runs of a file, or of one run."""

    path: str
    format: str
    runs: int = 0
    messages: int = 0
    tool_calls: int = 0
    tool_results: int = 0
    tool_errors: int = 0
    reasoning: int = 0
    defects: int = 0
    diagnostics: Counter[str] = field(default_factory=Counter)

    def add(self, state: RunState) -> None:
        self.runs += 1
        self.messages += state.messages
        self.tool_calls += state.calls
        self.tool_results += state.results
        self.tool_errors += state.tool_errors
        self.reasoning += state.reasoning
        self.defects += state.defects
        for code, count in state.codes.items():
            self.diagnostics[str(code)] += count

    def as_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "format": self.format,
            "runs": self.runs,
            "messages": self.messages,
            "tool_calls": self.tool_calls,
            "tool_results": self.tool_results,
            "tool_errors": self.tool_errors,
            "reasoning": self.reasoning,
            "diagnostics": dict(sorted(self.diagnostics.items())),
            "defects": self.defects,
        }

    def as_line(self, label: str = "") -> str:
        codes = " ".join(f"{code}×{count}" for code, count in sorted(self.diagnostics.items()))
        counts = (
            f"{self.messages} messages, {self.tool_calls} calls, {self.tool_results} results, "
            f"{self.tool_errors} tool errors, {self.reasoning} reasoning, {self.defects} defects"
        )
        who = label or ("1 run" if self.runs == 1 else f"{self.runs} runs")
        return f"{visible_row(self.path)}  {self.format}  {who}: {counts}  {codes or 'clean'}"


def run_scan(arguments: argparse.Namespace) -> int:
    """Print a line for every file (with --runs: every run); return the exit code."""
    check_format(arguments.format)
    check_parser(arguments.parser)
    scanner = _Scanner(as_json=arguments.json, by_run=arguments.runs, parser=arguments.parser)
    for target in expand_paths(arguments.paths):
        scanner.scan(target, arguments.format)
    return scanner.exit_code


class _Scanner:
    def __init__(self, *, as_json: bool, by_run: bool, parser: str = "") -> None:
        self._as_json = as_json
        self._by_run = by_run
        self._parser = parser
        self._progress = ProgressLine()
        self._unreadable = False
        self._errors = False
        self._files_read = 0

    @property
    def exit_code(self) -> int:
        return 3 if self._unreadable or not self._files_read else int(self._errors)

    def scan(self, target: Target, wanted_format: str) -> None:
        try:
            file = open_file(
                target.path, wanted_format=wanted_format, whole=True, parser=self._parser
            )
        except SourceError as error:
            # A folder may hold files that are no transcripts; a file that was named must be one.
            self._unreadable |= target.named
            self._complain(str(error), skipped=not target.named)
            return
        self._files_read += 1
        try:
            self._scan_file(file)
        finally:
            file.close()

    def _scan_file(self, file: OpenFile) -> None:
        if file.rivals:
            also = ", ".join(file.rivals)
            self._complain(f"{file.label}: read as {file.reader.name}; fits {also} as well")
        tally = Tally(file.label, file.reader.name)
        for step in survey(file):
            match step:
                case Progress():
                    self._progress.show(file.label, step.bytes_done, step.bytes_total)
                case FoundRun() if step.final:
                    tally.add(step.state)
                    self._errors |= step.state.severities[Severity.ERROR] > 0
                    if self._by_run:
                        self._print_run(file, step)
                case FoundDefect():
                    tally.defects += 1
                    tally.diagnostics[str(Code.SOURCE_DEFECT)] += 1
                    self._errors = True
                    if self._by_run or not self._as_json:
                        self._complain(f"{file.label}: {step.defect.message}")
                case _:
                    pass
        self._progress.clear()
        if file.source.failure:
            self._unreadable = True
            self._complain(file.source.failure)
        if file.diagnosis is not None and file.diagnosis.summary:
            self._complain(f"{file.label}: {file.diagnosis.summary}")
        if not self._by_run:
            self._print(tally.as_json(), tally.as_line())

    def _print_run(self, file: OpenFile, found: FoundRun) -> None:
        tally = Tally(file.label, file.reader.name)
        tally.add(found.state)
        row = tally.as_json()
        row["run"] = found.ref.number + 1
        row["id"] = found.state.run_id
        row["findings"] = [_finding_json(finding) for finding in found.findings]
        name = visible_line(found.state.run_id, 40)
        self._print(row, tally.as_line(f"run {found.ref.number + 1} {name}".rstrip()))
        if not self._as_json:
            for finding in found.findings:
                if finding.severity is not Severity.NOTE:
                    sys.stdout.write(f"  {_finding_line(finding)}\n")

    def _print(self, row: dict[str, Any], line: str) -> None:
        self._progress.clear()
        if self._as_json:
            sys.stdout.write(_json_line(row))
        else:
            sys.stdout.write(line + "\n")

    def _complain(self, message: str, *, skipped: bool = False) -> None:
        self._progress.clear()
        prefix = "hermes-tui: skipped " if skipped else "hermes-tui: "
        sys.stderr.write(f"{prefix}{visible_row(message)}\n")


def _json_line(row: dict[str, Any]) -> str:
    try:
        return escaped_json(orjson.dumps(row).decode()) + "\n"
    except (TypeError, ValueError):
        import json

        return json.dumps(row) + "\n"


def _finding_json(finding: Finding) -> dict[str, Any]:
    span = finding.span
    return {
        "code": str(finding.code),
        "severity": str(finding.severity),
        "turn": finding.turn,
        "message": finding.message,
        "span": [span.start, span.end] if span else None,
        "hint": finding.hint,
    }


def _finding_line(finding: Finding) -> str:
    where = f"turn {finding.turn}"
    hint = f" — {finding.hint}" if finding.hint else ""
    text = visible_line(f"{finding.message}{hint}", 300)
    return f"{finding.severity:7} {finding.code} {where}: {text}"
