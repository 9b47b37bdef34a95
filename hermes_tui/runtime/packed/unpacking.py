"""Packed bytes to plain ones, piece by piece: gzip, zstd, bzip2, xz, archives, Parquet, Arrow.

The packed data is a file, or a spool that is still growing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.packed.limits import within_limits
from hermes_tui.runtime.spools import CHUNK, SpoolFile

if TYPE_CHECKING:
    from bz2 import BZ2File
    from gzip import GzipFile
    from lzma import LZMAFile

TAR_BLOCK = 512
"""Bytes of the header of a tar archive, which the beginning of a file has to have to show one."""
ZSTD_PIECE = 1 << 9
"""Packed bytes that are unpacked at a time: a piece may grow 30,000-fold."""


def unpacker(head: bytes) -> Callable[[Path | SpoolFile], Iterator[bytes]] | None:
    """Return the function that unpacks a file that begins with `head`, or None if not packed."""
    found = next((unpack for magic, unpack in _UNPACKERS if head.startswith(magic)), None)
    return unarchive if found is None and is_tar(head) else found


def is_tar(head: bytes) -> bool:
    """Return whether a file that begins with `head` is a tar archive with anything in it."""
    if head.startswith(b"ustar", 257) and b"\0" in head[:257]:
        return True
    # The oldest format has no magic.
    return len(head) >= TAR_BLOCK and has_header_sum(head[:TAR_BLOCK])


def has_header_sum(block: bytes) -> bool:
    """Return whether a block contains the sum of its bytes, as the headers of tar archives do."""
    digits = block[148:156].strip(b"\0 ")
    if not digits or digits.strip(b"01234567"):
        return False
    # Its own eight digits count as blanks. Some old programs summed up signed bytes.
    total = sum(block[:148]) + sum(b" " * 8) + sum(block[156:])
    expected = int(digits, 8)
    return expected == total or expected == total - 256 * sum(
        byte > 127 for byte in block[:148] + block[156:]
    )


def may_begin_tar(head: bytes) -> bool:
    """Return whether only more bytes can show whether a stream is a tar archive.

    The name in its first header is followed by zeros, which text has none of: so a stream of text
    is shown as it arrives.
    """
    is_text = head[:1] in _TEXT_BEGINNINGS or b"\0" not in head
    return len(head) < TAR_BLOCK and not is_text and unpacker(head) is None


def gunzip(packed: Path | SpoolFile) -> Iterator[bytes]:
    import zlib
    from gzip import GzipFile

    return _unpack_with_library(packed, "gzip", lambda raw: GzipFile(fileobj=raw), zlib.error)


def bunzip2(packed: Path | SpoolFile) -> Iterator[bytes]:
    from bz2 import BZ2File

    return _unpack_with_library(packed, "bzip2", BZ2File, OSError)


def unxz(packed: Path | SpoolFile) -> Iterator[bytes]:
    from lzma import LZMAError, LZMAFile

    return _unpack_with_library(packed, "xz", LZMAFile, LZMAError)


def _unpack_with_library(
    packed: Path | SpoolFile,
    kind: str,
    opened: Callable[[IO[bytes]], GzipFile | BZ2File | LZMAFile],
    damage: type[Exception],
) -> Iterator[bytes]:
    try:
        with _binary(packed) as raw, opened(raw) as stream:
            # `read1` returns what could be unpacked before a torn end.
            pieces = iter(lambda: stream.read1(CHUNK), b"")
            yield from within_limits(_label(packed), pieces, raw.tell)
    except (OSError, damage) as error:
        # Errors of the file system have an errno; those of the libraries about bad data do not.
        if getattr(error, "errno", None) is not None:
            raise
        raise ValueError(f"damaged {kind} data: {error}") from error


def unzstd(packed: Path | SpoolFile) -> Iterator[bytes]:
    with _binary(packed) as raw:
        yield from within_limits(_label(packed), _zstd_frames(raw), raw.tell)


def _zstd_frames(raw: IO[bytes]) -> Iterator[bytes]:
    import zstandard

    frames = zstandard.ZstdDecompressor()
    frame = None
    try:
        while piece := raw.read(ZSTD_PIECE):
            while piece:
                frame = frame or frames.decompressobj()
                yield frame.decompress(piece)
                # A file may contain several frames. The library's own reader stops after one,
                # and accepts a torn frame as a whole one.
                piece = frame.unused_data
                frame = None if frame.eof else frame
    except zstandard.ZstdError as error:
        if "too much memory" in str(error):
            raise ValueError(
                "a zstd window above 128 MB: unpack it with zstd -d --long=31"
            ) from error
        raise ValueError(f"damaged zstd data: {error}") from error
    if frame is not None:
        raise EOFError("compressed data ended in the middle of a frame")


def unarchive(packed: Path | SpoolFile) -> Iterator[bytes]:
    from hermes_tui.runtime.packed.archives import archive_bytes, archive_file_bytes

    if isinstance(packed, Path):
        return archive_file_bytes(packed)
    return archive_bytes(packed.name, packed.seekable_copy)


def holds_tar(path: Path, unpack: Callable[[Path], Iterator[bytes]]) -> bool:
    """Return whether a file that `unpack` unpacks is a compressed tar archive."""
    head = b""
    with suppress(OSError, EOFError, ValueError, SourceError):
        for piece in unpack(path) if unpack in STREAMS else ():
            head += piece[:TAR_BLOCK]
            if len(head) >= TAR_BLOCK:
                break
    return is_tar(head[:TAR_BLOCK])


def file_bytes(
    path: Path, unpack: Callable[[Path | SpoolFile], Iterator[bytes]]
) -> Iterator[bytes]:
    """Yield what a packed file holds; of a compressed tar archive that is its only transcript."""
    return unarchive(path) if holds_tar(path, unpack) else unpack(path)


def _parquet_rows(packed: Path | SpoolFile) -> Iterator[bytes]:
    from hermes_tui.runtime.packed.parquet_rows import parquet_lines

    return _lines_of_file(packed, parquet_lines)


def _arrow_rows(packed: Path | SpoolFile) -> Iterator[bytes]:
    from hermes_tui.runtime.packed.arrow_rows import arrow_lines

    return _lines_of_file(packed, arrow_lines)


def _lines_of_file(
    packed: Path | SpoolFile, lines: Callable[[str, IO[bytes], int], Iterator[bytes]]
) -> Iterator[bytes]:
    """Yield the lines that `lines` makes of a file that needs random access."""
    if isinstance(packed, SpoolFile):
        with packed.seekable_copy() as whole:
            yield from lines(packed.name, whole, os.fstat(whole.fileno()).st_size)
        return
    with packed.open("rb") as file:
        yield from lines(str(packed), file, packed.stat().st_size)


_UNPACKERS = (
    (b"\x1f\x8b", gunzip),
    (b"\x28\xb5\x2f\xfd", unzstd),
    (b"BZh", bunzip2),
    (b"\xfd7zXZ\0", unxz),
    (b"PK\x03\x04", unarchive),
    (b"PK\x05\x06", unarchive),
    (b"PAR1", _parquet_rows),
    (b"ARROW1", _arrow_rows),
    (b"\xff\xff\xff\xff", _arrow_rows),
    # Skippable frames, with which parallel compressors begin.
    *((bytes((0x50 + kind,)) + b"\x2a\x4d\x18", unzstd) for kind in range(16)),
)
"""The first bytes of each kind of file, and what unpacks it."""
STREAMS = frozenset((gunzip, unzstd, bunzip2, unxz))
"""Those that read from beginning to end; the others read the end of the file first."""
_TEXT_BEGINNINGS = frozenset(bytes((byte,)) for byte in b"{[ \t\r\xef\xfe\xff\0")
"""The first bytes of JSON, also after a byte order mark and in wide encodings."""
MAGIC_BYTES = max(len(magic) for magic, _ in _UNPACKERS)


def _binary(packed: Path | SpoolFile) -> IO[bytes]:
    return packed.open("rb") if isinstance(packed, Path) else cast("IO[bytes]", packed)


def _label(packed: Path | SpoolFile) -> str:
    return str(packed) if isinstance(packed, Path) else packed.name
