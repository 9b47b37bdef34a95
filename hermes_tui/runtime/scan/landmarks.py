"""Where runs of big files begin, as a scan came by, so that `open --at` need not count up to them.

Of each range of a file that was scanned in parts: its first byte, and how many runs stand before.
Kept in the platform's cache; deleting the folder is safe at any time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from hermes_tui.formats.base import Unit
from hermes_tui.formats.framing import RecordKind
from hermes_tui.model.errors import SourceError, StoreError
from hermes_tui.runtime.kept_indexes import Identity, identify
from hermes_tui.runtime.opener import FoundRun, OpenFile, RunRef, survey
from hermes_tui.runtime.scan.work import Cut, ScanUnit
from hermes_tui.runtime.scratch import scratch_in
from hermes_tui.runtime.sources import FileSource

MOST_FILES: Final = 200
"""Of the files whose landmarks are kept; beyond it those go that were written first."""


class _Landmarks(msgspec.Struct):
    identity: Identity
    starts: list[int]
    runs_before: list[int]


def keep_landmarks(path: Path, units: Sequence[ScanUnit], runs_before: Sequence[int]) -> None:
    """Keep where the units of a file begin, and how many runs stand before each.

    What cannot be written is not kept; what changed meanwhile neither.
    """
    cut = units[0].cut
    if cut is None or len(units) < 2:
        return
    with suppress(OSError, SourceError, StoreError):
        source = FileSource(path)
        identity = identify(path, _how(cut), source)
        source.close()
        if identity is not None and identity.size == units[-1].end:
            starts = [unit.start for unit in units]
            marks = msgspec.msgpack.encode(_Landmarks(identity, starts, list(runs_before)))
            with scratch_in(_folder()) as scratch:
                made = scratch / "landmarks"
                made.write_bytes(marks)
                made.replace(_place(path))
            _prune()


def find_run(file: OpenFile, number: int) -> RunRef | None:
    """Return run `number` (from 1) of a file by its landmarks; None without any that fit it."""
    path, reader = file.path, file.reader
    if not isinstance(path, Path) or reader.unit is not Unit.RUNS:
        return None
    cut = Cut(reader.name, str(reader.layout), str(reader.unit))
    marks = _load(path)
    if marks is None or marks.identity != identify(path, _how(cut), file.source):
        return None
    at = max(n for n, before in enumerate(marks.runs_before) if before < number)
    ranged = OpenFile(path, FileSource(path), reader)
    if marks.starts[at]:
        ranged.index.add(marks.starts[at], RecordKind.FRAME)
    if file.parser:
        ranged.diagnose(file.parser)
    for step in survey(ranged, runs_done=marks.runs_before[at]):
        if isinstance(step, FoundRun) and step.ref.number == number - 1:
            return step.ref
    ranged.close()
    return None


def _how(cut: Cut) -> str:
    return f"{cut.format} {cut.layout} {cut.unit}"


def _load(path: Path) -> _Landmarks | None:
    try:
        return msgspec.msgpack.decode(_place(path).read_bytes(), type=_Landmarks)
    except (OSError, msgspec.DecodeError):
        return None


def _folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("hermes-tui") / "landmarks"


def _place(path: Path) -> Path:
    name = str(path.absolute()).encode("utf-8", "surrogateescape")
    return _folder() / hashlib.blake2b(name, digest_size=16).hexdigest()


def _prune() -> None:
    files = [path for path in _folder().iterdir() if path.is_file()]
    files.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files[MOST_FILES:]:
        path.unlink(missing_ok=True)
