"""Tar archives that lie about their contents, as files and as streams."""

from __future__ import annotations

import io
import tarfile

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.packed.archives import archive_bytes, opened, transcripts
from hermes_tui.runtime.packed.tar_headers import Entry, StreamBlocks, TarDamage, entries
from hermes_tui.runtime.packed.unpacking import may_begin_tar, unpacker

_LONG = "d" * 150


def _archive(tar_format: int, *names: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tar_format) as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, names[0], 2
            archive.addfile(info, io.BytesIO(b"[]"))
    return data.getvalue()[:4096]


SEEDS = (
    _archive(tarfile.USTAR_FORMAT, "../../run.json", "x.txt"),
    _archive(tarfile.GNU_FORMAT, f"{_LONG}.json"),
    _archive(tarfile.PAX_FORMAT, f"{_LONG}.json", "./c/events/event-00001-a.json"),
    _archive(tarfile.GNU_FORMAT, "a.json", kind=tarfile.GNUTYPE_SPARSE),
    _archive(tarfile.GNU_FORMAT, "a.json", "b.json", kind=tarfile.LNKTYPE),
)
DICTIONARY = (b"ustar\0", b"ustar  \0", b"11 path=a\n", b"11 size=9\n", b"\x80\0\0\0", b".json")


def try_one(data: bytes) -> None:
    """Read every possible member; the only error is a `SourceError` with a one-line message."""
    assert _entries(data, 1 << 20) == _entries(data, 100)
    assert not (may_begin_tar(data) and unpacker(data))
    names = [""]
    try:
        with opened("log.tar", lambda: io.BytesIO(data)) as archive:
            names += transcripts(archive)[:4]
    except SourceError as error:
        assert "\n" not in str(error)
    for name in names:
        try:
            pieces = archive_bytes("log.tar", lambda: io.BytesIO(data), name)
            assert sum(map(len, pieces)) <= len(data)
        except SourceError as error:
            assert "\n" not in str(error)


def _entries(data: bytes, size: int) -> tuple[list[Entry], str]:
    """Return the entries of a stream in pieces of `size` bytes, and the damage after them."""
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    found: list[Entry] = []
    try:
        found.extend(entries(StreamBlocks(pieces)))
    except TarDamage as damage:
        return found, str(damage)
    return found, ""
