"""Transcripts in zip archives, read as a stream.

An Inspect `.eval` archive becomes JSON lines (`eval_archives.py`); of any other archive the members
that look like transcripts are files, `archive.zip!member`.
"""

from __future__ import annotations

import shlex
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from hermes_tui.model.errors import NoTranscript, SourceError
from hermes_tui.model.visible import visible_row
from hermes_tui.runtime.packed.eval_archives import eval_lines, is_eval
from hermes_tui.runtime.packed.zip_members import Archive, opened, opened_at, unpacked
from hermes_tui.runtime.sources import MEMBER_MARK
from hermes_tui.runtime.transcript_names import may_be_transcript

MAX_LISTED = 8


def transcript_members(path: Path) -> list[str]:
    """Return the members of an archive that are files of their own; none of an Inspect log."""
    with opened_at(path, str(path)) as archive:
        return [] if is_eval(archive) else transcripts(archive)


def transcripts(archive: Archive) -> list[str]:
    """Return the names of the members that may be transcripts, in their order."""
    return sorted(name for name, member in archive.members.items() if _is_transcript(member))


def choice(path: str, names: Sequence[str]) -> str:
    """Return how one of several members of an archive is named, and what they are called."""
    example = shlex.quote(visible_row(f"{path}{MEMBER_MARK}{names[0]}"))
    return f"choose one, as in {example}; it {_named(names)}"


def archive_bytes(label: str, opener: Callable[[], IO[bytes]], member: str = "") -> Iterator[bytes]:
    """Yield what an archive holds: of an `.eval` a line a sample, else the bytes of one member.

    `member` empty: the only transcript. Raises SourceError.
    """
    with opened(label, opener) as archive:
        yield from _bytes_of(archive, member)


def archive_file_bytes(path: Path, member: str = "", *, label: str = "") -> Iterator[bytes]:
    """Yield what the archive of a path holds, as `archive_bytes`; messages call it `label`."""
    with opened_at(path, label or str(path)) as archive:
        yield from _bytes_of(archive, member, str(path))


def _bytes_of(archive: Archive, member: str, path: str = "") -> Iterator[bytes]:
    if not member and is_eval(archive):
        yield from eval_lines(archive)
        return
    member = member or _only_transcript(archive, path)
    if member not in archive.members:
        names = transcripts(archive)
        raise SourceError(archive.label, "no such member in this archive", _named(names))
    yield from unpacked(archive, member)


def _only_transcript(archive: Archive, path: str) -> str:
    """Return the only transcript; `path` is where the archive is, if it is a file of its own."""
    found = transcripts(archive)
    if len(found) == 1:
        return found[0]
    if not found:
        names = visible_row(", ".join(list(archive.members)[:MAX_LISTED])) or "nothing"
        raise NoTranscript(archive.label, "a zip archive with no transcript in it", f"has {names}")
    hint = choice(path, found) if path else f"save it to a file and {choice('FILE.zip', found)}"
    raise SourceError(archive.label, several(found), hint)


def several(names: Sequence[str]) -> str:
    """Return what an archive of several transcripts is called."""
    return f"a zip archive of {len(names):,} transcripts"


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_LISTED:,} more" if len(names) > MAX_LISTED else ""
    return visible_row("has " + (", ".join(names[:MAX_LISTED]) + more or "no transcript"))


def _is_transcript(member: zipfile.ZipInfo) -> bool:
    folder, _, name = member.filename.rpartition("/")
    return may_be_transcript(name) and not folder.startswith("__MACOSX")
