"""The findings of a long run are stored compactly, and come back unchanged."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.log.finding_list import BLOCK, FindingList
from hermes_tui.log.findings import Finding
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span


def finding(seq: int, number: int = 0) -> Finding:
    return Finding(
        Code.CALL_UNANSWERED,
        Severity.ERROR,
        f"call {number} of turn {seq} got no result",
        seq,
        turn=seq // 2,
        span=Span(number, number + 3),
        hint="the same for all",
        call_index=number % 3,
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=3 * BLOCK))
def test_findings_come_back_in_order_and_by_event(seqs: list[int]) -> None:
    made = [finding(seq, number) for number, seq in enumerate(seqs)]
    kept = FindingList()
    for one in made:
        kept.append(one)
    assert list(kept) == made
    assert kept[-2:] == made[-2:]
    for seq in range(42):
        assert kept.of(seq) == [one for one in made if one.seq == seq]


def test_there_is_no_finding_after_the_last() -> None:
    kept = FindingList()
    kept.append(finding(1))
    assert kept[-1] == finding(1)
    with pytest.raises(IndexError):
        kept[1]


def test_a_finding_takes_less_than_a_hundred_bytes() -> None:
    kept = FindingList()
    tracemalloc.start()
    for number in range(20_000):
        kept.append(finding(number, number))
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 100 * 20_000


def test_texts_with_lone_surrogates_are_kept_as_far_as_possible() -> None:
    kept = FindingList()
    for number in range(BLOCK):
        kept.append(finding(number)._replace(message="not \ud800 sound", hint="\U0001f389"))
    assert kept[0].message == "not \ufffd sound"
    assert kept[0].hint == "\U0001f389"
    assert kept[0]._replace(message="", hint="") == finding(0)._replace(message="", hint="")
