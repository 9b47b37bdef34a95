"""Where runs of big files begin, noted by a scan so that `open --at` need not count up to them.

For each range of a file that was scanned in parts: its first byte and the number of runs before it.
Stored with the indexes (`index/cache.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from hermes_tui.formats.framing import RecordKind, Unit
from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.file_stamps import Stamp, stamp_of
from hermes_tui.runtime.index.cache import Identity, identify, place_of, writing
from hermes_tui.runtime.index.store import write_at
from hermes_tui.runtime.opener import FoundRun, OpenFile, RunRef, survey
from hermes_tui.runtime.reader_spec import ReaderSpec
from hermes_tui.runtime.scan.work import ScanUnit
from hermes_tui.runtime.sources import FileSource

LANDMARKS: Final = "landmarks"


class _Landmarks(msgspec.Struct):
    identity: Identity
    starts: list[int]
    runs_before: list[int]


def store_landmarks(
    path: Path, units: Sequence[ScanUnit], runs_before: Sequence[int], stamp: Stamp | None
) -> None:
    """Store where the units of a file begin, and the number of runs before each.

    `stamp` is that of the file before it was read. Nothing is stored if the file has changed since,
    or if it cannot be written.
    """
    reader = units[0].reader
    if reader is None or len(units) < 2:
        return
    with suppress(OSError, SourceError):
        source = FileSource(path)
        identity = identify(path, str(reader), source)
        source.close()
        if identity is not None and stamp is not None and stamp == stamp_of(path):
            marks = _Landmarks(identity, [unit.start for unit in units], list(runs_before))
            with writing(path, LANDMARKS) as fd:
                write_at(fd, msgspec.msgpack.encode(marks), 0)


def find_run(file: OpenFile, number: int) -> RunRef | None:
    """Return run `number` (from 1) of a file by its landmarks.

    Return None if there are none that fit the file, or it has no such run.
    """
    path, reader = file.path, file.reader
    if not isinstance(path, Path) or reader.unit is not Unit.RUNS:
        return None
    marks = _load(path)
    if marks is None or marks.identity != identify(path, str(ReaderSpec.of(reader)), file.source):
        return None
    nearest = max(n for n, before in enumerate(marks.runs_before) if before < number)
    ranged = OpenFile(path, FileSource(path), reader)
    if marks.starts[nearest]:
        ranged.index.add(marks.starts[nearest], RecordKind.FRAME)
    if file.parser:
        ranged.diagnose(file.parser)
    for step in survey(ranged, runs_done=marks.runs_before[nearest]):
        if isinstance(step, FoundRun) and step.ref.number == number - 1:
            return step.ref
    ranged.close()
    return None


def _load(path: Path) -> _Landmarks | None:
    try:
        data = place_of(str(path.absolute()), LANDMARKS).read_bytes()
        return msgspec.msgpack.decode(data, type=_Landmarks)
    except (OSError, msgspec.DecodeError):
        return None
