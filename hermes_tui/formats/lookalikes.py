"""What a record may be that the format of its file cannot read."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from hermes_tui.formats.base import Format, Layout, Sample, Unit
from hermes_tui.formats.registry import formats
from hermes_tui.model.spans import ByteRange

LEAST_SCORE = 0.5
MAX_MEMBERS = 64
"""A value with more is not looked at."""
MAX_DEPTH = 3
"""How deep below its members a value's shape goes."""
MAX_SHAPES = 256
"""Answers kept, for there may be millions of such records: those of one shape are of one format."""
MAX_LINES = 200
"""Lines of one record of which it is said what they look like."""
_TELLING = ("type", "role", "kind", "object", "source")
_MAX_TOLD = 40
_known: dict[tuple[str, Hashable], str] = {}


def told_likeness(value: Any, own: str) -> str:
    """Return what to say behind a defect of `value`, which format `own` cannot read.

    Empty where no other format knows it better.
    """
    shape = shape_of(value)
    if shape is None:
        return ""
    found = _known.get((own, shape))
    if found is None:
        if len(_known) >= MAX_SHAPES:
            _known.clear()
        best = best_format(value, formats(), own=own, unit=None)
        found = _known[own, shape] = "" if best == own else best
    return f"; looks like {found} (--format {found} reads it)" if found else ""


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


def best_format(value: Any, candidates: Iterable[Format], *, own: str, unit: Unit | None) -> str:
    """Return the name of the format that knows `value` best, empty where none knows it well.

    Of equals that is `own`, else the first. `unit`: what the value is to hold, None: whatever.
    """
    sample = Sample(b"", Layout.LINES, (value,))
    best, best_score = "", LEAST_SCORE
    for candidate in candidates:
        match = candidate.sniff(sample)
        if match is None or unit not in (None, match.unit):
            continue
        if match.score > best_score or (match.score == best_score and candidate.name == own):
            best, best_score = candidate.name, match.score
    return best


def shape_of(value: Any) -> Hashable:
    """Return what values of one format have in common, None for what no format has.

    Answers are kept by it, so it is as deep as formats look: into the first item of each list.
    """
    if isinstance(value, list):
        inner = shape_of(value[0]) if value and isinstance(value[0], dict) else None
        return inner and ("list", inner)
    if not isinstance(value, dict) or not 0 < len(value) <= MAX_MEMBERS:
        return None
    return frozenset((key, _kind(key, item, MAX_DEPTH)) for key, item in value.items())


def _kind(key: str, item: Any, depth: int) -> Hashable:
    if isinstance(item, str) and key in _TELLING and len(item) <= _MAX_TOLD:
        return item
    if isinstance(item, list) and item and depth:
        return "list", _kind("", item[0], depth - 1)
    if isinstance(item, dict) and len(item) <= MAX_MEMBERS and depth:
        return frozenset((name, _kind(name, one, depth - 1)) for name, one in item.items())
    return type(item).__name__
