"""JSON lines from the SQLite files of known programs, one line per session or trace."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from hermes_tui.model.errors import NoTranscript, SourceError
from hermes_tui.model.wording import shortened
from hermes_tui.runtime.databases import (
    adk,
    agents_sdk,
    agno,
    crush,
    hermes_agent,
    langgraph,
    llm,
    mastra,
    mlflow,
    opencode,
    phoenix,
)
from hermes_tui.runtime.databases.reading import has, hint_of, opened, tables

_PROGRAMS = (
    (crush.NEEDED, crush.session_lines),
    (hermes_agent.NEEDED, hermes_agent.session_lines),
    (agents_sdk.NEEDED, agents_sdk.session_lines),
    (langgraph.NEEDED, langgraph.state_lines),
    (phoenix.NEEDED, phoenix.trace_lines),
    (mlflow.NEEDED, mlflow.trace_lines),
    (adk.NEEDED, adk.session_lines),
    (opencode.NEEDED, opencode.session_lines),
    (llm.NEEDED, llm.conversation_lines),
    (mastra.NEEDED, mastra.thread_lines),
)
"""For each program, the tables by which its database is recognised, and its reader."""
_KNOWN = (
    "hermes-agent's state.db, sessions of the OpenAI Agents SDK, Google ADK, Agno, Mastra, "
    "opencode and Crush, LangGraph checkpoints, llm's logs.db, Phoenix and MLflow"
)


def export_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines that the module of the program describes; `_table` is their first member.

    Raises SourceError.
    """
    try:
        with opened(path) as connection:
            yield from _lines(path, connection)
    except sqlite3.DatabaseError as error:
        raise SourceError(str(path), str(error), hint_of(error)) from error
    except OSError as error:
        raise SourceError(str(path), error.strerror or str(error)) from error


def _lines(path: Path, connection: sqlite3.Connection) -> Iterator[bytes]:
    found = tables(connection)
    for needed, lines_of in _PROGRAMS:
        if has(found, needed):
            return lines_of(connection)
    if agno.is_agno(found):
        return agno.session_lines(connection)
    raise NoTranscript(
        str(path),
        "an SQLite database, but not of a known program",
        f"known: {_KNOWN}; its tables: {shortened(', '.join(sorted(found)) or 'none', 200)}",
    )
