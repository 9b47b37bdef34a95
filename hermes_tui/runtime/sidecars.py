"""Sidecars: small files next to a transcript that its format names and that add to it."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

from hermes_tui.formats.base import Format
from hermes_tui.formats.json_text.json_values import load
from hermes_tui.formats.traits import traits_of
from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.file_stamps import Stamp, stamp_of
from hermes_tui.runtime.numbered_files import RUN_FOLDERS, holds_one_run
from hermes_tui.runtime.remote import Place, RemotePath
from hermes_tui.runtime.sources import is_archive, split_member
from hermes_tui.runtime.transcript_names import PACKED_SUFFIXES

P = TypeVar("P", bound=Place)

MAX_SIDECAR = 64 << 20
"""The largest sidecar in bytes; a larger file does not describe a transcript."""
SIDECARS = {
    "metadata.json": "results.jsonl",
    "results.json": "simulations",
    "result.json": "agent/trajectory.json",
    "base_state.json": "events",
    "agent.json": "messages",
    "session.json": "multi_agents/",
    "agno_sessions.json": "agno_runs.json",
    "event_cache/": "events",
    "chunks/": "scheduled-loops.json",
    "generations/": "scheduled-loops.json",
}
"""The names of sidecars, each with the file or folder next to which it is one.

A name that ends with a separator is a folder's. As a value it also fits an empty folder; any other
folder has to contain the files of a run."""


def says_more(name: str, is_there: Callable[[str], bool]) -> bool:
    """Return whether a file named as in `SIDECARS` only adds to others and is read with them.

    `is_there` returns whether a file, or a folder with files, of the given name is next to it.
    """
    return any(is_there(f"{SIDECARS[name]}{packed}") for packed in ("", *PACKED_SUFFIXES))


def without_sidecars(paths: Sequence[P]) -> Sequence[P]:
    """Return `paths` without the sidecars of others among them."""
    # The members of an archive are listed without sidecars.
    known = [p for p in paths if p.name in SIDECARS and split_member(p) is None]
    if not known:
        return paths
    files = {*paths}
    present = {*paths, *(path.parent for path in paths)}
    hidden = {p for p in known if says_more(p.name, partial(_is_next_to, files, present, p))}
    return [path for path in paths if path not in hidden]


def _is_next_to(files: Container[Place], present: Container[Place], path: Place, name: str) -> bool:
    neighbour = path.parent / name
    if name not in RUN_FOLDERS:
        return neighbour in present
    # The run folders of an object store are among the files by now.
    is_run = holds_one_run(neighbour) if isinstance(neighbour, Path) else neighbour in files
    return is_run and neighbour in present


def read_sidecars(found: Format, path: Place | None) -> Mapping[str, Any]:
    """Return the JSON values of the sidecars that the format names for the transcript at `path`.

    The value of a sidecar that cannot be read is a text with the reason.
    """
    names = traits_of(found).sidecars
    if path is None or not names:
        return {}
    if (member := _archive_member(path)) is not None:
        return _values_in_archive(*member, names, stamp_of(member[0]))
    values = {}
    for name in names:
        sidecar = _sidecar_path(path, name)
        try:
            state = sidecar.stat()
        except OSError:
            continue
        values[name] = _read_value(sidecar, state.st_mtime, state.st_size)
    return values


def _archive_member(path: Place) -> tuple[Path, str] | None:
    """Return the archive and the member of a transcript; the member is empty if it is the only one.

    Returns None for any other file.
    """
    if isinstance(path, RemotePath):
        return None
    return split_member(path) or ((path, "") if is_archive(path) else None)


@lru_cache(maxsize=4)
def _values_in_archive(
    archive: Path, member: str, names: tuple[str, ...], stamp: Stamp | None
) -> Mapping[str, Any]:
    from hermes_tui.runtime.packed.archives import sidecar_members

    try:
        found = sidecar_members(archive, member, names, MAX_SIDECAR)
    except (SourceError, OSError):
        # Opening the transcript reports it.
        return {}
    return {
        name: f"cannot be read: {data}" if isinstance(data, SourceError) else _value_of(data)
        for name, data in found.items()
    }


def _sidecar_path(path: Place, name: str) -> Place:
    """Return the path of a sidecar; `..` is the parent folder, also in a URL."""
    sidecar: Place = path.parent
    for part in name.split("/"):
        sidecar = sidecar.parent if part == ".." else sidecar / part
    return sidecar


@lru_cache(maxsize=4)
def _read_value(path: Place, mtime_s: float, size: int) -> Any:
    """Read a sidecar; cached while unchanged, since the files of a folder share it."""
    if size > MAX_SIDECAR:
        return _too_large(size)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIDECAR)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    except SourceError as error:
        return f"cannot be read: {error}"
    return _value_of(data)


def _too_large(size: int) -> str:
    return f"cannot be read: {size:,} bytes are too many"


def _value_of(data: bytes) -> Any:
    if len(data) > MAX_SIDECAR:
        return _too_large(len(data))
    loaded = load(data.strip())
    if loaded.values:
        return loaded.values[0]
    return f"cannot be read: {loaded.problems[0].message if loaded.problems else 'it is empty'}"
