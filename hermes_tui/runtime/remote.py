"""Remote files (`s3://`, `gs://`, `hdfs://`, `http://` …), read through fsspec.

Only the requested bytes are fetched, block by block. fsspec and the packages that it needs for a
protocol are optional; if they are missing, the error names them.
"""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final, TypeVar, cast

from hermes_tui.formats.secrets import masked_url
from hermes_tui.model.errors import SourceError
from hermes_tui.model.wording import first_line, install
from hermes_tui.runtime.transcript_names import natural_key

BLOCK: Final = 4 << 20
BLOCKS_KEPT: Final = 8
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_EXTRAS: Final = {"s3": "remote", "http": "remote", "https": "remote", "gs": "gcs", "gcs": "gcs"}
"""Our extra that installs the packages of a protocol; for other protocols fsspec names them."""
_HINT: Final = "check the URL and your credentials"
_HADOOP: Final = "hdfs:// needs Java and Hadoop here: set JAVA_HOME, HADOOP_HOME and CLASSPATH"

_GONE: Final = (404, 410)

T = TypeVar("T")


def place_of(text: str) -> Place:
    """Return the path or the URL of a command-line argument."""
    return RemotePath(text) if is_url(text) else local_path(text)


def local_path(text: str) -> Path:
    """Return the path of an argument; `~` is the home folder unless a file has that name."""
    path = Path(text)
    if not text.startswith("~") or path.exists():
        return path
    try:
        return path.expanduser()
    except RuntimeError:  # nobody has that name
        return path


def is_url(text: str) -> bool:
    """Return whether a text is a URL. That includes `file://`, which fsspec reads, too."""
    return _URL.match(text) is not None


@dataclass(frozen=True, slots=True)
class RemotePath:
    """The URL of a file or folder, with the part of the `Path` interface that is needed."""

    url: str

    def __str__(self) -> str:
        return masked_url(self.url)

    @property
    def name(self) -> str:
        return self.url.rstrip("/").rpartition("/")[2]

    @property
    def parent(self) -> RemotePath:
        return RemotePath(self.url.rstrip("/").rpartition("/")[0])

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(f"{self.url.rstrip('/')}/{name}")

    def stat(self) -> os.stat_result:
        """Return the size and the modification time if they are known; raises OSError."""
        try:
            info = _info(self)
        except SourceError as error:
            raise OSError(str(error)) from error
        modified = info.get("LastModified") or info.get("mtime") or 0
        seconds = getattr(modified, "timestamp", lambda: modified)()
        time_s = seconds if isinstance(seconds, int | float) else 0
        return os.stat_result((0, 0, 0, 1, 0, 0, info.get("size") or 0, time_s, time_s, time_s))

    def open(self, mode: str = "rb") -> IO[bytes]:
        """Open the file for sequential reading."""
        files, inner = _files(self)
        return cast("IO[bytes]", _call_fsspec(self, lambda: files.open(inner, mode)))


Place = Path | RemotePath
"""Where a file is."""


def written(path: Place) -> str:
    """Return the text from which `place_of` makes the path. It may hold secrets: never show it."""
    return path.url if isinstance(path, RemotePath) else str(path)


class RemoteSource:
    """A remote file of known size, which is assumed not to grow."""

    complete = True

    def __init__(self, path: RemotePath) -> None:
        self.path = path
        self.failure = ""
        self._files, self._inner = _files(path)
        self._size = size_of(path)
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    @property
    def size(self) -> int:
        return self._size

    def read(self, start: int, length: int) -> bytes:
        end = min(start + length, self._size)
        pieces: list[bytes] = []
        while start < end:
            number = start // BLOCK
            block = self._block(number)
            piece = block[start - number * BLOCK : end - number * BLOCK]
            if not piece:
                break
            pieces.append(piece)
            start += len(piece)
        return b"".join(pieces)

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            self._blocks.move_to_end(number)
            return self._blocks[number]
        start, end = number * BLOCK, min((number + 1) * BLOCK, self._size)
        try:
            data: bytes = _call_fsspec(
                self.path, lambda: self._files.cat_file(self._inner, start=start, end=end)
            )
        except SourceError as error:
            self.failure = str(error)
            return b""
        if len(data) != end - start:
            self.failure = (
                f"{self.path}: {len(data):,} bytes arrived, {end - start:,} were requested"
            )
            return b""
        self._blocks[number] = data
        if len(self._blocks) > BLOCKS_KEPT:
            self._blocks.popitem(last=False)
        return data

    def fileno(self) -> int:
        """Raise SourceError: a remote file has no descriptor for another process."""
        raise SourceError(str(self.path), "is not on this machine")

    def refresh(self) -> bool:
        return False

    def close(self) -> None:
        self._blocks.clear()


class RemoteFolder:
    """A folder whose files are fetched several at a time."""

    def __init__(self, path: RemotePath) -> None:
        self._path = path
        self._files, self._inner = _files(path)

    def names(self) -> list[str]:
        """Return the names of the files in it; none if it is a file. Raises SourceError."""
        entries = _call_fsspec(self._path, lambda: self._files.ls(self._inner, detail=False))
        folder = f"{self._inner.rstrip('/')}/"
        return [entry.removeprefix(folder) for entry in entries if entry.startswith(folder)]

    def contents(self, names: Sequence[str]) -> dict[str, bytes | SourceError]:
        """Return the contents of files by name, or why one cannot be read. Raises SourceError."""
        inner = {name: f"{self._inner.rstrip('/')}/{name}" for name in names}
        fetched = _call_fsspec(
            self._path, lambda: self._files.cat(list(inner.values()), on_error="return")
        )
        found: dict[str, bytes | SourceError] = {}
        for name, path in inner.items():
            content = fetched.get(path)
            if not isinstance(content, bytes):
                content = _failure(self._path, content or FileNotFoundError(name))
            found[name] = content
        return found


def remote_bytes(path: RemotePath) -> Iterator[bytes]:
    """Yield the bytes of a file in order. Raises SourceError."""
    with path.open() as file:
        while piece := _call_fsspec(path, lambda: file.read(BLOCK)):
            yield piece


def find_remote(url: str, is_wanted: Callable[[str], bool]) -> tuple[list[RemotePath], bool]:
    """Return the files that a URL stands for, and whether it names a single file.

    For a folder, these are the files whose name `is_wanted`. Raises SourceError.
    """
    path = RemotePath(url)
    files, inner = _files(path)
    is_glob = any(mark in url.partition("?")[0] for mark in "*[") and not url.startswith("http")
    if is_glob:
        names = _call_fsspec(path, lambda: files.glob(inner))
    elif _call_fsspec(path, lambda: files.isfile(inner)):
        return [path], True
    else:
        names = [name for name in _call_fsspec(path, lambda: files.find(inner)) if is_wanted(name)]
    if not names:
        # Unlike `exists`, `info` gives the reason: a server may be down, or refuse.
        _call_fsspec(path, lambda: files.info(inner))
        raise SourceError(str(path), "no transcripts here", "name a file, or check the URL")
    return [
        RemotePath(files.unstrip_protocol(name)) for name in sorted(names, key=natural_key)
    ], False


def size_of(path: RemotePath) -> int:
    """Return the size of a file in bytes; raises SourceError if it is gone or its size unknown."""
    size = _info(path).get("size")
    if not isinstance(size, int):
        raise SourceError(str(path), "the server does not say how long it is", "download it first")
    return size


def _info(path: RemotePath) -> dict[str, Any]:
    files, inner = _files(path)
    info: dict[str, Any] = _call_fsspec(path, lambda: files.info(inner))
    return info


def _files(path: RemotePath) -> tuple[Any, str]:
    try:
        url_to_fs = import_module("fsspec.core").url_to_fs
    except ImportError as error:
        raise SourceError(str(path), "needs fsspec", install("remote")) from error
    files, inner = _call_fsspec(path, lambda: _file_system(url_to_fs, path.url))
    return files, inner


@lru_cache(maxsize=64)
def _file_system(url_to_fs: Callable[[str], tuple[Any, str]], url: str) -> tuple[Any, str]:
    return url_to_fs(url)


def _call_fsspec(path: RemotePath, call: Callable[[], T]) -> T:
    """Return the result of a call of fsspec; exceptions of its plug-ins become a SourceError."""
    try:
        return call()
    except FileNotFoundError as error:
        if _is_unreachable(error.__cause__):
            raise _failure(path, error.__cause__ or error) from error
        raise SourceError(str(path), "no such file", "check the URL") from error
    except ImportError as error:
        raise SourceError(str(path), _first_line(error), _install_hint(path)) from error
    except Exception as error:  # each protocol is a plug-in with exceptions of its own
        raise _failure(path, error) from error


def _is_unreachable(cause: BaseException | None) -> bool:
    """Return whether a file was not found for another reason than being absent."""
    if getattr(cause, "status", 404) not in _GONE:
        return True
    return isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError)


def _failure(path: RemotePath, error: BaseException) -> SourceError:
    reason = f"{type(error).__name__}: {_first_line(error)}"
    has_no_hadoop = "libjvm" in reason or "libhdfs" in reason
    return SourceError(str(path), reason, _HADOOP if has_no_hadoop else _HINT)


def _install_hint(path: RemotePath) -> str:
    """Return how to install the package that fsspec lacks for a protocol."""
    extra = _EXTRAS.get(path.url.partition("://")[0].lower())
    if extra is None:
        return "install that package with pip"
    return install(extra)


def _first_line(error: BaseException) -> str:
    return masked_url(first_line(str(error), 300)) or type(error).__name__
