"""Sources of bytes: plain files, growing files, and spools that a thread fills.

Spools are for standard input, compressed files, files that are not UTF-8, databases, and folders of
the files of one run. Files are read with `pread`, never mapped: reading a mapped file that has
shrunk kills the process.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from hermes_tui.model.errors import NoTranscript, SourceError
from hermes_tui.model.visible import visible_line
from hermes_tui.runtime.file_stamps import CHANGED, GONE, stamp_of, stamp_of_open
from hermes_tui.runtime.numbered_files import RUN_FOLDERS, holds_one_run
from hermes_tui.runtime.packed.transcoding import wide_encoding
from hermes_tui.runtime.packed.unpacking import (
    MAGIC_BYTES,
    STREAMS,
    TAR_BLOCK,
    file_bytes,
    holds_tar,
    may_begin_tar,
    unarchive,
    unpacker,
)
from hermes_tui.runtime.remote import Place, RemotePath, remote_bytes
from hermes_tui.runtime.spools import CHUNK, SpoolFile, SpoolSource

MAX_PACKED = 3
"""How deep compressed files may be nested: one may contain itself."""
MEMBER_MARK = "!"
"""Separates an archive's path from the name of its member."""
MAX_SEARCHED_BYTES = 256 << 20
"""The largest compressed archive in a folder that is searched: that takes some seconds."""
SQLITE_MAGIC = b"SQLite format 3\0"
CHECK_INTERVAL_S = 2.0
"""Seconds between two looks at a file that is not followed; it may be on a network drive."""
_WAIT_S = 0.05


class OpenSource(Protocol):
    """A `formats.base.Source` that can be refreshed and closed."""

    @property
    def size(self) -> int: ...

    @property
    def complete(self) -> bool: ...

    @property
    def failure(self) -> str:
        """What went wrong while the source was filled or read; empty if nothing did."""
        ...

    def read(self, start: int, length: int) -> bytes: ...

    def fileno(self) -> int:
        """Return the descriptor, for a process that reads the same bytes."""
        ...

    def refresh(self) -> bool:
        """Look for growth; return whether anything changed."""
        ...

    def close(self) -> None: ...


class FileSource:
    """A file on disk that is not expected to grow. `fd` is its descriptor if it is already open."""

    def __init__(self, path: Path, *, fd: int | None = None) -> None:
        self.path = path
        self.failure = ""
        self._fd = open_readable(path) if fd is None else fd
        self._stamp = stamp_of_open(self._fd)
        _, self._size, _ = self._stamp
        self._next_look = 0.0

    @property
    def size(self) -> int:
        return self._size

    @property
    def complete(self) -> bool:
        return True

    def read(self, start: int, length: int) -> bytes:
        pieces: list[bytes] = []
        while length > 0:
            try:
                piece = os.pread(self._fd, length, start)
            except OSError as error:
                self.failure = f"{self.path}: {error.strerror}"
                break
            if not piece:
                self._note_truncation(start)
                break
            pieces.append(piece)
            start += len(piece)
            length -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def fileno(self) -> int:
        return self._fd

    def _note_truncation(self, end: int) -> None:
        if end < self._size and not self.failure:
            self.failure = f"{self.path}: became shorter while open; open it again to see it"

    def refresh(self) -> bool:
        """Note as the failure, once, that the file has changed, or that it is gone for now."""
        now, before, gone = time.monotonic(), self.failure, f"{self.path}: {GONE}"
        if before not in ("", gone) or now < self._next_look:
            return False
        self._next_look = now + CHECK_INTERVAL_S
        stamp = stamp_of(self.path)
        changed = "" if stamp == self._stamp else f"{self.path}: {CHANGED}"
        self.failure = gone if stamp is None else changed
        return self.failure != before

    def close(self) -> None:
        # A late reader must not read from another file that gets the same descriptor.
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class RangeSource:
    """A local or remote file, read as if it ended at `end`."""

    complete = True

    def __init__(self, source: OpenSource, end: int) -> None:
        self._source = source
        self.size = end

    @property
    def failure(self) -> str:
        return self._source.failure

    def read(self, start: int, length: int) -> bytes:
        return self._source.read(start, max(0, min(length, self.size - start)))

    def fileno(self) -> int:
        return self._source.fileno()

    def refresh(self) -> bool:
        return False

    def close(self) -> None:
        self._source.close()


def open_readable(path: Path) -> int:
    """Return a descriptor for reading a regular file; raise SourceError with what to do next.

    For anything but a regular file, that is NoTranscript.
    """
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError as error:
        raise _dangling_link_error(path) or SourceError.of(path, error) from None
    except PermissionError:
        raise SourceError(
            str(path), "no permission to read it", "check its owner and mode"
        ) from None
    except OSError as error:
        if stat.S_ISSOCK(_mode(path)):
            raise _irregular_file_error(path) from None
        raise SourceError(str(path), error.strerror or str(error)) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _irregular_file_error(path)
    return fd


def _dangling_link_error(path: Path) -> SourceError | None:
    """Return the error for a symbolic link to a missing file; None if the path is no link."""
    try:
        to = visible_line(str(path.readlink()), 200)
    except OSError:
        return None
    hint = "fetch the file, as with `git annex get`, or remove the link"
    return SourceError(str(path), f"a link to {to}, and there is no such file", hint)


def _irregular_file_error(path: Path) -> NoTranscript:
    return NoTranscript(str(path), "not a regular file", "give a file, a folder or `-`")


def open_source(path: Place | None, *, follow: bool = False) -> OpenSource:
    """Open a path, or standard input if it is None; decompress it if needed.

    A remote file is fetched sequentially, as far as it is needed.
    """
    if isinstance(path, RemotePath):
        if path.name in RUN_FOLDERS:
            from hermes_tui.runtime.remote_run_folders import run_folder_bytes

            return _unpack(SpoolSource(str(path), lambda: run_folder_bytes(path)))
        return _unpack(SpoolSource(str(path), lambda: remote_bytes(path)))
    if path is None:
        if sys.stdin is None or sys.stdin.closed:
            raise SourceError("-", "standard input is closed", "pipe a transcript into it")
        # The terminal driver takes over descriptor 0 for keys, so the pipe needs a separate one.
        fd = os.dup(sys.stdin.fileno())
        return _unpack(SpoolSource("-", lambda: _read_fd(fd)))
    if (found := split_member(path)) is not None:
        return _unpack(_member_source(path, *found))
    if holds_one_run(path):
        from hermes_tui.runtime.folder_source import folder_source

        return folder_source(path, follow=follow)
    source = _growing(path) if follow else FileSource(path)
    head = source.read(0, TAR_BLOCK)
    if head.startswith(SQLITE_MAGIC):
        source.close()
        from hermes_tui.runtime.databases.export import export_lines

        return SpoolSource(str(path), lambda: export_lines(path))
    unpack, is_wide = unpacker(head), bool(wide_encoding(head))
    is_stream = unpack is not None and unpack in STREAMS and not holds_tar(path, unpack)
    if follow and (is_stream or is_wide):
        source.close()
        from hermes_tui.runtime.followed import followed

        return followed(path, unpack)
    if unpack is not None:
        source.close()
        return _unpack(SpoolSource(str(path), lambda: file_bytes(path, unpack)), MAX_PACKED - 1)
    if is_wide:
        source.close()
        return SpoolSource(str(path), lambda: _read_fd(open_readable(path)))
    return source


def _growing(path: Path) -> FileSource:
    from hermes_tui.runtime.growing import GrowingSource

    return GrowingSource(path)


def wait_for(source: OpenSource, size: int | None = None) -> None:
    """Wait until `size` bytes of a spool have arrived; if `size` is None, until all have."""
    while isinstance(source, SpoolSource) and not source.complete:
        if size is not None and source.size >= size:
            return
        source.wait(_WAIT_S)


def is_archive(path: Path) -> bool:
    """Return whether a file holds others: a zip or tar archive, or a compressed tar archive."""
    if not stat.S_ISREG(_mode(path)):
        return False
    try:
        with path.open("rb") as file:
            unpack = unpacker(file.read(TAR_BLOCK))
    except OSError:
        return False
    return unpack is not None and (unpack is unarchive or holds_tar(path, unpack))


def takes_long_to_list(path: Path) -> bool:
    """Return whether a big compressed archive would have to be unpacked to find its members."""
    try:
        with path.open("rb") as file:
            is_big = os.fstat(file.fileno()).st_size > MAX_SEARCHED_BYTES
            return is_big and unpacker(file.read(TAR_BLOCK)) in STREAMS
    except OSError:
        return False


def split_member(path: Place) -> tuple[Path, str] | None:
    """Return the archive and the member of `archive.zip!member`; None for any other path.

    Also None if there is a file with that whole name.
    """
    text = str(path)
    if MEMBER_MARK not in text or isinstance(path, RemotePath) or _mode(path):
        return None
    position = text.find(MEMBER_MARK)
    while position > 0:
        archive = Path(text[:position])
        if stat.S_ISREG(_mode(archive)):
            return archive, text[position + 1 :]
        position = text.find(MEMBER_MARK, position + 1)
    return None


def _mode(path: Path) -> int:
    """Return the mode of the file at a path; 0 if there is none or it cannot be accessed."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _member_source(path: Path, archive: Path, member: str) -> SpoolSource:
    from hermes_tui.runtime.packed.archives import archive_file_bytes

    os.close(open_readable(archive))
    if not member:
        size = archive.stat().st_size >> 20
        what = f"a compressed archive of {size:,} MB, which is not searched for transcripts"
        raise NoTranscript(str(archive), what, "name it to open it")
    return SpoolSource(str(path), lambda: archive_file_bytes(archive, member, label=str(path)))


def _unpack(source: SpoolSource, levels: int = MAX_PACKED) -> SpoolSource:
    """Return a spool of the decompressed bytes if `source` is compressed, else `source`."""
    while levels and not source.complete and _is_undecided(source.read(0, TAR_BLOCK)):
        source.wait(0.01)
    unpack = unpacker(source.read(0, TAR_BLOCK)) if levels else None
    if unpack is None:
        return source
    inner = SpoolSource(source.name, lambda: unpack(SpoolFile(source)))
    return _unpack(inner, levels - 1)


def _is_undecided(head: bytes) -> bool:
    return len(head) < MAGIC_BYTES or may_begin_tar(head)


def _read_fd(fd: int) -> Iterator[bytes]:
    try:
        while chunk := os.read(fd, CHUNK):
            yield chunk
    finally:
        os.close(fd)
