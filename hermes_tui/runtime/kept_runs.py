"""Long runs as they were read, kept in the platform's cache: rows, findings and where the records
end, so that the second opening reads nothing but what is on screen.

It lies beside the kept indexes, for the same bytes only, and goes when they do. What is unpickled
is checked to be what was written here, and can be nothing but values of `model` and `log`.
"""

from __future__ import annotations

import hashlib
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
from hermes_tui.runtime.kept_indexes import SUFFIX, Identity, identify, indexes_dir, part_of, prune
from hermes_tui.runtime.opener import OpenFile
from hermes_tui.runtime.run_store import create, write_at

SMALLEST: Final = 16 << 20
"""Bytes: a shorter file is read again as soon."""
_MAGIC: Final = b"htuirun2"
_HEAD: Final = len(_MAGIC) + 4
_MODULES: Final = ("hermes_tui.model.", "hermes_tui.log.", "hermes_tui.formats.framing")
_OTHERS: Final = frozenset({
    ("array", "array"), ("array", "_array_reconstructor"), ("collections", "Counter"),
    ("collections", "OrderedDict"), ("builtins", "bytearray"),
})  # fmt: skip
_DAMAGE: Final = (pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError)


class KeptRun(NamedTuple):
    """A run found in the cache, read to its end."""

    log: RecordLog
    timeline: Timeline


def keep_run(file: OpenFile, log: RecordLog, timeline: Timeline) -> None:
    """Keep a run that was read to its end, if it is worth it; raises OSError."""
    identity = _identity(file)
    if identity is None or not timeline.finished:
        return
    rows = {name: value for name, value in vars(timeline).items() if name != "log"}
    records = file.records
    where = records.known() if isinstance(records, LineIndex) else records
    data = pickle.dumps((repr(identity), _form(timeline), where, log.known(), rows))
    part = part_of(Path(identity.path))
    # Locked while it is written, so that nobody takes it for one left behind.
    fd = create(part)
    try:
        write_at(fd, _head_of(data) + data, 0)
        part.replace(_place(identity))
    except OSError:
        part.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    prune()


def load_run_kept(file: OpenFile) -> KeptRun | None:
    """Return the run that was kept of a file as it is now, None where there is none."""
    identity = _identity(file)
    if identity is None:
        return None
    try:
        data = _place(identity).read_bytes()
        os.utime(_place(identity))
    except OSError:
        return None
    body = data[_HEAD:]
    if data[:_HEAD] != _head_of(body):
        return None
    log = RecordLog(file.reader, file.source, file.records)
    timeline = Timeline(log)
    try:
        kept, form, where, known, rows = _Values(io.BytesIO(body)).load()
    except _DAMAGE:
        return None
    if (kept, form) != (repr(identity), _form(timeline)):
        return None
    records = file.records
    if isinstance(records, LineIndex):
        records.restore(where)
    else:
        file.index = where
        log = RecordLog(file.reader, file.source, where)
    log.restore(known)
    timeline.__dict__.update(rows, log=log)
    return KeptRun(log, timeline)


def _head_of(body: bytes) -> bytes:
    return _MAGIC + zlib.crc32(body).to_bytes(4, "big")


class _Values(pickle.Unpickler):
    """Makes values of our own foundation, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _OTHERS:
            return super().find_class(module, name)
        # What our modules import is not theirs: with a dot in its name, it could be anything.
        if f"{module}.".startswith(_MODULES) and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"{module}.{name} has no business here")


def _identity(file: OpenFile) -> Identity | None:
    worth_it = file.keeps and file.is_one_run and file.source.size >= SMALLEST
    if not worth_it or not file.source.complete or file.reader.sidecars:
        return None
    if not isinstance(file.path, Path):
        return None
    reader = file.reader
    how = f"{reader.name} {reader.layout} {reader.unit} {file.parser}"
    return identify(file.path, how, file.source)


def _form(timeline: Timeline) -> tuple[str, ...]:
    """Return what tells a timeline of this version of ours from one of another."""
    parts = (timeline, timeline.state.tally)
    names = [name for part in parts for name in getattr(part, "__dict__", ())]
    slots = [name for part in (timeline.state, *parts) for name in getattr(part, "__slots__", ())]
    return (*sorted(names), *slots, *Finding._fields, RecordIndex.__name__)


def _place(identity: Identity) -> Path:
    name = f"{identity.path}\0run".encode("utf-8", "surrogateescape")
    return indexes_dir() / f"{hashlib.blake2b(name, digest_size=16).hexdigest()}{SUFFIX}"
