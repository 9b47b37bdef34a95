"""The lines of one big run are found again in their block, regardless of their content."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats import line_index
from hermes_tui.formats.framing import Layout, RecordIndex, RecordKind, scan
from hermes_tui.formats.line_index import LineIndex
from hermes_tui.model.spans import ByteRange
from tests.bytes_source import BytesSource

LINES = st.lists(st.sampled_from([b"\n", b" \n", b"{}\n", b"a" * 9 + b"\n", b"b" * 70 + b"\n"]))


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_index, "WINDOW", 16)


def index_of(source: BytesSource) -> LineIndex:
    index = LineIndex(source.read)
    for _ in index.scan(source):
        pass
    return index


def values(data: bytes, index: RecordIndex | LineIndex) -> list[bytes]:
    """Return the lines that are not blank, without the whitespace around them."""
    found = [index[number] for number in range(len(index))]
    ranges = [record.range for record in found if record.kind is RecordKind.VALUE]
    return [data[place.start : place.end].strip(b" \t\r\n") for place in ranges]


def pieces(data: bytes, index: LineIndex) -> list[bytes]:
    ranges = [index[number].range for number in range(len(index))]
    return [data[place.start : place.end] for place in ranges]


@settings(max_examples=80)
@given(LINES, st.binary(max_size=40))
def test_lines_are_those_of_the_plain_index(lines: list[bytes], rest: bytes) -> None:
    data = b"".join(lines) + rest
    plain = RecordIndex()
    for _ in scan(BytesSource(data), Layout.LINES, plain):
        pass
    index = index_of(BytesSource(data))
    assert values(data, index) == values(data, plain)
    assert b"".join(pieces(data, index)) == data


@settings(max_examples=80)
@given(LINES, st.lists(st.integers(0, 400), max_size=4))
def test_known_lines_of_a_growing_source_do_not_change(
    lines: list[bytes], sizes: list[int]
) -> None:
    data = b"".join(lines)
    source = BytesSource(data, 0, complete=False)
    index, before = LineIndex(source.read), list[bytes]()
    for size in [*sorted(sizes), len(data)]:
        source.grow(min(size, len(data)), complete=size == len(data))
        for _ in index.scan(source):
            pass
        now = pieces(data, index)
        assert now[: len(before)] == before
        before = now
    assert b"".join(before) == data


def test_a_line_longer_than_a_window_is_located_without_being_read() -> None:
    data = b"x\n" + b"y" * 100 + b"\nz\n"
    source = BytesSource(data)
    index = index_of(source)
    source.replace(b"")
    assert index[1].range == ByteRange(2, 103)
    assert index[1].kind is RecordKind.VALUE


def test_the_number_of_lines_is_kept_if_the_source_is_rewritten() -> None:
    source = BytesSource(b"ab\ncd\nef\n")
    index = index_of(source)
    source.replace(b"abcdefghi")
    assert index[0].range == ByteRange(0, 9)
    assert [len(index[number].range) for number in (1, 2)] == [0, 0]


def test_an_index_beyond_the_last_line_raises_index_error() -> None:
    index = index_of(BytesSource(b"a\nb\n"))
    with pytest.raises(IndexError):
        index[2]


def test_a_million_empty_lines_cost_kilobytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_index, "WINDOW", 256 << 10)
    index = index_of(BytesSource(b"{}\n" + b"\n" * 1_000_000))
    assert len(index) == 1_000_001
    assert index[777_777].kind is RecordKind.FRAME
    assert len(index._ends) < 8


def test_lines_are_the_same_with_and_without_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numpy")
    monkeypatch.setattr(line_index, "WORTH_NUMPY", 0)
    monkeypatch.setattr(line_index, "BEFORE_NUMPY", 20)
    data = b"\n".join([b"ab"] * 500)
    assert pieces(data, index_of(BytesSource(data))) == [*[b"ab\n"] * 499, b"ab"]
