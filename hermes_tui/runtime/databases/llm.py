"""Conversations from the `logs.db` of the `llm` command line tool.

Until 0.30 or so a row of `responses` is a request and its reply. Later a row of `turns` names two
messages of a tree: the last one of the request, and the reply; those ancestors of the first that no
earlier turn has included are new. A migrated database has both.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.runtime.databases.reading import columns, json_line, rows

NEEDED = {
    "responses": {"id", "conversation_id", "prompt", "response", "datetime_utc"},
    "conversations": {"id", "name"},
}
_RESPONSES = """
    SELECT responses.*, conversations.name AS conversation_name FROM responses
    LEFT JOIN conversations ON conversations.id = responses.conversation_id
    ORDER BY responses.conversation_id, responses.id"""
_RELATED_QUERIES = {
    "tool_calls": """
        SELECT tool_calls.* FROM tool_calls JOIN responses ON responses.id = tool_calls.response_id
        ORDER BY responses.conversation_id, responses.id, tool_calls.id""",
    "tool_results": """
        SELECT tool_results.* FROM tool_results
        JOIN responses ON responses.id = tool_results.response_id
        ORDER BY responses.conversation_id, responses.id, tool_results.id""",
    "tools": """
        SELECT tools.*, tool_responses.response_id FROM tools
        JOIN tool_responses ON tool_responses.tool_id = tools.id
        JOIN responses ON responses.id = tool_responses.response_id
        ORDER BY responses.conversation_id, responses.id, tools.id""",
}
"""Rows related to those of `responses`, in the same order, as no index finds them by response."""
_THREADS = "SELECT * FROM threads ORDER BY datetime_utc, id"
_TURNS = "SELECT * FROM turns WHERE thread_id IS ? ORDER BY id"
_TOOLS_OF_TURN = """
    SELECT tools.* FROM tools JOIN turn_tools ON turn_tools.tool_id = tools.id
    WHERE turn_tools.turn_id IS ? ORDER BY tools.id"""
_MESSAGE = "SELECT role, parent_hash FROM messages WHERE hash IS ?"
_PARTS = "SELECT type, text, payload FROM parts WHERE message_hash IS ? ORDER BY position"


def conversation_lines(connection: sqlite3.Connection) -> Iterator[bytes]:
    """Yield one JSON line per conversation: its rows as `llm logs --json` prints them.

    The first member is `"_table": "llm"`. Holds one conversation at a time.
    """
    names: set[Any] = set()
    for name, responses in groupby(_responses(connection), itemgetter("conversation_id")):
        names.add(name)
        yield json_line({"_table": "llm", "rows": list(responses)})
    if not {"thread_id", "parent_message_hash", "tip_message_hash"} <= columns(connection, "turns"):
        return
    for thread in list(rows(connection, _THREADS)):
        turns = _turns(connection, thread)
        if turns and thread["id"] not in names:
            yield json_line({"_table": "llm", "rows": turns})


class _RelatedRows:
    """Rows of another table in the order of the responses that they belong to."""

    def __init__(self, found: Iterator[dict[str, Any]]) -> None:
        self._found = found
        self._next = next(found, None)

    def of(self, response: Any) -> list[dict[str, Any]]:
        """Return the rows of the next response."""
        matching = []
        while self._next is not None and self._next["response_id"] == response:
            matching.append(self._next)
            self._next = next(self._found, None)
        return matching


def _responses(connection: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    # Versions before 0.26 have no tools.
    has_tools = all(map(partial(columns, connection), (*_RELATED_QUERIES, "tool_responses")))
    queries = _RELATED_QUERIES if has_tools else {}
    related = {key: _RelatedRows(rows(connection, query)) for key, query in queries.items()}
    for row in rows(connection, _RESPONSES):
        yield {**row, **{key: found.of(row["id"]) for key, found in related.items()}}


def _turns(connection: sqlite3.Connection, thread: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    included: set[Any] = {None}
    for turn in list(rows(connection, _TURNS, thread["id"])):
        request = _new_parts(connection, turn["parent_message_hash"], included)
        reply = [("assistant", part) for part in _parts(connection, turn["tip_message_hash"])]
        included.add(turn["tip_message_hash"])
        found.append({
            **turn,
            "conversation_id": thread["id"],
            "conversation_name": thread.get("name"),
            "system": _joined_text(request, "system", "text"),
            "prompt": _joined_text(request, "user", "text"),
            "tool_results": _payloads(request, "tool_result"),
            "response": _joined_text(reply, "assistant", "text"),
            "reasoning": _joined_text(reply, "assistant", "reasoning"),
            "tool_calls": _payloads(reply, "tool_call"),
            "tools": list(rows(connection, _TOOLS_OF_TURN, turn["id"])),
        })  # fmt: skip
    return found


_Part = tuple[str, dict[str, Any]]
"""The role of a message, and a part of it."""


def _new_parts(connection: sqlite3.Connection, last: Any, included: set[Any]) -> list[_Part]:
    """Return the parts of the messages up to `last` that no earlier turn included.

    `included` are the messages so far; the new ones are added to it.
    """
    found: list[list[_Part]] = []
    while last not in included:
        included.add(last)
        message = next(iter(list(rows(connection, _MESSAGE, last))), None)
        if message is None:
            break
        found.append([(message["role"], part) for part in _parts(connection, last)])
        last = message["parent_hash"]
    return [part for parts in reversed(found) for part in parts]


def _parts(connection: sqlite3.Connection, message: Any) -> list[dict[str, Any]]:
    return list(rows(connection, _PARTS, message))


def _joined_text(parts: list[_Part], role: str, kind: str) -> str:
    texts = (part["text"] for each, part in parts if each == role and part["type"] == kind)
    return "\n".join(text for text in texts if isinstance(text, str) and text)


def _payloads(parts: list[_Part], kind: str) -> list[Any]:
    return [decode_if_json(part["payload"], 1) for _, part in parts if part["type"] == kind]
