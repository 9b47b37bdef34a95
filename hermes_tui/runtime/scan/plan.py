"""Divides the files of a scan into units of work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from hermes_tui.formats.base import Source
from hermes_tui.formats.detect import detect
from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.registry import formats
from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.cores import available_cores
from hermes_tui.runtime.reader_spec import ReaderSpec
from hermes_tui.runtime.remote import Place, RemotePath, RemoteSource, written
from hermes_tui.runtime.scan.work import ScanUnit, ranged_source
from hermes_tui.runtime.sources import FileSource
from hermes_tui.runtime.targets import Target

RANGE: Final = 4 << 20
"""Bytes of a range. Constant, so that a scan can continue an interrupted one that had a different
number of workers."""
MIN_PARALLEL_BYTES: Final = 24 << 20
"""Bytes from which several processes are faster: each takes a moment to start."""
READ_BYTES: Final = 1 << 16


def size_of(target: Target) -> int:
    """Return the size of a file on disk in bytes, 0 if it is not known."""
    try:
        return target.path.stat().st_size if target.path is not None else 0
    except OSError:
        return 0


def choose_jobs(wanted: int | None, size: int, *, reads_stdin: bool) -> int:
    """Return how many processes to use: `wanted` if given, else one per core if that pays.

    Only this process can read standard input.
    """
    if reads_stdin:
        return 1
    if wanted is not None:
        return wanted
    return available_cores() if size >= MIN_PARALLEL_BYTES else 1


def units(
    targets: Iterable[Target], *, wanted_format: str, ranges: bool, whole: bool = False
) -> Iterator[ScanUnit]:
    """Yield the units of work, file by file, range by range.

    With `ranges`, big JSON Lines files with one run per line are divided into ranges; remote ones
    always are, so that they need not be fetched as a whole. Any other file is one unit; with
    `whole`, each file is.
    """
    number = 0
    for file, target in enumerate(targets):
        path = written(target.path) if target.path is not None else None
        size = size_of(target)
        is_divisible = size >= 2 * RANGE and (ranges or isinstance(target.path, RemotePath))
        pieces = _divided(target.path, wanted_format) if is_divisible and not whole else None
        for start, length, reader, is_last in pieces or [(0, size, None, True)]:
            yield ScanUnit(number, file, path, length, start, reader, is_last)
            number += 1


class _Piece(NamedTuple):
    start: int
    length: int
    reader: ReaderSpec
    is_last: bool


def _divided(path: Place | None, wanted_format: str) -> Iterator[_Piece] | None:
    """Return the ranges of a file, or None if it has to be read as a whole."""
    if path is None:
        return None
    try:
        source = ranged_source(path)
    except SourceError:
        # Reading the file will report the error.
        return None
    reader = detect(source, formats(), format_name=wanted_format).reader
    if reader is None or reader.layout is not Layout.LINES or reader.unit is not Unit.RUNS:
        source.close()
        return None
    return _pieces(ReaderSpec.of(reader), source)


def _pieces(reader: ReaderSpec, source: FileSource | RemoteSource) -> Iterator[_Piece]:
    try:
        start, size = 0, source.size
        while start < size:
            end = line_start(source, start + RANGE)
            yield _Piece(start, end - start, reader, end >= size)
            start = end
    finally:
        source.close()


def line_start(source: Source, position: int) -> int:
    """Return where the first line at or after `position` begins; the source's end if none does."""
    position -= 1
    while position < source.size:
        data = source.read(position, READ_BYTES)
        if not data:
            break
        newline = data.find(b"\n")
        if newline >= 0:
            return position + newline + 1
        position += len(data)
    return source.size
