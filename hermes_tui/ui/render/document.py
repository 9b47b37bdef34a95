"""Styled text that is independent of a width: lines, spans that name a style, search."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, chain, pairwise, repeat
from operator import add, attrgetter, mul
from typing import Final, NamedTuple, overload

_BATCH_LINES: Final = 1_024
_BATCH_CHARACTERS: Final = 1 << 16
"""Lines, and characters, that are searched at a time."""


class StyledSpan(NamedTuple):
    """A half-open range of characters of one line, and the name of its style."""

    start: int
    end: int
    style_name: str


class Match(NamedTuple):
    """Where a search matched: a line, and a half-open range of its characters."""

    line: int
    start: int
    end: int


class Line(NamedTuple):
    """One logical line, raw: nothing is escaped, expanded or cut yet.

    `spans` are sorted by start and do not overlap. `indent` is in cells and precedes every row that
    the line is wrapped to. A line with `wrap` off takes one row and is cut at its end. The first
    `label` characters are a label: the rows of the text after it are aligned with each other, if
    that leaves at least half a row for them.
    """

    text: str
    spans: tuple[StyledSpan, ...] = ()
    indent: int = 0
    wrap: bool = True
    label: int = 0


def styled_line(text: str, style: str, indent: int = 0) -> Line:
    """Return a line in one style, or unstyled if `style` is empty."""
    return Line(text, (StyledSpan(0, len(text), style),) if style and text else (), indent)


class LazyLines(Sequence[Line]):
    """Lines that are made only on access, so that a million lines cost nothing."""

    @abstractmethod
    def line(self, number: int) -> Line:
        """Return line `number`, from 0."""

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> list[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | list[Line]:
        numbers = range(len(self))[index]
        return self.line(numbers) if isinstance(numbers, int) else [*map(self.line, numbers)]

    def __iter__(self) -> Iterator[Line]:
        return map(self.line, range(len(self)))


class TextLines(LazyLines):
    """The lines of one text, whose wrapping depends on nothing but text and indents."""

    indents: Sequence[int] | None = None
    """Cells before each line, or None if it is `indent` for all of them."""

    def __init__(
        self, texts: list[str], *, plain_ascii: bool, style: str = "", indent: int = 0
    ) -> None:
        """Take over `texts`; with `plain_ascii`, every character of them takes one cell."""
        self.texts = texts
        self.plain_ascii = plain_ascii
        self.indent = indent
        self._style = style

    def __len__(self) -> int:
        return len(self.texts)

    def line(self, number: int) -> Line:
        return styled_line(self.texts[number], self._style, self.indent)


def is_plain_ascii(text: str) -> bool:
    """Return whether every character takes one cell (a control is drawn as a one-cell picture)."""
    return text.isascii() and "\t" not in text


class _Chain(LazyLines):
    """Several sequences of lines as one, without copying them."""

    def __init__(self, sections: Sequence[Sequence[Line]]) -> None:
        self.sections = sections
        self._ends = [*accumulate(map(len, sections))]

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def line(self, number: int) -> Line:
        section = bisect_right(self._ends, number)
        return self.sections[section][number - self._ends[section]]

    def __iter__(self) -> Iterator[Line]:
        return chain.from_iterable(self.sections)


class Document:
    """Lines to show. Costs nothing to make; `lines` may be a lazy sequence."""

    def __init__(self, lines: Sequence[Line] = ()) -> None:
        self.lines = lines

    @classmethod
    def of_sections(cls, sections: Sequence[Sequence[Line]]) -> Document:
        """Return several sequences of lines as one document."""
        return cls(sections[0] if len(sections) == 1 else _Chain(sections))

    @classmethod
    def from_text(cls, text: str, style: str = "") -> Document:
        """Return the lines of `text`, all in one style. 5 MB cost some 10 ms."""
        return cls(TextLines(text.split("\n"), plain_ascii=is_plain_ascii(text), style=style))

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to read: no line, or one without text."""
        return not self.lines or (len(self.lines) == 1 and not self.lines[0].text)

    @property
    def texts(self) -> list[str] | None:
        """The plain lines if their wrapping depends on nothing but text and indents, else None."""
        return self.lines.texts if isinstance(self.lines, TextLines) else None

    @property
    def sections(self) -> Sequence[Sequence[Line]]:
        """The sequences of lines that the document consists of."""
        return self.lines.sections if isinstance(self.lines, _Chain) else (self.lines,)

    @property
    def text(self) -> str:
        """The whole raw text."""
        return "\n".join(self._line_texts())

    @property
    def indented_text(self) -> str:
        """The whole text with the indents of its lines."""
        return "\n".join(chain.from_iterable(map(_indented_texts, self.sections)))

    def look(
        self,
        look_at: Callable[[str], Iterable[tuple[int, int] | None]],
        may_match: Callable[[str], bool],
    ) -> Iterator[Match | None]:
        """Yield the matches of `look_at` line by line, and None whenever some time has passed.

        Empty ones are skipped. `may_match` returns, for many lines at once, whether any of them may
        have a match.
        """
        first = 0
        for texts in self._text_batches():
            if len(texts) == 1 or may_match("\n".join(texts)):
                for number, text in enumerate(texts, first):
                    for span in look_at(text):
                        if span is None:
                            yield None
                        elif span[1] > span[0]:
                            yield Match(number, *span)
            yield None
            first += len(texts)

    def _text_batches(self) -> Iterator[Sequence[str]]:
        """Yield the texts of all lines in batches; a very long one alone."""
        batch: list[str] = []
        size = 0
        for text in self._line_texts():
            if batch and (len(batch) == _BATCH_LINES or size + len(text) > _BATCH_CHARACTERS):
                yield batch
                batch, size = [], 0
            batch.append(text)
            size += len(text)
        if batch:
            yield batch

    def _line_texts(self) -> Iterator[str]:
        for lines in self.sections:
            if isinstance(lines, TextLines):
                yield from lines.texts
            else:
                yield from (line.text for line in lines)


def _indented_texts(lines: Sequence[Line]) -> Iterable[str]:
    """Return the texts of some lines, each after its indent."""
    if not isinstance(lines, TextLines):
        return (f"{' ' * line.indent}{line.text}" for line in lines)
    if lines.indents is None and not lines.indent:
        return lines.texts
    indents = repeat(lines.indent) if lines.indents is None else lines.indents
    return map(add, map(mul, repeat(" "), indents), lines.texts)


def pieces(
    line: Line, start: int, end: int, marks: Sequence[StyledSpan] = ()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the text of `[start, end)` split where styles change, each part with its style names.

    `marks` (sorted, not overlapping) come on top of the line's own spans. Spans outside cost
    O(log n).
    """
    layers = (_overlapping(line.spans, start, end), _overlapping(marks, start, end))
    cuts = {start, end}
    for span in (*layers[0], *layers[1]):
        cuts.update((max(start, span.start), min(end, span.end)))
    for left, right in pairwise(sorted(cuts)):
        names = tuple(s.style_name for spans in layers for s in spans if s.start <= left < s.end)
        yield line.text[left:right], names


def _overlapping(spans: Sequence[StyledSpan], start: int, end: int) -> Sequence[StyledSpan]:
    if not spans:
        return ()
    first = bisect_left(spans, start, key=attrgetter("end"))
    return spans[first : bisect_left(spans, end, lo=first, key=attrgetter("start"))]
