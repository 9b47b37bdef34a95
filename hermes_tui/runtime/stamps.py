"""What of a file differs once something has happened to it."""

from __future__ import annotations

from hermes_tui.runtime.remote import Place

Stamp = tuple[int, int, int]
"""Which file it is, its size and its time."""


def stamp_of(path: Place | None) -> Stamp | None:
    """Return the stamp of a file as it is now; None where there is none, as of standard input."""
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found else None
