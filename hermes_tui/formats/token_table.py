"""A table of tokens: their texts or ids, their probabilities, and which of them are trained.

Columns are arrays and the entries as received; a row is built when it is drawn.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from hermes_tui.model.spans import Span
from hermes_tui.parsers.hidden import ComparedCompletion, PartKind
from hermes_tui.parsers.raw_tokens import RawCompletion, token_bytes

UNLIKELY = 0.05
"""The probability below which a token counts as a surprise."""


class TokenRow(NamedTuple):
    """One token. `logprob` is NaN and `trained` None if unknown."""

    position: int
    text: str
    logprob: float
    id: int | None = None
    top: tuple[tuple[str, float], ...] = ()
    trained: bool | None = None
    hidden: bool = False

    @property
    def probability(self) -> float:
        """Return the probability, from 0 to 1; NaN if unknown."""
        return math.exp(self.logprob) if self.logprob <= 0 else math.nan


@dataclass(frozen=True, eq=False)
class TokenTable:
    """The tokens of one completion, node or rollout.

    `text` is their text, with token `i` beginning at `starts[i]`: the completion or, if only ids
    are known, these separated by spaces. `full_text` is the decoded text according to the source.
    """

    title: str
    text: str
    starts: array[int]
    logprobs: array[float]
    ids: Sequence[Any] = ()
    entries: Sequence[Any] = ()
    trained: bytearray | None = None
    full_text: str = ""
    comparison: ComparedCompletion | None = None
    notes: tuple[str, ...] = ()
    hidden: tuple[Span, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        parts = self.comparison.parts if self.comparison is not None else ()
        spans = tuple(part.span for part in parts if part.kind is PartKind.HIDDEN)
        object.__setattr__(self, "hidden", spans)

    def __len__(self) -> int:
        return len(self.starts)

    def span(self, index: int) -> Span:
        """Return the characters of a token; an empty span if a later token completes its
        character."""
        end = self.starts[index + 1] if index + 1 < len(self.starts) else len(self.text)
        return Span(self.starts[index], end)

    def at(self, character: int) -> int:
        """Return the index of the token that a character belongs to."""
        return max(0, bisect_right(self.starts, character) - 1)

    def is_hidden(self, index: int) -> bool:
        """Return whether any part of a token was hidden by the server."""
        span = self.span(index)
        return bool(self.hidden_in(span.start, max(span.end, span.start + 1)))

    def hidden_in(self, start: int, end: int) -> Sequence[Span]:
        """Return the spans hidden by the server that overlap a range of the text."""
        first = bisect_right(self.hidden, start, key=_end)
        return self.hidden[first : bisect_left(self.hidden, end, lo=first, key=_start)]

    def is_masked(self, index: int) -> bool:
        """Return whether a token is known not to be trained."""
        return self.trained is not None and not self.trained[index]

    def row(self, index: int) -> TokenRow:
        """Return one row. Raises IndexError beyond the last."""
        span = self.span(index)
        entry = self.entries[index] if index < len(self.entries) else None
        return TokenRow(
            index,
            self.text[span.start : span.end].rstrip(" ") if self.ids else _text(entry),
            self.logprobs[index],
            _id(self.ids[index] if index < len(self.ids) else entry),
            _top(entry),
            None if self.trained is None else bool(self.trained[index]),
            self.is_hidden(index),
        )

    @cached_property
    def trained_count(self) -> int | None:
        """Return the number of trained tokens, or None if unknown."""
        return None if self.trained is None else self.trained.count(1)

    @cached_property
    def mean_logprob(self) -> float:
        """Return the mean of the known logprobs of tokens that are not masked; NaN if there are
        none."""
        known = [
            value
            for index, value in enumerate(self.logprobs)
            if value <= 0 and not self.is_masked(index)
        ]
        try:
            return math.fsum(known) / len(known) if known else math.nan
        except OverflowError:
            return -math.inf

    @cached_property
    def surprises(self) -> int:
        """Return the number of tokens less likely than `UNLIKELY`."""
        limit = math.log(UNLIKELY)
        return sum(1 for value in self.logprobs if value < limit)

    def tokens_in(self, start: int, end: int) -> range:
        """Return the tokens that have characters in a range of the text."""
        first = self.at(start)
        return range(first, max(first, bisect_left(self.starts, end)))


def table_of_tokens(
    title: str, raw: RawCompletion, entries: Sequence[Any], comparison: ComparedCompletion | None
) -> TokenTable:
    """Return the table of tokens whose texts are known."""
    logprobs = array("d", map(logprob_of, entries))
    notes = ("the tokens came as numbers: what the model wrote is not known",)
    return TokenTable(
        title,
        raw.text,
        raw.starts,
        logprobs,
        entries=entries,
        comparison=comparison,
        notes=notes if raw.are_ids else (),
    )


def table_of_ids(
    title: str,
    ids: Sequence[Any],
    *,
    logprobs: array[float],
    trained: bytearray | None,
    full_text: str = "",
    note: str = "",
) -> TokenTable:
    """Return the table of tokens of which only the ids are known."""
    starts = array("Q")
    pieces = []
    length = 0
    for token in ids:
        starts.append(length)
        piece = f"{token if isinstance(token, int) else '?'} "
        pieces.append(piece)
        length += len(piece)
    text = "".join(pieces)
    return TokenTable(
        title,
        text,
        starts,
        logprobs,
        ids=ids,
        trained=trained,
        full_text=full_text,
        notes=(note,) if note else (),
    )


def logprob_of(entry: Any) -> float:
    """Return the logprob of a token; NaN if there is none."""
    value = entry.get("logprob") if isinstance(entry, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value <= 0:
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return -math.inf


def _start(span: Span) -> int:
    return span.start


def _end(span: Span) -> int:
    return span.end


def _text(entry: Any) -> str:
    data = token_bytes(entry)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return " ".join(f"<{byte:02x}>" for byte in data)


def _id(value: Any) -> int | None:
    if isinstance(value, dict):
        value = value.get("id", value.get("token_id"))
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _top(entry: Any) -> tuple[tuple[str, float], ...]:
    """Return the alternatives to a token, the likeliest first."""
    top = entry.get("top_logprobs") if isinstance(entry, dict) else None
    if not isinstance(top, list):
        return ()
    found = [
        (_text(one) or _numbered(one), logprob_of(one)) for one in top if isinstance(one, dict)
    ]
    return tuple(sorted(found, key=lambda one: -one[1] if one[1] <= 0 else math.inf))


def _numbered(entry: Any) -> str:
    number = _id(entry)
    return "" if number is None else f"#{number}"
