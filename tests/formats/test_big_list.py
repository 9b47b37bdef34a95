"""A long list in a document too long to be read at once is read element by element."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hermes_tui.formats import detect
from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.json_text import big_list, json_walk
from hermes_tui.formats.json_text.big_list import find_big_list
from hermes_tui.formats.reader import Reader
from hermes_tui.formats.registry import formats
from hermes_tui.model.events import Event, RunEnded, SourceDefect, copy_event
from tests.bytes_source import BytesSource
from tests.formats.foreign import messages, only, read_by, runs

TOOL = {"type": "function", "function": {"name": "ls", "parameters": {"required": ["path"]}}}


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "HEAD", 1000)
    monkeypatch.setattr(detect, "MAX_SAMPLE", 4000)
    monkeypatch.setattr(detect, "SAMPLED_HEAD", 3000)
    monkeypatch.setattr(big_list, "LOOKED_AT", 2000)
    monkeypatch.setattr(json_walk, "WINDOW", 1000)
    monkeypatch.setattr(json_walk, "_LONGEST_WORD", 64)


def chat(turns: int) -> list[dict[str, Any]]:
    dialog: list[dict[str, Any]] = [{"role": "user", "content": "list the files, é"}]
    for number in range(turns):
        call = {"id": f"c{number}", "function": {"name": "ls", "arguments": '{"path": "]}"}'}}
        dialog.append({"role": "assistant", "content": "", "tool_calls": [call]})
        dialog.append({"role": "tool", "tool_call_id": f"c{number}", "content": "[a, b]"})
    return dialog


def reader_of(data: bytes) -> Reader:
    reader = detect.detect(BytesSource(data), formats()).reader
    assert reader is not None
    return reader


def events_of(data: bytes) -> list[Event]:
    return read_by(reader_of(data), BytesSource(data))


def read_whole(data: bytes, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    with monkeypatch.context() as patched:
        patched.setattr(detect, "MAX_SAMPLE", 1 << 24)
        patched.setattr(detect, "HEAD", 64 << 10)
        assert reader_of(data).layout is not Layout.INSIDE
        return events_of(data)


def without_place(events: list[Event]) -> list[Event]:
    return [copy_event(event, at=None) for event in events]


@pytest.mark.parametrize("indent", [None, 1], ids=["one line", "indented"])
@pytest.mark.parametrize(
    "around",
    [
        {},
        {"id": "r1", "model": "m", "tools": [TOOL], "reward": 0.5},
        {"system_prompt": "Be brief.", "model": "m"},
    ],
    ids=["bare", "with metadata", "with a prompt beside"],
)
@pytest.mark.parametrize("metadata_first", [True, False])
def test_a_long_document_yields_the_same_events_as_when_read_at_once(
    around: dict[str, Any],
    indent: int | None,
    metadata_first: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed = {"messages": chat(60)}
    value = {**around, **listed} if metadata_first else {**listed, **around}
    data = json.dumps(value, indent=indent).encode()
    reader = reader_of(data)
    assert (reader.layout, reader.unit) == (Layout.INSIDE, Unit.PARTS)
    whole = read_whole(data, monkeypatch)
    assert without_place(events_of(data)) == without_place(whole)


ODD = [
    None,
    7,
    "plain",
    json.dumps(chat(1)[1]),
    json.dumps([chat(1)]),
    "{torn",
    [],
    chat(1),
    [chat(1)],
    {},
    {"role": 5},
    {"content": "by nobody"},
    {"role": "user"},
    {"role": "system", "content": "You are terse."},
    {"role": "assistant", "content": '<tool_call>\n{"name": "ls", "arguments": {},}\n</tool_call>'},
    {"role": "assistant", "content": 'ls(path=".")'},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "ls", "input": {}}]},
    {"role": "assistant", "content": "cut", "finish_reason": "length", "usage": {"tokens": 1}},
    {"role": "assistant", "tool_calls": "none"},
    {"role": "tool", "content": "\x1b[31m[bold]", "tool_call_id": None},
    {"messages": chat(1)},
    {"messages": []},
    {"prompt": "a", "completion": "b", "reward": 1},
    {"choices": [{"message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}]},
    {"role": "user", "content": "x", "status": "failed", "score": 0},
    {"role": "assistant", "content": "\ud83d", "timestamp": 1e9},
]


@pytest.mark.parametrize(
    "around", [{}, {"tools": [TOOL]}, {"system_prompt": "Be brief.", "tools": [TOOL]}]
)
@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_an_odd_element_is_read_as_in_the_whole_document(
    odd: Any, around: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = json.dumps({**around, "messages": [*chat(60), odd, *chat(1)]}).encode()
    reader = reader_of(data)
    assert reader.big is not None and reader.big.read_further is not None
    assert without_place(events_of(data)) == without_place(read_whole(data, monkeypatch))


def test_each_event_is_located_in_its_element() -> None:
    data = json.dumps({"messages": chat(60)}).encode()
    for event in events_of(data):
        assert event.at is not None
        text = data[event.at.range.start : event.at.range.end]
        assert event.at.pointer == "" or isinstance(event, RunEnded)
        assert text.startswith(b"{")
        assert json.loads(text.rstrip(b", "))["role"]


def test_each_element_of_a_long_list_of_runs_is_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"split": "train", "runs": [{"id": f"r{i}", "messages": chat(2)} for i in range(40)]}
    data = json.dumps(value, indent=1).encode()
    assert (reader_of(data).layout, reader_of(data).unit) == (Layout.INSIDE, Unit.RUNS)
    events = events_of(data)
    assert [run.run_id for run in runs(events)] == [f"r{i}" for i in range(40)]
    assert messages(events) == messages(read_whole(data, monkeypatch))


def test_a_torn_document_shows_what_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    data = json.dumps({"messages": chat(60)}).encode()[:-300]
    events = events_of(data)
    assert reader_of(data).layout is Layout.INSIDE
    assert messages(events) == messages(read_whole(data, monkeypatch))
    assert "truncated" in only(events, SourceDefect)[0].message


def test_invalid_bytes_after_the_list_are_reported() -> None:
    data = json.dumps({"messages": chat(60)}).encode() + b"oops"
    found = only(events_of(data), SourceDefect)
    assert "after the list are not read" in found[0].message


def test_steps_that_depend_on_each_other_are_read_together() -> None:
    steps = [{"type": "user", "uuid": "u", "sessionId": "s", "parentUuid": None}] * 2
    lines = [
        {**step, "uuid": f"{i}{n}", "type": "assistant", "message": {
            "id": f"m{i}", "role": "assistant", "content": [{"type": "text", "text": f"{n}"}]}}
        for i in range(60) for n, step in enumerate(steps)
    ]  # fmt: skip
    data = json.dumps({"loglines": lines}).encode()
    reader = reader_of(data)
    assert (reader.name, reader.layout) == ("claude-code", Layout.DOCUMENT)


def test_a_long_first_line_is_a_line_if_others_follow() -> None:
    run = json.dumps({"messages": chat(60)}).encode() + b"\n"
    reader = reader_of(run + run)
    assert (reader.layout, reader.unit) == (Layout.LINES, Unit.RUNS)
    assert len(runs(events_of(run + run))) == 2


def test_an_array_whose_first_element_is_long_is_still_an_array() -> None:
    data = json.dumps([{"messages": chat(60)}, {"messages": chat(2)}]).encode()
    assert (reader_of(data).layout, reader_of(data).unit) == (Layout.ARRAY, Unit.RUNS)
    assert len(messages(events_of(data))) == len(chat(60)) + len(chat(2))


def test_what_follows_a_list_is_found_from_the_end() -> None:
    value = {"a": {"messages": chat(60), "model": "m"}, "tools": [TOOL], "reward": 1}
    found = find_big_list(BytesSource(json.dumps(value).encode()))
    assert found is not None and found.path == ("a", "messages")
    assert found.around == {"a": {"messages": [], "model": "m"}, "tools": [TOOL], "reward": 1}


def test_a_very_long_string_is_not_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[int] = []

    class Noted(BytesSource):
        def read(self, start: int, length: int) -> bytes:
            reached.append(start + length)
            return super().read(start, length)

    monkeypatch.setattr(big_list, "TAIL", 0)
    data = b'{"messages": [{"role": "user", "content": "%s"}]}' % (b"x" * 200_000)
    found = find_big_list(Noted(data))
    assert found is not None and found.path == ("messages",)
    assert max(place for place in reached if place < len(data)) <= 4 * 2000


@pytest.mark.parametrize("text", ["[1]", "{", '{"a"', '{"a": nope}', '{"a": 1}', "", "{,}"])
def test_no_list_is_found_in_a_document_without_a_long_one(text: str) -> None:
    assert find_big_list(BytesSource(text.encode())) is None


@pytest.mark.parametrize("before", ['"log": "x", ', '"log": [], '])
@pytest.mark.parametrize("behind", ["", ', "log": 5'])
def test_a_duplicate_key_does_not_hide_the_list(before: str, behind: str) -> None:
    entries = [{"role": "user", "content": "x" * 400} for _ in range(40)]
    data = f'{{{before}"log": {{"entries": {json.dumps(entries)}}}{behind}}}'.encode()
    found = find_big_list(BytesSource(data))
    assert found is not None and found.path == ("log", "entries")
    assert found.document(found.first[:1])["log"]["entries"] == entries[:1]
    events_of(data)


def test_a_key_that_is_half_of_a_surrogate_pair_leads_to_its_list() -> None:
    data = json.dumps({"\ude00": [{"role": "user", "content": "x" * 400} for _ in range(40)]})
    found = find_big_list(BytesSource(data.encode()))
    assert found is not None and found.path == ("\ude00",)
    detect.detect(BytesSource(data.encode()), formats())
