"""Reads and writes files for a model: in one folder, regular files only, within limits."""

from __future__ import annotations

import contextlib
import os
import stat
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHUNK_BYTES = 1 << 20
DEFAULT_LINES = 2000


class Refused(Exception):
    """The file cannot be read or written; the text gives the model the reason."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder that a model may read and write; with `outside`, any other place, too."""

    root: Path
    outside: bool = False
    keep_bytes: int = 100_000

    def read(self, path: Any, offset: int = 0, limit: int = DEFAULT_LINES) -> dict[str, Any]:
        """Return up to `limit` lines after the first `offset`, as far as they fit.

        The result has `next_offset` if more lines follow. Raises Refused.
        """
        target = self._locate(path)
        with _refusing_os_errors(str(path)), _open_regular(target) as file:
            size = os.fstat(file.fileno()).st_size
            if not _skip_lines(file, offset):
                raise Refused(f"{path}: has no line after the first {offset}")
            lines: list[bytes] = []
            used = 0
            while len(lines) < limit and used < self.keep_bytes and file.tell() < size:
                line = file.readline(self.keep_bytes - used)
                if not line:
                    break
                lines.append(line)
                used += len(line)
            content = b"".join(lines).decode("utf-8", "backslashreplace")
            result = {"content": content, "offset": offset, "lines": len(lines)}
            if file.tell() >= size:
                return result
        if lines and not lines[-1].endswith(b"\n"):
            cut = f"line {offset + len(lines)} is cut: the limit is {self.keep_bytes:,} bytes"
            result["note"] = cut
        return result | {"next_offset": offset + len(lines)}

    def write(self, path: Any, content: Any) -> dict[str, Any]:
        """Replace the whole file, or create it with its missing folders. Raises Refused."""
        target = self._locate(path)
        if not isinstance(content, str):
            raise Refused(f"content must be a text, not {_kind(content)}")
        try:
            data = content.encode()
        except UnicodeEncodeError as error:
            message = f"content has half a surrogate pair at character {error.start}"
            raise Refused(message) from error
        with _refusing_os_errors(str(path)):
            mode = _replaceable_mode(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_atomically(target, data, mode)
        return {"path": str(path), "bytes_written": len(data)}

    def _locate(self, path: Any) -> Path:
        """Resolve links, `..` and `~` in `path`; raises Refused for a place outside the folder."""
        if not isinstance(path, str) or not path:
            raise Refused(f"path must be a text, not {_kind(path)}" if path else "path is empty")
        if "\0" in path:
            raise Refused(f"{path}: embedded null byte")
        with _refusing_os_errors(path):
            root = self.root.resolve()
            target = (root / Path(path).expanduser()).resolve()
        if not self.outside and not target.is_relative_to(root):
            raise Refused(f"{path}: is outside the working folder")
        return target


@contextlib.contextmanager
def _refusing_os_errors(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refused(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, RuntimeError) as error:  # half a surrogate, `~nobody`
        raise Refused(f"{path}: {error}") from error


def _open_regular(target: Path) -> Any:
    # Without O_NONBLOCK, opening a FIFO would wait for a writer.
    descriptor = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _refuse_special(os.fstat(descriptor).st_mode, target)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _refuse_special(mode: int, target: Path) -> None:
    if stat.S_ISDIR(mode):
        raise Refused(f"{target.name}: is a folder")
    if not stat.S_ISREG(mode):
        raise Refused(f"{target.name}: is not a regular file")


def _skip_lines(file: Any, count: int) -> bool:
    """Seek to the end of `count` lines; return False if there are fewer. Memory stays bounded."""
    position, size = 0, os.fstat(file.fileno()).st_size
    while count and position < size:
        chunk = file.read(min(CHUNK_BYTES, size - position))
        if not chunk:
            return False
        breaks = chunk.count(b"\n")
        if breaks < count:
            count -= breaks
            position += len(chunk)
            continue
        at = -1
        for _ in range(count):
            at = chunk.index(b"\n", at + 1)
        position, count = position + at + 1, 0
    file.seek(position)
    return not count


def _replaceable_mode(target: Path) -> int | None:
    """Return the permissions of the file to replace, or None if there is none."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    _refuse_special(mode, target)
    return stat.S_IMODE(mode)


def _write_atomically(target: Path, data: bytes, mode: int | None) -> None:
    temporary = target.with_name(f".{target.name[:40]}.{uuid.uuid4().hex}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if mode is not None:
                os.fchmod(descriptor, mode)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case list():
            return "an array"
        case dict():
            return "an object"
        case _:
            return "a text" if isinstance(value, str) else type(value).__name__
