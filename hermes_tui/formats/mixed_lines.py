"""Which format a file of mixed values belongs to (that of most values), and how the others are
read.

A format may recognise a file by a single telling value, which says little if there are others. So
each value that the chosen format neither recognises nor reads is offered to all formats. Only whole
runs count, since a lone message may well belong to the chosen format.

A value in which the chosen format finds no run is read by a format that does, if that format reads
values independently. This depends only on the value and the chosen format, so a file can be read
from anywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hermes_tui.formats.base import Sample
from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.lookalikes import (
    Choice,
    best_format,
    is_last_resort,
    reader_of,
    shape_of,
)
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import traits_of
from hermes_tui.model.events import RunStarted, SourceDefect
from hermes_tui.model.spans import ByteRange

if TYPE_CHECKING:
    from hermes_tui.formats.base import Format, Match


def most_common_choice(sample: Sample, chosen: Choice, formats: Sequence[Format]) -> Choice:
    """Return the choice that fits most values in `sample`; `chosen` unless it fits fewer."""
    is_list = sample.layout in (Layout.LINES, Layout.ARRAY) and len(sample.values) > 1
    if not is_list or is_last_resort(chosen.format):
        return chosen
    shares = _shares(sample.values, chosen, formats)
    if len(shares) < 2:
        return chosen
    name, share = shares.most_common(1)[0]
    if share <= shares[chosen.format.name]:
        return chosen
    other = next(each for each in formats if each.name == name)
    own = tuple(value for value in sample.values if _alone(other, value) is not None)
    match = other.sniff(replace(sample, values=own))
    return Choice(other, match) if match is not None else chosen


def _shares(values: Sequence[Any], chosen: Choice, formats: Sequence[Format]) -> Counter[str]:
    """Return the number of values of each format; values of one shape have one format.

    Once half of them are of the chosen format, no other can have more, and the rest is not
    examined.
    """
    own = chosen.format.name
    owners: dict[Hashable, str] = {}
    shares: Counter[str] = Counter()
    for value in values:
        shape = shape_of(value)
        if shape is None:
            continue
        if shape not in owners:
            is_own = _alone(chosen.format, value) is not None or _is_read(value, chosen)
            owners[shape] = own if is_own else best_format(value, formats, own=own, unit=Unit.RUNS)
        shares[owners[shape]] += 1
        if 2 * shares[own] >= len(values):
            break
    shares.pop("", None)
    return shares


def _alone(candidate: Format, value: Any) -> Match | None:
    return candidate.sniff(Sample(b"", Layout.LINES, (value,)))


def _is_read(value: Any, choice: Choice) -> bool:
    """Return whether a format that does not recognise a value alone reads something from it."""
    build = RunBuilder(ByteRange(0, 1), unit=choice.match.unit)
    choice.format.read(value, build)
    found = [event for event in build.events if not isinstance(event, RunStarted)]
    return bool(found) and not any(isinstance(event, SourceDefect) for event in found)


def read_record(value: Any, own: Format, build: RunBuilder) -> None:
    """Read a record of a file of runs with `own`, or else with the format that recognises it."""
    is_first = not build.is_used
    own.read(value, build)
    if not is_first or build.has_run or traits_of(own).delegates:
        return
    if (other := reader_of(value, own.name)) is None:
        return
    build.forget()
    read_as(value, other, build)
    if not build.has_run:
        build.forget()
        own.read(value, build)


def read_as(value: Any, other: Format, build: RunBuilder) -> None:
    """Read a record with a format other than that of its file; that format has no sidecars here."""
    kept = build.source_format, build.sidecars, build.likeness
    build.source_format, build.sidecars, build.likeness = other.name, {}, None
    other.read(value, build)
    build.source_format, build.sidecars, build.likeness = kept
