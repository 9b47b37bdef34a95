"""Finds the files below a folder that may be transcripts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.numbered_files import RUN_FOLDERS, holds_one_run, split_numbered
from hermes_tui.runtime.path_list import PathList
from hermes_tui.runtime.sidecars import SIDECARS, says_more
from hermes_tui.runtime.sources import MEMBER_MARK, is_archive, takes_long_to_list
from hermes_tui.runtime.transcript_names import (
    ARCHIVE_SUFFIXES,
    is_archive_name,
    may_be_transcript,
    natural_key,
)

WALKED_SUFFIXES = (".db", ".parquet", ".arrow", *ARCHIVE_SUFFIXES)
"""Suffixes that are looked for in folders in addition to the usual names of transcripts."""
PROGRESS_EVERY = 1_000
Tell = Callable[[int], None]


def false_on_oserror(question: Callable[[], bool]) -> bool:
    """Return the answer of a question about a path, False if it raises OSError.

    Opening the path will report the error.
    """
    try:
        return question()
    except OSError:
        return False


def files_in(folder: Path, tell: Tell = lambda found: None) -> PathList:
    """Return the files below a folder that may be transcripts, in the order of their paths.

    Sidecars, which only add to other files, are left out, and so are links to a file of the same
    folder. The numbered files of one run are listed as their folder. A folder that cannot be read
    is listed, too: opening it will report why. `tell` is called now and then with the number of
    files found so far.
    """
    text = str(folder)
    top = "" if text == os.curdir else os.path.join(text, "")  # noqa: PTH118
    # A folder of the files of one run is listed itself, so the paths begin with its parent.
    found = PathList(top.removesuffix(folder.name + os.sep) if holds_one_run(folder) else top)
    for parent, name in _walk(top, found.links):
        if is_archive_name(name):
            path = Path(parent + name)
            for member in _members_found(path, lambda more: tell(len(found) + more)):
                found.add(parent, str(member).removeprefix(parent))
        else:
            found.add(parent, name)
        if len(found) % PROGRESS_EVERY == 0:
            tell(len(found))
    return found


def _walk(top: str, links: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the folder and the name of each file; the name of an unreadable folder is empty.

    Add the paths of those that are links to `links`.
    """
    todo = [("", [top])]
    while todo:
        parent, names = todo[-1]
        if not names:
            todo.pop()
            continue
        name = names.pop()
        if name and name[-1] != os.sep:
            yield parent, name
            continue
        try:
            names = _names_to_visit(parent + name, links)
        except OSError:
            yield parent + name, ""
            continue
        folder_name = (parent + name)[:-1].rpartition(os.sep)[2]
        files, names = split_numbered(parent + name, names)
        if files:
            yield (parent + name)[: -len(folder_name) - 1], folder_name
        todo.append((parent + name, names))


def _names_to_visit(folder: str, links: list[str] | None = None) -> list[str]:
    """Return the names to visit in a folder in reverse order; folders end with a separator.

    Add the paths of those that are links to files to `links`.
    """
    names: list[str] = []
    neighbours: dict[str, str] = {}
    with os.scandir(folder or os.curdir) as entries:
        for entry in entries:
            if not (name := _name_to_visit(entry)):
                continue
            names.append(name)
            if entry.is_symlink() and false_on_oserror(entry.is_file):
                neighbours[name] = _neighbour_of(entry)

    def is_there(name: str) -> bool:
        if "/" in name[:-1]:
            return (Path(folder) / name).is_file()
        holds = _holds_one_run if name in RUN_FOLDERS else _holds_files
        return name in names or (name + os.sep in names and holds(folder + name + os.sep))

    for sidecar in SIDECARS.keys() & names:
        if says_more(sidecar, is_there):
            names.remove(sidecar)
    if neighbours:
        there = {*names}
        names = [name for name in names if neighbours.get(name) not in there]
        if links is not None:
            links += [folder + name for name in names if name in neighbours]
    names.sort(key=_sort_key, reverse=True)
    return names


def _holds_one_run(folder: str) -> bool:
    return holds_one_run(Path(folder))


def _holds_files(folder: str) -> bool:
    try:
        return any(name[-1] != os.sep for name in _names_to_visit(folder))
    except OSError:
        return True


def members(path: Path, tell: Tell = lambda found: None) -> list[Path]:
    """Return the transcripts in an archive if it holds several, else the file itself.

    A damaged archive is listed after its transcripts: opening it will say what is missing.
    """
    if not is_archive(path):
        return [path]
    from hermes_tui.runtime.packed.archives import transcript_members

    try:
        listing = transcript_members(path, tell)
    except (SourceError, OSError):
        # Opening it will say why.
        return [path]
    if len(listing.names) < 2:
        return [path]
    found = [Path(f"{path}{MEMBER_MARK}{name}") for name in listing.names]
    return [*found, path] if listing.is_damaged else found


def _members_found(path: Path, tell: Tell) -> list[Path]:
    """Return the members of an archive that was not named.

    One that is not searched is listed as if it had a member without a name: opening that reports
    it.
    """
    return [Path(f"{path}{MEMBER_MARK}")] if takes_long_to_list(path) else members(path, tell)


def _name_to_visit(entry: os.DirEntry[str]) -> str:
    """Return the name of an entry, with a separator after a folder's; empty to pass it over."""
    name = entry.name
    if name.startswith("."):
        return ""
    if entry.is_dir(follow_symlinks=False):
        return name + os.sep
    if not may_be_transcript(name, WALKED_SUFFIXES):
        return ""
    is_link_to_folder = entry.is_symlink() and false_on_oserror(entry.is_dir)
    return "" if is_link_to_folder else name


def _neighbour_of(entry: os.DirEntry[str]) -> str:
    """Return the name of the file that a link leads to; empty if it is not in the same folder."""
    folder, _, name = os.readlink(entry).rpartition("/")  # noqa: PTH115
    return name if folder in ("", os.curdir) else ""


def _sort_key(name: str) -> tuple[str, str]:
    return natural_key(name.rstrip(os.sep))
