"""What of a folder may be a transcript."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.sources import MEMBER_MARK
from hermes_tui.runtime.transcript_names import ARCHIVE_SUFFIX, may_be_transcript

WALKED_SUFFIXES = (".db", ".parquet", ARCHIVE_SUFFIX)
"""What folders are walked for, besides the usual names of transcripts."""
TOLD_EVERY = 1_000
Tell = Callable[[int], None]


def is_so(asked: Callable[[], bool]) -> bool:
    """Return what is so of a path; False where that cannot be found out: opening it says why."""
    try:
        return asked()
    except OSError:
        return False


def files_in(folder: Path, tell: Tell) -> list[Path]:
    """Return, in the order of their paths, the files below a folder that may be transcripts.

    A folder that cannot be looked into is among them: opening it says why. `tell` is called now and
    then with the number found so far.
    """
    found: list[Path] = []
    for path in _walk(folder):
        found.append(path)
        if len(found) % TOLD_EVERY == 0:
            tell(len(found))
    return found


def _walk(folder: Path) -> Iterator[Path]:
    todo = [f"{folder}{os.sep}"]
    while todo:
        path = todo.pop()
        if path[-1:] != os.sep:
            yield from members(Path(path))
            continue
        try:
            with os.scandir(path) as entries:
                todo += sorted(filter(None, map(_wanted, entries)), key=_by_name, reverse=True)
        except OSError:
            yield Path(path)


def members(path: Path) -> list[Path]:
    """Return the transcripts in an archive of several, or the file itself."""
    if not path.name.lower().endswith(ARCHIVE_SUFFIX):
        return [path]
    from hermes_tui.runtime.archives import transcript_members

    try:
        names = transcript_members(path)
    except (SourceError, OSError):
        # Opening it will say why.
        return [path]
    return [Path(f"{path}{MEMBER_MARK}{name}") for name in names] if len(names) > 1 else [path]


def _wanted(entry: os.DirEntry[str]) -> str:
    """Return the path of what is to be looked at, that of a folder with a separator behind it."""
    if entry.name.startswith("."):
        return ""
    if entry.is_dir(follow_symlinks=False):
        return entry.path + os.sep
    is_link_to_folder = entry.is_symlink() and is_so(entry.is_dir)
    wanted = may_be_transcript(entry.name, WALKED_SUFFIXES) and not is_link_to_folder
    return entry.path if wanted else ""


def _by_name(path: str) -> str:
    return path.rstrip(os.sep)
