"""What a record may be that the format of its file cannot read."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from hermes_tui.formats.base import Format, Match, Sample
from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.registry import formats_for
from hermes_tui.model.spans import ByteRange

LEAST_SCORE = 0.5
MAX_MEMBERS = 64
"""A value with more is not looked at."""
MAX_LINES = 200
"""Lines of one record of which it is said what they look like."""
_ALONE = (None, Layout.LINES, Layout.DOCUMENT)
"""Layouts in which a value is read without those beside it."""
_TELLING = ("type", "role", "kind", "object", "source")
_MAX_TOLD = 40


class Choice(NamedTuple):
    """A format, and how it would read the file."""

    format: Format
    match: Match


def is_last_resort(candidate: Format) -> bool:
    return getattr(candidate, "last_resort", False)


def told_likeness(value: Any, own: str) -> str:
    """Return what to say behind a defect of `value`, which format `own` cannot read.

    Empty where no other format knows it better. Nothing is remembered: formats look at more than
    a shape tells, and what is said of a record must not depend on those before it.
    """
    if shape_of(value) is None:
        return ""
    best = best_format(value, None, own=own, unit=None)
    return "" if best in ("", own) else f"; looks like {best} (--format {best} reads it)"


class LineLikeness:
    """Says what lines look like that are no part of the record that all lines together are."""

    def __init__(self, values: Sequence[Any], ranges: Sequence[ByteRange], own: str) -> None:
        self._values = values
        self._ranges = ranges
        self._own = own
        self._left = MAX_LINES

    def __call__(self, line: ByteRange) -> str:
        index = bisect_left(self._ranges, line)
        if not self._left or index >= len(self._ranges) or self._ranges[index] != line:
            return ""
        self._left -= 1
        return told_likeness(self._values[index], self._own)


def best_choice(
    value: Any, candidates: Iterable[Format] | None, *, own: str, unit: Unit | None
) -> Choice | None:
    """Return the format that knows `value` best, None where none knows it well.

    Of equals that is `own`, else the first. `candidates` None: all there are. `unit`: what the
    value is to hold, None: whatever.
    """
    sample = Sample(b"", Layout.LINES, (value,))
    best, best_score = None, LEAST_SCORE
    for candidate in formats_for(sample) if candidates is None else candidates:
        match = candidate.sniff(sample) if not is_last_resort(candidate) else None
        if match is None or unit not in (None, match.unit):
            continue
        if match.score > best_score or (match.score == best_score and candidate.name == own):
            best, best_score = Choice(candidate, match), match.score
    return best


def best_format(
    value: Any, candidates: Iterable[Format] | None, *, own: str, unit: Unit | None
) -> str:
    """Return the name of the format that knows `value` best, empty where none knows it well."""
    best = best_choice(value, candidates, own=own, unit=unit)
    return best.format.name if best is not None else ""


def reader_of(value: Any, own: str) -> Format | None:
    """Return the format that reads `value`, a record, as runs; None where none does but `own`."""
    if shape_of(value) is None:
        return None
    best = best_choice(value, None, own=own, unit=Unit.RUNS)
    if best is None or best.format.name == own or best.match.layout not in _ALONE:
        return None
    return best.format


def shape_of(value: Any) -> Hashable:
    """Return what values of one format have in common, None for what no format has."""
    if isinstance(value, list):
        inner = shape_of(value[0]) if value and isinstance(value[0], dict) else None
        return inner and ("list", inner)
    if not isinstance(value, dict) or not 0 < len(value) <= MAX_MEMBERS:
        return None
    return frozenset((key, _kind(key, item)) for key, item in value.items())


def _kind(key: str, item: Any) -> Hashable:
    if key in _TELLING and isinstance(item, str) and len(item) <= _MAX_TOLD:
        return item
    return type(item).__name__
