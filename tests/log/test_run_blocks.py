"""Blocks of runs are read back as they were written, and damage is detected."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.log.run_blocks import (
    COLUMNS,
    PREFIX,
    SEGMENTS_AT,
    BlockFacts,
    DamagedBlock,
    StoredRun,
    block_length,
    decode_column,
    decode_facts,
    encode_block,
    segment_lengths,
)
from hermes_tui.log.summary import RunSummary

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
COUNT = st.integers(0, (1 << 63) - 1)
NUMBER = st.floats(allow_nan=False)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: COUNT,
    int | None: st.none() | COUNT,
    float | None: st.none() | NUMBER,
    tuple[tuple[str, int], ...]: st.lists(st.tuples(TEXT, COUNT), max_size=3).map(tuple),
    tuple[tuple[str, float], ...]: st.lists(st.tuples(TEXT, NUMBER), max_size=3).map(tuple),
    tuple[tuple[str, int, int], ...]: st.lists(st.tuples(TEXT, COUNT, COUNT), max_size=3).map(
        tuple
    ),
}
SUMMARIES = st.builds(
    RunSummary,
    *(VALUES.get(kind, st.from_type(kind)) for kind in get_type_hints(RunSummary).values()),
)
RUNS = st.builds(StoredRun, SUMMARIES, COUNT, st.integers(0, 99), st.integers(0, 99))


def decoded(block: bytes) -> tuple[BlockFacts, list[StoredRun]]:
    lengths = segment_lengths(block)
    at = SEGMENTS_AT
    segments = []
    for length in lengths:
        segments.append(block[at : at + length])
        at += length
    facts = decode_facts(segments[0])
    if not facts.rows:
        return facts, []
    columns = [decode_column(number, data) for number, data in enumerate(segments[1:])]
    width = len(RunSummary._fields)
    rows = zip(*columns, strict=True)
    return facts, [StoredRun(RunSummary(*row[:width]), *row[width:]) for row in rows]


@settings(max_examples=60, deadline=None)
@given(st.lists(RUNS, max_size=6))
def test_runs_are_read_back_from_a_block_as_they_were_written(runs: list[StoredRun]) -> None:
    block = encode_block(BlockFacts(0, 7, 3, b"ends", b"kinds", ("odd",)), runs)
    facts, found = decoded(block)
    assert found == runs
    assert (facts.rows, facts.first_run, facts.first_record) == (len(runs), 7, 3)
    assert (facts.ends, facts.kinds, facts.complaints) == (b"ends", b"kinds", ("odd",))
    assert facts.erring == sum(run.summary.errors > 0 for run in runs)
    assert block_length(block[:PREFIX]) == len(block) - PREFIX


def test_a_complaint_with_half_a_character_leaves_its_block_readable() -> None:
    block = encode_block(BlockFacts(0, 7, 3, b"ends", b"\xff", ("odd \ud800",)), [run()])
    facts, found = decoded(block)
    assert (facts.ends, facts.kinds, facts.complaints) == (b"ends", b"\xff", ("odd \ufffd",))
    assert found == [run()]


def run(**fields: Any) -> StoredRun:
    empty = RunSummary("", "", "", "", 0, 0, 0, 0, 0, 0, 0, 0, 0, (), "unknown", None, 0)
    return StoredRun(empty._replace(**fields), 0, 0, 0)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_is_detected(place: int, change: int) -> None:
    block = bytearray(encode_block(BlockFacts(0, 0, 0, b"", b""), [run(task="a"), run(task="b")]))
    block[place % len(block)] ^= change
    with pytest.raises(DamagedBlock):
        segment_lengths(bytes(block))


@given(st.integers(0, 10_000))
def test_a_truncated_block_is_detected(length: int) -> None:
    block = encode_block(BlockFacts(0, 0, 0, b"", b""), [run(task="a"), run(task="b")])
    with pytest.raises(DamagedBlock):
        segment_lengths(block[: length % len(block)])


def test_a_lone_surrogate_is_replaced_and_the_rest_kept() -> None:
    block = encode_block(BlockFacts(0, 0, 0, b"", b""), [run(task="a\ud800b", codes=(("X", 2),))])
    [found] = decoded(block)[1]
    assert found.summary.task == "a\ufffdb"
    assert found.summary.codes == (("X", 2),)


def test_an_impossible_number_does_not_spoil_a_block() -> None:
    block = encode_block(BlockFacts(0, 0, 0, b"", b""), [run(prompt_tokens=10**30), run(turns=1)])
    assert [found.summary.turns for found in decoded(block)[1]] == [0, 1]


def test_repeated_values_are_stored_once() -> None:
    long = "the same long task " * 20
    same = encode_block(BlockFacts(0, 0, 0, b"", b""), [run(task=long)] * 100)
    assert len(same) < len(long) + 100 * 2 * len(COLUMNS)


def test_the_longest_texts_are_known_for_columns_that_have_any() -> None:
    runs = [run(task="four"), run(task="sixsix", reward=0.0), run(status="ok")]
    facts = decoded(encode_block(BlockFacts(0, 0, 0, b"", b""), runs))[0]
    assert facts.longest == {"task": 6, "reward": 1, "status": 2}


def test_wide_characters_count_as_the_cells_that_they_take() -> None:
    runs = [run(task="seven!!"), run(task="整理文档"), run(task="é–x")]
    facts = decoded(encode_block(BlockFacts(0, 0, 0, b"", b""), runs))[0]
    assert facts.longest["task"] == 8
