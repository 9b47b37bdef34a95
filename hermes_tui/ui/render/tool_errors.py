"""The tool errors of a run: a row for each, and the full text of one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise
from typing import NamedTuple

from hermes_tui.formats.secrets import mask_json_text
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.events import ToolCallProposed, ToolFailed, ToolReturned
from hermes_tui.model.messages import ErrorMark
from hermes_tui.model.visible import ELLIPSIS, visible, visible_line
from hermes_tui.ui.render.rows import Segments
from hermes_tui.ui.render.wrap import cells, row_starts

PREFIX_WIDTH = 34
"""Cells that precede the error in its row."""
LABEL_WIDTH = 11
ROOM_FOR_BOTH = 30


class ToolError(NamedTuple):
    """A result that is an error, and the call that it answers."""

    turn: int
    tool: str
    mark: ErrorMark
    arguments: str
    result: str

    @property
    def how(self) -> tuple[str, str, str]:
        """Return the mark, the word and the style of how certain the error is."""
        return ("✗", "flagged", "error") if self.mark.kind == "flag" else _GUESSED


_GUESSED = ("?", "inferred", "warning")


def tool_error(timeline: Timeline, row: int) -> ToolError | None:
    """Return the error that a row of the timeline shows, or None if it shows none."""
    event = timeline.event(row)
    if not isinstance(event, (ToolReturned, ToolFailed)) or event.result.error is None:
        return None
    call = timeline.linked(row)
    name, arguments = event.result.name or "?", ""
    if isinstance(call, ToolCallProposed):
        name, arguments = call.call.name or name, call.call.arguments_text
    result = event.result
    return ToolError(timeline.turn(row), name, event.result.error, arguments, result.content)


def error_row(error: ToolError, width: int) -> Segments:
    """Return turn, tool, flagged or inferred, error and arguments on one line."""
    room = max(1, width - PREFIX_WIDTH)
    # Without room for both, the error takes all of it, because it distinguishes the rows.
    share = room if room < ROOM_FOR_BOTH else max(room * 2 // 3, room - len(error.arguments) - 2)
    reason = visible_line(error.mark.reason, share)
    arguments = visible_line(error.arguments, room - len(reason) - 2)
    sign, word, style = error.how
    return [
        (f"{error.turn:>4} ", "dim"),
        (f"{sign} {word}", style),
        (" " * (10 - len(word)), ""),
        (f"{visible_line(error.tool, 20):<16} ", "call"),
        (reason, style),
        (f"  {arguments}" if len(arguments) > 1 else "", "dim"),
    ]


def error_lines(error: ToolError, width: int, height: int) -> list[Segments]:
    """Return `height` lines of `width` cells with as much of an error as there is room for."""
    sign, _, style = error.how
    room = max(2, width - LABEL_WIDTH)
    arguments = (
        list(islice(_wrapped_rows(error.arguments, room - 1), height)) if error.arguments else []
    )
    result = list(islice(_wrapped_rows(error.result or "(empty)", room - 1), height))
    # Rows that one of them does not need go to the other.
    share = min(len(arguments), max(1, (height - 1) // 2, height - 1 - len(result)))
    head = visible_line(f"{sign} {error.mark.reason}", width)
    rest = max(0, width - 4 - cells(head))
    lines: list[Segments] = [[("── ", "dim"), (head, style), (" " + "─" * rest, "dim")]]
    lines += _labelled_rows("arguments", arguments, share)
    lines += _labelled_rows("result", result, height - 1 - share)
    return [*lines, *([[]] * height)][:height]


def _labelled_rows(name: str, texts: list[str], rows: int) -> Iterator[Segments]:
    """Yield at most `rows` rows, ending with … if there are more; the first has the name."""
    for number, text in enumerate(texts[:rows]):
        label = f"{'' if number else name:<{LABEL_WIDTH}}"
        yield [(label, "key"), (text, ""), (ELLIPSIS * (number + 1 == rows < len(texts)), "dim")]


def _wrapped_rows(text: str, width: int) -> Iterator[str]:
    """Yield the rows of a text lazily, so that a long text costs no more than the rows taken."""
    start = 0
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line = visible(text[start : min(end, start + 100 * width)])
        for begin, stop in pairwise([*row_starts(line, width), len(line)]):
            yield line[begin:stop]
        start = end + 1


def error_text(error: ToolError) -> str:
    """Return the whole error as text, secrets masked."""
    _, word, _ = error.how
    return "\n".join(
        [
            f"turn {error.turn} · {error.tool} · {word}: {error.mark.reason}",
            f"arguments: {mask_json_text(error.arguments)}",
            f"result: {mask_json_text(error.result)}",
        ]
    )
