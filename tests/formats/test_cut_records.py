"""A record that stops halfway is reported for that alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_tui.formats.detect import detect
from hermes_tui.formats.framing import Record, RecordKind
from hermes_tui.formats.json_text.cut_records import cut_of
from hermes_tui.formats.reader import split_runs
from hermes_tui.formats.registry import formats
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import Event, SourceDefect
from hermes_tui.model.spans import ByteRange
from tests.bytes_source import BytesSource
from tests.formats.foreign import any_json, lines, messages, only, read_by

CALL = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": '{"path": "x"}'}}
CHAT: list[dict[str, Any]] = [
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": "text", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "ok"},
]
RUN = {"id": "r", "messages": CHAT, "model": "m"}
TALK = {"conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "y"}]}
REPLY = {
    "role": "assistant",
    "id": "m",
    "content": [{"type": "text", "text": "t"}, {"type": "tool_use", "id": "t", "name": "ls"}],
}


def session_line(name: str, message: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": message["role"], "uuid": name, "parentUuid": None, "sessionId": "s",
        "message": message,
    }  # fmt: skip


def read(data: bytes) -> list[Event]:
    reader = detect(BytesSource(data), formats()).reader
    assert reader is not None
    return read_by(reader, BytesSource(data))


def codes(events: list[Event]) -> list[Code]:
    return [found.code for event in events for found in event.diagnostics]


@pytest.mark.parametrize(
    "values",
    [[*CHAT, CHAT[1]], [RUN, RUN], [TALK, TALK], [session_line("u", CHAT[0]),
     session_line("v", REPLY)]],
    ids=["a message a line", "a run a line", "sharegpt", "a session"],
)  # fmt: skip
def test_a_cut_last_line_is_reported_exactly_once(values: list[Any]) -> None:
    data = lines(*values)
    begins = len(lines(*values[:-1]))
    for end in range(begins + 1, len(data) - 1):
        events = read(data[:end])
        defects = only(events, SourceDefect)
        assert len(defects) == 1, data[begins:end]
        assert "truncated here" in defects[0].message or "not JSON" in defects[0].message
        assert codes(events) == [], data[begins:end]


def test_the_readable_part_of_a_cut_record_is_shown() -> None:
    data = lines(RUN, RUN)
    events = read(data[: data.rindex(b"tool_call_id")])
    assert len(messages(events)) == 2 * len(CHAT)
    assert [event.seq for event in events[-7:]] == list(range(7))


SPOKEN = "why does the build fail?"
ASKED = {"content": SPOKEN, "role": "user"}


@pytest.mark.parametrize(
    "value",
    [
        {"messages": [ASKED]},
        [ASKED],
        ASKED,
        {"messages": [{"content": [{"text": SPOKEN, "type": "text"}], "role": "user"}]},
        [{"conversations": [{"value": SPOKEN, "from": "human"}]}],
    ],
    ids=["an object", "a list", "a line", "parts", "sharegpt"],
)
def test_a_first_message_that_is_cut_before_its_role_is_shown(value: Any) -> None:
    data = json.dumps(value).encode()
    begins = data.index(SPOKEN.encode())
    for end in range(begins + 1, begins + len(SPOKEN) + 2):
        events = read(data[:end])
        [message] = messages(events)
        assert message.text == SPOKEN[: end - begins].rstrip()
        [defect] = only(events, SourceDefect)
        assert "truncated here" in defect.message
        assert codes(events) == []


def test_a_last_line_that_is_cut_before_its_role_is_shown() -> None:
    data = lines(ASKED, {"content": "ok", "role": "assistant"}, ASKED)
    events = read(data[: data.rindex(b" fail")])
    assert [message.text for message in messages(events)][2:] == ["why does the build"]


@pytest.mark.parametrize("value", [{"name": "x", "value": "abc"}, {"config": {"value": "abc"}}])
def test_a_cut_value_of_another_kind_is_not_a_message(value: Any) -> None:
    data = json.dumps(value).encode()[:-4]
    assert detect(BytesSource(data), formats()).reader is None


def test_messages_before_the_cut_are_checked() -> None:
    wrong = {"role": "wizard", "content": "x"}
    data = lines(RUN, {**RUN, "messages": [*CHAT, wrong, CHAT[0]]})
    behind = data[: data.rindex(b', {"role": "user"')]
    assert codes(read(behind + b', {"role": "us')) == [Code.UNKNOWN_ROLE]
    assert codes(read(behind + b'], "model": "m')) == [Code.UNKNOWN_ROLE]


def test_an_invalid_element_before_the_cut_is_reported() -> None:
    data = lines(RUN, {**RUN, "messages": [5, *CHAT]})[:-30]
    defects = [defect.message for defect in only(read(data), SourceDefect)]
    assert "not a message" in defects and len(defects) == 2


def test_other_defects_in_the_bytes_of_a_cut_record_are_reported() -> None:
    data = lines(RUN) + b'{"id": "\xff", "loss": NaN, "met'
    defects = " ".join(defect.message for defect in only(read(data), SourceDefect))
    assert "invalid UTF-8" in defects and "truncated here" in defects and "NaN" in defects
    assert "no chat message" not in defects


@given(value=any_json("messages", "role", "content", "tool_calls"), data=st.data())
def test_a_cut_record_folds_to_the_runs_of_its_events(value: Any, data: st.DataObject) -> None:
    text = lines(RUN) + json.dumps({**RUN, "messages": [*CHAT, value]}).encode()
    end = data.draw(st.integers(len(lines(RUN)) + 1, len(text)))
    source = BytesSource(text[:end])
    reader = detect(source, formats()).reader
    assert reader is not None
    record = Record(1, ByteRange(len(lines(RUN)), end), RecordKind.VALUE)
    loose, runs = split_runs(reader.decode(source, record))
    folded = reader.fold(source, record)
    assert folded.loose == list(loose)
    assert folded.runs == [fold_run(run) for run in runs]
    for events in runs:
        assert [event.seq for event in events] == list(range(len(events)))


@pytest.mark.parametrize(
    ("data", "pointer", "whole"),
    [
        (b'{"a": [1, {"b/c": {"d": 1, "e": "x', "/a/1/b~1c", frozenset({"d"})),
        (b'{"a": [1, {"b": 2}, 3', "/a", 2),
        (b'{"a": "[{", "b\\"": {', "/b\\\"", frozenset()),
        (b'[{"a": 1}, {"b": ', "/1", frozenset()),
        (b"]]}", "", 0),
        (b"", "", 0),
    ],
)  # fmt: skip
def test_the_place_of_the_cut_is_found(data: bytes, pointer: str, whole: Any) -> None:
    assert cut_of(data) == (pointer, whole)


@given(data=st.binary(max_size=60) | st.text(alphabet='[]{}":, \\a0').map(str.encode))
def test_finding_the_cut_of_any_bytes_never_raises(data: bytes) -> None:
    assert not cut_of(data).concerns("/nowhere/at all/x")
