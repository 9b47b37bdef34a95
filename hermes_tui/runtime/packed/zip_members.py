"""Zip archives read in place: their directory, and the bytes of their members.

Nothing is ever extracted, and nothing is unpacked beyond what the archive declares.
"""

from __future__ import annotations

import io
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, NamedTuple

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.file_stamps import Stamp, stamp_of
from hermes_tui.runtime.packed.archive import MAX_LISTED, damaged, member_label
from hermes_tui.runtime.packed.cut_archives import WithDirectory, rebuilt
from hermes_tui.runtime.packed.limits import most_bytes, too_large
from hermes_tui.runtime.packed.unpacking import ZSTD_PIECE
from hermes_tui.runtime.sources import open_readable
from hermes_tui.runtime.spools import CHUNK

_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    NotImplementedError,
)
"""What reading a damaged archive raises. An unknown method or version mostly is damage, too."""
EVAL_MEMBERS = frozenset({b"header.json", b"_journal/start.json"})
"""Every Inspect log contains one of these."""
_KIND = "zip"
_ZSTD = 93
_ENCRYPTED = 0x1
DIRECTORIES_KEPT = 2
"""How many archives have their directory cached: it may list a hundred thousand members, which are
opened one by one."""

Members = dict[str, zipfile.ZipInfo]
"""Members by name. Of two with the same name the later one counts, as in every zip reader."""


@dataclass(slots=True)
class Allowance:
    """How much of an archive may be unpacked: `most_bytes` of the bytes that were read from it.

    No member is read beyond the size that the archive declares.
    """

    label: str
    packed: int = 0
    unpacked: int = 0

    def spend(self, member: zipfile.ZipInfo) -> None:
        """Count a member before it is unpacked. Raises SourceError if it is too large."""
        self.packed += member.compress_size
        self.unpacked += member.file_size
        if self.unpacked > most_bytes(self.packed):
            raise too_large(self.label, 0, part=member_label(self.label, member.filename))


class ZipArchive(NamedTuple):
    """An open zip archive."""

    label: str
    file: IO[bytes]
    zip: zipfile.ZipFile
    members: Members
    allowance: Allowance
    kind: str = _KIND
    damage: SourceError | None = None

    @property
    def some_names(self) -> list[str]:
        return [*self.members][:MAX_LISTED]

    def unpacked(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a member in pieces, as `Archive.unpacked` does."""
        member = self.members[name]
        if member.flag_bits & _ENCRYPTED:
            raise SourceError(
                self.label,
                f"{member_label(self.label, name) or 'it'} is encrypted",
                "unpack it with its password",
            )
        self.allowance.spend(member)
        unpack = _zstd_pieces if member.compress_type == _ZSTD else _zipfile_pieces
        try:
            yield from unpack(self, member)
        except _DAMAGES as error:
            raise _damaged_member(self, name, error) from error
        except OSError as error:
            # Errors of the file system have an errno; those of bz2 about damaged data do not.
            if error.errno is not None:
                raise
            raise _damaged_member(self, name, error) from error


@contextmanager
def opened(label: str, opener: Callable[[], IO[bytes]]) -> Iterator[ZipArchive]:
    """Open an archive. Raises SourceError if it is damaged or lies about its members."""
    with opener() as file, _directory(label, file) as directory:
        yield ZipArchive(label, file, directory, _members(label, directory), Allowance(label))


@contextmanager
def opened_at(path: Path, label: str) -> Iterator[ZipArchive]:
    """Open the archive at a path, whose directory is read only once. Raises as `opened` does."""
    with os.fdopen(open_readable(path), "rb") as file:
        directory, members = _kept_directory(path, stamp_of(path))
        yield ZipArchive(label, file, directory, members, Allowance(label))


@lru_cache(maxsize=DIRECTORIES_KEPT)
def _kept_directory(path: Path, stamp: Stamp | None) -> tuple[zipfile.ZipFile, Members]:
    """Read the directory of an archive. Its file is closed once nothing refers to it any more."""
    directory = _directory(str(path), str(path))
    return directory, _members(str(path), directory)


class CutZip(zipfile.ZipFile):
    """The whole members of a cut archive, as an archive."""


def _directory(label: str, file: IO[bytes] | str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except _DAMAGES as error:
        whole = None if zipfile.is_zipfile(file) else _whole_members(file)
        if whole is None:
            raise damaged(_KIND, label, str(error)) from error
        return whole


def _whole_members(file: IO[bytes] | str) -> CutZip | None:
    """Return the whole members of a cut Inspect log; None if it is not one, or has none."""
    # The archive built from it closes it.
    raw: IO[bytes] = Path(file).open("rb") if isinstance(file, str) else file  # noqa: SIM115
    beginning = rebuilt(raw)
    if beginning.names and EVAL_MEMBERS.intersection(beginning.names):
        whole = WithDirectory(raw, beginning.end, beginning.directory, closes=isinstance(file, str))
        return CutZip(io.BufferedReader(whole))
    if isinstance(file, str):
        raw.close()
    return None


def _members(label: str, directory: zipfile.ZipFile) -> Members:
    members = {member.filename: member for member in directory.infolist()}
    # All members end before the directory begins.
    if sum(member.compress_size for member in members.values()) > directory.start_dir:
        raise SourceError(label, "a zip archive whose members overlap", "a zip bomb?")
    return members


def _damaged_member(archive: ZipArchive, name: str, error: Exception) -> SourceError:
    why = str(error) or "ends too early"
    # The only message of the library that ends with the name.
    why = why.removesuffix(f" for file {name!r}")
    return damaged(
        _KIND, archive.label, ": ".join(filter(None, (member_label(archive.label, name), why)))
    )


def _zipfile_pieces(archive: ZipArchive, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.zip.open(member) as stream:
        while piece := stream.read(CHUNK):
            yield piece


def _zstd_pieces(archive: ZipArchive, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the bytes of a Zstandard member, which `zipfile` itself reads from Python 3.14 on."""
    import zstandard

    file, left = archive.file, member.compress_size
    file.seek(member.header_offset)
    name_length, extra_length = struct.unpack("<26xHH", file.read(30))
    file.seek(name_length + extra_length, io.SEEK_CUR)
    frame = zstandard.ZstdDecompressor().decompressobj()
    size = checksum = 0
    try:
        while left and (piece := file.read(min(ZSTD_PIECE, left))):
            left -= len(piece)
            position = file.tell()
            data = frame.decompress(piece)
            size += len(data)
            if size > member.file_size:
                raise zipfile.BadZipFile("it is longer than the archive says")
            checksum = zlib.crc32(data, checksum)
            yield data
            # The caller may have read another member meanwhile.
            file.seek(position)
    except zstandard.ZstdError as error:
        raise zipfile.BadZipFile(f"damaged zstd data: {error}") from error
    if left or not frame.eof:
        raise EOFError("ends too early")
    if checksum != member.CRC:
        raise zipfile.BadZipFile("its checksum is wrong")
