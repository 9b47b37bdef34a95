"""The findings of an earlier scan, so that only new ones count."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from itertools import zip_longest
from sys import intern
from typing import Any, Final, TypedDict

import msgspec

from hermes_tui.cli.fail_on import SEVERITIES
from hermes_tui.formats.json_text.json_values import loads
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.errors import UsageError
from hermes_tui.runtime.named_files import read_file_or_pipe
from hermes_tui.runtime.remote import local_path
from hermes_tui.runtime.scan.results import Row

_Key = tuple[Any, ...]
_Kind = tuple[str, str]
"""The code and the severity of a finding."""
_Counts = Counter[_Kind]
"""How many findings of each kind a run has."""
_Runs = _Counts | list[_Counts] | dict[_Kind, list[_Counts]]
"""The runs of a key: a single one, several, or from the first lookup on several by kind."""
_REWRITE_HINT: Final = "write one with `hermes-tui scan … --to json`"


class _Finding(TypedDict):
    code: str
    severity: str


class _OldRow(TypedDict, total=False):
    """What the comparison needs of a row; all else is not even decoded."""

    path: str
    run: int | None
    findings: list[_Finding]
    fingerprint: str
    content: str
    task: str
    task_digest: str
    model: str
    error: str


class OldOutcome(TypedDict):
    """How many runs failed their task, and their mean reward, in the summary of a scan."""

    known: int
    failed: int
    rewarded: int
    mean_reward: float | None


class OldSummary(TypedDict):
    """The rates in the summary of a scan."""

    runs: int
    failed: int
    outcome: OldOutcome


class _Document(_OldRow, total=False):
    results: list[_OldRow]
    files: list[_OldRow]
    summary: OldSummary
    complete: bool


_DECODER: Final = msgspec.json.Decoder(_Document)


class Baseline:
    """The findings of a scan: for each run, how often each code was found with each severity.

    A finding covers another of the same code that is as severe or less severe.

    A run of a file is identified by its content, so that rollouts may be reordered; if its content
    changed, by its name (`fingerprint`), first at the same position. If several runs have the same
    name, as many findings are known as these had together.

    A recording gets a new file each time. So the runs of a file that was not scanned then are
    looked up among all others, by their model and the same keys. These lookups have a separate
    count of each run's findings.
    """

    def __init__(
        self, rows: Sequence[Row], files: Iterable[str] = (), summary: OldSummary | None = None
    ) -> None:
        """Take the rows of a scan and the paths of all `files` that it read, even without rows."""
        self.summary = summary
        """The rates of that scan; None if its output has no summary."""
        self._runs: dict[int, _Runs] = {}
        """The hash of a key → the runs that had it, each with the counts not matched yet."""
        self._paths = {os.path.normpath(row["path"]) for row in rows if row["findings"]}
        self._files = {os.path.normpath(path) for path in files}
        self._files.update(os.path.normpath(row["path"]) for row in rows)
        self._has_matched_file = False
        self._by_task = any("task_digest" in row for row in rows)
        """Whether it distinguishes tasks that begin with the same line; older ones do not."""
        for row in rows:
            kinds = ((intern(item["code"]), intern(item["severity"])) for item in row["findings"])
            if counts := Counter(kinds):
                self._add_run(_keys(row, by_task=self._by_task), counts)
                self._add_run(_keys_elsewhere(row, by_task=self._by_task), counts.copy())

    def _add_run(self, keys: Iterable[_Key], counts: _Counts) -> None:
        for key in map(hash, keys):
            others = self._runs.get(key)
            if isinstance(others, list):
                others.append(counts)
            else:
                self._runs[key] = [others, counts] if isinstance(others, Counter) else counts

    def _runs_of(self, key: _Key, kind: _Kind) -> list[_Counts]:
        """Return the runs with findings of a kind, of those that have the key."""
        runs = self._runs.get(hash(key))
        if isinstance(runs, Counter):
            return [runs]
        if isinstance(runs, list):
            by_kind: defaultdict[_Kind, list[_Counts]] = defaultdict(list)
            for counts in runs:
                for each in counts:
                    by_kind[each].append(counts)
            runs = self._runs[hash(key)] = by_kind
        return runs.get(kind, []) if runs else []

    @classmethod
    def load(cls, path: str) -> Baseline:
        """Read the output of `scan --to json` or `scan --runs --json`."""
        values = _json_values(read_file_or_pipe(local_path(path)))
        try:
            rows: list[Row] = []
            files: list[str] = []
            summary = None
            for value in values:
                files += (row["path"] for row in value.get("files", ()))
                rows += _rows(value, path)
                if "summary" in value:
                    summary = msgspec.convert(value["summary"], OldSummary)
            return cls(rows, files, summary)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"--baseline {path}: not what `scan --to json` writes", _REWRITE_HINT
            ) from error

    def mark(self, rows: Sequence[Row]) -> None:
        """Set on each finding of a file's runs whether it is new."""
        row_keys: list[tuple[_Key, ...]] = []
        for row in rows:
            self._has_matched_file |= os.path.normpath(row["path"]) in self._paths
            row_keys.append(self._keys_of(row))
            for finding in row["findings"]:
                finding["new"] = True
        # Unchanged runs are matched first, so that none of them is used up by another run.
        for keys in zip_longest(*row_keys, fillvalue=()):
            keyed = [(key, f) for key, row in zip(keys, rows, strict=True) for f in row["findings"]]
            # The most severe first, so that no milder finding uses up what would cover them.
            for severity in reversed(SEVERITIES):
                for key, finding in keyed:
                    if finding["new"] and finding["severity"] == severity:
                        finding["new"] = not self._match(key, finding["code"], severity)

    def _keys_of(self, row: Row) -> tuple[_Key, ...]:
        is_there = os.path.normpath(row["path"]) in self._files
        keys = _keys if is_there else _keys_elsewhere
        return keys(row, by_task=self._by_task)

    def is_new_defect(self, path: str) -> bool:
        """Return whether a malformed place that belongs to no run is new."""
        path = os.path.normpath(path)
        self._has_matched_file |= path in self._paths
        return not self._match((path, ""), str(Code.SOURCE_DEFECT), str(Severity.ERROR))

    @property
    def matches_no_file(self) -> bool:
        """Whether none of the files scanned so far has findings in it."""
        return bool(self._paths) and not self._has_matched_file

    def _match(self, key: _Key, code: str, severity: str) -> bool:
        """Match a finding with one that covers it, of a run with that key; return whether any did.

        One of the same severity is preferred.
        """
        for other in SEVERITIES[SEVERITIES.index(severity) :]:
            runs = self._runs_of(key, (code, other))
            while runs:
                if runs[-1][code, other] > 0:
                    runs[-1][code, other] -= 1
                    return True
                runs.pop()
        return False


def _rows(value: Any, path: str) -> Iterator[Row]:
    """Yield the rows of runs in a parsed value: a whole document, or a single row."""
    if value.get("complete") is False and "path" not in value:
        message = f"--baseline {path}: from a scan that was interrupted"
        raise UsageError(message, "write it again")
    for row in value.get("results", [value]):
        if "error" in row:  # A file that could not be read.
            continue
        if "content" not in row and row["fingerprint"]:
            message = f"--baseline {path}: from an older version, which mixed up rollouts"
            raise UsageError(message, "write it again, from the files as they were then")
        yield row


def _json_values(data: bytes) -> Iterator[Any]:
    """Yield the values of JSON lines, or the one that all of `data` is; raises ValueError."""
    first_line = next(filter(bytes.strip, BytesIO(data)), b"")
    try:
        _decode(first_line)
    except ValueError:
        value = _decode(data)
        del data  # It is larger than what is kept of it.
        yield value
    else:
        yield from (_decode(line) for line in BytesIO(data) if line.strip())


def _decode(data: bytes) -> Any:
    """Return a JSON value without what the comparison does not need; raises ValueError."""
    try:
        return _DECODER.decode(data)
    except msgspec.DecodeError:
        return loads(data)


def _run_name(row: Row, by_task: bool) -> str:
    """Return the name of a run, with the digest that distinguishes tasks that begin alike."""
    digest = row.get("task_digest", "") if by_task else ""
    return f"{row['fingerprint']}/{digest}" if digest else row["fingerprint"]


def _keys_elsewhere(row: Row, *, by_task: bool) -> tuple[_Key, ...]:
    """Return the keys by which a run is looked up among other files, the most specific first.

    A run without a task has none: it resembles no run more than any other.
    """
    if not row.get("task"):
        return ()
    model, name, content = row.get("model", ""), _run_name(row, by_task), row["content"]
    return (
        *(("elsewhere", model, content, name), ("elsewhere", model, content, "content")),
        ("elsewhere", model, name),
    )


def _keys(row: Row, *, by_task: bool) -> tuple[_Key, ...]:
    """Return the keys by which a run is looked up in its own file, the most specific first."""
    path, name, place = os.path.normpath(row["path"]), _run_name(row, by_task), row["run"]
    # A malformed place outside of any run has no content.
    content = row.get("content", "")
    return (
        # Of several equal runs, each matches itself first.
        *((path, content, name, place), (path, content, name), (path, content, "content")),
        *((path, name, place), (path, name)),
    )
