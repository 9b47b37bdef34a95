"""Folders of the numbered files of one run in an object store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.folder_source import numbered_lines
from hermes_tui.runtime.numbered_files import split_numbered
from hermes_tui.runtime.remote import RemoteFolder, RemotePath, remote_bytes
from hermes_tui.runtime.transcript_names import natural_key

FETCHED_TOGETHER = 64
"""How many files are requested at a time: each request takes some hundredths of a second."""


def with_remote_run_folders(paths: Sequence[RemotePath]) -> list[RemotePath]:
    """Return paths with the files of a run replaced by their folder."""
    by_folder: dict[RemotePath, list[str]] = {}
    for path in paths:
        by_folder.setdefault(path.parent, []).append(path.name)
    found: list[RemotePath] = []
    for folder, names in by_folder.items():
        numbered, others = split_numbered(folder.url, names)
        found += [folder] if numbered else []
        found += [folder / name for name in others]
    return sorted(found, key=lambda path: natural_key(path.url))


def run_folder_bytes(path: RemotePath) -> Iterator[bytes]:
    """Yield a line for each file of a run, or the bytes of a file if the path is that of a file.

    Raises SourceError.
    """
    folder = RemoteFolder(path)
    try:
        files = split_numbered(path.url, folder.names())[0]
    except SourceError:
        # A server may not list what it delivers.
        files = []
    if not files:
        yield from remote_bytes(path)
        return
    names = [file.name for file in files]
    fetched: dict[str, bytes | SourceError] = {}

    def read(name: str) -> bytes:
        if name not in fetched:
            at = names.index(name)
            fetched.update(folder.contents(names[at : at + FETCHED_TOGETHER]))
        content = fetched.pop(name)
        if isinstance(content, SourceError):
            raise content
        return content

    yield from numbered_lines(str(path), files, read)
