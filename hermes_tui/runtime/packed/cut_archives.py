"""Zip archives that were cut off before their directory: rebuild it from the members' own headers.

    local header = signature, version, flags, method, time, date, CRC, packed size, size,
                   lengths of name and extra field, name, extra field; then the packed bytes

Only whole members that directly follow one another count, so that none can overlap. A member whose
size is stored after it, or needs 64 bits, ends the search.
"""

from __future__ import annotations

import io
import struct
from typing import IO, Any, NamedTuple

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_SIZES_AFTER_DATA = 0x8
_ZIP64_MARK = 0xFFFFFFFF


class Rebuilt(NamedTuple):
    """The whole members at the beginning of a cut archive: names, end offset, and a directory."""

    names: tuple[bytes, ...]
    end: int
    directory: bytes


def rebuilt(file: IO[bytes]) -> Rebuilt:
    """Return the whole members at the beginning of a file, and a directory of them."""
    size = file.seek(0, io.SEEK_END)
    names: list[bytes] = []
    entries: list[bytes] = []
    at = 0
    while at < _ZIP64_MARK:
        file.seek(at)
        head = file.read(_LOCAL.size)
        if len(head) < _LOCAL.size:
            break
        signature, version, *fields, name_length, extra_length = _LOCAL.unpack(head)
        flags, packed, unpacked = fields[0], fields[5], fields[6]
        name = file.read(name_length)
        end = at + _LOCAL.size + name_length + extra_length + packed
        if signature != b"PK\3\4" or end > size or flags & _SIZES_AFTER_DATA:
            break
        if _ZIP64_MARK in (packed, unpacked):
            break
        rest = (name_length, 0, 0, 0, 0, 0, at)
        entries.append(_CENTRAL.pack(b"PK\1\2", version, version, *fields, *rest) + name)
        names.append(name)
        at = end
    listed = b"".join(entries)
    number = len(entries) & 0xFFFF
    closing = _END.pack(b"PK\5\6", 0, 0, number, number, len(listed), at, 0)
    return Rebuilt(tuple(names), at, listed + closing)


class WithDirectory(io.RawIOBase):
    """The beginning of a file, followed by another end."""

    def __init__(self, file: IO[bytes], length: int, end: bytes, *, closes: bool) -> None:
        """`closes`: closing this object also closes the file."""
        super().__init__()
        self._file = file
        self._length = length
        self._end = end
        self._closes = closes
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length + len(self._end)}
        self._at = max(0, base[whence] + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        if self._at < self._length:
            self._file.seek(self._at)
            data = self._file.read(min(len(view), self._length - self._at))
        else:
            start = self._at - self._length
            data = self._end[start : start + len(view)]
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        if self._closes:
            self._file.close()
        super().close()
