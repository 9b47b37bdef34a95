"""A place in a text as compilers show it: the line, and carets under the span."""

from __future__ import annotations

from hermes_tui.model.spans import Span
from hermes_tui.model.visible import ELLIPSIS, cells, visible

WIDTH = 100
"""The maximum width of the line, in cells; a longer one is cut on both sides of the place."""
_MIN_WIDTH = 20
_MAX_BEFORE = 40


def position(text: str, offset: int) -> tuple[int, int]:
    """Return line and column of a character, both from 1; columns count characters."""
    line = text.count("\n", 0, offset)
    return line + 1, offset - text.rfind("\n", 0, offset)


def caret_lines(text: str, span: Span, room: int = 0) -> list[str]:
    """Return the line that `span` starts on, the carets under it, and where it ends if not there.

    The line takes at most `room` cells, with its number; 0 means that the output is no terminal.
    Tabs and control characters are made visible. Carets count cells, so that they are also right
    under wide characters.
    """
    start = min(max(span.start, 0), len(text))
    end = min(max(span.end, start), len(text))
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", start, start + WIDTH + 1)
    # A line is only followed as far as it can be shown.
    line_end = line_end if line_end >= 0 else min(len(text), start + WIDTH + 1)
    number = str(position(text, start)[0])
    # Next to it are the number, a bar and, if the line is cut, a mark.
    width = min(WIDTH, max(_MIN_WIDTH, room - len(number) - 4)) if room else WIDTH
    max_before = min(_MAX_BEFORE, width // 2)
    before, cut_before = last_cells(text[max(line_start, start - max_before) : start], max_before)
    cut_before = cut_before or line_start < start - max_before
    lead = ELLIPSIS * cut_before + before
    marked = text[start : min(end, line_end)]
    shown, cut_after = first_cells(text[start:line_end], max(width - cells(lead), 10))
    carets = "^" * max(1, min(cells(visible(marked)), cells(shown)))
    lines = [
        f"{number} │ {lead}{shown}{ELLIPSIS * cut_after}",
        f"{' ' * len(number)} │ {' ' * cells(lead)}{carets}",
    ]
    if end > line_end and "\n" in text[start : end - 1]:
        last, column = position(text, end - 1)
        lines[-1] += f" … to line {last}, column {column}"
    return lines


def first_cells(text: str, room: int) -> tuple[str, bool]:
    """Return as much of the beginning as fits, made visible, and whether anything was cut."""
    shown: list[str] = []
    used = 0
    for character in text:
        piece = visible(character)
        used += cells(piece)
        if used > room:
            return "".join(shown), True
        shown.append(piece)
    return "".join(shown), False


def last_cells(text: str, room: int) -> tuple[str, bool]:
    """Return as much of the end as fits, made visible, and whether anything was cut."""
    shown, is_cut = first_cells(text[::-1], room)
    return shown[::-1], is_cut
