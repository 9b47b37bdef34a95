"""What an earlier scan found: only what is new counts."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.runtime.remote import local_path
from hermes_tui.runtime.scan.results import Row

_Key = tuple[Any, ...]
_AGAIN: Final = "write one with `hermes-tui scan … --to json`"


class Baseline:
    """Findings of the runs of files, each as often as it was found by its code.

    A run is looked for by what is in it, so that rollouts may change places; then, having changed,
    by what it is called (`fingerprint`), at its place first. What is found of several runs that
    are called alike is known as often as these had it.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self._runs: defaultdict[_Key, list[Counter[str]]] = defaultdict(list)
        """Key and code → the runs that had it, each with how often it is not met again yet."""
        self._paths = {os.path.normpath(row["path"]) for row in rows if row["findings"]}
        self._has_met = False
        for row in rows:
            codes = Counter(finding["code"] for finding in row["findings"])
            for key in _keys(row):
                for code in codes:
                    self._runs[*key, code].append(codes)

    @classmethod
    def load(cls, path: str) -> Baseline:
        """Read what `scan --to json` wrote, or `scan --runs --json`."""
        try:
            data = local_path(path).read_bytes()
        except OSError as error:
            raise SourceError(path, error.strerror or str(error), "check the path") from error
        try:
            return cls(list(_rows(data, path)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"--baseline {path}: not what `scan --to json` writes", _AGAIN
            ) from error

    def mark(self, rows: Sequence[Row]) -> None:
        """Say of each finding of the runs of a file whether it is new."""
        for row in rows:
            self._has_met |= os.path.normpath(row["path"]) in self._paths
            for finding in row["findings"]:
                finding["new"] = True
        # All runs that are as they were come first: none of them is taken for another.
        for keys in zip(*map(_keys, rows), strict=True):
            for row, key in zip(rows, keys, strict=True):
                for finding in row["findings"]:
                    finding["new"] = finding["new"] and not self._meet(key, finding["code"])

    def is_new_defect(self, path: str) -> bool:
        """Tell whether a malformed place that belongs to no run is new."""
        path = os.path.normpath(path)
        self._has_met |= path in self._paths
        return not self._meet((path, ""), str(Code.SOURCE_DEFECT))

    @property
    def is_of_others(self) -> bool:
        """Whether none of the files scanned so far is in it."""
        return bool(self._paths) and not self._has_met

    def _meet(self, key: _Key, code: str) -> bool:
        """Tell whether a run of that key had a finding of that code that was not met yet."""
        runs = self._runs.get((*key, code))
        while runs:
            if runs[-1][code] > 0:
                runs[-1][code] -= 1
                return True
            runs.pop()
        return False


def _value(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except ValueError:
        # A half of a character pair in a text is written as an escape, which orjson refuses.
        return json.loads(data)


def _rows(data: bytes, path: str) -> Iterator[Row]:
    for value in _values(data):
        if value.get("complete") is False and "path" not in value:
            message = f"--baseline {path}: from a scan that was interrupted"
            raise UsageError(message, "write it anew")
        for row in value.get("results", [value]):
            if "content" not in row and row["fingerprint"]:
                message = f"--baseline {path}: from an older version, which mixed up rollouts"
                raise UsageError(message, "write it anew, from the files as they were then")
            yield row


def _values(data: bytes) -> Iterator[Any]:
    try:
        yield _value(data)
    except ValueError:
        if not data.strip():
            raise
        yield from (_value(line) for line in data.splitlines() if line.strip())


def _keys(row: Row) -> tuple[_Key, ...]:
    """Return by what a run is looked for, one after the other."""
    path, name, place = os.path.normpath(row["path"]), row["fingerprint"], row["run"]
    # What is malformed outside of any run has no content.
    content = row.get("content", "")
    return (
        # Of several that are alike, each is first of all itself.
        *((path, content, name, place), (path, content, name), (path, content, "content")),
        *((path, name, place), (path, name)),
    )
