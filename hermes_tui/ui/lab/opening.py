"""The text that the lab opens on: the assistant message that a row of a run belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hermes_tui.log.query import message_of
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import MessageAppended, RunStarted, ToolReturned
from hermes_tui.model.messages import Reasoning
from hermes_tui.ui.lab.model import LabText

_MAX_ROWS: Final = 256
"""Rows that are searched on either side for a message of the same turn."""
_FIRST_EVENTS: Final = 16
"""Events at the beginning of a log that are searched for the start of the run."""


def lab_text(timeline: Timeline, row: int) -> LabText | None:
    """Return the text of the assistant message of the row's turn, or None if there is none.

    If the message consists of reasoning only, and its calls did not arrive parsed, the reasoning is
    the text.
    """
    message_row = _message_row(timeline, row) if 0 <= row < len(timeline) else None
    if message_row is None:
        return None
    turn = timeline.turn(message_row)
    event = timeline.event(message_row)
    assert isinstance(event, MessageAppended)
    tools = tuple(timeline.state.tools.values())
    given = LabText(event.message.text, tools, f"turn {turn}", parser_of(timeline))
    reasoning = _separate_reasoning(event)
    if given.text.strip() or not reasoning:
        return given
    text = "\n".join(piece.text for piece in reasoning)
    return given._replace(text=text, field=reasoning[0].field)


def _separate_reasoning(event: MessageAppended) -> list[Reasoning]:
    """Return the reasoning that came in a separate field, if it may contain a call."""
    message = event.message
    if message.calls and all(one.code is not Code.MARKER_IN_REASONING for one in event.diagnostics):
        return []
    pieces = [piece for piece in message.reasoning if piece.span is None]
    return [piece for piece in pieces if piece.text and piece.kind != "encrypted"]


def parser_of(timeline: Timeline) -> str:
    """Return the parser that the run was recorded with; empty if it names none."""
    log = timeline.log
    started = (log[seq] for seq in range(min(_FIRST_EVENTS, len(log))))
    return next((event.parser for event in started if isinstance(event, RunStarted)), "")


def _message_row(timeline: Timeline, row: int) -> int | None:
    """Return the row of the assistant message: this row, the call's, or the nearest of the turn."""
    if not isinstance(timeline.event(row), ToolReturned):
        owner = message_of(timeline, timeline.seq(row))
        at = timeline.row_of(owner.seq) if owner is not None else None
        if at is not None and _is_assistant(timeline, at):
            return at
    return next((each for each in _turn_rows(timeline, row) if _is_assistant(timeline, each)), None)


def _turn_rows(timeline: Timeline, row: int) -> Iterable[int]:
    """Yield the rows of the same turn: those before, then those after.

    The rows before the first turn belong to it.
    """
    turn = timeline.turn(row) or 1
    for step, end in ((-1, max(-1, row - _MAX_ROWS)), (1, min(len(timeline), row + _MAX_ROWS))):
        for other in range(row, end, step):
            if timeline.turn(other) not in (0, turn):
                break
            yield other


def _is_assistant(timeline: Timeline, row: int) -> bool:
    event = timeline.event(row)
    return (
        timeline.finding(row) is None
        and isinstance(event, MessageAppended)
        and event.message.role == "assistant"
    )
