"""Tokens as rows and as running text, each marked by how surprising it was to the model."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from hermes_tui.formats.token_table import UNLIKELY, TokenRow, TokenTable
from hermes_tui.model.spans import Span
from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted
from hermes_tui.ui.render.document import Document
from hermes_tui.ui.render.rows import Segments
from hermes_tui.ui.render.wrap import RowMap, fit

LIKELY, UNUSUAL, RARE = 0.5, 0.1, 0.01
"""Least probabilities of tokens that are likely, unusual, and rare; below is very rare."""
STYLES = ("text", "surprise.1", "surprise.2", "surprise.3")
MARKS = ("   ", "·  ", "!  ", "!!!")
MASKED, HIDDEN, CURSOR = "masked", "hidden", "match.current"
TOKEN_CELLS, MAX_ALTERNATIVES = 18, 8


class RunningText:
    """The running text of one table, laid out at one width."""

    def __init__(self, table: TokenTable, width: int) -> None:
        self.table, self.width = table, width
        document = Document.from_text(table.text)
        # One cell is reserved for the mark of a newline.
        self._map = RowMap(document, max(1, width - 1))
        texts = document.texts or []
        self._lines = array("Q", accumulate((len(text) + 1 for text in texts), initial=0))

    @property
    def rows(self) -> int:
        """How many rows the whole text takes."""
        return self._map.rows

    def window(self, token: int, height: int) -> list[Segments]:
        """Return the rows around a token, `height` of them."""
        first = max(0, min(self._row_of(token) - height // 2, self._map.rows - height))
        rows = [
            self._row(row, token) if row < self._map.rows else [("", "")]
            for row in range(first, first + height)
        ]
        return [row or [("", "")] for row in rows]

    def _row_of(self, token: int) -> int:
        start = min(self.table.span(token).start, max(0, len(self.table.text) - 1))
        line = bisect_right(self._lines, start) - 1
        return self._map.row_of(line, start - self._lines[line])

    def _row(self, row: int, cursor: int) -> Segments:
        extent = self._map.extent(row)
        table, line = self.table, self._lines[extent.line]
        start, end = line + extent.start, line + extent.end
        segments: Segments = []
        for index in table.tokens_in(start, end):
            span = table.span(index)
            inside = Span(max(span.start, start), min(span.end, end))
            if inside.start < inside.end:
                segments.extend(_token_segments(table, index, inside, is_cursor=index == cursor))
        if table.text[end : end + 1] == "\n":
            index = table.at(end)
            style = HIDDEN if table.hidden_in(end, end + 1) else _style(table, index)
            if index == cursor or style != "text":
                segments.append(("⏎", CURSOR if index == cursor else style))
        return segments


def _token_segments(table: TokenTable, index: int, span: Span, *, is_cursor: bool) -> Segments:
    """Return the pieces of one token; the characters of it that the server hid are marked."""
    style = CURSOR if is_cursor else _style(table, index)
    text = table.text
    if table.ids and text[span.end - 1] == " ":
        return [(text[span.start : span.end - 1], style), (" ", "")]
    hidden = () if is_cursor else table.hidden_in(span.start, span.end)
    segments: Segments = []
    position = span.start
    for one in hidden:
        start, end = max(position, one.start), min(span.end, one.end)
        segments.extend([(text[position:start], style), (text[start:end], HIDDEN)])
        position = end
    return [piece for piece in (*segments, (text[position : span.end], style)) if piece[0]]


def _style(table: TokenTable, index: int) -> str:
    return MASKED if table.is_masked(index) else STYLES[level(table.logprobs[index])]


def level(logprob: float) -> int:
    """Return how surprising a token is, from 0 (likely or unknown) to 3 (very rare)."""
    if not logprob <= 0:
        return 0
    probability = math.exp(logprob)
    return sum(probability < limit for limit in (LIKELY, UNUSUAL, RARE))


def title_row(table: TokenTable, number: int, count: int) -> Segments:
    """Return the title of a table: its tokens, how many are trained, the mean logprob."""
    of = f" of {count}" if count > 1 else ""
    facts = [
        f"{number} of {count} · {table.title}" if of else table.title,
        counted(len(table), "token"),
    ]
    if table.trained_count is not None:
        facts.append(f"{table.trained_count:,} trained")
    mean = table.mean_logprob
    if not math.isnan(mean):
        facts.append(f"mean logprob {mean:.3f}")
        facts.append(f"{table.surprises:,} below {UNLIKELY:.0%}")
    else:
        facts.append("no logprobs")
    return [(" · ".join(facts), "heading")]


def note_row(table: TokenTable) -> Segments:
    """Return the note on a table, or if there is none, the legend of the marks."""
    if table.hidden:
        count = sum(map(len, table.hidden))
        return [
            ("hidden by the server", HIDDEN),
            (f": {counted(count, 'character')}, marked so", "warning"),
        ]
    if table.notes:
        return [("; ".join(table.notes), "note")]
    if table.full_text:
        return [("ends as: ", "dim"), (table.full_text[-400:], "text")]
    if math.isnan(table.mean_logprob):
        masked = [("masked", MASKED), (": not trained", "dim")] if table.trained is not None else []
        return masked or [("", "")]
    return [
        ("likely", "text"), ("  ", ""),
        (f"below {LIKELY:.0%}", STYLES[1]), ("  ", ""),
        (f"below {UNUSUAL:.0%}", STYLES[2]), ("  ", ""),
        (f"below {RARE:.0%}", STYLES[3]),
        *([("  ", ""), ("masked: not trained", MASKED)] if table.trained is not None else []),
    ]  # fmt: skip


def column_row(table: TokenTable) -> Segments:
    """Return the names of the columns."""
    names = f"{'':>7} {'token':<{TOKEN_CELLS}} {'logprob':>9} {'%':>6}     "
    return [(names + ("" if table.ids else "alternatives"), "dim")]


def token_row(row: TokenRow) -> Segments:
    """Return one token: its place, text, logprob, probability, and the alternatives to it."""
    style = STYLES[level(row.logprob)]
    state = ""
    if row.hidden:
        style, state = HIDDEN, "hidden  "
    elif row.trained is False:
        style, state = MASKED, "masked  "
    numbers = f"{'–':>9} {'–':>6} "
    if row.logprob <= 0:
        numbers = f"{row.logprob:>9.3f} {100 * row.probability:>6.2f} "
    segments: Segments = [
        (f"{row.position + 1:>7} ", "dim"),
        (fit(_token_text(row), TOKEN_CELLS), style),
        (f" {numbers}", "masked" if state.startswith("masked") else "text"),
        (f"{MARKS[level(row.logprob)]} ", style if not state else "text"),
    ]
    if state:
        segments.append((state, "warning" if row.hidden else "dim"))
    return [*segments, *_alternatives(row)]


def _token_text(row: TokenRow) -> str:
    if row.text and row.text == str(row.id):
        return row.text
    if row.text:
        return f"'{row.text}'"
    return f"#{row.id}" if row.id is not None else "(no text)"


def _alternatives(row: TokenRow) -> Segments:
    segments: Segments = []
    for text, logprob in row.top[:MAX_ALTERNATIVES]:
        if text == row.text and text:
            continue
        share = f" {100 * math.exp(logprob):.1f}%" if logprob <= 0 else ""
        segments.append((f"'{visible_line(text, TOKEN_CELLS)}'", "string"))
        segments.append((f"{share}  ", "dim"))
    return segments


def numbered(tables: Sequence[TokenTable]) -> list[int]:
    """Return the row at which each table begins, and finally the number of all rows."""
    return [*accumulate(map(len, tables), initial=0)]
