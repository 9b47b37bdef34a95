"""The entries of a tar archive, read one after the other in bounded memory.

    archive = { { extended } header data } end    headers are blocks of 512 bytes, data fills blocks
    header = name 100, modes 24, size 12, time 12, sum 8, type 1, link 100, magic 8,
             owners 80, prefix of the name 155, padding
    extended = header data                        a long name, or PAX records, for the next header
    end = a block of zeros

The reader of the standard library ends at a damaged header without an error, and keeps in memory
every header, and extended headers and maps of sparse files of any size.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from hermes_tui.runtime.packed.unpacking import TAR_BLOCK, has_header_sum

MAX_EXTENDED: Final = 1 << 20
"""The largest extended header in bytes; they hold names and attributes of one file."""
SPARSE: Final = "is stored with holes, as a sparse file"
_LENGTH_DIGITS: Final = 20
_END: Final = bytes(TAR_BLOCK)
_FILES: Final = frozenset(b"0\x007S")
_HARD_LINK, _SYMBOLIC_LINK = b"12"
_SPARSE_FILE: Final = ord("S")
_WITHOUT_DATA: Final = frozenset(b"123456")
"""Links, devices, folders and pipes, regardless of the size in their header."""
_PAX: Final = frozenset(b"xX")
_PAX_GLOBAL: Final = ord("g")
_LONG_NAMES: Final = {ord("L"): b"path", ord("K"): b"linkpath"}
_POSIX: Final = b"ustar\0"
_SPARSE_NAME: Final = b"GNU.sparse.name"
_SPARSE_KEYWORDS: Final = frozenset({_SPARSE_NAME, b"GNU.sparse.major", b"GNU.sparse.size"})
"""A sparse file has at least one of these, in every version of the format."""
_KEYWORDS: Final = frozenset({b"path", b"linkpath", b"size", *_SPARSE_KEYWORDS})


class TarDamage(Exception):
    """No more entries can be read. The message is the reason."""


class EntryKind(enum.Enum):
    """What an entry of an archive is."""

    FILE = enum.auto()
    HARD_LINK = enum.auto()
    SYMBOLIC_LINK = enum.auto()
    OTHER = enum.auto()


class Entry(NamedTuple):
    """An entry of an archive, whose data of `size` bytes follows.

    `link` is the name that a link points to. `problem` is why the data is not that of the file.
    """

    name: str
    kind: EntryKind
    size: int
    link: str = ""
    problem: str = ""


class _Header(NamedTuple):
    """The fields of a header that matter; the type is that of the format."""

    name: bytes
    type: int
    size: int
    link: bytes


class Store(Protocol):
    """Bytes that can be read anywhere."""

    @property
    def size(self) -> int: ...

    def read(self, start: int, length: int) -> bytes: ...


class Blocks(Protocol):
    """The bytes of an archive, which are read forwards only."""

    position: int

    def read(self, length: int) -> bytes:
        """Return the next bytes: fewer than `length` only at the end."""
        ...

    def skip_to(self, position: int) -> None:
        """Go forwards to a position, or to the end if that is before it."""
        ...


class FileBlocks:
    """The bytes of an archive in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.position = 0

    def read(self, length: int) -> bytes:
        data = self._store.read(self.position, length)
        self.position += len(data)
        return data

    def skip_to(self, position: int) -> None:
        self.position = min(position, self._store.size)


class StreamBlocks:
    """The bytes of an archive that arrive in pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = b""
        self._used = 0
        self.position = 0

    def read(self, length: int) -> bytes:
        found: list[bytes] = []
        while length and self._has_more():
            data = self._piece[self._used : self._used + length]
            found.append(data)
            self._advance(len(data))
            length -= len(data)
        return found[0] if len(found) == 1 else b"".join(found)

    def skip_to(self, position: int) -> None:
        while self.position < position and self._has_more():
            self._advance(min(position - self.position, len(self._piece) - self._used))

    def _has_more(self) -> bool:
        while self._used == len(self._piece):
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._piece, self._used = piece, 0
        return True

    def _advance(self, length: int) -> None:
        self._used += length
        self.position += length


def entries(blocks: Blocks) -> Iterator[Entry]:
    """Yield the entries of an archive; meanwhile `blocks` are at the beginning of its data.

    Raises TarDamage after the last entry that can be read, also if the end mark is missing.
    """
    values: dict[bytes, bytes] = {}
    while (header := _header(blocks)) is not None:
        begins = blocks.position
        is_extended = header.type in _LONG_NAMES or header.type in _PAX
        if is_extended:
            values |= _extended_values(blocks, header)
            ends = begins + header.size
        elif header.type == _PAX_GLOBAL:
            ends = begins + header.size
        else:
            entry = _entry(header, values)
            values = {}
            ends = blocks.position + entry.size
            yield entry
        blocks.skip_to(ends)
        if blocks.position < ends:
            raise TarDamage("it ends too early")
        blocks.skip_to(ends + -ends % TAR_BLOCK)


def _header(blocks: Blocks) -> _Header | None:
    """Return the next header, or None at the end mark."""
    place = blocks.position
    block = blocks.read(TAR_BLOCK)
    if len(block) < TAR_BLOCK:
        raise TarDamage("it ends too early" if block else "it ends before its end mark")
    if block == _END:
        return None
    size = _number(block[124:136])
    if size is None or not has_header_sum(block):
        raise TarDamage(f"no header of a member at byte {place:,}")
    name, kind = _until_nul(block[:100]), block[156]
    if block.startswith(_POSIX, 257) and (prefix := _until_nul(block[345:500])):
        name = prefix + b"/" + name
    if kind == _SPARSE_FILE:
        _skip_map(blocks, block)
    return _Header(name, kind, size, _until_nul(block[157:257]))


def _number(field: bytes) -> int | None:
    """Return a size: octal digits between blanks, or binary after a byte 128; None for others."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = _until_nul(field).strip(b" ")
    if digits.strip(b"01234567"):
        return None
    return int(digits or b"0", 8)


def _skip_map(blocks: Blocks, block: bytes) -> None:
    """Skip the blocks between the header of a sparse file and its data."""
    continues = block[482]
    while continues:
        block = blocks.read(TAR_BLOCK)
        if len(block) < TAR_BLOCK:
            raise TarDamage("it ends too early")
        continues = block[504]


def _extended_values(blocks: Blocks, header: _Header) -> dict[bytes, bytes]:
    """Return what an extended header says about the next entry, by the names of PAX records."""
    if header.size > MAX_EXTENDED:
        raise TarDamage(f"an extended header of {header.size:,} bytes")
    data = blocks.read(header.size)
    if header.type in _LONG_NAMES:
        return {_LONG_NAMES[header.type]: data}
    return dict(_pax_records(data))


def _pax_records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield keywords and values; a record is `length keyword=value newline`, length included."""
    at = 0
    while at < len(data):
        blank = data.find(b" ", at, at + _LENGTH_DIGITS)
        digits = data[at : max(at, blank)]
        end = at + int(digits) if digits.isdigit() else 0
        if not at < blank < end <= len(data):
            raise TarDamage("a damaged extended header")
        keyword, _, value = data[blank + 1 : end - 1].partition(b"=")
        if keyword in _KEYWORDS:
            yield keyword, value
        at = end


def _entry(header: _Header, values: dict[bytes, bytes]) -> Entry:
    """Return the entry of a header and of the extended headers before it."""
    name = values.get(_SPARSE_NAME, values.get(b"path", header.name))
    kind = _kind(header.type, name)
    has_holes = header.type == _SPARSE_FILE or not _SPARSE_KEYWORDS.isdisjoint(values)
    return Entry(
        _text(name),
        kind,
        0 if header.type in _WITHOUT_DATA else _size(header, values),
        _text(values.get(b"linkpath", header.link)),
        SPARSE if has_holes and kind is EntryKind.FILE else "",
    )


def _kind(header_type: int, name: bytes) -> EntryKind:
    if header_type == _HARD_LINK:
        return EntryKind.HARD_LINK
    if header_type == _SYMBOLIC_LINK:
        return EntryKind.SYMBOLIC_LINK
    # In the oldest format, a folder is a file whose name ends with a slash.
    is_file = header_type in _FILES and not name.endswith(b"/")
    return EntryKind.FILE if is_file else EntryKind.OTHER


def _size(header: _Header, values: dict[bytes, bytes]) -> int:
    digits = values.get(b"size")
    if digits is None:
        return header.size
    if not digits.isdigit() or len(digits) > _LENGTH_DIGITS:
        raise TarDamage("a damaged extended header")
    return int(digits)


def _text(name: bytes) -> str:
    return _until_nul(name).decode("utf-8", "surrogateescape")


def _until_nul(field: bytes) -> bytes:
    return field.partition(b"\0")[0]
