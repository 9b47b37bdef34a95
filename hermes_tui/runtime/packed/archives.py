"""Transcripts in zip and tar archives, read as a stream.

An Inspect `.eval` archive becomes JSON lines (`eval_archives.py`). In any other archive, the
members that look like transcripts are files with the path `archive.zip!member`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from posixpath import basename, dirname, join, normpath
from typing import IO, NamedTuple, TypeGuard

from hermes_tui.model.errors import NoTranscript, SourceError
from hermes_tui.model.visible import visible_row
from hermes_tui.model.wording import counted
from hermes_tui.runtime.folder_source import numbered_lines
from hermes_tui.runtime.numbered_files import RUN_FOLDERS, Numbered, split_numbered
from hermes_tui.runtime.packed import tar_members, zip_members
from hermes_tui.runtime.packed.archive import MAX_LISTED, Archive, is_transcript_member
from hermes_tui.runtime.packed.eval_archives import eval_lines, is_eval
from hermes_tui.runtime.packed.zip_members import ZipArchive
from hermes_tui.runtime.sidecars import SIDECARS, says_more
from hermes_tui.runtime.sources import MEMBER_MARK, open_readable
from hermes_tui.runtime.transcript_names import natural_key

_ZIP_MAGIC = b"PK"
_PICKLE = "data.pkl"
_AS_LINES = (
    "write the samples of slime as JSON lines: python -c 'import json, torch; "
    '[print(json.dumps(s, default=str)) for s in torch.load("FILE", weights_only=True)["samples"]]'
    "'"
)
_SESSION_FILE = "session.json"
"""The file of a Strands Agents session, in a folder above all its runs."""


class Listing(NamedTuple):
    """The kind of an archive, and the members that may be transcripts; `is_damaged`: of several."""

    kind: str
    names: list[str]
    is_damaged: bool = False


def transcript_members(path: Path, tell: Callable[[int], None] = lambda found: None) -> Listing:
    """Return the members of an archive that are separate files; none for an Inspect log.

    `tell` is called now and then with the number found so far, if that takes long.
    """
    with _opened_at(path, str(path), tell) as archive:
        names = [] if _is_eval(archive) else transcripts(archive)
        return Listing(archive.kind, names, archive.damage is not None)


def _opened_at(
    path: Path, label: str, tell: Callable[[int], None] = lambda found: None
) -> AbstractContextManager[Archive]:
    with os.fdopen(open_readable(path), "rb") as file:
        is_zip = file.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC
    if is_zip:
        return zip_members.opened_at(path, label)
    return tar_members.opened_at(path, label, tell)


@contextmanager
def opened(label: str, opener: Callable[[], IO[bytes]]) -> Iterator[Archive]:
    """Open an archive that is not compressed. Raises SourceError."""
    with opener() as file:
        file.seek(0)
        is_zip = file.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC
        opened_file = zip_members.opened if is_zip else tar_members.opened
        with opened_file(label, lambda: file) as archive:
            yield archive


def _is_eval(archive: Archive) -> TypeGuard[ZipArchive]:
    return isinstance(archive, ZipArchive) and is_eval(archive)


def transcripts(archive: Archive) -> list[str]:
    """Return the names of the members that may be transcripts, sorted.

    If the files of a folder make up one run, the folder is listed instead of them.
    """
    names = [name for name in archive.members if is_transcript_member(name)]
    by_folder: dict[str, list[str]] = {}
    for name in names:
        folder, _, file = name.rpartition("/")
        by_folder.setdefault(folder, []).append(file)
    runs = {folder for folder, files in by_folder.items() if split_numbered(folder, files)[0]}
    present = {*names, *_with_parents(by_folder)}
    if runs:
        names = _without_files_of_runs(by_folder, runs)
    found = runs | {name for name in names if not _is_sidecar(name, present, runs)}
    return sorted(found, key=natural_key)


def _with_parents(folders: Iterable[str]) -> set[str]:
    """Return folders and those above them."""
    found: set[str] = set()
    for folder in folders:
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _without_files_of_runs(by_folder: Mapping[str, list[str]], runs: set[str]) -> list[str]:
    """Return the names of members that do not belong to a run that is a folder."""
    others = (
        f"{folder}/{file}" if folder else file
        for folder, files in by_folder.items()
        for file in split_numbered(folder, files)[1]
    )
    return [name for name in others if not _belongs_to_run(name, runs)]


def _belongs_to_run(name: str, runs: set[str]) -> bool:
    """Return whether a file belongs to a run that is a folder without being one of its files."""
    folder, _, file = name.rpartition("/")
    parent, _, folder_name = folder.rpartition("/")
    for sidecar, where in ((file, folder), (f"{folder_name}/", parent)):
        if f"{where}/{SIDECARS.get(sidecar)}".lstrip("/") in runs:
            return True
    return file == _SESSION_FILE and any(run.startswith(f"{folder}/".lstrip("/")) for run in runs)


def _is_sidecar(name: str, present: set[str], runs: set[str]) -> bool:
    """Return whether a member, or a folder that it is in, only adds to others.

    `present` are the files and their folders.
    """
    key = basename(name)
    while name.strip("/"):
        if key in SIDECARS and says_more(key, partial(_is_next_to, name, present, runs)):
            return True
        name = dirname(name)
        key = f"{basename(name)}/"
    return False


def _is_next_to(name: str, present: set[str], runs: set[str], neighbour: str) -> bool:
    return _next_to(name, neighbour) in (runs if neighbour in RUN_FOLDERS else present)


def _next_to(name: str, neighbour: str) -> str:
    """Return the name of a member from its path relative to the folder of another one."""
    return normpath(join(dirname(name), neighbour))


def sidecar_members(
    path: Path, member: str, names: Iterable[str], most: int
) -> dict[str, bytes | SourceError]:
    """Return the bytes of sidecars by name, or why one cannot be read. Raises SourceError.

    Missing ones are left out; of each, `most` + 1 bytes are read at most. `member` is the
    transcript next to which they are; empty: the only one.
    """
    found: dict[str, bytes | SourceError] = {}
    with _opened_at(path, str(path)) as archive:
        transcript = member or _only_transcript(archive, str(path))
        for name in names:
            sidecar = _next_to(transcript, name)
            if sidecar in archive.members:
                found[name] = _bounded(archive, sidecar, most)
    return found


def _bounded(archive: Archive, name: str, most: int) -> bytes | SourceError:
    data = b""
    try:
        for piece in archive.unpacked(name):
            data += piece
            if len(data) > most:
                break
    except SourceError as error:
        return error
    return data


def choice(path: str, names: Sequence[str]) -> str:
    """Return a hint on how to choose one of several members of an archive, with their names."""
    example = shlex.quote(visible_row(f"{path}{MEMBER_MARK}{names[0]}"))
    return f"choose one, as in {example}; it {_listing(names)}"


def archive_bytes(label: str, opener: Callable[[], IO[bytes]], member: str = "") -> Iterator[bytes]:
    """Yield the content of an archive: for `.eval` one line per sample, else a member's bytes.

    `member` empty: the only transcript. Raises SourceError.
    """
    with opened(label, opener) as archive:
        yield from _bytes_of(archive, member)


def archive_file_bytes(path: Path, member: str = "", *, label: str = "") -> Iterator[bytes]:
    """Yield the content of the archive at a path, as `archive_bytes`; `label` is for messages."""
    with _opened_at(path, label or str(path)) as archive:
        yield from _bytes_of(archive, member, str(path))


def _bytes_of(archive: Archive, member: str, path: str = "") -> Iterator[bytes]:
    if not member and _is_eval(archive):
        yield from eval_lines(archive)
        return
    if not member:
        member = _only_transcript(archive, path)
        yield from _bytes_of(archive, member, path)
        if archive.damage is not None:
            raise archive.damage
        return
    if files := _files_of_run(archive, member):
        yield from numbered_lines(
            archive.label, files, lambda name: b"".join(archive.unpacked(f"{member}/{name}"))
        )
        return
    try:
        yield from archive.unpacked(member)
    except KeyError:
        names = transcripts(archive)
        message = "no such member in this archive"
        raise SourceError(archive.label, message, _listing(names)) from None


def _files_of_run(archive: Archive, folder: str) -> list[Numbered]:
    """Return the files of a folder of an archive that is one run; none if it is not a run."""
    if folder.rpartition("/")[2] not in RUN_FOLDERS:
        return []
    inside = [name for name in archive.members if name.rpartition("/")[0] == folder]
    return split_numbered(folder, [name.rpartition("/")[2] for name in inside])[0]


def _only_transcript(archive: Archive, path: str) -> str:
    """Return the name of the only transcript. Raises SourceError if there is not exactly one.

    `path` is that of the archive if it is a file, for the hint.
    """
    found = transcripts(archive)
    if len(found) == 1:
        return found[0]
    if archive.damage is not None:
        raise _with_count(archive.damage, found)
    if any(basename(name) == _PICKLE for name in archive.members):
        raise NoTranscript(archive.label, "saved by torch.save: opening it may run code", _AS_LINES)
    if not found:
        names = visible_row(", ".join(archive.some_names)) or "nothing"
        what = f"a {archive.kind} archive with no transcript in it"
        raise NoTranscript(archive.label, what, f"has {names}")
    hint = (
        choice(path, found)
        if path
        else f"save it to a file and {choice(f'FILE.{archive.kind}', found)}"
    )
    raise SourceError(archive.label, several(archive.kind, found), hint)


def _with_count(damage: SourceError, found: Sequence[str]) -> SourceError:
    """Return the error for a damaged archive with the number of its readable transcripts."""
    message = damage.message.removeprefix(f"{damage.path}: ")
    readable = f"; it has {counted(len(found), 'transcript')} before that" if found else ""
    return SourceError(damage.path, f"{message}{readable}", damage.hint)


def several(kind: str, names: Sequence[str]) -> str:
    """Return how messages describe an archive of several transcripts."""
    return f"a {kind} archive of {len(names):,} transcripts"


def _listing(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_LISTED:,} more" if len(names) > MAX_LISTED else ""
    return visible_row("has " + (", ".join(names[:MAX_LISTED]) + more or "no transcript"))
