"""Which other format a record looks like if the format of its file cannot read it."""

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
"""A value with more members is not examined."""
MAX_LINES = 200
"""The most lines of one record whose likeness is reported."""
_SEPARATE_LAYOUTS = (None, Layout.LINES, Layout.DOCUMENT)
"""Layouts in which a value is read independently of its neighbours."""
_KIND_KEYS = ("type", "role", "kind", "object", "source")
_MAX_KIND = 40


class Choice(NamedTuple):
    """A format, and how it would read the file."""

    format: Format
    match: Match


def is_last_resort(candidate: Format) -> bool:
    return getattr(candidate, "last_resort", False)


def likeness_note(value: Any, own: str) -> str:
    """Return what to append to a defect of `value`, which format `own` cannot read.

    Return "" if no other format fits better. Results are not cached: formats look at more than a
    shape shows, and the message about a record must not depend on the records before it.
    """
    if shape_of(value) is None:
        return ""
    best = best_format(value, None, own=own, unit=None)
    return "" if best in ("", own) else f"; looks like {best} (--format {best} reads it)"


class LineLikeness:
    """For a line that does not fit into its record, returns what other format it looks like."""

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
        return likeness_note(self._values[index], self._own)


def best_choice(
    value: Any, candidates: Iterable[Format] | None, *, own: str, unit: Unit | None
) -> Choice | None:
    """Return the format that fits `value` best, or None if none fits well.

    Of equals, `own` wins, else the first. If `candidates` is None, all formats are tried. `unit` is
    what the value should hold; None accepts any.
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
    """Return the name of the format that fits `value` best, or "" if none fits well."""
    best = best_choice(value, candidates, own=own, unit=unit)
    return best.format.name if best is not None else ""


def reader_of(value: Any, own: str) -> Format | None:
    """Return the format that reads `value`, a record, as runs, or None if none but `own` does."""
    if shape_of(value) is None:
        return None
    best = best_choice(value, None, own=own, unit=Unit.RUNS)
    if best is None or best.format.name == own or best.match.layout not in _SEPARATE_LAYOUTS:
        return None
    return best.format


def shape_of(value: Any) -> Hashable:
    """Return what values of one format have in common, or None if no format has such values."""
    if isinstance(value, list):
        inner = shape_of(value[0]) if value and isinstance(value[0], dict) else None
        return inner and ("list", inner)
    if not isinstance(value, dict) or not 0 < len(value) <= MAX_MEMBERS:
        return None
    return frozenset((key, _kind(key, item)) for key, item in value.items())


def _kind(key: str, item: Any) -> Hashable:
    if key in _KIND_KEYS and isinstance(item, str) and len(item) <= _MAX_KIND:
        return item
    return type(item).__name__
