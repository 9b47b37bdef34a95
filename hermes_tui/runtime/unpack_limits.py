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
LOOKED_AFTER = 64 << 20
"""Bytes: so much may be written before the disk is looked at, and again each time."""
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


def check_room(label: str, fd: int, written: int) -> None:
    """Raise SourceError where the disk of `fd`, after `written` bytes, is nearly full."""
    disk = os.fstatvfs(fd)
    if disk.f_bavail < min(SPARED_BYTES // disk.f_frsize, disk.f_blocks // 20):
        raise no_room(label, written, "hardly any room would be left")


def no_room(label: str, written: int, why: str) -> SourceError:
    """Return the error for a temporary disk that takes no more than `written` bytes."""
    return SourceError(
        label,
        f"only the first {written >> 20:,} MB could be unpacked into {tempfile.gettempdir()}: "
        f"{why}",
        "set TMPDIR to a folder with more room",
    )
