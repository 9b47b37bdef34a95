"""Files are split into records without losing a byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.framing import Layout, RecordIndex, RecordKind, scan
from tests.bytes_source import BytesSource

LAYOUTS = list(Layout)


def cut(data: bytes, layout: Layout) -> list[tuple[bytes, RecordKind]]:
    source, index = BytesSource(data), RecordIndex()
    for _ in scan(source, layout, index):
        pass
    return [
        (data[index[i].range.start : index[i].range.end], index[i].kind) for i in range(len(index))
    ]


@given(st.binary(max_size=300), st.sampled_from(LAYOUTS))
def test_records_concatenated_are_the_file(data: bytes, layout: Layout) -> None:
    assert b"".join(piece for piece, _ in cut(data, layout)) == data


@given(st.lists(st.sampled_from([b"{}", b"\n", b" ", b'{"a":"]"}', b",", b"[", b"]", b"1", b'"'])))
def test_records_of_json_like_bytes_are_the_file(pieces: list[bytes]) -> None:
    data = b"[" + b"".join(pieces)
    assert b"".join(piece for piece, _ in cut(data, Layout.ARRAY)) == data


@settings(max_examples=60)
@given(st.binary(max_size=200), st.integers(0, 200), st.sampled_from(LAYOUTS))
def test_scan_of_a_prefix_is_a_prefix_of_the_scan(data: bytes, at: int, layout: Layout) -> None:
    growing = BytesSource(data, min(at, len(data)), complete=False)
    index = RecordIndex()
    for _ in scan(growing, layout, index):
        pass
    before = [index[i].range for i in range(len(index))]
    growing.grow(complete=True)
    for _ in scan(growing, layout, index):
        pass
    after = [index[i].range for i in range(len(index))]
    assert after[: len(before)] == before
    assert b"".join(data[r.start : r.end] for r in after) == data


def test_blank_lines_belong_to_the_value_after_them() -> None:
    records = cut(b'{"a":1}\n\n  \r\n{"b":2}\n \n\n', Layout.LINES)
    assert records == [(b'{"a":1}\n', 0), (b'\n  \r\n{"b":2}\n', 0), (b" \n\n", 1)]


def test_millions_of_blank_lines_are_few_records() -> None:
    records = cut(b"{}\n" + b"\n" * (3 << 20) + b"{}\n", Layout.LINES)
    assert [kind for _, kind in records] == [0, 1, 1, 0]


def test_elements_of_an_array_are_found_regardless_of_their_strings() -> None:
    values = [{"a": "],["}, ["x", {"é": "\u2028"}], "🙂", 12, None]
    data = json.dumps(values, ensure_ascii=False, indent=1).encode()
    elements = [piece for piece, kind in cut(data, Layout.ARRAY) if kind is RecordKind.VALUE]
    assert [json.loads(piece.lstrip(b", \n")) for piece in elements] == values


def test_a_broken_element_does_not_hide_the_following_ones() -> None:
    data = b'[{"a":1},\n{"b": oops},\n{"c":3}]'
    elements = [piece for piece, kind in cut(data, Layout.ARRAY) if kind is RecordKind.VALUE]
    assert [piece.strip(b", \n") for piece in elements] == [b'{"a":1}', b'{"b": oops}', b'{"c":3}']


def test_a_torn_last_line_is_held_back_until_it_is_complete() -> None:
    source, index = BytesSource(b'{"a":1}\n{"b"', complete=False), RecordIndex()
    list(scan(source, Layout.LINES, index))
    assert len(index) == 1
    source.grow(complete=True)
    list(scan(source, Layout.LINES, index))
    assert len(index) == 2


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) - 1, (1 << 20) + 1, 3 << 20])
def test_lines_longer_than_a_slice_stay_whole(size: int) -> None:
    lines = [b"x" * size + b"\n", b"\ny\n", b"z\n"]
    assert [piece for piece, _ in cut(b"".join(lines), Layout.LINES)] == lines


def test_an_element_longer_than_the_window_is_found_with_little_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hermes_tui.formats.json_text.json_walk.WINDOW", 4096)
    values = [{"a": 1}, {"deep": [{"x": "y" * 9000, "n": list(range(3000))}]}, {"b": 2}]
    elements = [piece for piece, kind in cut(json.dumps(values).encode(), Layout.ARRAY) if not kind]
    assert [json.loads(piece.lstrip(b", ")) for piece in elements] == values


def test_a_torn_element_of_a_growing_array_is_not_split_inside_a_string() -> None:
    data = b'[{"a":1},{"b":"},{"},{"c":2}]'
    source, index = BytesSource(data, 18, complete=False), RecordIndex()
    list(scan(source, Layout.ARRAY, index))
    assert index.end == len(b'[{"a":1}')
    source.grow(complete=True)
    list(scan(source, Layout.ARRAY, index))
    assert [len(index[i].range) for i in range(len(index))] == [1, 7, 12, 8, 1]


def test_values_after_a_closed_array_are_kept() -> None:
    kinds = [kind for _, kind in cut(b'[{"a":1}] [{"b":2}]', Layout.ARRAY)]
    assert kinds == [RecordKind.FRAME, RecordKind.VALUE, RecordKind.VALUE]


def test_lines_that_belong_together_are_split_if_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hermes_tui.formats.framing.SLICE", 40)
    monkeypatch.setattr("hermes_tui.formats.framing.LINE_WEIGHT", 0)
    monkeypatch.setattr("hermes_tui.formats.framing.MAX_WHOLE", 100)
    lines = [b"%030d\n" % number for number in range(10)]
    records = [piece for piece, _ in cut(b"".join(lines), Layout.WHOLE_LINES)]
    assert records == [b"".join(lines[i : i + 3]) for i in (0, 3, 6)] + [lines[9]]


def test_few_lines_that_belong_together_are_one_record() -> None:
    data = b'{"a":1}\n' * 1000
    assert cut(data, Layout.WHOLE_LINES) == [(data, RecordKind.VALUE)]


def test_the_last_element_of_a_cut_list_is_one_record() -> None:
    data = json.dumps([{"a": 1}, {"talk": [{"b": 2}, {"c": 3}, {"d": 4}]}]).encode()
    pieces = [piece for piece, _ in cut(data[: data.index(b"4")], Layout.ARRAY)]
    assert pieces[-1].lstrip(b", ").startswith(b'{"talk"')
