"""Many runs in few bytes: blocks of some hundred rows, column by column, each decoded separately.

A block is a header of segment lengths and a checksum, followed by the segments as msgpack: the
facts about the block as a whole (`BlockFacts`), and one segment for every column. Values that
repeat are stored once. The index of a file consists of blocks, in memory, on disk and in a pipe.
"""

from __future__ import annotations

import math
import zlib
from array import array
from collections.abc import Sequence
from functools import cache
from types import GenericAlias
from typing import Any, Final, NamedTuple, get_type_hints

import msgspec

from hermes_tui.log.packing import packed
from hermes_tui.log.summary import RunSummary
from hermes_tui.model.visible import cells

ROWS: Final = 128
"""Rows of a full block. A small number, as a page of a sorted list needs a block for nearly each of
its rows."""
_PLACE_COLUMNS: Final = {"record": int, "nth": int, "group": int}
_NUMBER: Final = array("I")
PREFIX: Final = 2 * _NUMBER.itemsize
"""Bytes of the block's first two numbers: the length of the rest, and its checksum."""


class StoredRun(NamedTuple):
    """A run as stored in a block: its summary, and where in its file it is."""

    summary: RunSummary
    record: int
    nth: int
    group: int


COLUMNS: Final = (*RunSummary._fields, *_PLACE_COLUMNS)


class BlockFacts(msgspec.Struct, frozen=True, array_like=True):
    """Facts about a block as a whole. The records that it covers may contain no run."""

    rows: int
    first_run: int
    first_record: int
    ends: bytes
    """The offsets at which its records end, as an `array("Q")`."""
    kinds: bytes
    complaints: tuple[str, ...] = ()
    erring: int = 0
    """Number of runs with findings of severity error."""
    longest: dict[str, int] = {}
    """Cells of the longest text of each column; see `note_lengths`."""
    rewards: tuple[int, float] = (0, 0.0)
    """How many runs have a finite reward, and the sum of those."""


class DamagedBlock(ValueError):
    """The bytes are not a block, or only a part of one."""


def note_lengths(longest: dict[str, int], run: StoredRun, most: int = 1 << 30) -> None:
    """Raise the lengths in `longest` to those of a run's texts, at most to `most`.

    Empty texts add no column. `began`, `latest`, `reward`, `tool_errors` and `group` are 1 if they
    have any value.
    """
    summary = run.summary
    prefix = len(f"g{run.group} · ") if run.group else 0
    lengths = (
        ("id", prefix + (cells(summary.run_id) or (prefix and len(f"run {run.nth + 1}")))),
        ("task", cells(summary.task)),
        ("model", cells(summary.model)),
        ("status", len(summary.status) if summary.status != "unknown" else 0),
        ("stop_reason", cells(summary.stop_reason)),
        ("began", summary.began_ts is not None),
        ("latest", summary.latest_ts is not None),
        ("reward", summary.reward is not None),
        ("tool_errors", summary.tool_errors > 0),
        ("group", run.group > 0),
        ("codes", sum(len(code) + len(str(count)) + 2 for code, count in summary.codes) - 1),
    )
    for name, length in lengths:
        if length > longest.get(name, 0):
            longest[name] = min(int(length), most)


def encode_block(facts: BlockFacts, runs: Sequence[StoredRun]) -> bytes:
    """Return the bytes of a block. Fills in `rows`, `erring`, `longest` and `rewards`."""
    longest: dict[str, int] = {}
    for run in runs:
        note_lengths(longest, run)
    erring = sum(run.summary.errors > 0 for run in runs)
    given_rewards = (run.summary.reward for run in runs if run.summary.reward is not None)
    rewards = list(filter(math.isfinite, given_rewards))
    facts = msgspec.structs.replace(
        facts, rows=len(runs), erring=erring, longest=longest, rewards=(len(rewards), sum(rewards))
    )
    summaries = list(zip(*(run.summary for run in runs), strict=True))
    places = list(zip(*(run[1:] for run in runs), strict=True))
    segments = [packed(facts), *map(_encode_column, [*summaries, *places])]
    if not runs:
        segments += [b""] * len(COLUMNS)
    body = array("I", map(len, segments)).tobytes() + b"".join(segments)
    return array("I", (len(body), zlib.crc32(body))).tobytes() + body


def block_length(prefix: bytes) -> int:
    """Return how many bytes follow the first `PREFIX` bytes of a block."""
    return array("I", prefix)[0]


def segment_lengths(block: bytes) -> array[int]:
    """Return the lengths of the segments of a whole block: of its facts, then of its columns.

    Raises DamagedBlock.
    """
    body = memoryview(block)[PREFIX:]
    head = (len(COLUMNS) + 1) * _NUMBER.itemsize
    lengths = array("I", bytes(body[:head])) if len(body) >= head else array("I")
    if (
        not lengths
        or array("I", block[:PREFIX]) != array("I", (len(body), zlib.crc32(body)))
        or sum(lengths) + head != len(body)
    ):
        raise DamagedBlock("checksum")
    return lengths


SEGMENTS_AT: Final = PREFIX + (len(COLUMNS) + 1) * _NUMBER.itemsize
"""Offset in a block at which its segments begin."""


def decode_facts(segment: bytes) -> BlockFacts:
    """Return the facts about a block as a whole. Raises DamagedBlock."""
    try:
        return _facts_decoder().decode(segment)
    except msgspec.DecodeError as error:
        raise DamagedBlock(str(error)) from error


def decode_column(number: int, segment: bytes) -> list[Any]:
    """Return the values of column `number` of COLUMNS. Raises DamagedBlock."""
    plain, repeated = _column_decoders()[number]
    try:
        if segment[:1] == b"\x92":
            values, codes = repeated.decode(segment)
            return list(map(values.__getitem__, codes))
        return plain.decode(segment[1:])  # type: ignore[no-any-return]
    except (msgspec.DecodeError, IndexError) as error:
        raise DamagedBlock(str(error)) from error


def _encode_column(values: tuple[Any, ...]) -> bytes:
    if isinstance(values[0], int):
        return b"\0" + packed(values)
    codes = dict.fromkeys(values, 0)
    if 2 * len(codes) > len(values):
        return b"\0" + packed(values)
    for code, value in enumerate(codes):
        codes[value] = code
    return packed((tuple(codes), tuple(map(codes.__getitem__, values))))


@cache
def _facts_decoder() -> msgspec.msgpack.Decoder[BlockFacts]:
    return msgspec.msgpack.Decoder(BlockFacts)


@cache
def _column_decoders() -> list[tuple[msgspec.msgpack.Decoder[Any], msgspec.msgpack.Decoder[Any]]]:
    types = get_type_hints(RunSummary) | _PLACE_COLUMNS
    plain = [GenericAlias(list, (types[name],)) for name in COLUMNS]
    repeated = [GenericAlias(tuple, (column, list[int])) for column in plain]
    decoder: Any = msgspec.msgpack.Decoder
    return list(zip(map(decoder, plain), map(decoder, repeated), strict=True))


def columns_version() -> str:
    """Return a text that changes whenever the layout or the meaning of blocks changes."""
    types = get_type_hints(RunSummary) | _PLACE_COLUMNS
    return "4 " + " ".join(f"{name}:{types[name]}" for name in COLUMNS)
