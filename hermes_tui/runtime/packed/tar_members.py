"""Tar archives read in place: an index of their members, and the bytes of those.

Nothing is ever extracted. Of a compressed archive, which can only be read from its beginning, the
members that may be transcripts are copied to one unnamed temporary file, as any compressed file is.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, Final, NamedTuple

from hermes_tui.model.errors import SourceError
from hermes_tui.model.visible import visible_row
from hermes_tui.runtime.file_stamps import Stamp, stamp_of
from hermes_tui.runtime.packed.archive import (
    MAX_LISTED,
    damaged,
    is_transcript_member,
    member_label,
)
from hermes_tui.runtime.packed.tar_headers import (
    Blocks,
    Entry,
    EntryKind,
    FileBlocks,
    Store,
    StreamBlocks,
    TarDamage,
    entries,
)
from hermes_tui.runtime.packed.unpacking import TAR_BLOCK, holds_tar, is_tar, unpacker
from hermes_tui.runtime.sources import FileSource
from hermes_tui.runtime.spools import CHUNK, TemporaryBytes

INDEXES_KEPT: Final = 8
"""How many archives have their index cached: their members are opened one by one."""
MAX_MEMBERS: Final = 1_000_000
"""The most members that are indexed; each takes about 300 bytes of memory."""
_KIND: Final = "tar"


class _Place(NamedTuple):
    """Where a member is in the store of its archive."""

    start: int
    size: int
    problem: str = ""
    """Why these bytes are not those of the file."""


@dataclass(slots=True, weakref_slot=True)
class TarIndex:
    """The selected members of an archive. `damage`: why there may be more; its hint; or None."""

    store: Store
    places: dict[str, _Place] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    """The targets of links that were not resolved."""
    others: list[str] = field(default_factory=list)
    """The first names of members that were not selected."""
    damage: tuple[str, str] | None = None
    cut_member: str | None = None
    """The member whose data ends too early."""


class TarArchive:
    """An open tar archive."""

    kind = _KIND

    def __init__(
        self, label: str, index: TarIndex, select: Callable[[Callable[[str], bool]], TarIndex]
    ) -> None:
        """`select` returns another index of the same archive, of the members it is given."""
        self.label = label
        self._index = index
        self._select = select

    @property
    def members(self) -> dict[str, _Place]:
        return self._index.places

    @property
    def some_names(self) -> list[str]:
        return [*self.members, *self._index.others][:MAX_LISTED]

    @property
    def damage(self) -> SourceError | None:
        damage = self._index.damage
        return SourceError(self.label, *damage) if damage is not None else None

    def unpacked(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a member in pieces, as `Archive.unpacked` does.

        What is there of a member that ends too early is yielded before the error is raised.
        """
        name = plain_name(name)
        index = self._index
        if name not in index.places and name not in index.links:
            index = self._select(lambda other: other == name)
            if not (index.places or index.links) and index.damage is not None:
                raise SourceError(self.label, *index.damage)
        yield from self._pieces(index, name)

    def _pieces(self, index: TarIndex, name: str) -> Iterator[bytes]:
        if name in index.links:
            target = visible_row(index.links[name])
            raise self._error(name, f"is a link to {target}", "name that file, if it is in here")
        place = index.places[name]
        if place.problem:
            raise self._error(name, place.problem, "unpack it with `tar -xf`")
        at, end = place.start, place.start + place.size
        while piece := index.store.read(at, min(CHUNK, end - at)):
            yield piece
            at += len(piece)
        if at < end:
            raise damaged(_KIND, self.label, "it became shorter")
        if name == index.cut_member and index.damage is not None:
            raise SourceError(self.label, *index.damage)

    def _error(self, name: str, what: str, hint: str) -> SourceError:
        return SourceError(self.label, f"{member_label(self.label, name) or 'it'} {what}", hint)


def plain_name(name: str) -> str:
    """Return the name of a member without what makes no difference, as a leading `./`."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return "/" * name.startswith("/") + "/".join(parts)


@contextmanager
def opened(label: str, opener: Callable[[], IO[bytes]]) -> Iterator[TarArchive]:
    """Open an archive that is not compressed. Its damage is part of its index."""
    with opener() as file:
        store = _SeekableStore(file)

        def select(is_selected: Callable[[str], bool]) -> TarIndex:
            return _Indexing(label, FileBlocks(store), store, is_selected).index()

        yield TarArchive(label, select(is_transcript_member), select)


@contextmanager
def opened_at(
    path: Path, label: str, tell: Callable[[int], None] = lambda found: None
) -> Iterator[TarArchive]:
    """Open the archive at a path, which is indexed only once. Raises SourceError.

    `tell` is called now and then with the number of members found so far.
    """
    with _LOCK:
        kept = _kept(path, stamp_of(path))
    yield TarArchive(label, kept.index(tell), lambda selected: _indexed(path, selected, tell))


class _KeptIndex:
    """The index of an archive, built when it is first needed; other threads wait for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._index: TarIndex | None = None

    def index(self, tell: Callable[[int], None]) -> TarIndex:
        with self._lock:
            if self._index is None:
                self._index = _indexed(self._path, is_transcript_member, tell)
            return self._index


_LOCK: Final = threading.Lock()


@lru_cache(maxsize=INDEXES_KEPT)
def _kept(path: Path, stamp: Stamp | None) -> _KeptIndex:
    return _KeptIndex(path)


def _indexed(
    path: Path, is_selected: Callable[[str], bool], tell: Callable[[int], None]
) -> TarIndex:
    """Index an archive. Its store is closed once nothing refers to the index any more."""
    file = FileSource(path)
    head = file.read(0, TAR_BLOCK)
    if is_tar(head):
        index = _Indexing(str(path), FileBlocks(file), file, is_selected, tell=tell).index()
        weakref.finalize(index, file.close)
        return index
    file.close()
    unpack = unpacker(head)
    if unpack is None or not holds_tar(path, unpack):
        raise SourceError(str(path), "not an archive that can be opened", "name the file alone")
    copy = TemporaryBytes(str(path))
    blocks = StreamBlocks(unpack(path))
    index = _Indexing(str(path), blocks, copy, is_selected, copy=copy, tell=tell).index()
    weakref.finalize(index, copy.close)
    return index


class _Indexing:
    """Builds an index. With `copy`, selected members are copied to it, since they are not seekable.

    `label` is the name of the archive in messages.
    """

    def __init__(
        self,
        label: str,
        blocks: Blocks,
        store: Store,
        is_selected: Callable[[str], bool],
        *,
        copy: TemporaryBytes | None = None,
        tell: Callable[[int], None] = lambda found: None,
    ) -> None:
        self._label = label
        self._blocks = blocks
        self._is_selected = is_selected
        self._copy = copy
        self._tell = tell
        self._index = TarIndex(store)

    def index(self) -> TarIndex:
        try:
            for entry in entries(self._blocks):
                self._add(entry._replace(name=plain_name(entry.name)))
                self._tell(len(self._index.places))
        except TarDamage as error:
            self._note(damaged(_KIND, self._label, str(error)))
        except SourceError as error:
            self._note(error)
        except (OSError, EOFError, ValueError) as error:
            self._note(damaged(_KIND, self._label, str(error)))
        return self._index

    def _note(self, error: SourceError) -> None:
        self._index.damage = error.message.removeprefix(f"{error.path}: "), error.hint

    def _add(self, entry: Entry) -> None:
        index = self._index
        if not self._is_selected(entry.name):
            if entry.name and len(index.others) < MAX_LISTED:
                index.others.append(entry.name)
            return
        if len(index.places) >= MAX_MEMBERS:
            raise SourceError(self._label, f"only its first {MAX_MEMBERS:,} transcripts are read")
        match entry.kind:
            case EntryKind.FILE:
                index.links.pop(entry.name, None)
                self._add_file(entry)
            case EntryKind.HARD_LINK | EntryKind.SYMBOLIC_LINK:
                self._add_link(entry)

    def _add_file(self, entry: Entry) -> None:
        index, copy = self._index, self._copy
        if copy is None:
            start = self._blocks.position
            self._place(entry, start, max(0, min(entry.size, index.store.size - start)))
            return
        start = copy.size
        try:
            left = entry.size
            while left and (piece := self._blocks.read(min(CHUNK, left))):
                copy.append(piece)
                left -= len(piece)
        finally:
            self._place(entry, start, copy.size - start)

    def _place(self, entry: Entry, start: int, size: int) -> None:
        self._index.places[entry.name] = _Place(start, size, entry.problem)
        if size < entry.size:
            self._index.cut_member = entry.name

    def _add_link(self, entry: Entry) -> None:
        index = self._index
        place = index.places.get(plain_name(entry.link))
        if entry.kind is EntryKind.HARD_LINK and place is not None:
            index.places[entry.name] = place
            return
        index.places.pop(entry.name, None)
        index.links[entry.name] = entry.link


class _SeekableStore:
    """A seekable file as a store."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = file.seek(0, 2)

    def read(self, start: int, length: int) -> bytes:
        self._file.seek(start)
        return self._file.read(length)
