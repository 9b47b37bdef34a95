"""Searches all texts of runs, not only the fields that a list shows.

Few records contain what is searched for. If that has a word in it, a record whose bytes lack the
word is not decoded at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable
from typing import Final

from hermes_tui.formats.fields import json_text
from hermes_tui.formats.framing import Record, RecordKind
from hermes_tui.formats.reader import MAX_RECORD, Reader
from hermes_tui.log.codec import PACKED_MARK
from hermes_tui.log.query import event_texts
from hermes_tui.model.events import Event
from hermes_tui.runtime.opener import OpenFile, RunRef, load_run

MayHold = Callable[[bytes], bool]

_WORD: Final = re.compile("[A-Za-z]{3,}")
_VALUE_WORDS: Final = frozenset({"true", "false", "null", "none", "nan", "inf", "infinity"})
"""Words for values, which files may spell in different ways."""
_HIDING_MARKS: Final = (
    *(rb"\u004", rb"\u005", rb"\u006", rb"\u007"),
    *(b"data:", b"base64", rb'"[\"', b"\0"),
    *(b"delta", b"candidates", b"_chunk"),
    PACKED_MARK,
)
"""A record with one of these may hide a word: letters may be escaped, packed, in UTF-16 or split
into pieces."""
_OTHER_CASES: Final = {
    "k": ("\N{KELVIN SIGN}",),
    "s": ("\N{LATIN SMALL LETTER LONG S}",),
    "i": ("\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "\N{LATIN SMALL LETTER DOTLESS I}"),
}
"""Other characters that equal a letter when case is ignored, in addition to the ASCII ones."""


def sieve(text: str, *, case_matters: bool) -> MayHold:
    """Return a test on a record's bytes whether it may hold a text; far faster than decoding."""
    words = [word for word in _WORD.findall(text) if word.lower() not in _VALUE_WORDS]
    if not words:
        return lambda data: True
    word = max(words, key=len)
    if case_matters:
        needles = (word.encode(), *_HIDING_MARKS)
        return lambda data: any(needle in data for needle in needles)
    word = word.lower()
    others = [other for letter in set(word) for other in _OTHER_CASES.get(letter, ())]
    spelled = [other.encode() for other in others] + [rb"\u%04x" % ord(other) for other in others]
    needles = (word.encode(), *_HIDING_MARKS, *spelled)

    def may_match(data: bytes) -> bool:
        lowered = data.lower()
        return any(needle in lowered for needle in needles)

    return may_match


def search_run(
    ref: RunRef, found_in: Callable[[str], bool], may_match: MayHold
) -> Generator[int, None, bool]:
    """Yield the bytes searched, step by step; return whether any text of a run matches.

    Words that only this program adds to the contents of a file are found in some runs, not in all.
    """
    file = ref.file
    if file.watched is not None:
        return _is_in_run(ref, found_in)
    if file.is_one_run:
        return (yield from _in_records(file, found_in, may_match))
    record = file.record(ref.record)
    yield len(record.range)
    if not (_may_hold(file, record, may_match) or _may_hold_around(file.reader, may_match)):
        return False
    return _is_in_run(ref, found_in)


def _in_records(
    file: OpenFile, found_in: Callable[[str], bool], may_match: MayHold
) -> Generator[int, None, bool]:
    """Search a file that is one run, record by record."""
    reader = file.reader._replace(review=None)
    for _ in file.scan():
        yield 0
    may_be_around = _may_hold_around(reader, may_match)
    is_first = True
    for number in range(len(file.records)):
        record = file.records[number]
        if record.kind is RecordKind.FRAME:
            continue
        yield len(record.range)
        if may_be_around or _may_hold(file, record, may_match):
            events = reader.decode(file.source, record, is_first=is_first)
            if _any_found(events, found_in):
                return True
        is_first = False
    return False


def _is_in_run(ref: RunRef, found_in: Callable[[str], bool]) -> bool:
    log = load_run(ref)
    return _any_found((log[seq] for seq in range(len(log))), found_in)


def _may_hold(file: OpenFile, record: Record, may_match: MayHold) -> bool:
    length = len(record.range)
    # A longer record is never decoded, so searching what is shown of it is cheap.
    return length > MAX_RECORD or may_match(file.source.read(record.range.start, length))


def _may_hold_around(reader: Reader, may_match: MayHold) -> bool:
    """Return whether the data that a format reads in addition to each record may hold the text."""
    around = [*reader.sidecars.values(), reader.big.around if reader.big is not None else {}]
    return any(around) and may_match(json_text(around).encode("utf-8", "surrogatepass"))


def _any_found(events: Iterable[Event], found_in: Callable[[str], bool]) -> bool:
    return any(found_in(text) for event in events for text in event_texts(event))
