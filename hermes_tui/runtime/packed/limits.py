"""How much packed bytes may become: a small file from anywhere must not fill a disk.

Transcripts pack 5 to 50 times. Those that repeat the whole history with each request come to 200.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator

from hermes_tui.model.errors import SourceError

MAX_RATIO = 500
"""How many times its packed bytes a file may unpack to, once it is beyond `FREE_BYTES`."""
FREE_BYTES = 256 << 20
SPARED_BYTES = 1 << 30
"""What is left free on the temporary disk, or a twentieth of a disk where that is less."""
SMALL_PART = 16
"""One part in so many of what is free a file may take of what is spared, too: a small one opens."""
LOOKED_AFTER = 64 << 20
"""Bytes: no more is written without another look at the disk, on a small one far less."""
_TRUST = "a bomb? unpack it yourself if you trust it"


def most_bytes(packed: int) -> int:
    """Return what `packed` bytes may become."""
    return max(FREE_BYTES, MAX_RATIO * packed)


def too_large(label: str, unpacked: int, *, part: str = "") -> SourceError:
    """Return the error for what goes beyond `most_bytes`; `unpacked` of it were read."""
    read = f"only its first {unpacked >> 20:,} MB are read" if unpacked else "it is not read"
    what = f"{part} unpacks" if part else "unpacks"
    return SourceError(label, f"{what} to more than {MAX_RATIO:,} times its size; {read}", _TRUST)


def within_limits(
    label: str, pieces: Iterable[bytes], packed: Callable[[], int]
) -> Iterator[bytes]:
    """Yield pieces as long as they are in proportion to the bytes `packed` that were read for them.

    Raises SourceError at the first piece that goes beyond; what came before it is good.
    """
    unpacked = 0
    for piece in pieces:
        if unpacked + len(piece) > most_bytes(packed()):
            raise too_large(label, unpacked)
        unpacked += len(piece)
        yield piece


def room_left(label: str, fd: int, written: int) -> int:
    """Return how many bytes may be written to `fd`, after `written`, until the next look.

    Raises SourceError where its disk is nearly full.
    """
    disk = os.fstatvfs(fd)
    if not disk.f_blocks:  # a file system that does not count
        return LOOKED_AFTER
    free = disk.f_bavail * disk.f_frsize
    room = free - min(SPARED_BYTES, disk.f_blocks * disk.f_frsize // 20)
    room = max(room, free // SMALL_PART - written)
    if room < disk.f_frsize:
        raise no_room(label, written, "hardly any room would be left")
    # Others write to the same disk meanwhile.
    return min(max(room // 4, disk.f_frsize), LOOKED_AFTER)


def no_room(label: str, written: int, why: str) -> SourceError:
    """Return the error for a temporary disk that takes no more than `written` bytes."""
    read = f"only the first {written >> 20:,} MB" if written >> 20 else "not even 1 MB"
    return SourceError(
        label,
        f"{read} could be written to {tempfile.gettempdir()}: {why}",
        "set TMPDIR to a folder with more room",
    )
