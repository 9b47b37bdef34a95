"""The results of scanning, in parts: counts, rates and rows, which can be merged in any order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from hermes_tui.log.findings import Finding
from hermes_tui.log.fold import RunState
from hermes_tui.log.run_fields import UNKNOWN, field_of, numbered_group
from hermes_tui.log.summary import summarise
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.runtime.scan.rates import Rates

DEFECTS_KEPT: Final = 4
"""How many malformed places `Counts` keeps, one more than are shown."""

_SUMMARY_FIELDS: Final = (
    *("task_digest", "turns", "errors", "warnings", "size", "tools", "failed_tools"),
    *("tokens_in", "tokens_out", "cost", "duration", "latency", "began", "latest"),
    *("parser", "parent"),
)
"""Further fields of a run's row, which filters can use, too."""
_COUNTS: Final = ("turn", "messages", "calls", "results", "tool_errors", "reasoning", "characters")
Row = dict[str, Any]
"""A file, a run or a finding as plain JSON values."""


@dataclass(slots=True)
class Counts:
    """Counts over the runs of a file, of a part of it, or of one run."""

    runs: int = 0
    messages: int = 0
    tool_calls: int = 0
    tool_results: int = 0
    tool_errors: int = 0
    reasoning: int = 0
    defects: int = 0
    condemned: int = 0
    """Runs that match the `fail_if` expression of the scan."""
    findings: dict[str, dict[str, int]] = field(default_factory=dict)
    """How many findings there are by code and severity."""
    formats: dict[str, int] = field(default_factory=dict)
    """The number of runs of each format."""
    first_defects: list[tuple[int, Row]] = field(default_factory=list)
    """The first malformed places within runs: the number of the run and the finding's row."""

    @property
    def errors(self) -> int:
        """The number of findings of severity error."""
        return sum(counts.get(Severity.ERROR, 0) for counts in self.findings.values())

    def add_run(self, state: RunState, findings: Sequence[Finding], number: int = 0) -> None:
        """Count run `number` and its `findings`, of which the first malformed places are kept."""
        self.runs += 1
        self._add_format(state.source_format, 1)
        if Code.SOURCE_DEFECT in state.codes:
            defects = ((number, finding_row(item, state)) for item in _defects(findings))
            self._keep_defects(defects)
        self.messages += state.messages
        self.tool_calls += state.calls
        self.tool_results += state.results
        self.tool_errors += state.tool_errors
        self.reasoning += state.reasoning
        self.defects += state.defects
        for finding in findings:
            self._add_findings(str(finding.code), str(finding.severity), 1)

    def add_defect(self) -> None:
        """Count a malformed place that belongs to no run."""
        self.defects += 1
        self._add_findings(str(Code.SOURCE_DEFECT), str(Severity.ERROR), 1)

    def merge(self, other: Counts, offset: int = 0) -> None:
        """Add the counts over further runs, whose numbers are shifted by `offset`."""
        self._keep_defects((run + offset, row) for run, row in other.first_defects)
        self.runs += other.runs
        self.messages += other.messages
        self.tool_calls += other.tool_calls
        self.tool_results += other.tool_results
        self.tool_errors += other.tool_errors
        self.reasoning += other.reasoning
        self.defects += other.defects
        self.condemned += other.condemned
        for code, counts in other.findings.items():
            for severity, count in counts.items():
                self._add_findings(code, severity, count)
        for name, count in other.formats.items():
            self._add_format(name, count)

    def _add_format(self, name: str, count: int) -> None:
        self.formats[name] = self.formats.get(name, 0) + count

    def _keep_defects(self, more: Iterable[tuple[int, Row]]) -> None:
        self.first_defects += islice(more, DEFECTS_KEPT - len(self.first_defects))

    def _add_findings(self, code: str, severity: str, count: int) -> None:
        counts = self.findings.setdefault(code, {})
        counts[severity] = counts.get(severity, 0) + count

    def row(self, path: str, format_name: str) -> Row:
        """Return the counts as a row; with `formats` if there are several."""
        codes = {code: sum(self.findings[code].values()) for code in sorted(self.findings)}
        row: Row = {
            "path": path,
            "format": format_name,
            "runs": self.runs,
            "messages": self.messages,
            "tool_calls": self.tool_calls,
            "tool_results": self.tool_results,
            "tool_errors": self.tool_errors,
            "reasoning": self.reasoning,
            "diagnostics": codes,
            "defects": self.defects,
        }
        if len(self.formats) > 1:
            row["formats"] = self.formats
        return row

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Counts:
        """Return counts that were written as JSON."""
        counts = cls(**value)
        counts.first_defects = [(run, row) for run, row in counts.first_defects]
        return counts


@dataclass(slots=True)
class Part:
    """The results of one stretch of a unit of work. Its runs are numbered within the unit."""

    seen: int = 0
    """Runs that were read; those that a filter excludes are counted nowhere else."""
    groups: int = 0
    """In the last part of a range: how many records it has, each of which may hold several runs."""
    counts: Counts = field(default_factory=Counts)
    rates: Rates = field(default_factory=Rates)
    rows: list[Row] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    """Malformed places that belong to no run."""
    format: str = ""
    rivals: tuple[str, ...] = ()
    bytes_done: int = 0
    """Decompressed bytes of the unit read so far, out of `bytes_total`."""
    bytes_total: int = 0
    """0 if unknown."""
    is_last: bool = False
    failure: str = ""
    """What went wrong during reading; with `is_refusal`, nothing could be read at all."""
    is_refusal: bool = False
    is_foreign: bool = False
    """Whether nothing could be read since the file is not a transcript."""
    is_lost: bool = False
    """Whether the process that read the unit died; another one may well manage it."""
    guessed: dict[str, int] = field(default_factory=dict)
    """How many runs each parser was guessed for."""

    @property
    def found(self) -> int:
        """The number of runs and of defects outside runs."""
        return self.seen + len(self.defects)

    @property
    def is_result(self) -> bool:
        """Whether the part holds more than the progress of the reading."""
        return self.is_last or self.found > 0

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Part:
        """Return a part that was written as JSON."""
        counts, rates = Counts.from_json(value["counts"]), Rates.from_json(value["rates"])
        return cls(**{**value, "counts": counts, "rates": rates, "rivals": tuple(value["rivals"])})


def run_row(
    path: str,
    format_name: str,
    state: RunState,
    findings: list[Finding],
    *,
    number: int,
    group: int,
) -> Row:
    """Return the row of run `number` of its unit, in the `group`th record of the unit."""
    counts = Counts()
    counts.add_run(state, findings)
    row = counts.row(path, format_name)
    row["run"] = number
    row["id"] = state.run_id
    row["group"] = state.group_id or group
    row["task"] = state.task
    row["model"] = state.model
    row["status"] = state.status or UNKNOWN
    row["stop_reason"] = state.stop_reason
    row["reward"] = state.reward
    row["scores"] = state.scores
    summary = summarise(state)
    row |= {name: field_of(summary, name) for name in _SUMMARY_FIELDS}
    row["findings"] = [finding_row(finding, state) for finding in findings]
    row["fingerprint"] = _fingerprint(state)
    row["content"] = _content(state, row["findings"])
    return row


def place_row(row: Row, runs_before: int, groups_before: int) -> Row:
    """Number a row within its file, given the number of runs and groups before its unit."""
    row["run"] += runs_before
    if isinstance(group := row["group"], int):
        row["group"] = numbered_group(group and group + groups_before)
    row["findings"] = [place_finding(finding, row["run"]) for finding in row["findings"]]
    return row


def place_finding(finding: Row, run: int) -> Row:
    """Return a finding of run number `run` of its file, with its place within the file."""
    return {**finding, "at": f"{run}:{finding['at']}" if finding["at"] else str(run)}


def _defects(findings: Sequence[Finding]) -> Iterator[Finding]:
    for finding in findings:
        if finding.code is Code.SOURCE_DEFECT and finding.severity is not Severity.NOTE:
            yield finding


def finding_row(finding: Finding, state: RunState) -> Row:
    """Return a finding of a run as plain JSON values."""
    span = finding.span
    return {
        "code": str(finding.code),
        "severity": str(finding.severity),
        "turn": finding.turn,
        "message": finding.message,
        "span": [span.start, span.end] if span else None,
        "hint": finding.hint,
        "tool": finding.tool,
        "at": min(max(finding.number, 1), state.appended),
    }


def _fingerprint(state: RunState) -> str:
    """Return a digest that identifies a run in any place, of its task, its group and its id.

    Several runs may have the same, such as rollouts of an example. The id of our own recordings is
    not part of it, since each repetition of a run gets a new one.
    """
    return _digest(
        state.task, state.group_id, "" if state.source_format == "native" else state.run_id
    )


def _content(state: RunState, findings: list[Row]) -> str:
    """Return a digest that distinguishes the runs of one task, regardless of their ids."""
    counts = [getattr(state, name) for name in _COUNTS]
    tools = sorted(state.tally.tools.items())
    return _digest(state.task, state.group_id, counts, tools, findings)


def _digest(*values: object) -> str:
    # Imported here since it loads a library for ciphers, which most scans do not need.
    from hashlib import blake2b

    return blake2b(repr(values).encode("utf-8", "replace"), digest_size=8).hexdigest()
