"""Reading SQLite files without changing them or the files next to them.

How depends on SQLite's write-ahead log. Without one (or with an empty one) the file is opened as
immutable. With one it is opened read-only, as is its `-shm` index. If that index is missing, no
process has the database open, and a copy is read.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from hermes_tui.parsers.plain_values import json_text


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database at `path` for reading. Raises what sqlite3 and the file system raise."""
    wal, index = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
    if not wal.exists() or wal.stat().st_size == 0:
        with closing(_connect(path, "mode=ro&immutable=1")) as connection:
            yield connection
    elif index.exists():
        with closing(_connect(path, "mode=ro&readonly_shm=1")) as connection:
            yield connection
    else:
        with tempfile.TemporaryDirectory(prefix="hermes-tui-") as folder:
            copy = Path(folder) / "state.db"
            shutil.copyfile(path, copy)
            shutil.copyfile(wal, copy.with_name("state.db-wal"))
            with closing(_connect(copy, "mode=rw")) as connection:
                yield connection


def _connect(path: Path, options: str) -> sqlite3.Connection:
    # The thread that closes the generator may not be the one that fills a spool from it.
    uri = f"file:{quote(str(path.absolute()))}?{options}"
    connection = sqlite3.connect(uri, uri=True, timeout=2.0, check_same_thread=False)
    connection.text_factory = as_text
    return connection


def as_text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def tables(connection: sqlite3.Connection) -> dict[str, set[str]]:
    """Return the column names of every table, by table."""
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {str(name): columns(connection, str(name)) for (name,) in found}


def columns(connection: sqlite3.Connection, table: str) -> set[str]:
    quoted = table.replace('"', '""')
    return {str(row[1]) for row in connection.execute(f'PRAGMA table_info("{quoted}")')}


def has(found: Mapping[str, set[str]], needed: Mapping[str, set[str]]) -> bool:
    """Return whether the tables and columns in `needed` are among those in `found`."""
    return all(names <= found.get(table, set()) for table, names in needed.items())


def rows(connection: sqlite3.Connection, query: str, *values: Any) -> Iterator[dict[str, Any]]:
    """Yield each row as a dict by column name; blobs as text."""
    cursor = connection.execute(query, values)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield {
            name: as_text(value) if isinstance(value, bytes) else value
            for name, value in zip(names, row, strict=True)
        }


def json_line(row: dict[str, Any]) -> bytes:
    """Return `row` as a line of JSON.

    If it is nested too deeply, its members become JSON texts, or a note if that fails too.
    """
    try:
        return orjson.dumps(row, default=_plain, option=orjson.OPT_NON_STR_KEYS) + b"\n"
    except TypeError:
        flattened = {key: json_text(item) if _may_nest(item) else item for key, item in row.items()}
        return orjson.dumps(flattened, default=_plain) + b"\n"


def _may_nest(value: Any) -> bool:
    return isinstance(value, (dict, list))


def _plain(value: Any) -> Any:
    return as_text(value) if isinstance(value, bytes) else str(value)


def hint_of(error: sqlite3.DatabaseError) -> str:
    """Return a hint on what to do about a database that cannot be read."""
    text = str(error)
    if "locked" in text or "busy" in text:
        return "another program is writing it; try again, or copy it with `sqlite3 … .backup`"
    if "unable to open" in text:
        return "check that it and the -wal and -shm files next to it can be read"
    if isinstance(error, sqlite3.OperationalError) and "no such " in text:
        return "its tables are those of another version of its program; export the runs with that"
    return "it is damaged; `sqlite3 FILE .recover` may save what is left"
