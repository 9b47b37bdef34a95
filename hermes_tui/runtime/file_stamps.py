"""What of a file differs once something has happened to it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hermes_tui.runtime.numbered_files import latest_change
from hermes_tui.runtime.remote import Place

Stamp = tuple[int, int, int]
"""Which file it is, its size and its time; of a folder of files for size their number."""
CHANGED = "changed since it was read; open it again"
"""What is said where the stamp is another one."""
GONE = "gone since it was read; showing what was read"


def stamp_of(path: Place | None) -> Stamp | None:
    """Return the stamp of a file as it is now; None where there is none, as of standard input."""
    try:
        found = path.stat() if path is not None else None
        if found and isinstance(path, Path) and stat.S_ISDIR(found.st_mode):
            return found.st_ino, *latest_change(path, found.st_mtime_ns)
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found else None


def stamp_of_open(fd: int) -> Stamp:
    """Return the stamp of the file behind a descriptor as it is now; raises OSError."""
    found = os.fstat(fd)
    return found.st_ino, found.st_size, found.st_mtime_ns
