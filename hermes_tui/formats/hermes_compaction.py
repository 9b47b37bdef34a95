"""Rows of a `state.db` session that a compaction wrote again: each message once.

hermes-agent 0.19 compacts in place (`SessionDB.archive_and_compact`): it archives all live rows
(`active` 0, `compacted` 1) and, in the same write, adds what the context holds from then on as new
rows: a summary, and copies of the messages that stay. So a message of a long session stands there
once more for each compaction that it outlives, under the same call ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hermes_tui.formats.fields import number
from hermes_tui.formats.json_values import decode_if_json

_SUMMARY = ("[CONTEXT COMPACTION", "[CONTEXT SUMMARY")
_AT_ONCE_S = 0.001
"""Rows of one write are a microsecond apart; between two turns a model was asked."""


class Told(NamedTuple):
    """A message of a session. `row` is the first row that holds it, `latest` the last."""

    place: int
    row: Any
    latest: Any
    is_pruned: bool = False
    """Whether the latest row holds less of it: a stub of a result, arguments cut short."""


def each_once(rows: Sequence[Any]) -> list[Told]:
    """Return the messages of a session, each where it was said first."""
    told = {index: Told(index, row, row) for index, row in enumerate(rows)}
    if any(map(_is_archived, rows)):
        _Copies(rows, told).drop()
    return list(told.values())


def is_summary(row: Any) -> bool:
    """Say whether a row holds the summary of what was said before."""
    content = row.get("content") if isinstance(row, dict) else None
    return isinstance(content, str) and content.startswith(_SUMMARY)


@dataclass(slots=True)
class _Copies:
    """Takes the rows in their order and drops from `told` those that say what is told already."""

    rows: Sequence[Any]
    told: dict[int, Told]
    _archived: dict[Any, list[int]] = field(default_factory=dict)
    """By what tells a message from others, the archived messages so far."""
    _at: dict[tuple[Any, float], int] = field(default_factory=dict)
    """The same by time too: that of any row that holds the message."""

    def drop(self) -> None:
        write: list[int] = []
        latest = None
        for index, row in enumerate(self.rows):
            key, time = _key(row), _time(row)
            first = None if time is None else self._at.get((key, time))
            if first is not None:
                # What was loaded from the database keeps its time when it is written again.
                self._is_copy(index, first)
                continue
            if time is None or latest is None or not 0 <= time - latest < _AT_ONCE_S:
                self._settle(write)
                write = []
            write.append(index)
            latest = time
        self._settle(write)

    def _settle(self, write: list[int]) -> None:
        """Take in rows that were written at once: those of a compaction hold a summary."""
        if any(is_summary(self.rows[index]) for index in write):
            taken: dict[Any, list[int]] = {}
            for index in reversed(write):
                key = _key(self.rows[index])
                if said := self._archived.get(key):
                    taken.setdefault(key, []).append(said.pop())
                    self._is_copy(index, taken[key][-1])
            for key, firsts in taken.items():
                self._archived[key] += reversed(firsts)
        for index in write:
            if index in self.told and _is_archived(self.rows[index]):
                self._archived.setdefault(_key(self.rows[index]), []).append(index)
                self._note_time(index, index)

    def _is_copy(self, index: int, first: int) -> None:
        row, message = self.rows[index], self.told[first]
        is_pruned = message.is_pruned or _body(message.row) != _body(row)
        self.told[first] = message._replace(latest=row, is_pruned=is_pruned)
        del self.told[index]
        self._note_time(index, first)

    def _note_time(self, index: int, first: int) -> None:
        if (time := _time(self.rows[index])) is not None:
            self._at[_key(self.rows[index]), time] = first


def _is_archived(row: Any) -> bool:
    return isinstance(row, dict) and bool(row.get("compacted"))


def _time(row: Any) -> float | None:
    return number(row.get("timestamp")) if isinstance(row, dict) else None


def _key(row: Any) -> tuple[str, str]:
    """Return what tells messages apart: the ids of its calls or of its result, else its text."""
    if not isinstance(row, dict):
        return "", ""
    answered = row.get("tool_call_id")
    if isinstance(answered, str) and answered:
        return "result", answered
    calls = decode_if_json(row.get("tool_calls"), 1)
    if isinstance(calls, list) and calls:
        return "calls", str([call.get("id") if isinstance(call, dict) else "" for call in calls])
    return str(row.get("role")), str(row.get("content"))


def _body(row: Any) -> tuple[Any, Any]:
    return row.get("content"), row.get("tool_calls")
