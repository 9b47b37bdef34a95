"""A first line that is too long to be read does not hide the other lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hermes_tui.formats import detect, reader
from hermes_tui.formats.framing import Layout
from hermes_tui.formats.json_text import big_list, json_walk, long_lines
from hermes_tui.formats.json_text.long_lines import has_second_value, last_values
from hermes_tui.formats.reader import Reader
from hermes_tui.formats.registry import formats
from hermes_tui.model.events import SourceDefect
from tests.bytes_source import BytesSource
from tests.formats.foreign import lines, only, read_by, runs


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "HEAD", 1000)
    monkeypatch.setattr(detect, "MAX_SAMPLE", 4000)
    monkeypatch.setattr(detect, "SAMPLED_HEAD", 3000)
    monkeypatch.setattr(detect, "MAX_RECORD", 20_000)
    monkeypatch.setattr(reader, "MAX_RECORD", 20_000)
    monkeypatch.setattr(big_list, "LOOKED_AT", 4000)
    monkeypatch.setattr(json_walk, "WINDOW", 4000)
    monkeypatch.setattr(json_walk, "_LONGEST_WORD", 64)
    monkeypatch.setattr(long_lines, "SLICE", 1000)
    monkeypatch.setattr(long_lines, "LOOKED_FORWARD", 20_000)
    monkeypatch.setattr(long_lines, "LOOKED_BACK", 5_000)


def run(name: str, text: str = "hi", *, messages: int = 1) -> dict[str, Any]:
    return {"id": name, "messages": [{"role": "user", "content": text}] * messages}


def reader_of(data: bytes, *, complete: bool = True) -> Reader:
    found = detect.detect(BytesSource(data, complete=complete), formats()).reader
    assert found is not None
    return found


LONG_STRING = run("long", "x" * 30_000)
LONG_LIST = run("long", "a message", messages=1000)
LONG_ROW = [{"role": "user", "content": "a message"}] * 1000


@pytest.mark.parametrize("first", [LONG_STRING, LONG_LIST, LONG_ROW], ids=["text", "list", "row"])
@pytest.mark.parametrize("count_after", [1, 3, 50])
def test_runs_after_an_overlong_line_are_read(first: Any, count_after: int) -> None:
    data = lines(first, *(run(f"r{number}") for number in range(count_after)))
    events = read_by(reader_of(data), BytesSource(data))
    assert [each.run_id for each in runs(events)] == [f"r{number}" for number in range(count_after)]
    lost = only(events, SourceDefect)
    assert len(lost) == 1
    assert "bytes 0 to " in lost[0].message and "which is not read" in lost[0].message


def test_runs_between_two_overlong_lines_are_read() -> None:
    data = lines(LONG_STRING, run("r0"), run("r1"), LONG_STRING)
    events = read_by(reader_of(data), BytesSource(data))
    assert [each.run_id for each in runs(events)] == ["r0", "r1"]
    assert len(only(events, SourceDefect)) == 2


def test_a_growing_file_shows_the_runs_after_an_overlong_line() -> None:
    data = lines(LONG_STRING, run("r0"))
    assert reader_of(data, complete=False).layout is Layout.LINES


def test_a_torn_first_line_longer_than_the_head_does_not_hide_later_lines() -> None:
    data = lines(run("torn", "x" * 2000))[:-20] + b"\n" + lines(run("r0"), run("r1"))
    events = read_by(reader_of(data), BytesSource(data))
    assert [each.run_id for each in runs(events)] == ["torn", "r0", "r1"]


def test_array_elements_on_separate_lines_are_not_taken_for_lines() -> None:
    data = b"[" + b",\n".join(lines(LONG_LIST, run("r0"), run("r1")).splitlines()) + b"]\n"
    assert reader_of(data).layout is Layout.ARRAY
    assert not has_second_value(BytesSource(data))


@pytest.mark.parametrize("value", [LONG_LIST, {"a": "x" * 2000, **LONG_LIST}])
def test_a_document_spread_over_many_lines_is_not_a_file_of_lines(value: Any) -> None:
    data = json.dumps(value, indent=1).encode()
    assert reader_of(data).layout is Layout.INSIDE


def test_a_long_document_on_one_line_is_still_read_element_by_element() -> None:
    data = lines(run("one", "some words", messages=500))
    assert not has_second_value(BytesSource(data))
    assert reader_of(data).layout is Layout.INSIDE


@pytest.mark.parametrize("where", range(990, 1010))
def test_the_end_of_a_line_is_found_at_any_offset(where: int) -> None:
    first = b'{"a": "%s"}' % (b"x" * (where - 9))
    assert has_second_value(BytesSource(first + b"\n[1, %s]" % (b"2, " * 3000)))


def test_only_whole_lines_count_among_the_last_lines() -> None:
    data = lines(LONG_STRING, run("r0")) + b'{"torn": \nnothing\n' + lines(run("r1"))
    assert last_values(BytesSource(data)) == [run("r0"), run("r1")]
    assert last_values(BytesSource(b"")) == []
