"""Packed bytes to plain ones, piece by piece: gzip, zstd, zip archives, Parquet.

What is packed is a file, or a spool that still comes in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from hermes_tui.runtime.sources import SpoolSource

CHUNK = 1 << 20
ZSTD_PIECE = 1 << 9
"""Bytes unpacked at once: a piece may grow 30,000-fold."""
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
PARQUET_MAGIC = b"PAR1"


def unpacker(head: bytes) -> Callable[[Path | SpoolFile], Iterator[bytes]] | None:
    """Return what unpacks a file that begins with `head`, None where it is not packed."""
    if head.startswith(GZIP_MAGIC):
        return gunzip
    if head.startswith(ZSTD_MAGIC):
        return unzstd
    if head.startswith(ZIP_MAGICS):
        return unzip
    if head.startswith(PARQUET_MAGIC):
        return _parquet_rows
    return None


def gunzip(packed: Path | SpoolFile) -> Iterator[bytes]:
    import gzip
    import zlib

    try:
        with _binary(packed) as raw, gzip.GzipFile(fileobj=raw) as stream:
            # `read1` hands over what could be unpacked before a torn end.
            while chunk := stream.read1(CHUNK):
                yield chunk
    except zlib.error as error:
        raise ValueError(f"damaged gzip data: {error}") from error


def unzstd(packed: Path | SpoolFile) -> Iterator[bytes]:
    import zstandard

    frames = zstandard.ZstdDecompressor()
    frame = None
    try:
        with _binary(packed) as stream:
            while piece := stream.read(ZSTD_PIECE):
                while piece:
                    frame = frame or frames.decompressobj()
                    yield frame.decompress(piece)
                    # A file may hold several frames; the reader of the library stops after one,
                    # and takes a torn frame for a whole one.
                    piece = frame.unused_data
                    frame = None if frame.eof else frame
    except zstandard.ZstdError as error:
        raise ValueError(f"damaged zstd data: {error}") from error
    if frame is not None:
        raise EOFError("compressed data ended in the middle of a frame")


def unzip(packed: Path | SpoolFile) -> Iterator[bytes]:
    from hermes_tui.runtime.archives import archive_bytes

    if isinstance(packed, Path):
        return archive_bytes(str(packed), lambda: packed.open("rb"))
    return archive_bytes(packed.name, packed.seekable_copy)


def _parquet_rows(packed: Path | SpoolFile) -> Iterator[bytes]:
    from hermes_tui.runtime.parquet_rows import parquet_lines

    if isinstance(packed, SpoolFile):
        with packed.seekable_copy() as whole:
            yield from parquet_lines(packed.name, whole, os.fstat(whole.fileno()).st_size)
        return
    with packed.open("rb") as file:
        yield from parquet_lines(str(packed), file, packed.stat().st_size)


def _binary(packed: Path | SpoolFile) -> IO[bytes]:
    return packed.open("rb") if isinstance(packed, Path) else cast("IO[bytes]", packed)


class SpoolFile:
    """A spool as a readable file object that waits for bytes still to come."""

    def __init__(self, source: SpoolSource) -> None:
        self._source = source
        self._position = 0
        self.closed = False
        self.name = source.name

    def seekable_copy(self) -> IO[bytes]:
        """Return the whole spool as a file of its own; waits until all has come in."""
        while not self._source.complete:
            self._source.wait(0.02)
        copy = self._source.as_file()
        self.close()
        return copy

    def read(self, length: int = -1) -> bytes:
        length = CHUNK if length < 0 else length
        while self._source.size <= self._position and not self._source.complete:
            self._source.wait(0.02)
        data = self._source.read(self._position, length)
        self._position += len(data)
        return data

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._source.close()

    def __enter__(self) -> SpoolFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
