"""Rows of a Parquet file as JSON lines, batch by batch."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import IO, Any

import orjson

from hermes_tui.model.errors import SourceError
from hermes_tui.model.wording import first_line, install
from hermes_tui.runtime.packed.limits import most_bytes

BATCH_BYTES = 4 << 20
"""About how much row data is in memory at once."""
MAX_BATCH_ROWS = 16
"""A small number, as rows that repeat one long text are small in the file but large in memory."""


def parquet_lines(name: str, rows: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield one JSON line per row of a file of `size` bytes; messages call the file `name`.

    Raises what `lines_of_rows` raises.
    """
    return lines_of_rows(name, "Parquet", _rows(rows), size)


def lines_of_rows(
    name: str, kind: str, rows: Iterable[dict[str, Any]], size: int
) -> Iterator[bytes]:
    """Yield one JSON line per row of a file of `size` bytes, of a `kind` that pyarrow reads.

    Null members of structs are left out, as a column of structs has the members of every row.
    Raises SourceError without pyarrow or if the rows are too large, ValueError on bad data.
    """
    if find_spec("pyarrow") is None:
        raise SourceError(name, f"reading {kind} needs pyarrow", install("parquet"))
    limit = most_bytes(size)
    written = 0
    for row in rows:
        line = orjson.dumps(_without_nulls(row), default=_plain) + b"\n"
        written += len(line)
        if written > limit:
            raise SourceError(name, f"its rows take more than {limit >> 20:,} MB", "split it")
        yield line


def _rows(rows: IO[bytes]) -> Iterator[dict[str, Any]]:
    import pyarrow as pa  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from pyarrow import parquet  # type: ignore[import-not-found, import-untyped, unused-ignore]

    try:
        with parquet.ParquetFile(rows, pre_buffer=False, buffer_size=BATCH_BYTES) as file:
            for batch in file.iter_batches(_batch_rows(file.metadata)):
                yield from batch.to_pylist(maps_as_pydicts="lossy")
    except (pa.ArrowException, NotImplementedError) as error:
        raise ValueError(f"damaged Parquet data: {first_line(str(error), 200)}") from error


def _batch_rows(metadata: Any) -> int:
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    row_bytes = sum(group.total_byte_size for group in groups) // max(1, metadata.num_rows)
    return max(1, min(MAX_BATCH_ROWS, int(BATCH_BYTES // max(1, row_bytes))))


def _without_nulls(value: Any) -> Any:
    """Return a value without the null members of its structs. A message keeps a null `content`."""
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    is_message = isinstance(value.get("role"), str)
    return {
        key if isinstance(key, str) else str(_plain(key)): _without_nulls(item)
        for key, item in value.items()
        if item is not None or (is_message and key == "content")
    }


def _plain(value: Any) -> Any:
    """Return a value that JSON cannot express as text; bytes that are not text as base64."""
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(value).decode("ascii")
