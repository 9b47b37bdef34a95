"""The interface of a foreign format: what it is given and what it returns.

A file is framed into records (`framing.py`); a `Format` interprets the value of a record.
Laws, property-tested for every format: any bytes scan without an exception; record bytes
concatenated are the file's bytes; the scan of a prefix is a prefix of the scan; reading a value
never raises.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from hermes_tui.formats import fields
from hermes_tui.formats.framing import Layout, Unit

if TYPE_CHECKING:
    from hermes_tui.formats.json_text.big_list import BigList
    from hermes_tui.formats.run_builder import RunBuilder


class Source(Protocol):
    """The bytes of one file, decompressed. It may grow until it is `complete`."""

    @property
    def size(self) -> int: ...

    @property
    def complete(self) -> bool: ...

    def read(self, start: int, length: int) -> bytes:
        """Return up to `length` bytes from `start`; fewer if the file ends before that."""
        ...


@dataclass(frozen=True)
class Sample:
    """The input of sniffing: the layout found and the first (at most 50) decoded values."""

    head: bytes
    layout: Layout
    values: tuple[Any, ...]
    big: BigList | None = None
    """The long list in a document that is too long to be decoded as a sample, or None."""

    @property
    def firsts(self) -> list[Any]:
        """Return the first five values; if the first is a list, its first five elements too."""
        values = list(self.values[:5])
        if values and isinstance(values[0], list):
            values += values[0][:5]
        return values

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the keys of all objects among the `firsts`."""
        return frozenset[str]().union(*(each for each in self.firsts if isinstance(each, dict)))

    def first_object(self) -> dict[str, Any]:
        """Return the first value that is a JSON object, or an empty one."""
        return next((value for value in self.values if isinstance(value, dict)), {})

    def elements(self) -> tuple[tuple[Any, ...], Layout]:
        """Return the values and the layout.

        If the document is one list, return its first 50 elements and `Layout.ARRAY`.
        """
        values = self.values
        if self.layout is Layout.DOCUMENT and len(values) == 1 and isinstance(values[0], list):
            return tuple(values[0][:50]), Layout.ARRAY
        return values, self.layout

    def match_of_runs(self, score: float, is_run: Callable[[Any], bool]) -> Match | None:
        """Return the match of a format whose runs most `elements` are, or None if they are not."""
        values, layout = self.elements()
        return Match(score, Unit.RUNS, layout) if fields.mostly(values, is_run) else None

    def match_of_rows(self, score: float, is_row: Callable[[Any], bool]) -> Match | None:
        """Return the match of a format that reads all `elements` together, if most are rows."""
        found = self.match_of_runs(score, is_row)
        return found._replace(layout=self.layout.together()) if found is not None else None

    def match_of_lines(self, score: float, is_own: Callable[[Any], bool]) -> Match | None:
        """Return the match of a format that reads all `elements` together.

        None if none of them is its own.
        """
        values, layout = self.elements()
        return Match(score, Unit.RUNS, layout.together()) if any(map(is_own, values)) else None


class Match(NamedTuple):
    """How sure a format is (0 < score <= 1), and how its files are to be cut into records."""

    score: float
    unit: Unit
    layout: Layout | None = None
    """None means the layout of the sample."""


class Format(Protocol):
    """One foreign format. `summary` is the line that `hermes-tui formats` prints.

    A format may also have `traits`, or `of_bytes` (`traits.py`).
    """

    name: str
    summary: str

    def sniff(self, sample: Sample) -> Match | None:
        """Return how well the sample fits, judged by its content alone; None if it does not."""
        ...

    def read(self, value: Any, build: RunBuilder) -> None:
        """Turn the value of one record into events. Never raises on any JSON value.

        With `Unit.RUNS` it opens each run by `build.start`; with `Unit.PARTS` only if
        `build.is_first` is true. With `Layout.WHOLE_LINES` or `TURNS` the value is a list, and
        `build.locate(i)` must be called before the events of value `i` are added.
        """
        ...
