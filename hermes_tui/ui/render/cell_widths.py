"""How many terminal cells characters take when drawn, measured in runs of equal width.

Widths are those of `visible_row(text)`. Most texts are long runs of characters of one width, which
a regular expression finds much faster than checking each character.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from itertools import accumulate
from typing import Final

from rich.cells import cell_len

from hermes_tui.model.visible import visible_row
from hermes_tui.ui.render.document import is_plain_ascii

ONE_CELL: Final = " -~\xa0-\u02ff\u0370-\u0482\u048a-\u0590\u1e00-\u20cf\u2190-\u2319\u2500-\u25fc"
TWO_CELLS: Final = "\u3001-\u3029\u3041-\u3096\u309b-\u30ff\u3250-\ua48c\uac00-\ud7a3\uff01-\uff60"
"""Character ranges of common scripts, by the cells that each character takes."""
_ONE_CELL_TEXT: Final = re.compile(f"[{ONE_CELL}]*+")
_TWO_CELL_TEXT: Final = re.compile(f"[{TWO_CELLS}]*+")
_RUN: Final = re.compile(f"([{ONE_CELL}]++)|([{TWO_CELLS}]++)|[^{ONE_CELL}{TWO_CELLS}]++")


class _CellWidths(dict[str, int]):
    """Maps a character to the cells that it takes when drawn; filled on demand."""

    def __missing__(self, character: str) -> int:
        cells = self[character] = cell_len(visible_row(character))
        return cells


WIDTHS: Final = _CellWidths()


def is_even(text: str) -> bool:
    """Return quickly whether every character takes one cell; may be False for rare characters."""
    return is_plain_ascii(text) or _ONE_CELL_TEXT.fullmatch(text) is not None


def cells(text: str) -> int:
    """Return how many cells `text` takes when drawn."""
    if is_even(text):
        return len(text)
    return sum(
        len(run[0]) * run.lastindex if run.lastindex else sum(map(WIDTHS.__getitem__, run[0]))
        for run in _RUN.finditer(text)
    )


def edges(text: str) -> array[int]:
    """Return the number of cells before each character, and finally that of the whole text."""
    totals, at = array("I", [0]), 0
    for run in _RUN.finditer(text):
        if step := run.lastindex:
            end = at + step * len(run[0])
            totals.extend(range(at + step, end + 1, step))
        else:
            totals.extend(accumulate(map(WIDTHS.__getitem__, run[0]), initial=at))
            del totals[-len(run[0]) - 1]
        at = totals[-1]
    return totals


def fits_to(text: str, start: int, width: int) -> int:
    """Return the end of a row of `width` cells that begins at `start`: after all that fits.

    Marks that take no cell stay with the character before them. Costs O(characters that fit).
    """
    for width_of_each, pattern in ((1, _ONE_CELL_TEXT), (2, _TWO_CELL_TEXT)):
        end = start + width // width_of_each
        found = pattern.match(text, start, end)
        if found is not None and found.end() == end:
            follower = text[end : end + 1]
            if not follower or WIDTHS[follower] > width % width_of_each:
                return end
    count = width + 1
    while True:
        widths = [*accumulate(map(WIDTHS.__getitem__, text[start : start + count]))]
        if not widths or widths[-1] > width or start + count >= len(text):
            return start + bisect_right(widths, width)
        count *= 2
