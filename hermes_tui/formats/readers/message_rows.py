"""`message-rows`: a table of messages in long form, as a data frame of several runs is saved.

    row = {"run_id" | "episode" | …: name, "role", "content", …} | {…: name, "message": message, …}

The rows of a run have the same name, and may be among those of other runs. What the last row of a
run says about its outcome counts.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.outcomes import REWARD_KEYS, outcome_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.parsers.measures import time_of

_OUTCOME_KEYS = (*REWARD_KEYS, "success", "passed", "resolved", "correct", "is_correct")
"""Keys of an outcome that mean nothing in a message."""


class _Row(NamedTuple):
    """A row: its pointer, its line, and its value with the message in it and where that is."""

    pointer: str
    line: int
    value: dict[str, Any]
    message: dict[str, Any]
    inner: str


class MessageRows:
    """Reads all rows together, since those of several runs may be interleaved."""

    name = "message-rows"
    summary = "a message a row, with the id of its run next to it (run_id, episode …)"

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        key = _run_key(values[0]) if values else ""
        if not key or not fields.mostly(values, lambda value: _run_key(value) == key):
            return None
        names = {fields.label(value, key) for value in values if isinstance(value, dict)}
        # A name for each row is that of the message.
        is_table = 1 < len(names) <= len(values) / 2
        return Match(0.65, Unit.RUNS, layout.together()) if is_table else None

    def read(self, value: Any, build: RunBuilder) -> None:
        runs: dict[str, list[_Row]] = {}
        for pointer, line, one in build.placed(value):
            if key := _run_key(one):
                inner, message = _message_in(one)
                row = _Row(pointer, line, one, message, inner)
                runs.setdefault(fields.label(one, key), []).append(row)
            else:
                build.defect("not a message of a named run", one, pointer=pointer, line=line)
        for name, rows in runs.items():
            _read_run(name, rows, build)


def _read_run(name: str, rows: list[_Row], build: RunBuilder) -> None:
    first, about = rows[0], rows[0].value
    own = (_run_key(about), "message", "model", *_OUTCOME_KEYS)
    build.locate(first.line)
    build.start(
        run_id=name,
        task=fields.task_of(about, (row.message for row in rows)),
        model=fields.model_of(about),
        group_id=fields.group_of(about),
        details=fields.details_of(about, without=own) if first.inner else {},
        pointer=first.pointer,
        ts=time_of(about),
    )
    for row in rows:
        build.locate(row.line)
        build.message(row.message, pointer=row.pointer + row.inner, ts=time_of(row.value))
    judged = {key: row.value[key] for row in rows for key in _OUTCOME_KEYS if key in row.value}
    build.end_with(outcome_of(judged))


def _run_key(value: Any) -> str:
    """Return the key under which a row of a message names its run, or "" if it is no such row."""
    if not isinstance(value, dict) or _message_in(value)[1] == {}:
        return ""
    return next((key for key in fields.NAMES_OF_RUNS if fields.label(value, key)), "")


def _message_in(row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the pointer in a row to its message, and the message; {} if there is none."""
    if fields.is_message(row):
        return "", row
    inner = decode_if_json(row.get("message"))
    return ("/message", inner) if fields.is_message(inner) else ("", {})


FORMAT = MessageRows()
