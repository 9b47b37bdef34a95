from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.formats.readers.hermes_sessions import HermesStateDb
from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.databases.export import export_lines
from tests.formats.foreign import messages, sample, started
from tests.formats.hermes_support import FIXTURES, read

FIRST = "20260102_030405_ab12cd"
SECOND = "20260102_040506_cd34ef"


def sessions_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in export_lines(path)]


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return Path(shutil.copy(FIXTURES / "state.db", tmp_path / "state.db"))


def make_database(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE sessions (id TEXT PRIMARY KEY)")
    connection.execute("CREATE TABLE messages (id INTEGER, session_id TEXT, role TEXT, content)")
    connection.execute("INSERT INTO sessions VALUES ('s1')")
    connection.execute("INSERT INTO messages VALUES (2, 's1', 'assistant', 'second')")
    connection.execute("INSERT INTO messages VALUES (1, 's1', 'user', 'first')")
    connection.commit()
    return connection


def test_each_session_is_a_line_that_the_format_recognises(database: Path) -> None:
    lines = sessions_of(database)
    assert [line["id"] for line in lines] == [FIRST, SECOND]
    assert [len(line["messages"]) for line in lines] == [11, 6]
    assert next(iter(lines[0])) == "_table"
    assert HermesStateDb().sniff(sample(*lines)) is not None


def test_reading_leaves_the_folder_unchanged(database: Path) -> None:
    before = files_in(database.parent)
    sessions_of(database)
    assert files_in(database.parent) == before


def test_rewound_and_compacted_rows_are_shown_as_hidden(database: Path) -> None:
    first, second = (read(HermesStateDb(), line) for line in sessions_of(database))
    assert messages(first)[-1].flags == ("hidden", "rewound")
    assert [message.flags for message in messages(second)] == [
        *[("compaction", "hidden")] * 4,
        ("compaction",),
        (),
    ]
    assert started(second).parent_run_id == FIRST


def test_content_stored_as_json_is_decoded_into_parts(database: Path) -> None:
    events = read(HermesStateDb(), sessions_of(database)[0])
    picture = messages(events)[-2]
    assert [part.kind for part in picture.parts] == ["text", "image"]


def test_uncheckpointed_rows_of_a_running_agent_are_read_without_a_trace(tmp_path: Path) -> None:
    make_database(tmp_path / "state.db").close()
    # Another process: two connections of one process would share the index in memory.
    script = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1])\n"
        "connection.execute(\"INSERT INTO messages VALUES (3, 's1', 'user', 'third')\")\n"
        "connection.commit()\n"
        "print('written', flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "state.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as agent:
        assert agent.stdout is not None
        assert agent.stdout.readline() == b"written\n"
        before = files_in(tmp_path)
        (session,) = sessions_of(tmp_path / "state.db")
        after = files_in(tmp_path)
        agent.communicate(b"")
    assert before["state.db-wal"]
    assert [row["content"] for row in session["messages"]] == ["first", "second", "third"]
    assert after == before


def test_a_write_ahead_log_without_its_index_is_read_from_a_copy(tmp_path: Path) -> None:
    writer = make_database(tmp_path / "live.db")
    left = tmp_path / "left"
    left.mkdir()
    shutil.copy(tmp_path / "live.db", left / "state.db")
    shutil.copy(tmp_path / "live.db-wal", left / "state.db-wal")
    writer.close()
    before = files_in(left)
    (session,) = sessions_of(left / "state.db")
    assert len(session["messages"]) == 2
    assert files_in(left) == before


def test_messages_of_a_missing_session_are_not_lost(tmp_path: Path) -> None:
    connection = make_database(tmp_path / "state.db")
    connection.execute("INSERT INTO messages VALUES (3, 'gone', 'user', 'still here')")
    connection.execute("INSERT INTO messages VALUES (4, NULL, 'user', x'68ff69')")
    connection.commit()
    connection.close()
    lines = sessions_of(tmp_path / "state.db")
    assert [[row["content"] for row in line["messages"]] for line in lines[1:]] == [
        ["still here"],
        ["h\ufffdi"],
    ]


def test_an_unknown_database_is_refused_with_its_tables(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE birds (name)")
    connection.close()
    with pytest.raises(
        SourceError, match=r"not of a known program.*hermes-agent's state\.db.*birds"
    ):
        sessions_of(tmp_path / "other.db")


def test_a_damaged_database_is_refused_with_a_way_to_recover_it(database: Path) -> None:
    database.write_bytes(database.read_bytes()[:20_000])
    with pytest.raises(SourceError, match="recover"):
        sessions_of(database)


def test_a_locked_database_is_refused_with_the_reason(tmp_path: Path) -> None:
    connection = make_database(tmp_path / "state.db")
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("INSERT INTO sessions VALUES ('s2')")
    with pytest.raises(SourceError, match="another program"):
        sessions_of(tmp_path / "state.db")
    connection.close()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.db"):
        sessions_of(tmp_path / "gone.db")
