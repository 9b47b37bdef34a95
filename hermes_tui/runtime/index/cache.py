"""A cache of indexes in the platform's cache folder, so that a big file opens at once again.

There is one index for each path that was read. It holds the blocks of the runs, the ends of the
records, and a footer that identifies the file: its size, its time, and hashes of its first and last
bytes and of pieces in between. An index is used only for the same bytes; if the file has grown
since, for its beginning. It is written under another name and then renamed, so that two processes
may build the same index. Deleting the folder is safe at any time.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from hermes_tui.formats.base import Source
from hermes_tui.formats.framing import Layout, RecordIndex
from hermes_tui.log.run_blocks import DamagedBlock, columns_version
from hermes_tui.runtime.index.store import SEGMENTS, RunStore, create, write_at
from hermes_tui.version import __version__

SUFFIX: Final = ".runs"
PART: Final = ".part"
MAX_BYTES: Final = 2 << 30
"""Of all cached indexes together; beyond it the least recently used ones are removed."""
HASHED: Final = 64 << 10
"""Bytes hashed at the beginning and at the end of a file to identify it."""
SAMPLES: Final = 1024
"""Number of pieces, spread over the indexed part of a file that has grown, that must not have
changed."""
SAMPLE: Final = 512
_MAGIC: Final = b"htuirun4"
_TAIL: Final = 8 + len(_MAGIC)


class Identity(msgspec.Struct, frozen=True):
    """What identifies a file and the way in which it was read."""

    path: str
    reader: str
    size: int
    mtime_ns: int
    """0 if the identity is of the first `size` bytes of a file that already had more."""
    head: bytes
    tail: bytes
    version: str = ""


class RunTotals(msgspec.Struct):
    """Totals over the runs of a file, in addition to its blocks."""

    runs: int = 0
    complaints: list[str] = []


class _Footer(msgspec.Struct, frozen=True):
    """The end of an index file. Arrays are stored as bytes."""

    identity: Identity
    records_at: int
    """Offset of the ends and the kinds of its records, which follow the blocks."""
    records: int
    closed: bool
    totals: RunTotals
    offsets: bytes
    lengths: bytes
    rows: bytes
    sample: bytes
    """The hash of pieces spread over the file."""


class KeptIndex(NamedTuple):
    """An index found in the cache; its blocks cover `records`."""

    store: RunStore
    records: RecordIndex
    totals: RunTotals


def indexes_dir() -> Path:
    """Return the folder of the cached indexes; it may not exist."""
    from platformdirs import user_cache_path

    return user_cache_path("hermes-tui") / "indexes"


def identify(path: Path, reader: str, source: Source) -> Identity | None:
    """Return the present identity of a file, or None if it cannot be accessed."""
    try:
        status = path.stat()
        name = str(path.absolute())
    except OSError:
        return None
    head, tail = _hashes(source, source.size)
    version = f"{__version__} {columns_version()}"
    return Identity(name, reader, source.size, status.st_mtime_ns, head, tail, version)


def identity_of_part(identity: Identity, source: Source, size: int) -> Identity:
    """Return the identity of the first `size` bytes of a file that grew while it was read."""
    if size <= identity.size:
        return identity
    head, tail = _hashes(source, size)
    return msgspec.structs.replace(identity, size=size, mtime_ns=0, head=head, tail=tail)


def _hashes(source: Source, size: int) -> tuple[bytes, bytes]:
    """Return the hashes of the first bytes of a file and of those just before `size`."""
    length = min(size, HASHED)
    pieces = source.read(0, length), source.read(size - length, length)
    head, tail = (hashlib.blake2b(piece, digest_size=16).digest() for piece in pieces)
    return head, tail


def load(now: Identity, source: Source, *, layout: Layout) -> KeptIndex | None:
    """Return the cached index of a file, or of its beginning; None if there is none that fits."""
    path = place_of(now.path)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    kept = None
    try:
        footer = _read_footer(fd)
        if footer is not None and _fits(footer, now, source, layout):
            kept = _restore(fd, footer, drop=footer.identity.size < now.size or not source.complete)
            os.utime(path)
    except OSError:
        return kept
    finally:
        if kept is None:
            os.close(fd)
    return kept


def _fits(footer: _Footer, now: Identity, source: Source, layout: Layout) -> bool:
    """Return whether an index is of this file as it is now, or of its beginning."""
    kept = footer.identity
    same = (kept.path, kept.reader, kept.version) == (now.path, now.reader, now.version)
    if not same or kept.size > now.size:
        return False
    if kept.size == now.size and kept.mtime_ns:
        return kept == now
    is_beginning = _hashes(source, kept.size) == (kept.head, kept.tail)
    return layout is Layout.LINES and is_beginning and _sample(source, kept.size) == footer.sample


def _sample(source: Source, size: int) -> bytes:
    """Return the hash of pieces spread over the first `size` bytes, or of all if they are few.

    A file that was overwritten at the same length and then appended to has the same first and last
    bytes, but other pieces.
    """
    digest = hashlib.blake2b(digest_size=16)
    step = max(SAMPLE, size // SAMPLES)
    for start in range(0, size, step):
        digest.update(source.read(start, min(SAMPLE, size - start)))
    return digest.digest()


def _read_footer(fd: int) -> _Footer | None:
    size = os.fstat(fd).st_size
    tail = os.pread(fd, _TAIL, size - _TAIL) if size > _TAIL else b""
    if tail[8:] != _MAGIC:
        return None
    length, checksum = array("I", tail[:8])
    data = os.pread(fd, length, size - _TAIL - length) if length <= size - _TAIL else b""
    if len(data) != length or zlib.crc32(data) != checksum:
        return None
    try:
        return msgspec.msgpack.decode(data, type=_Footer)
    except msgspec.DecodeError:
        return None


def _restore(fd: int, footer: _Footer, *, drop: bool) -> KeptIndex | None:
    """Return the content of an index, with `drop` without its last block.

    In a file that has grown, the last record may have been incomplete.
    """
    ends = array("Q", os.pread(fd, 8 * footer.records, footer.records_at))
    kinds = os.pread(fd, footer.records, footer.records_at + 8 * footer.records)
    if len(ends) != footer.records or len(kinds) != footer.records:
        return None
    store = RunStore()
    offsets, lengths, rows = array("Q"), array("I"), array("I")
    offsets.frombytes(footer.offsets)
    lengths.frombytes(footer.lengths)
    rows.frombytes(footer.rows)
    if not len(offsets) == len(rows) == len(lengths) / SEGMENTS:
        return None
    store.load(fd, offsets, lengths, rows)
    totals = footer.totals
    index = RecordIndex(ends, bytearray(kinds), closed=footer.closed)
    if drop and len(store):
        try:
            last = store.sound_facts(len(store) - 1)
        except DamagedBlock:
            return None
        del index.ends[last.first_record :], index.kinds[last.first_record :]
        totals.runs = last.first_run
        store.drop_last()
    index.scanned = index.end
    return KeptIndex(store, index, totals)


def part_of(path: Path) -> Path:
    """Return a new path at which the index of a file is written until it is complete.

    The path is random and not based on the process id, which is often the same in containers.
    """
    return place_of(str(path.absolute())).with_suffix(f".{os.urandom(8).hex()}{PART}")


@contextmanager
def writing(path: Path, what: str) -> Iterator[int]:
    """Yield a descriptor to write to. Afterwards the content is cached as `what` of a file.

    Raises OSError.
    """
    part = part_of(path)
    # Locked while it is written, so that `prune` does not regard it as abandoned.
    fd = create(part)
    try:
        yield fd
        part.replace(place_of(str(path.absolute()), what))
    except OSError:
        part.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    prune()


def keep(
    store: RunStore, identity: Identity, source: Source, records: RecordIndex, totals: RunTotals
) -> None:
    """Make a store the cached index of its file. Raises OSError.

    `records` are those that the blocks cover.
    """
    fd = store.merge_into_file()
    assert store.path is not None, "it has a name"
    at = write_at(fd, records.ends.tobytes(), store.end)
    at = write_at(fd, bytes(records.kinds), at)
    footer = msgspec.msgpack.encode(
        _Footer(
            identity,
            store.end,
            len(records),
            records.closed,
            totals,
            store.offsets.tobytes(),
            store.lengths.tobytes(),
            store.rows.tobytes(),
            _sample(source, identity.size),
        )
    )
    tail = array("I", (len(footer), zlib.crc32(footer))).tobytes() + _MAGIC
    write_at(fd, footer + tail, at)
    store.path.replace(place_of(identity.path))
    store.settle()
    prune()


def discard(store: RunStore) -> None:
    """Remove the file of a store that is not kept."""
    if store.path is not None:
        # If nothing could be written, there may be no folder either.
        with suppress(OSError):
            store.path.unlink()


def prune(most_bytes: int = MAX_BYTES) -> None:
    """Remove the least recently used indexes, and partial ones that killed processes left."""
    kept = []
    for path in indexes_dir().iterdir():
        # Somebody else may remove it at the same time.
        with suppress(OSError):
            if path.suffix == PART and _is_abandoned(path):
                path.unlink()
            elif path.suffix == SUFFIX:
                status = path.stat()
                kept.append((status.st_mtime, status.st_size, path))
    kept.sort(reverse=True)
    total = 0
    for _, size, path in kept:
        total += size
        if total > most_bytes:
            path.unlink(missing_ok=True)


def _is_abandoned(part: Path) -> bool:
    """Return whether no process writes a partial index, as its writer holds a lock on it."""
    import fcntl

    try:
        with part.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def place_of(path: str, what: str = "") -> Path:
    """Return the path of the cached index of a file, or of the other cached data `what`."""
    key = f"{path}\0{what}" if what else path
    name = hashlib.blake2b(key.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
    return indexes_dir() / f"{name}{SUFFIX}"
