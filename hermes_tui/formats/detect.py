"""Detect the format of a file from its content; its name is never considered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from hermes_tui.formats.base import Format, Match, Sample, Source
from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.json_text.big_list import BigList, find_big_list, fits
from hermes_tui.formats.json_text.json_values import BLANKS, MAX_EXCERPT, load
from hermes_tui.formats.json_text.long_lines import has_second_value, last_values
from hermes_tui.formats.json_text.torn_first import with_role_added
from hermes_tui.formats.lookalikes import Choice, is_last_resort
from hermes_tui.formats.mixed_lines import most_common_choice
from hermes_tui.formats.reader import MAX_RECORD, Reader
from hermes_tui.formats.refusals import Refusal, refusal_of, why_no_json, why_no_message
from hermes_tui.formats.traits import is_of_bytes
from hermes_tui.formats.turns import by_turns

HEAD = 64 << 10
SAMPLED_HEAD = 1 << 20
MAX_VALUES = 50
MAX_SAMPLE = 16 << 20
"""Bytes: a first record that is longer is not decoded for the sample."""


class Detection(NamedTuple):
    """The reader for a file, or why there is none. `rivals` names formats that fit equally well.

    `may_change`: bytes still to come may lead to another answer. `is_foreign`: the bytes examined
    are complete, but not a transcript.
    """

    reader: Reader | None
    reason: str = ""
    hint: str = ""
    rivals: tuple[str, ...] = ()
    may_change: bool = False
    is_foreign: bool = False


def detect(source: Source, formats: Iterable[Format], *, format_name: str = "") -> Detection:
    """Return the best reader for `source`; never raises.

    `format_name` forces the format of that name, cut as the content suggests.
    """
    head, formats = _head(source), tuple(formats)
    refusal = refusal_of(head, complete=source.complete)
    if refusal is not None:
        return _no_reader(refusal, may_change=refusal.waits)
    may_change = _may_change(head, source)
    if (reader := _reader_of_bytes(source, head, formats, format_name)) is not None:
        return Detection(reader, may_change=may_change)
    sample = take_sample(source, head)
    is_short = source.complete and source.size <= MAX_SAMPLE
    if sample is None:
        why = why_no_json(head, source.read(0, MAX_SAMPLE) if is_short else b"")
        return _no_reader(why, may_change=may_change and why.waits)
    choice = _choose(sample, formats, format_name)
    if choice is None:
        why = why_no_message(source.read(0, MAX_SAMPLE) if is_short else b"")
        is_torn = is_short and not why.is_foreign
        completed = with_role_added(sample) if is_torn else None
        choice = _choose(completed, formats, format_name) if completed is not None else None
    if choice is None:
        return _no_reader(why, may_change=may_change)
    (chosen, match), rivals = choice
    layout = match.layout or sample.layout
    if layout is Layout.DOCUMENT and sample.layout is Layout.LINES:
        layout = Layout.LINES
    reader = Reader(chosen, layout, match.unit, is_forced=bool(format_name))
    if layout is Layout.DOCUMENT and sample.big is not None:
        reader = inside(reader, sample.big)
    is_too_long = source.size > MAX_RECORD and not _has_line_end(head)
    if reader.layout is Layout.DOCUMENT and is_too_long:
        # It is too long to be read; if it is lines after all, those after the first are read.
        reader = reader._replace(layout=Layout.LINES)
    return Detection(by_turns(reader, source), rivals=rivals, may_change=may_change)


def _reader_of_bytes(
    source: Source, head: bytes, formats: Sequence[Format], format_name: str
) -> Reader | None:
    """Return the reader of a format that reads bytes, not JSON; None if no such format fits."""
    is_json = head.lstrip(BLANKS)[:1] in (b"{", b"[")
    sample = Sample(head if is_json else source.read(0, SAMPLED_HEAD), Layout.DOCUMENT, ())
    for candidate in formats:
        if not is_of_bytes(candidate) or format_name not in ("", candidate.name):
            continue
        if (match := candidate.sniff(sample)) is not None:
            layout = match.layout or Layout.DOCUMENT
            return Reader(candidate, layout, match.unit, is_forced=bool(format_name))
    return None


def _no_reader(why: Refusal, *, may_change: bool) -> Detection:
    return Detection(None, why.reason, why.hint, may_change=may_change, is_foreign=why.is_foreign)


def _choose(
    sample: Sample, formats: Sequence[Format], format_name: str
) -> tuple[Choice, tuple[str, ...]] | None:
    """Return the format that fits best and how, and the names of those that fit equally well."""
    found: list[Choice] = []
    for candidate in formats:
        if format_name and candidate.name != format_name:
            continue
        if found and is_last_resort(candidate):
            continue
        match = candidate.sniff(sample)
        if match is None and format_name:
            match = Match(1.0, _likely_unit(sample))
        if match is not None:
            found.append(Choice(candidate, match))
    if not found:
        return None
    best = max(found, key=lambda choice: choice.match.score)
    equals = [choice.format.name for choice in found if choice.match.score == best.match.score]
    chosen = best if format_name else most_common_choice(sample, best, formats)
    rivals = () if chosen is not best else tuple(n for n in equals if n != best.format.name)
    return chosen, rivals


def inside(reader: Reader, big: BigList) -> Reader:
    """Return a reader of the elements of a long list, or `reader` if that is impossible."""
    found = fits(big, reader.format)
    if found is None:
        return reader
    unit = Unit.RUNS if found.are_runs else Unit.PARTS
    return reader._replace(layout=Layout.INSIDE, unit=unit, big=found.big)


def _head(source: Source) -> bytes:
    """Return the first `HEAD` bytes, or more, up to `MAX_SAMPLE`, while they are blank."""
    size = HEAD
    head = source.read(0, size)
    while size < min(source.size, MAX_SAMPLE) and not head.strip(BLANKS + b"\0"):
        size *= 4
        head = source.read(0, size)
    return head


def _may_change(head: bytes, source: Source) -> bool:
    """Return whether more bytes may matter: lines are sampled, but a value may be longer."""
    starts_value = head.lstrip(BLANKS)[:1] in (b"{", b"[")
    return not source.complete and (starts_value or len(head) < HEAD)


def _likely_unit(sample: Sample) -> Unit:
    value = sample.first_object()
    return Unit.PARTS if "role" in value or "kind" in value else Unit.RUNS


def take_sample(source: Source, head: bytes) -> Sample | None:
    """Find the layout and decode the first values; return None if there is no JSON value."""
    lines = _line_values(source, head)
    first = head.lstrip(BLANKS)[:1]
    if lines is not None:
        values, only_line = lines
        if only_line and isinstance(values[0], list):
            return Sample(head, Layout.ARRAY, tuple(values[0][:MAX_VALUES]))
        # One line that is an object may be the first of many: lines, not a document.
        return Sample(head, Layout.LINES, tuple(values))
    if first in (b"[", b"{") and not _has_line_end(head) and has_second_value(source):
        beginning = load(source.read(0, SAMPLED_HEAD)).values[:1]
        return Sample(head, Layout.LINES, (*last_values(source), *beginning))
    if first == b"[":
        elements = _first_elements(source)
        if elements:
            return Sample(head, Layout.ARRAY, tuple(elements))
    later, share = _later_lines(head)
    # In a file that is still being written, an apparently torn document is a torn first line.
    is_torn_first = share >= 0.5 or not source.complete
    if first in (b"[", b"{") and source.size > MAX_SAMPLE and not is_torn_first:
        return _big_sample(source, head)
    if first in (b"[", b"{") and not is_torn_first:
        whole = load(source.read(0, MAX_SAMPLE).strip())
        if whole.values:
            return Sample(head, Layout.DOCUMENT, whole.values[:1])
    # A few lines of a document that is still being written, or of binary data, do not count.
    is_lines = later and (share >= 0.5 or (source.complete and b"\0" not in head))
    return Sample(head, Layout.LINES, tuple(later)) if is_lines else None


def _big_sample(source: Source, head: bytes) -> Sample | None:
    """Return a sample of a document that is too long to be decoded."""
    big = find_big_list(source)
    values = (big.document(big.first),) if big else load(source.read(0, SAMPLED_HEAD)).values[:1]
    if not values:
        return None
    if isinstance(values[0], list):
        return Sample(head, Layout.ARRAY, tuple(values[0][:MAX_VALUES]))
    return Sample(head, Layout.DOCUMENT, values, big)


def _has_line_end(head: bytes) -> bool:
    return b"\n" in head.strip()


def _line_values(source: Source, head: bytes) -> tuple[list[Any], bool] | None:
    """Return the values of the first lines, and whether there is only one line.

    None if the first line is not a whole value. It may be a header, or a summary of the others: one
    more line is examined, up to `MAX_SAMPLE` bytes.
    """
    data = head
    while data.lstrip().count(b"\n") < 2 and len(data) < min(source.size, MAX_SAMPLE):
        data = source.read(0, min(len(data) * 4, MAX_SAMPLE))
    at_end = len(data) >= source.size
    values: list[Any] = []
    pieces = data.lstrip(b" \t\r\n").split(b"\n", 4 * MAX_VALUES)
    lines = [line for line in (pieces if at_end else pieces[:-1]) if line.strip()]
    for line in lines[:MAX_VALUES]:
        try:
            text = line.decode("utf-8", "replace").lstrip("\ufeff").rstrip(", \t\r")
            value = _line_value(text)
        except ValueError:
            if not values:
                return None
            continue
        if isinstance(value, (dict, list)):
            values.append(value)
        elif not values:
            return None
    if not values:
        return None
    return values, at_end and len(lines) == 1


def _line_value(text: str) -> Any:
    """Return the value of a line; raise ValueError if it holds none."""
    try:
        return json.loads(text, strict=False)
    except RecursionError:
        found = load(text.encode("utf-8", "replace")).values
        if not found:
            raise ValueError(text[:MAX_EXCERPT]) from None
        return found[0]


def _first_elements(source: Source) -> list[Any]:
    decoder = json.JSONDecoder(strict=False)
    window = HEAD
    while True:
        text = source.read(0, window).decode("utf-8", "replace")
        values: list[Any] = []
        position = text.find("[") + 1
        while len(values) < MAX_VALUES:
            while position < len(text) and text[position] in " \t\r\n,":
                position += 1
            try:
                value, position = decoder.raw_decode(text, position)
            except (ValueError, RecursionError):
                break
            values.append(value)
        if values or window >= min(source.size, MAX_SAMPLE):
            return values
        window *= 4


def _later_lines(head: bytes) -> tuple[list[Any], float]:
    """Return the objects on later lines of a file whose first line is broken, and their share."""
    values: list[Any] = []
    lines = [line.strip() for line in head.split(b"\n")[1:MAX_VALUES] if line.strip()]
    for line in lines:
        loaded = load(line) if line.startswith(b"{") else None
        if loaded is not None and loaded.values and not loaded.problems:
            values.extend(loaded.values)
    return values, len(values) / len(lines) if lines else 0.0
