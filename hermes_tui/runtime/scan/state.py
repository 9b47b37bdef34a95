"""The state of a scan in a file, so that an interrupted scan can continue.

The file has a line for the scan, one for every file (its size and time) and one for every part.
Lines are only ever appended; a torn last line that a killed scan left is cut off. A unit counts as
done when all its parts are there.
"""

from __future__ import annotations

import fcntl
import json
import os
from array import array
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import orjson

from hermes_tui.formats.json_text.json_values import loads
from hermes_tui.model.errors import StoreError, UsageError
from hermes_tui.runtime.file_stamps import stamp_of
from hermes_tui.runtime.remote import place_of
from hermes_tui.runtime.scan.results import Part
from hermes_tui.runtime.scan.work import ScanOptions, ScanUnit
from hermes_tui.runtime.sources import split_member
from hermes_tui.version import __version__

SCHEMA: Final = 5
_Key = tuple[str, int, int]
_Stamp = list[int]


class ScanState:
    """The parts of units that are done.

    Raises UsageError if the file belongs to no scan or to a different one, StoreError if it cannot
    be read or written at the start.
    """

    def __init__(self, path: Path, options: ScanOptions) -> None:
        self.path = path
        self.failure = ""
        """Why nothing is written any more; empty while it is."""
        self.changed: set[str] = set()
        """Files that have changed since they were read."""
        self._head = {"scan": SCHEMA, "version": __version__, "options": list(options)}
        self._done: dict[_Key, array[int]] = {}
        """Where the lines of each finished unit begin."""
        self._unfinished: dict[_Key, array[int]] = {}
        self._stamps: dict[str, _Stamp] = {}
        self._checked: set[str] = set()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError.of(path, error, "name another file with --state") from error
        try:
            self._lock()
            self._load()
        except BaseException:
            self.close()
            raise

    def is_done(self, unit: ScanUnit) -> bool:
        """Return whether a unit is finished; the results of a changed file are dropped."""
        if unit.path is None:
            return False
        self._check(unit.label, unit.path)
        return _key(unit) in self._done and unit.label in self._stamps

    def parts(self, unit: ScanUnit) -> Iterator[Part]:
        """Yield the parts of a finished unit."""
        with self.path.open("rb") as file:
            for start in self._done[_key(unit)]:
                file.seek(start)
                yield Part.from_json(_loads(file.readline())["part"])

    def record(self, unit: ScanUnit, part: Part) -> None:
        """Store a part of a unit; parts come in order. A unit that failed will be scanned again."""
        if unit.label not in self._stamps or not part.is_result:
            return
        key = _key(unit)
        if part.is_refusal or part.is_lost:
            self._unfinished.pop(key, None)
            return
        starts = self._unfinished.setdefault(key, array("Q"))
        self._append({"unit": key, "nth": len(starts), "part": part})
        starts.append(0)
        if part.is_last:
            del self._unfinished[key]

    def close(self) -> None:
        os.close(self._fd)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            hint = "wait for it, or name another file"
            raise StoreError(str(self.path), "another scan is writing it", hint) from error

    def _load(self) -> None:
        if not self.path.is_file():
            # A pipe would be waited for, and a device such as /dev/zero has no end.
            raise self._foreign_file_error()
        size = os.fstat(self._fd).st_size
        start = 0
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                value = _loads(line)
                if start == 0:
                    self._check_head(value)
                elif isinstance(value, dict):
                    self._load_line(value, start)
                start += len(line)
        self._unfinished.clear()
        if start < size:
            if start == 0:
                raise self._foreign_file_error()
            os.ftruncate(self._fd, start)
        if start == 0:
            self._append(self._head)

    def _check_head(self, value: Any) -> None:
        if not isinstance(value, dict) or "scan" not in value or "options" not in value:
            raise self._foreign_file_error()
        if value == self._head:
            return
        is_ours = (value["scan"], value.get("version")) == (SCHEMA, __version__)
        owner = "a scan with other options" if is_ours else "another version of hermes-tui"
        hint = "name another file, or remove it to start again"
        raise UsageError(f"{self.path} belongs to {owner}", hint)

    def _foreign_file_error(self) -> UsageError:
        return UsageError(f"{self.path} is not a state of a scan", "name another file with --state")

    def _load_line(self, value: dict[str, Any], start: int) -> None:
        """Load a line; if it is damaged, its unit will be scanned again."""
        try:
            if "file" in value:
                self._set_stamp(value["file"], value["stamp"])
                return
            path, first, length = value["unit"]
            key = (path, first, length)
            if value["nth"] == 0:
                self._unfinished[key] = array("Q")
            starts = self._unfinished.get(key)
            if starts is None or value["nth"] != len(starts):
                self._unfinished.pop(key, None)
                return
            starts.append(start)
            if value["part"]["is_last"]:
                self._done[key] = self._unfinished.pop(key)
        except (KeyError, TypeError, ValueError):
            return

    def _check(self, label: str, path: str) -> None:
        """Compare a file with its stored stamp, once per scan."""
        if label in self._checked:
            return
        self._checked.add(label)
        stamp = _stamp_of(path)
        if not stamp:
            self._stamps.pop(label, None)
            return
        if self._stamps.get(label) == stamp:
            return
        if label in self._stamps:
            self.changed.add(label)
        self._set_stamp(label, stamp)
        self._append({"file": label, "stamp": stamp})

    def _set_stamp(self, label: str, stamp: _Stamp) -> None:
        if label in self._stamps and self._stamps[label] != stamp:
            self._done = {key: starts for key, starts in self._done.items() if key[0] != label}
        self._stamps[label] = stamp

    def _append(self, value: Any) -> None:
        if self.failure:
            return
        try:
            view = memoryview(_dumps(value))
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            why = error.strerror or str(error)
            self.failure = f"{self.path}: {why}; from here on the scan cannot be resumed"


def _stamp_of(path: str) -> _Stamp:
    """Return the stamp by which a change of a file is noticed; empty if unknown."""
    place = place_of(path)
    member = split_member(place)
    # A member of an archive is unchanged as long as the archive is.
    found = stamp_of(place if member is None else member[0])
    if found is None:
        return []
    _, size, mtime_ns = found
    # Some servers do not say when a file was written.
    return [size, mtime_ns] if mtime_ns else []


def _key(unit: ScanUnit) -> _Key:
    return unit.label, unit.start, unit.size if unit.reader is not None else 0


def _dumps(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    except (TypeError, ValueError):
        # Only the standard library encodes lone surrogates, which file names may contain.
        return json.dumps(value, default=asdict).encode() + b"\n"


def _loads(line: bytes) -> Any:
    try:
        return loads(line)
    except ValueError:
        return None
