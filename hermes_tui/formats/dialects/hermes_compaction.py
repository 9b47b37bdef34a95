"""Remove the rows of a `state.db` session that compactions wrote again, so each message is once.

hermes-agent 0.19 compacts in place (`SessionDB.archive_and_compact`): it archives all live rows
(`active` 0, `compacted` 1) and, in the same write, adds the new content of the context as rows: a
summary, and copies of the messages that stay. So a message of a long session is there once more for
each compaction that it outlives, with the same call ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hermes_tui.formats.fields import number
from hermes_tui.formats.json_text.json_values import decode_if_json

_SUMMARY = ("[CONTEXT COMPACTION", "[CONTEXT SUMMARY")
_AT_ONCE_S = 0.001
"""Rows of one write are a microsecond apart; between two turns there is a request to a model."""


class StoredMessage(NamedTuple):
    """A message of a session. `row` is the first row that holds it, `latest` the last."""

    place: int
    row: Any
    latest: Any
    is_pruned: bool = False
    """Whether the latest row holds less of it: a stub of a result, or shortened arguments."""


def without_copies(rows: Sequence[Any]) -> list[StoredMessage]:
    """Return the messages of a session, each once, at its first row."""
    messages = {index: StoredMessage(index, row, row) for index, row in enumerate(rows)}
    if any(map(_is_archived, rows)):
        _Copies(rows, messages).drop()
    return list(messages.values())


def is_summary(row: Any) -> bool:
    """Return whether a row holds the summary of the messages before it."""
    content = row.get("content") if isinstance(row, dict) else None
    return isinstance(content, str) and content.startswith(_SUMMARY)


@dataclass(slots=True)
class _Copies:
    """Examines the rows in their order and drops the copies from `messages`."""

    rows: Sequence[Any]
    messages: dict[int, StoredMessage]
    _archived: dict[Any, list[int]] = field(default_factory=dict)
    """The indices of the archived messages so far, by the keys of the messages."""
    _at: dict[tuple[Any, float], int] = field(default_factory=dict)
    """The index of a message by its key and the time of any row that holds it."""

    def drop(self) -> None:
        write: list[int] = []
        latest = None
        for index, row in enumerate(self.rows):
            key, time = _key(row), _time(row)
            first = None if time is None else self._at.get((key, time))
            if first is not None:
                # A message loaded from the database keeps its time when it is written again.
                self._drop_copy(index, first)
                continue
            if time is None or latest is None or not 0 <= time - latest < _AT_ONCE_S:
                self._settle(write)
                write = []
            write.append(index)
            latest = time
        self._settle(write)

    def _settle(self, write: list[int]) -> None:
        """Process rows that were written at once; they are a compaction's if one is a summary."""
        if any(is_summary(self.rows[index]) for index in write):
            matched: dict[Any, list[int]] = {}
            for index in reversed(write):
                key = _key(self.rows[index])
                if archived := self._archived.get(key):
                    matched.setdefault(key, []).append(archived.pop())
                    self._drop_copy(index, matched[key][-1])
            for key, firsts in matched.items():
                self._archived[key] += reversed(firsts)
        for index in write:
            if index in self.messages and _is_archived(self.rows[index]):
                self._archived.setdefault(_key(self.rows[index]), []).append(index)
                self._note_time(index, index)

    def _drop_copy(self, index: int, first: int) -> None:
        row, message = self.rows[index], self.messages[first]
        is_pruned = message.is_pruned or _body(message.row) != _body(row)
        self.messages[first] = message._replace(latest=row, is_pruned=is_pruned)
        del self.messages[index]
        self._note_time(index, first)

    def _note_time(self, index: int, first: int) -> None:
        if (time := _time(self.rows[index])) is not None:
            self._at[_key(self.rows[index]), time] = first


def _is_archived(row: Any) -> bool:
    return isinstance(row, dict) and bool(row.get("compacted"))


def _time(row: Any) -> float | None:
    return number(row.get("timestamp")) if isinstance(row, dict) else None


def _key(row: Any) -> tuple[str, str]:
    """Return the key of a message: the ids of its calls or of its result, or else its text."""
    if not isinstance(row, dict):
        return "", ""
    call_id = row.get("tool_call_id")
    if isinstance(call_id, str) and call_id:
        return "result", call_id
    calls = decode_if_json(row.get("tool_calls"), 1)
    if isinstance(calls, list) and calls:
        return "calls", str([call.get("id") if isinstance(call, dict) else "" for call in calls])
    return str(row.get("role")), str(row.get("content"))


def _body(row: Any) -> tuple[Any, Any]:
    return row.get("content"), row.get("tool_calls")
