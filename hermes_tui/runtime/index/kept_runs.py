"""A cache of long runs as they were read, in the platform's cache folder: rows, findings and the
ends of the records, so that opening a run again reads only what is on screen.

An entry is stored next to the cached indexes, is valid for the same bytes only, and is removed with
them. Its checksum is verified before it is unpickled. It can only contain plain values and types of
`model`, `log` and `formats.framing`.
"""

from __future__ import annotations

import io
import os
import pickle
import zlib
from pathlib import Path
from typing import Any, Final, NamedTuple

from hermes_tui.formats.framing import RecordIndex
from hermes_tui.formats.line_index import LineIndex
from hermes_tui.formats.reader import RecordLog
from hermes_tui.log.findings import Finding
from hermes_tui.log.timeline import Timeline
from hermes_tui.runtime.background_call import BackgroundCall
from hermes_tui.runtime.index.cache import Identity, identify, place_of, writing
from hermes_tui.runtime.index.store import write_at
from hermes_tui.runtime.opener import OpenFile
from hermes_tui.runtime.reader_spec import ReaderSpec

SMALLEST: Final = 16 << 20
"""Bytes. Reading a shorter file again is as fast as reading the cache."""
RUN: Final = "run"
_MAGIC: Final = b"htuirun6"
_HEAD: Final = len(_MAGIC) + 4
_MODULES: Final = ("hermes_tui.model.", "hermes_tui.log.", "hermes_tui.formats.framing")
_LIBRARY_NAMES: Final = frozenset({
    ("array", "array"), ("array", "_array_reconstructor"), ("collections", "Counter"),
    ("collections", "OrderedDict"), ("builtins", "bytearray"),
})  # fmt: skip
_DAMAGE_ERRORS: Final = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ImportError,
)
"""What reading a damaged entry raises. One of another version of ours may name classes, or
attributes of them, that this version does not have."""


class KeptRun(NamedTuple):
    """A run found in the cache, read to its end."""

    log: RecordLog
    timeline: Timeline


def keep_run(file: OpenFile, log: RecordLog, timeline: Timeline) -> BackgroundCall[None] | None:
    """Start to cache a run that was read to its end; return None if it is not worth it."""
    identity = _identity(file)
    if identity is None or not timeline.finished:
        return None
    rows = {name: value for name, value in vars(timeline).items() if name != "log"}
    records = file.records
    record_ends = records.known() if isinstance(records, LineIndex) else records
    values = (repr(identity), _stored_fields(timeline), record_ends, log.known(), rows)
    return BackgroundCall(lambda: _write(identity, values))


def _write(identity: Identity, values: Any) -> None:
    """Write the cache entry of a run. Raises OSError."""
    with writing(Path(identity.path), RUN) as fd:
        body = _PickleWriter(fd)
        pickle.Pickler(body, pickle.HIGHEST_PROTOCOL).dump(values)
        write_at(fd, _head_of(body.checksum), 0)


def find_kept_run(file: OpenFile) -> BackgroundCall[Any] | None:
    """Start to look for the cache entry of a file as it is now; None if it is not worth it."""
    identity = _identity(file)
    return BackgroundCall(lambda: _read(identity)) if identity is not None else None


def _read(identity: Identity) -> Any:
    """Return the values cached for a file by this version of ours, or None if there are none."""
    try:
        place = place_of(identity.path, RUN)
        data = place.read_bytes()
        os.utime(place)
    except OSError:
        return None
    if data[:_HEAD] != _head_of(zlib.crc32(memoryview(data)[_HEAD:])):
        return None
    try:
        kept, *values = _SafeUnpickler(_PickleReader(data)).load()
    except _DAMAGE_ERRORS:
        return None
    return values if kept == repr(identity) else None


def restored(file: OpenFile, kept: Any) -> KeptRun | None:
    """Return the cached run of a file, or None if another version of ours cached it."""
    log = RecordLog(file.reader, file.source, file.records)
    timeline = Timeline(log)
    fields, record_ends, log_state, rows = kept
    if fields != _stored_fields(timeline):
        return None
    records = file.records
    if isinstance(records, LineIndex):
        records.restore(record_ends)
    else:
        file.index = record_ends
        log = RecordLog(file.reader, file.source, record_ends)
    log.restore(log_state)
    timeline.__dict__.update(rows, log=log)
    return KeptRun(log, timeline)


def _head_of(checksum: int) -> bytes:
    return _MAGIC + checksum.to_bytes(4, "big")


class _PickleWriter:
    """Writes a pickle, after the head, piece by piece. Between two another thread may run."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._end = _HEAD
        self.checksum = 0

    def write(self, piece: bytes) -> int:
        self.checksum = zlib.crc32(piece, self.checksum)
        before, self._end = self._end, write_at(self._fd, piece, self._end)
        return self._end - before


class _PickleReader:
    """Reads a pickle piece by piece. Between two pieces another thread may run."""

    def __init__(self, data: bytes) -> None:
        self._body = io.BytesIO(data)
        self._body.seek(_HEAD)

    def read(self, length: int) -> bytes:
        return self._body.read(length)

    def readinto(self, buffer: Any) -> int:
        return self._body.readinto(buffer)

    def readline(self) -> bytes:
        return self._body.readline()


class _SafeUnpickler(pickle.Unpickler):
    """Unpickles plain values and our own types in `_MODULES` only."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _LIBRARY_NAMES:
            return super().find_class(module, name)
        # Names that our modules merely import are refused; one with a dot could be anything.
        if f"{module}.".startswith(_MODULES) and "." not in name:
            value = super().find_class(module, name)
            if isinstance(value, type) and value.__module__ == module:
                return value
        raise pickle.UnpicklingError(f"{module}.{name} has no business here")


def _identity(file: OpenFile) -> Identity | None:
    is_worth_it = file.keeps and file.is_one_run and file.source.size >= SMALLEST
    if not is_worth_it or not file.source.complete or file.reader.sidecars:
        return None
    if not isinstance(file.path, Path):
        return None
    reading = f"{ReaderSpec.of(file.reader)} {file.parser}"
    return identify(file.path, reading, file.source)


def _stored_fields(timeline: Timeline) -> tuple[str, ...]:
    """Return the names of stored fields, by which entries of other versions are recognised."""
    parts = (timeline, timeline.state.tally)
    names = [name for part in parts for name in getattr(part, "__dict__", ())]
    slots = [name for part in (timeline.state, *parts) for name in getattr(part, "__slots__", ())]
    return (*sorted(names), *slots, *Finding._fields, RecordIndex.__name__)
