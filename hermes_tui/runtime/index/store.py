"""The blocks of the runs of one file: written to a file as they arrive, read from it by `pread`.

Only the offsets of the blocks and the lengths of their segments are in memory. If nothing can be
written (any more), blocks are kept in memory, packed.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from array import array
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

from hermes_tui.log.run_blocks import (
    COLUMNS,
    SEGMENTS_AT,
    BlockFacts,
    DamagedBlock,
    decode_column,
    decode_facts,
    segment_lengths,
)

SEGMENTS = len(COLUMNS) + 1
DECODED_BLOCKS = 96
COPY = 1 << 22
MAX_TAKEN_BACK = 1 << 26
"""The most bytes of blocks that are moved to memory if they cannot stay on disk."""


class RunStore:
    """The blocks of one file's runs."""

    def __init__(self) -> None:
        self.path: Path | None = None
        """The file that is written to; None: a temporary file without a name."""
        self.failure = ""
        """Why blocks are not written to `path`; empty if they are."""
        self.offsets = array("Q")
        self.lengths = array("I")
        self.rows = array("I")
        """Number of rows of each block."""
        self._end = 0
        self._older: int | None = None
        self._older_blocks = 0
        self._packed: dict[int, bytes] = {}
        self._decoded: OrderedDict[int, list[list[Any]]] = OrderedDict()
        self._fd: int | None = None

    def __len__(self) -> int:
        return len(self.offsets)

    def load(self, fd: int, offsets: array[int], lengths: array[int], rows: array[int]) -> None:
        """Begin with the blocks of a complete file. The store owns `fd` from now on."""
        self._older, self._older_blocks = fd, len(offsets)
        self.offsets, self.lengths, self.rows = offsets, lengths, rows

    def append(self, block: bytes) -> BlockFacts:
        """Append one block and return its facts. Raises DamagedBlock if it is not a block."""
        lengths = segment_lengths(block)
        facts = decode_facts(block[SEGMENTS_AT : SEGMENTS_AT + lengths[0]])
        offset = self._end
        if not self._write(block):
            self._packed[len(self)] = zlib.compress(block, 1)
        self.offsets.append(offset)
        self.lengths.extend(lengths)
        self.rows.append(facts.rows)
        return facts

    def _write(self, block: bytes) -> bool:
        if self.failure and self.path is not None:
            return False
        try:
            if self._fd is None:
                self._fd = self._make()
            write_at(self._fd, block, self._end)
        except OSError as error:
            # If there is no temporary folder, `tempdir` is None and the error lists those tried.
            folder = self.path.parent if self.path is not None else tempfile.tempdir
            where = folder or "a temporary file"
            self.failure = f"{where}: {error.strerror}"
            self.abandon(self.failure)
            return False
        self._end += len(block)
        return True

    def _make(self) -> int:
        if self.path is None:
            with tempfile.TemporaryFile(prefix="hermes-tui-") as spool:
                return os.dup(spool.fileno())
        return create(self.path)

    # Reading

    def facts(self, block: int) -> BlockFacts:
        """Return the facts about a block as a whole; for a damaged one, only its row count."""
        try:
            return self.sound_facts(block)
        except DamagedBlock:
            return BlockFacts(self.rows[block], 0, 0, b"", b"")

    def sound_facts(self, block: int) -> BlockFacts:
        """Return the facts about a block as a whole. Raises DamagedBlock."""
        return decode_facts(self._segment(block, 0))

    def column(self, block: int, number: int) -> list[Any]:
        """Return the values of column `number` of COLUMNS. Raises DamagedBlock."""
        decoded = self._decoded.get(block)
        if decoded is not None:
            return decoded[number]
        values = decode_column(number, self._segment(block, number + 1))
        if len(values) != self.rows[block]:
            raise DamagedBlock("a column of another length")
        return values

    def columns(self, block: int) -> list[list[Any]]:
        """Return the values of all columns of a block. Raises DamagedBlock."""
        decoded = self._decoded.get(block)
        if decoded is not None:
            self._decoded.move_to_end(block)
            return decoded
        lengths = self.lengths[block * SEGMENTS : (block + 1) * SEGMENTS]
        data = self._read(block, SEGMENTS_AT, sum(lengths))
        at = lengths[0]
        decoded = []
        for number, length in enumerate(lengths[1:]):
            decoded.append(decode_column(number, data[at : at + length]))
            at += length
        if any(len(values) != self.rows[block] for values in decoded):
            raise DamagedBlock("columns of different lengths")
        self._decoded[block] = decoded
        if len(self._decoded) > DECODED_BLOCKS:
            self._decoded.popitem(last=False)
        return decoded

    def _segment(self, block: int, number: int) -> bytes:
        first = block * SEGMENTS
        before = sum(self.lengths[first : first + number])
        return self._read(block, SEGMENTS_AT + before, self.lengths[first + number])

    def _read(self, block: int, start: int, length: int) -> bytes:
        packed = self._packed.get(block)
        if packed is not None:
            return zlib.decompress(packed)[start : start + length]
        fd = self._older if block < self._older_blocks else self._fd
        if fd is None:
            raise DamagedBlock("closed")
        try:
            data = os.pread(fd, length, self.offsets[block] + start)
        except OSError as error:
            raise DamagedBlock(str(error)) from error
        if len(data) < length:
            raise DamagedBlock("shorter than it was")
        return data

    # The cached file

    def abandon(self, why: str) -> None:
        """Remove the named file. Unless it is big, move its blocks to memory to free the disk."""
        if self.path is None:
            return
        self.failure = self.failure or why
        # If nothing could be written, there may be no file either.
        with suppress(OSError):
            self.path.unlink()
        if self._fd is None or self._end > MAX_TAKEN_BACK:
            return
        try:
            self._packed |= self._written_blocks()
        except DamagedBlock:
            return
        os.close(self._fd)
        self._fd, self._end = None, 0

    def _written_blocks(self) -> dict[int, bytes]:
        """Return the blocks of the present file, packed. Raises DamagedBlock."""
        return {
            block: zlib.compress(self._read(block, 0, self._length_of(block, block + 1)), 1)
            for block in range(self._older_blocks, len(self))
            if block not in self._packed
        }

    def drop_last(self) -> None:
        """Drop the last of the loaded blocks."""
        self._older_blocks -= 1
        del self.offsets[-1], self.rows[-1]
        del self.lengths[-SEGMENTS:]

    def merge_into_file(self) -> int:
        """Return a descriptor of the named file after moving all blocks to it. Raises OSError."""
        if self.path is None or self.failure:
            raise OSError(self.failure)
        if not self._older_blocks:
            if self._fd is None:
                self._fd = create(self.path)
            return self._fd
        joined = self.path.with_suffix(".joined" + self.path.suffix)
        fd = create(joined)
        try:
            self._copy_blocks(fd)
            joined.replace(self.path)
        except OSError:
            os.close(fd)
            joined.unlink(missing_ok=True)
            raise
        for unused in (self._older, self._fd):
            if unused is not None:
                os.close(unused)
        self._fd, self._older, self._older_blocks = fd, None, 0
        return fd

    def _copy_blocks(self, fd: int) -> None:
        """Write all blocks to a file, one after another."""
        assert self._older is not None, "there are older blocks"
        older = self._length_of(0, self._older_blocks)
        moved = array("Q", self.offsets[: self._older_blocks])
        moved.extend(older + offset for offset in self.offsets[self._older_blocks :])
        for source, start, length in ((self._older, 0, older), (self._fd, older, self._end)):
            for at in range(0, length if source is not None else 0, COPY):
                assert source is not None, "a length without a file is 0"
                write_at(fd, os.pread(source, min(COPY, length - at), at), start + at)
        self.offsets, self._end = moved, older + self._end

    def _length_of(self, first: int, last: int) -> int:
        head = SEGMENTS_AT * (last - first)
        return head + sum(self.lengths[first * SEGMENTS : last * SEGMENTS])

    def settle(self) -> None:
        """Never write to the present file again: from now on it is a cached index."""
        if self._older is not None:
            os.close(self._older)
        self._older, self._fd = self._fd, None
        self._older_blocks, self._end, self.path = len(self), 0, None

    @property
    def end(self) -> int:
        """The offset at which the blocks end in the present file."""
        return self._end

    def close(self) -> None:
        """Close the files. If the file is not cached, its owner removes it."""
        for fd in (self._fd, self._older):
            if fd is not None:
                os.close(fd)
        self._fd = self._older = None


def create(path: Path) -> int:
    """Return a descriptor of a new, locked file that only its owner can read. Raises OSError."""
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return fd


def write_at(fd: int, data: bytes, start: int) -> int:
    """Write all of `data` at an offset and return the offset of its end. Raises OSError."""
    view = memoryview(data)
    while view:
        done = os.pwrite(fd, view, start)
        start += done
        view = view[done:]
    return start
