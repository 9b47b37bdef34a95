"""What an earlier scan found: only what is new counts."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.runtime.remote import local_path
from hermes_tui.runtime.scan.results import Row

_Key = tuple[str, str, str]


class Baseline:
    """Findings by file, run and code, each as often as it was found.

    A run is known by its id, or else by what it is about: it may stand in another line.
    """

    def __init__(self, known: Counter[_Key]) -> None:
        self._left = known
        self._paths = {path for path, _, _ in known}
        self._has_met = False

    @classmethod
    def load(cls, path: str) -> Baseline:
        """Read what `scan --to json` wrote, or `scan --runs --json`."""
        try:
            data = local_path(path).read_bytes()
        except OSError as error:
            raise SourceError(path, error.strerror or str(error), "check the path") from error
        try:
            rows = list(_rows(data, path))
            known = Counter(key for row in rows for key in _keys(row))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"--baseline {path}: not what `scan --to json` writes"
            raise UsageError(message, "write one with `hermes-tui scan … --to json`") from error
        return cls(known)

    def mark(self, row: Row) -> None:
        """Say of each finding of a run whether it is new."""
        for finding, key in zip(row["findings"], _keys(row), strict=True):
            finding["new"] = self._is_new(key)

    def is_new_defect(self, path: str) -> bool:
        """Tell whether a malformed place that belongs to no run is new."""
        return self._is_new((os.path.normpath(path), "", str(Code.SOURCE_DEFECT)))

    @property
    def is_of_others(self) -> bool:
        """Whether none of the files scanned so far is in it."""
        return bool(self._paths) and not self._has_met

    def _is_new(self, key: _Key) -> bool:
        self._has_met |= key[0] in self._paths
        if self._left[key] > 0:
            self._left[key] -= 1
            return False
        return True


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
        yield from value.get("results", [value])


def _values(data: bytes) -> Iterator[Any]:
    try:
        yield _value(data)
    except ValueError:
        if not data.strip():
            raise
        yield from (_value(line) for line in data.splitlines() if line.strip())


def _keys(row: dict[str, Any]) -> list[_Key]:
    path = os.path.normpath(row["path"])
    return [(path, row["fingerprint"], finding["code"]) for finding in row["findings"]]
