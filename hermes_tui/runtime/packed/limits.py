"""Limits on the size of unpacked data: a small file from anywhere must not fill a disk.

Transcripts shrink 5 to 50 times when packed; those that repeat the whole history with each request,
up to 200 times.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator

from hermes_tui.model.errors import SourceError

MAX_RATIO = 500
"""How many times its packed size a file may unpack to, once it is beyond `FREE_BYTES`."""
FREE_BYTES = 256 << 20
RESERVED_BYTES = 1 << 30
"""Bytes that are left free on the temporary disk, or a twentieth of the disk if that is less."""
SMALL_PART = 16
"""A file may always take one part in this many of the free space, so that a small file opens."""
CHECK_EVERY_BYTES = 64 << 20
"""The most bytes written between two checks of the disk; on a small disk far fewer."""
_TRUST = "perhaps a decompression bomb: unpack it yourself if you trust it"


def most_bytes(packed: int) -> int:
    """Return how many bytes `packed` bytes may unpack to."""
    return max(FREE_BYTES, MAX_RATIO * packed)


def too_large(label: str, unpacked: int, *, part: str = "") -> SourceError:
    """Return the error for data that unpacks beyond `most_bytes`; `unpacked` bytes were read."""
    read = f"only its first {unpacked >> 20:,} MB are read" if unpacked else "it is not read"
    what = f"{part} unpacks" if part else "unpacks"
    return SourceError(label, f"{what} to more than {MAX_RATIO:,} times its size; {read}", _TRUST)


def within_limits(
    label: str, pieces: Iterable[bytes], packed: Callable[[], int]
) -> Iterator[bytes]:
    """Yield pieces while their size is in proportion to that of the `packed` bytes read for them.

    Raises SourceError at the first piece beyond the limit; those before it are good.
    """
    unpacked = 0
    for piece in pieces:
        if unpacked + len(piece) > most_bytes(packed()):
            raise too_large(label, unpacked)
        unpacked += len(piece)
        yield piece


def room_left(label: str, fd: int, written: int) -> int:
    """Return how many bytes may be written to `fd`, after `written`, until the next check.

    Raises SourceError if its disk is nearly full.
    """
    disk = os.fstatvfs(fd)
    if not disk.f_blocks:  # a file system that does not report its size
        return CHECK_EVERY_BYTES
    free = disk.f_bavail * disk.f_frsize
    room = free - min(RESERVED_BYTES, disk.f_blocks * disk.f_frsize // 20)
    room = max(room, free // SMALL_PART - written)
    if room < disk.f_frsize:
        raise no_room(label, written, "the disk is nearly full")
    # Other programs write to the same disk meanwhile.
    return min(max(room // 4, disk.f_frsize), CHECK_EVERY_BYTES)


def no_room(label: str, written: int, why: str) -> SourceError:
    """Return the error for a temporary disk with no room for more than `written` bytes."""
    read = f"only the first {written >> 20:,} MB" if written >> 20 else "not even 1 MB"
    return SourceError(
        label,
        f"{read} could be written to {tempfile.gettempdir()}: {why}",
        "set TMPDIR to a folder with more room",
    )
