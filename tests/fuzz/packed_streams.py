"""Damaged compressed bytes, and text in wide encodings, read as they arrive."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Iterable, Iterator

import zstandard

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.packed.transcoding import as_utf8, wide_encoding
from hermes_tui.runtime.packed.unpacking import MAGIC_BYTES, STREAMS, unpacker
from hermes_tui.runtime.spools import SpoolFile
from tests.bytes_source import BytesSource

MAX_UNPACKED = 8 << 20
_LINE = b'{"role":"user","content":"h\xc3\xa9 \xf0\x9f\x98\x80"}\r\n'
_TEXT = _LINE.decode()
SEEDS = (
    gzip.compress(_LINE * 9, mtime=0),
    gzip.compress(_LINE, mtime=0) + gzip.compress(b"", mtime=0) + bytes(8),
    zstandard.ZstdCompressor(write_checksum=True).compress(_LINE * 9),
    b"\x50\x2a\x4d\x18\x02\0\0\0ab" + zstandard.ZstdCompressor().compress(_LINE),
    bz2.compress(_LINE * 9),
    lzma.compress(_LINE * 9),
    *(_TEXT.encode(name) for name in ("utf-16", "utf-16-be", "utf-32", "utf-32-be")),
)
DICTIONARY = (b"\xff\xfe", b"\xfe\xff\0\0", b"\0{", b"{\0", b"\xd8\x3d", b"\x1f\x8b\x08", b"BZh9")


class _CompleteSource(BytesSource):
    """Bytes that are complete: no more will arrive."""

    name = "run"
    failure = ""

    def wait(self, timeout_s: float) -> None:
        raise AssertionError("nothing is to come")

    def close(self) -> None:
        pass


def try_one(data: bytes) -> None:
    _transcode(data)
    unpack = unpacker(data[:MAGIC_BYTES])
    if unpack in STREAMS:
        _read(unpack(SpoolFile(_CompleteSource(data))))  # type: ignore[arg-type, misc]


def _transcode(data: bytes) -> None:
    """Check that split points make no difference and that text in bytes is left unchanged."""
    whole = _read(as_utf8([data]))
    for size in (1, 3):
        pieces = (data[at : at + size] for at in range(0, len(data), size))
        assert _read(as_utf8(pieces)) == whole
    if not wide_encoding(data):
        assert whole == (data, False)


def _read(pieces: Iterable[bytes]) -> tuple[bytes, bool]:
    """Return the readable bytes and whether an error was raised before the end, as in a spool."""
    found: list[bytes] = []
    try:
        for piece in _bounded(pieces):
            found.append(piece)
    except SourceError as error:
        assert "\n" not in str(error)
        return b"".join(found), True
    except (OSError, EOFError, ValueError):
        return b"".join(found), True
    return b"".join(found), False


def _bounded(pieces: Iterable[bytes]) -> Iterator[bytes]:
    unpacked = 0
    for piece in pieces:
        assert len(piece) <= 20 << 20
        yield piece
        unpacked += len(piece)
        if unpacked > MAX_UNPACKED:
            return
