"""Big sessions are one run read turn by turn, with the same events as when read at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats import turns
from hermes_tui.formats.base import Format
from hermes_tui.formats.detect import detect
from hermes_tui.formats.framing import Layout, RecordIndex, Unit
from hermes_tui.formats.reader import Reader
from hermes_tui.formats.readers import claude_stream_json
from hermes_tui.formats.readers.claude_code import reader as claude_code
from hermes_tui.formats.readers.codex import reader as codex
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import Event, MessageAppended, RunEnded, RunStarted
from tests.bytes_source import BytesSource
from tests.formats.foreign import counts, lines, messages, only, read_by, read_bytes, runs
from tests.fuzz.reader_laws import read_lawfully

FORMATS: tuple[Format, ...] = (claude_code.FORMAT, codex.FORMAT, claude_stream_json.FORMAT)


def message_line(role: str, content: Any, reply: str = "", **more: Any) -> dict[str, Any]:
    ids = {"id": reply, "model": "m"} if reply else {}
    message = {**ids, "role": role, "content": content}
    head = {"type": role, "uuid": f"{role}-{reply}", "parentUuid": None, "sessionId": "s1"}
    return {**head, "message": message, **more}


def tool_use(name: str) -> list[dict[str, Any]]:
    return [{"type": "tool_use", "id": name, "name": "Read", "input": {"path": name}}]


def answer(name: str) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": name, "content": f"content of {name}"}
    return message_line("user", [block])


SNAPSHOT = {"type": "file-history-snapshot", "messageId": "m", "snapshot": {}}
SESSION = [
    SNAPSHOT,
    message_line("user", "Read both files"),
    message_line("assistant", [{"type": "thinking", "thinking": "Two reads."}], "msg_1"),
    message_line("assistant", tool_use("t1"), "msg_1"),
    answer("t1"),
    message_line("assistant", tool_use("t2"), "msg_1"),
    answer("t2"),
    message_line("assistant", "Both are read.", "msg_2"),
    SNAPSHOT,
    message_line("user", "Thank you"),
    message_line("assistant", "You are welcome.", "msg_3"),
]


def row(kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": "2026-01-02T03:04:05.000Z", "type": kind, "payload": payload}


def said(role: str, text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text}]
    return row("response_item", type="message", role=role, content=content)


ROLLOUT = [
    row("session_meta", id="s1", timestamp="2026-01-02T03:04:00Z"),
    said("user", "Look at it"),
    row("turn_context", model="gpt-example"),
    row("event_msg", type="agent_reasoning", text="a look"),
    row("response_item", type="reasoning", summary=[], encrypted_content="x"),
    row("response_item", type="function_call", name="shell", arguments="{}", call_id="c1"),
    row("event_msg", type="exec_command_end", call_id="c1", exit_code=2),
    row("response_item", type="function_call_output", call_id="c1", output="nothing"),
    row("event_msg", type="token_count", info={"total_token_usage": {"input_tokens": 7}}),
    row("event_msg", type="agent_message", message="It is empty."),
    said("assistant", "It is empty."),
    row("event_msg", type="token_count", info={"total_token_usage": {"input_tokens": 9}}),
]
"""The event that repeats the model's text comes before its item, as the reasoning does."""


def by_turns(found: Format, data: bytes) -> list[Event]:
    return read_by(Reader(found, Layout.TURNS, Unit.PARTS), BytesSource(data))


def turn_pieces(found: Format, data: bytes) -> list[bytes]:
    """Return the bytes of each turn."""
    index = RecordIndex()
    for _ in Reader(found, Layout.TURNS, Unit.PARTS).scan(BytesSource(data), index):
        pass
    return [data[index[n].range.start : index[n].range.end] for n in range(len(index))]


def without_starts(events: list[Event]) -> list[Event]:
    """Return the events without the start of the run, whose details record how it was read."""
    return [event for event in events if not isinstance(event, RunStarted)]


@pytest.mark.parametrize(
    ("found", "rows", "expected"),
    [(claude_code.FORMAT, SESSION, 3), (codex.FORMAT, ROLLOUT, 2)],
)
def test_a_session_read_by_turns_has_the_events_of_one_read_at_once(
    found: Format, rows: list[Any], expected: int
) -> None:
    data = lines(*rows)
    events = by_turns(found, data)
    assert len(turn_pieces(found, data)) == expected
    assert without_starts(events) == without_starts(read_bytes(found, data))
    assert len(runs(events)) == 1


def test_only_the_first_turn_starts_the_run() -> None:
    for found, rows in ((claude_code.FORMAT, SESSION), (codex.FORMAT, ROLLOUT)):
        data = lines(*rows)
        [start], [whole] = runs(by_turns(found, data)), runs(read_bytes(found, data))
        assert (start.run_id, start.task, start.model) == (whole.run_id, whole.task, whole.model)
        assert "turn by turn" in start.details["read"]


def test_only_the_last_turn_of_a_rollout_ends_the_run() -> None:
    [end] = only(by_turns(codex.FORMAT, lines(*ROLLOUT)), RunEnded)
    assert end.usage is not None and end.usage.prompt_tokens == 9


def test_rollout_totals_from_an_earlier_turn_are_reported_at_the_end() -> None:
    later = [said("user", "And now?"), said("assistant", "Still."), said("assistant", "Done.")]
    stopped = row("event_msg", type="turn_aborted", reason="interrupted")
    limits_only = row("event_msg", type="token_count", info=None)
    data = lines(*ROLLOUT, stopped, *later, limits_only)
    events = by_turns(codex.FORMAT, data)
    [end] = only(events, RunEnded)
    assert end.usage is not None and end.usage.prompt_tokens == 9
    assert end.stop_reason == "interrupted"
    assert without_starts(events) == without_starts(read_bytes(codex.FORMAT, data))


def test_a_rollout_that_continued_after_a_failure_does_not_end_in_error() -> None:
    failed = row("event_msg", type="error", message="disconnected")
    done = row("event_msg", type="task_complete")
    events = by_turns(codex.FORMAT, lines(*ROLLOUT, failed, *ROLLOUT[1:], done))
    [end] = only(events, RunEnded)
    assert (end.status, end.stop_reason) == ("unknown", "task_complete")


def test_the_lines_before_a_turn_are_yielded_last_one_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = b"first\n\nthird is longer\nfourth\nbehind\n"
    source, end = BytesSource(data), data.index(b"behind")
    expected = [b"", b"fourth", b"third is longer", b"", b"first"]
    for size in (1, 4, 100):
        monkeypatch.setattr(turns, "SLICE", size)
        assert list(turns.lines_before(source, end)) == expected
    monkeypatch.setattr(turns, "MAX_BEFORE", 10)
    assert list(turns.lines_before(source, end)) == [b"", b"fourth"]
    assert list(turns.lines_before(source, 0)) == [b""]


def test_a_result_in_another_record_than_its_call_answers_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "MAX_TURN", 1)
    rows = [message_line("assistant", tool_use("t1"), "msg_1"), answer("t1")]
    events = by_turns(claude_code.FORMAT, lines(SESSION[1], *rows))
    assert len(turn_pieces(claude_code.FORMAT, lines(SESSION[1], *rows))) == 3
    assert [found.code for found in fold_run(tuple(events))[1]] == ["NO_ANSWER"]
    assert counts(events) == (1, 3, 1)


def test_subagent_messages_in_a_big_session_are_flagged() -> None:
    side = message_line("assistant", "I am another.", "msg_9", isSidechain=True)
    events = by_turns(claude_code.FORMAT, lines(*SESSION, side))
    assert messages(events)[-1].flags == ("subagent",)
    assert len(runs(events)) == 1
    stream = [
        {"type": "system", "subtype": "init", "session_id": "s", "model": "m", "tools": []},
        {
            **message_line("assistant", "I am it.", "msg_1"),
            "session_id": "s",
            "parent_tool_use_id": None,
        },
        {
            **message_line("assistant", "I not.", "msg_2"),
            "session_id": "s",
            "parent_tool_use_id": "t1",
        },
        {"type": "result", "is_error": False, "num_turns": 1, "session_id": "s"},
    ]
    events = by_turns(claude_stream_json.FORMAT, lines(*stream))
    assert [message.flags for message in messages(events)] == [(), ("subagent",)]
    assert [end.status for end in only(events, RunEnded)] == ["ok"]


def test_a_big_session_is_read_by_turns_and_a_small_one_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = lines(*SESSION)
    small = detect(BytesSource(data), FORMATS).reader
    monkeypatch.setattr(turns, "MAX_TOGETHER", len(data) // 2)
    big = detect(BytesSource(data), FORMATS).reader
    assert small is not None and (small.layout, small.unit) == (Layout.WHOLE_LINES, Unit.RUNS)
    assert big is not None and (big.layout, big.unit) == (Layout.TURNS, Unit.PARTS)


def test_short_lines_after_a_long_one_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    long = message_line("user", "x" * 70_000)
    short = [message_line("user", f"question {number}") for number in range(100)]
    data = lines(long, *short)
    monkeypatch.setattr(turns, "MAX_TOGETHER", len(data) + 100 * turns.LINE_WEIGHT)
    big = detect(BytesSource(data), FORMATS).reader
    assert big is not None and big.layout is Layout.TURNS
    small = detect(BytesSource(lines(long, *short[1:])), FORMATS).reader
    assert small is not None and small.layout is Layout.WHOLE_LINES


def test_an_overlong_turn_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    data = lines(*[message_line("user", f"question {n}") for n in range(20)])
    monkeypatch.setattr(turns, "MAX_TURN", len(data) // 4)
    pieces = turn_pieces(claude_code.FORMAT, data)
    assert b"".join(pieces) == data
    assert len(pieces) > 3 and max(map(len, pieces)) <= len(data) // 4
    assert len(messages(by_turns(claude_code.FORMAT, data))) == 20


def test_blank_lines_are_not_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MAX_TURN", 400)
    data = lines(*SESSION) + b" \n" * 1000 + b"  "
    events = by_turns(claude_code.FORMAT, data)
    assert without_starts(events) == without_starts(by_turns(claude_code.FORMAT, lines(*SESSION)))
    read_lawfully(Reader(claude_code.FORMAT, Layout.TURNS, Unit.PARTS), data)


def test_lines_longer_than_a_slice_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    data = lines(*SESSION)
    expected = turn_pieces(claude_code.FORMAT, data)
    for size in (1, 7, 100):
        monkeypatch.setattr(turns, "SLICE", size)
        assert turn_pieces(claude_code.FORMAT, data) == expected


def test_a_growing_session_is_split_like_a_complete_one() -> None:
    data = lines(*SESSION) + b"\n"
    reader = Reader(claude_code.FORMAT, Layout.TURNS, Unit.PARTS)
    source, index = BytesSource(data, 0, complete=False), RecordIndex()
    for size in range(0, len(data) + 1, 50):
        source.grow(size)
        list(reader.scan(source, index))
    source.grow(complete=True)
    list(reader.scan(source, index))
    ends = [index[number].range.end for number in range(len(index))]
    assert ends[-1] == len(data)
    assert [b - a for a, b in zip([0, *ends], ends, strict=False)] == [
        len(piece) for piece in turn_pieces(claude_code.FORMAT, data)
    ]


@pytest.mark.parametrize("found", FORMATS, ids=lambda found: found.name)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_turns_in_any_order_are_read_or_reported(found: Format, data: st.DataObject) -> None:
    rows = st.sampled_from([*SESSION, *ROLLOUT, 3, {"type": "assistant", "message": 1}])
    drawn = lines(*data.draw(st.lists(rows, max_size=12)))
    torn = drawn[: data.draw(st.integers(0, len(drawn)))]
    read_lawfully(Reader(found, Layout.TURNS, Unit.PARTS), torn)


def located_messages(events: list[Event]) -> list[Any]:
    """Return messages with their locations: in a session read whole, defects come earlier."""
    return [(event.message, event.at) for event in only(events, MessageAppended)]


def test_real_sessions_read_by_turns_give_the_same_messages(trajectories: Path) -> None:
    for found, folder in ((claude_code.FORMAT, "10-claude-code"), (codex.FORMAT, "11-codex")):
        for path in sorted((trajectories / folder).glob("*.jsonl")):
            data = path.read_bytes()
            at_once, turned = read_bytes(found, data), by_turns(found, data)
            assert counts(turned) == counts(at_once), path.name
            assert located_messages(turned) == located_messages(at_once), path.name
            assert fold_run(tuple(turned))[0].codes == fold_run(tuple(at_once))[0].codes


def test_the_kind_of_a_rollout_line_is_read_from_its_head() -> None:
    def kind(value: Any) -> str | None:
        return codex.reply_of_line(json.dumps(value).encode())

    assert kind(said("assistant", "x")) == "reply"
    assert kind(said("user", '"role":"assistant"')) == ""
    assert kind({"type": "function_call", "name": "shell", "call_id": "c"}) == "reply"
    assert kind({"type": "message", "id": None, "role": "user", "content": []}) == ""
    assert kind(row("event_msg", type="token_count")) is None
    assert kind(row("compacted", message="all of it")) == ""
    assert kind({"record_type": "state"}) is None
