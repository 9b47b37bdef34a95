"""What a record may be that the format of its file cannot read."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from hermes_tui.formats.base import Layout, Sample
from hermes_tui.formats.registry import formats

LEAST_SCORE = 0.5
MAX_MEMBERS = 64
"""A value with more is not looked at."""
MAX_SHAPES = 256
"""Answers kept, for there may be millions of such records: those of one shape are of one format."""
_TELLING = ("type", "role", "kind", "object", "source")
_MAX_TOLD = 40
_known: dict[tuple[str, Hashable], str] = {}


def told_likeness(value: Any, own: str) -> str:
    """Return what to say behind a defect of `value`, which format `own` cannot read.

    Empty where no other format knows it better.
    """
    shape = _shape(value)
    if shape is None:
        return ""
    found = _known.get((own, shape))
    if found is None:
        if len(_known) >= MAX_SHAPES:
            _known.clear()
        found = _known[own, shape] = _best_format(value, own)
    return f"; looks like {found} (--format {found} reads it)" if found else ""


def _best_format(value: Any, own: str) -> str:
    sample = Sample(b"", Layout.LINES, (value,))
    best, best_score = "", LEAST_SCORE
    for candidate in formats():
        match = candidate.sniff(sample)
        score = match.score if match is not None else 0.0
        # Of equals its own format is the answer, then the first.
        if score > best_score or (score == best_score and candidate.name == own):
            best, best_score = candidate.name, score
    return "" if best == own else best


def _shape(value: Any) -> Hashable:
    """Return what values of one format have in common, None for what no format has."""
    if isinstance(value, list):
        inner = _shape(value[0]) if value and isinstance(value[0], dict) else None
        return inner and ("list", inner)
    if not isinstance(value, dict) or not 0 < len(value) <= MAX_MEMBERS:
        return None
    return frozenset((key, _kind(key, item)) for key, item in value.items())


def _kind(key: str, item: Any) -> Hashable:
    if key in _TELLING and isinstance(item, str) and len(item) <= _MAX_TOLD:
        return item
    return type(item).__name__
