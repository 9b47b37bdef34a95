"""Sessions out of a hermes-agent `state.db`, read without changing it or the files beside it.

SQLite's write-ahead log decides how: without one (or with an empty one) the file is opened as
immutable; with one it is opened read-only, its `-shm` index too; where that index is missing, no
process has the database open, and a copy is read.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from hermes_tui.model.errors import SourceError

_NEEDED = {"sessions": {"id"}, "messages": {"id", "session_id", "role"}}
_ORPHANS = """SELECT DISTINCT session_id FROM messages
WHERE NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.id IS messages.session_id)"""


def export_lines(path: Path) -> Iterator[bytes]:
    """Yield one JSON line per session: its row, and `messages`, its rows in the order of their ids.

    The first member is `"_table": "sessions"`. Holds one session at a time. Raises SourceError.
    """
    try:
        with _opened(path) as connection:
            _check_tables(path, connection)
            yield from _sessions(connection)
    except sqlite3.DatabaseError as error:
        raise SourceError(str(path), str(error), _hint(error)) from error
    except OSError as error:
        raise SourceError(str(path), error.strerror or str(error)) from error


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
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
    # The thread that fills a spool may be another one than the thread that closes the generator.
    uri = f"file:{quote(str(path.absolute()))}?{options}"
    connection = sqlite3.connect(uri, uri=True, timeout=2.0, check_same_thread=False)
    connection.text_factory = _text
    return connection


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _check_tables(path: Path, connection: sqlite3.Connection) -> None:
    for table, needed in _NEEDED.items():
        columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        if not needed <= columns:
            found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            names = ", ".join(sorted(str(name) for (name,) in found)) or "none"
            raise SourceError(
                str(path),
                "an SQLite database, but not a hermes-agent state.db",
                f"no table {table} with {', '.join(sorted(needed))}; tables: {names[:200]}",
            )


def _sessions(connection: sqlite3.Connection) -> Iterator[bytes]:
    columns = {row[1] for row in connection.execute("PRAGMA table_info(sessions)")}
    order = "started_at, rowid" if "started_at" in columns else "rowid"
    for session in _rows(connection, f"SELECT * FROM sessions ORDER BY {order}"):
        yield _line(connection, session)
    for (session_id,) in connection.execute(_ORPHANS):
        yield _line(connection, {"id": session_id, "note": "its row in sessions is missing"})


def _line(connection: sqlite3.Connection, session: dict[str, Any]) -> bytes:
    query = "SELECT * FROM messages WHERE session_id IS ? ORDER BY id"
    messages = list(_rows(connection, query, session["id"]))
    return (
        orjson.dumps({"_table": "sessions", **session, "messages": messages}, default=_text) + b"\n"
    )


def _rows(connection: sqlite3.Connection, query: str, *values: Any) -> Iterator[dict[str, Any]]:
    cursor = connection.execute(query, values)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield {
            name: _text(value) if isinstance(value, bytes) else value
            for name, value in zip(names, row, strict=True)
        }


def _hint(error: sqlite3.DatabaseError) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return "another program is writing it; try again, or copy it with `sqlite3 … .backup`"
    if "unable to open" in text:
        return "check that it, and the -wal and -shm files beside it, may be read"
    return "it is damaged; `sqlite3 state.db .recover` may save what is left"
