"""Stamps of files, by which a change is noticed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hermes_tui.runtime.numbered_files import latest_change
from hermes_tui.runtime.remote import Place

Stamp = tuple[int, int, int]
"""A file's inode, size and modification time; for a folder of numbered files, size is their number.
"""
CHANGED = "changed since it was read; open it again"
"""The message for a file whose stamp differs."""
GONE = "gone since it was read; showing what was read"


def stamp_of(path: Place | None) -> Stamp | None:
    """Return the current stamp of a file; None if there is none, as for standard input."""
    try:
        status = path.stat() if path is not None else None
        if status and isinstance(path, Path) and stat.S_ISDIR(status.st_mode):
            return status.st_ino, *latest_change(path, status.st_mtime_ns)
    except OSError:
        return None
    return (status.st_ino, status.st_size, status.st_mtime_ns) if status else None


def stamp_of_open(fd: int) -> Stamp:
    """Return the current stamp of the file of a descriptor; raises OSError."""
    status = os.fstat(fd)
    return status.st_ino, status.st_size, status.st_mtime_ns
