"""Transcripts in zip archives, read as a stream: nothing is ever extracted.

An Inspect `.eval` archive becomes JSON lines, one a sample, each the log with that sample alone; of
any other archive the members that look like transcripts are files, `archive.zip!member`.
"""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

from hermes_tui.model.errors import SourceError
from hermes_tui.model.visible import visible_row
from hermes_tui.runtime.sources import MEMBER_MARK
from hermes_tui.runtime.transcript_names import may_be_transcript
from hermes_tui.runtime.unpacking import CHUNK, ZSTD_PIECE

MAX_RATIO = 1_000
"""How many times its size a member may unpack to, once it is beyond `FREE_BYTES`."""
FREE_BYTES = 256 << 20
MAX_BYTES = 64 << 30
"""Bytes: what all that is read of an archive may unpack to."""
MAX_HEADER = 256 << 20
MAX_LISTED = 8
MAX_KEPT = 4_000
"""Bytes of JSON: a longer part of the header is not repeated with every sample."""
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    NotImplementedError,
)
"""What reading a damaged archive raises; a method or a version not known is mostly damage, too."""
_ZSTD = 93
_ENCRYPTED = 0x1
_HEADER = "header.json"
_START = "_journal/start.json"
_REDUCTIONS = "reductions.json"
_SAMPLES = "samples/"

Opener = Callable[[], IO[bytes]]


class Archive(NamedTuple):
    """An archive that is open. `label` is what messages call it."""

    label: str
    file: IO[bytes]
    zip: zipfile.ZipFile
    members: dict[str, zipfile.ZipInfo]
    """By name; of two members with one name the later one counts, as in every zip reader."""

    @property
    def is_eval(self) -> bool:
        return _HEADER in self.members or _START in self.members

    @property
    def transcripts(self) -> list[str]:
        return sorted(name for name, member in self.members.items() if _is_transcript(member))


@contextmanager
def opened(label: str, opener: Opener) -> Iterator[Archive]:
    """Open an archive; raise SourceError where it is damaged or lies about its members."""
    with opener() as file:
        try:
            archive = zipfile.ZipFile(file)
        except _DAMAGES as error:
            raise _damaged(label, str(error)) from error
        with archive:
            members = {member.filename: member for member in archive.infolist()}
            size = file.seek(0, io.SEEK_END)
            if sum(member.compress_size for member in members.values()) > size:
                raise SourceError(label, "a zip archive whose members overlap", "a zip bomb?")
            yield Archive(label, file, archive, members)


def transcript_members(path: Path) -> list[str]:
    """Return the members of an archive that are files of their own; none of an Inspect log."""
    with opened(str(path), lambda: path.open("rb")) as archive:
        return [] if archive.is_eval else archive.transcripts


def split_member(path: Path) -> tuple[Path, str] | None:
    """Return archive and member of `archive.zip!member`; None for any other path."""
    text = str(path)
    position = text.find(MEMBER_MARK)
    while position > 0:
        archive = Path(text[:position])
        if archive.is_file():
            return archive, text[position + 1 :]
        position = text.find(MEMBER_MARK, position + 1)
    return None


def archive_bytes(label: str, opener: Opener, member: str = "") -> Iterator[bytes]:
    """Yield what an archive holds: of an `.eval` a line a sample, else the bytes of one member.

    `member` empty: the only transcript. Raises SourceError.
    """
    with opened(label, opener) as archive:
        if not member and archive.is_eval:
            yield from _eval_lines(archive)
            return
        if not member:
            member = _only_transcript(archive)
        if member not in archive.members:
            raise SourceError(label, f"no member {member!r} in this archive", _named(archive))
        yield from _unpacked(archive, member)


def _only_transcript(archive: Archive) -> str:
    found = archive.transcripts
    if len(found) == 1:
        return found[0]
    if not found:
        names = visible_row(", ".join(list(archive.members)[:MAX_LISTED])) or "nothing"
        raise SourceError(archive.label, "a zip archive with no transcript in it", f"has {names}")
    raise SourceError(archive.label, f"a zip archive of {len(found)} transcripts", _named(archive))


def _named(archive: Archive) -> str:
    found = archive.transcripts
    more = f" and {len(found) - MAX_LISTED} more" if len(found) > MAX_LISTED else ""
    return visible_row("has " + (", ".join(found[:MAX_LISTED]) + more or "no transcript"))


def _is_transcript(member: zipfile.ZipInfo) -> bool:
    folder, _, name = member.filename.rpartition("/")
    return may_be_transcript(name) and not folder.startswith("__MACOSX")


def _eval_lines(archive: Archive) -> Iterator[bytes]:
    """Yield each sample's bytes, on one line, inside of what the log says of all of them."""
    header = _header(archive)
    reductions = _reductions(archive)
    total = 0
    samples = [name for name in archive.members if name.startswith(_SAMPLES) and name[-1] != "/"]
    if not samples:
        yield orjson.dumps(header) + b"\n"
    for name in samples:
        sample_id = name.removeprefix(_SAMPLES).removesuffix(".json").rpartition("_epoch_")[0]
        own = [
            {"scorer": scorer, "samples": [values[sample_id]]}
            for scorer, values in reductions.items()
            if sample_id in values
        ]
        head = orjson.dumps({**header, "reductions": own} if own else header)
        yield head[:-1] + b',"samples":['
        for piece in _unpacked(archive, name, total):
            total += len(piece)
            # A line break inside of a JSON text is always escaped: these stand between values.
            yield piece.replace(b"\n", b" ").replace(b"\r", b" ")
        yield b"]}\n"


def _header(archive: Archive) -> dict[str, Any]:
    """Return the log without its samples; one that still runs, or was killed, has only a start."""
    name = _HEADER if _HEADER in archive.members else _START
    found = _json(archive, name)
    if not isinstance(found, dict) or not isinstance(found.get("eval"), dict):
        raise _damaged(archive.label, f"{name} is no header of an evaluation")
    evaluation = {key: _kept(value) for key, value in found["eval"].items()}
    dataset = evaluation.get("dataset")
    if isinstance(dataset, dict):
        evaluation["dataset"] = {key: item for key, item in dataset.items() if key != "sample_ids"}
    rest = {key: _kept(value) for key, value in found.items() if key not in ("eval", "samples")}
    return {"version": 2, "status": "started", **rest, "eval": evaluation}


def _kept(value: Any) -> Any:
    if isinstance(value, dict):
        value = {key: item for key, item in value.items() if key != "sample_ids"}
    size = len(orjson.dumps(value))
    return value if size <= MAX_KEPT else f"({size:,} bytes, in the archive's header)"


def _reductions(archive: Archive) -> dict[str, dict[str, Any]]:
    """Return the reduced values of the samples, by scorer and sample."""
    if _REDUCTIONS not in archive.members:
        return {}
    found: dict[str, dict[str, Any]] = {}
    listed = _json(archive, _REDUCTIONS)
    for reduction in listed if isinstance(listed, list) else ():
        if isinstance(reduction, dict) and isinstance(reduction.get("samples"), list):
            values = found.setdefault(str(reduction.get("scorer")), {})
            for sample in reduction["samples"]:
                if isinstance(sample, dict):
                    values[str(sample.get("sample_id"))] = sample
    return found


def _json(archive: Archive, name: str) -> Any:
    pieces: list[bytes] = []
    size = 0
    for piece in _unpacked(archive, name):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_HEADER:
            raise _too_large(archive.label, name, f"more than {MAX_HEADER >> 20} MB")
    try:
        return orjson.loads(b"".join(pieces))
    except ValueError as error:
        raise _damaged(archive.label, f"{name} is no JSON: {error}") from error


def _unpacked(archive: Archive, name: str, before: int = 0) -> Iterator[bytes]:
    """Yield the bytes of a member, in pieces; `before` is what was unpacked of others."""
    member = archive.members[name]
    if member.flag_bits & _ENCRYPTED:
        raise SourceError(
            archive.label, f"{visible_row(name)} is encrypted", "unpack it with its password"
        )
    size, packed = 0, max(1, member.compress_size)
    unpack = _zstd if member.compress_type == _ZSTD else _stored
    try:
        for piece in unpack(archive, member):
            size += len(piece)
            if size > FREE_BYTES and size > MAX_RATIO * packed:
                raise _too_large(archive.label, name, f"more than {MAX_RATIO:,} times its size")
            if before + size > MAX_BYTES:
                raise _too_large(archive.label, name, f"more than {MAX_BYTES >> 30} GB in all")
            yield piece
    except _DAMAGES as error:
        raise _damaged(archive.label, f"{name}: {error or 'ends too early'}") from error
    except OSError as error:
        # What the file system says has a number; what bz2 says of damaged data has none.
        if error.errno is not None:
            raise
        raise _damaged(archive.label, f"{name}: {error}") from error


def _stored(archive: Archive, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.zip.open(member) as stream:
        while piece := stream.read(CHUNK):
            yield piece


def _zstd(archive: Archive, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the bytes of a Zstandard member, which `zipfile` itself reads from Python 3.14 on."""
    import zstandard

    file, left = archive.file, member.compress_size
    file.seek(member.header_offset)
    name_length, extra_length = struct.unpack("<26xHH", file.read(30))
    file.seek(name_length + extra_length, io.SEEK_CUR)
    frame = zstandard.ZstdDecompressor().decompressobj()
    checksum = 0
    try:
        while left and (piece := file.read(min(ZSTD_PIECE, left))):
            left -= len(piece)
            position = file.tell()
            data = frame.decompress(piece)
            checksum = zlib.crc32(data, checksum)
            yield data
            # Whoever was handed the piece may have read another member meanwhile.
            file.seek(position)
    except zstandard.ZstdError as error:
        raise zipfile.BadZipFile(f"damaged zstd data: {error}") from error
    if left or not frame.eof:
        raise EOFError("ends too early")
    if checksum != member.CRC:
        raise zipfile.BadZipFile("its checksum is wrong")


def _damaged(label: str, why: str) -> SourceError:
    told = visible_row(why)
    return SourceError(label, f"a damaged zip archive: {told}", "was it cut short?")


def _too_large(label: str, name: str, what: str) -> SourceError:
    return SourceError(label, f"{visible_row(name)} unpacks to {what}", "a zip bomb?")
