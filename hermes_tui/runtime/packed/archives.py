"""Transcripts in zip archives, read as a stream.

An Inspect `.eval` archive becomes JSON lines (`eval_archives.py`); of any other archive the members
that look like transcripts are files, `archive.zip!member`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from hermes_tui.model.errors import SourceError
from hermes_tui.model.visible import visible_row
from hermes_tui.runtime.packed.eval_archives import eval_lines, is_eval
from hermes_tui.runtime.packed.zip_members import Archive, opened, opened_at, unpacked
from hermes_tui.runtime.transcript_names import may_be_transcript

MAX_LISTED = 8


def transcript_members(path: Path) -> list[str]:
    """Return the members of an archive that are files of their own; none of an Inspect log."""
    with opened_at(path, str(path)) as archive:
        return [] if is_eval(archive) else transcripts(archive)


def transcripts(archive: Archive) -> list[str]:
    """Return the names of the members that may be transcripts, in their order."""
    return sorted(name for name, member in archive.members.items() if _is_transcript(member))


def archive_bytes(label: str, opener: Callable[[], IO[bytes]], member: str = "") -> Iterator[bytes]:
    """Yield what an archive holds: of an `.eval` a line a sample, else the bytes of one member.

    `member` empty: the only transcript. Raises SourceError.
    """
    with opened(label, opener) as archive:
        yield from _bytes_of(archive, member)


def archive_file_bytes(path: Path, member: str = "", *, label: str = "") -> Iterator[bytes]:
    """Yield what the archive of a path holds, as `archive_bytes`; messages call it `label`."""
    with opened_at(path, label or str(path)) as archive:
        yield from _bytes_of(archive, member)


def _bytes_of(archive: Archive, member: str) -> Iterator[bytes]:
    if not member and is_eval(archive):
        yield from eval_lines(archive)
        return
    member = member or _only_transcript(archive)
    if member not in archive.members:
        raise SourceError(archive.label, "no such member in this archive", _named(archive))
    yield from unpacked(archive, member)


def _only_transcript(archive: Archive) -> str:
    found = transcripts(archive)
    if len(found) == 1:
        return found[0]
    if not found:
        names = visible_row(", ".join(list(archive.members)[:MAX_LISTED])) or "nothing"
        raise SourceError(archive.label, "a zip archive with no transcript in it", f"has {names}")
    raise SourceError(archive.label, f"a zip archive of {len(found)} transcripts", _named(archive))


def _named(archive: Archive) -> str:
    found = transcripts(archive)
    more = f" and {len(found) - MAX_LISTED} more" if len(found) > MAX_LISTED else ""
    return visible_row("has " + (", ".join(found[:MAX_LISTED]) + more or "no transcript"))


def _is_transcript(member: zipfile.ZipInfo) -> bool:
    folder, _, name = member.filename.rpartition("/")
    return may_be_transcript(name) and not folder.startswith("__MACOSX")
