"""A file of mixed lines is read in the majority's format, and each other line in its own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hermes_tui.formats import lookalikes
from hermes_tui.formats.detect import Detection, detect
from hermes_tui.formats.framing import Layout, Record, RecordKind, Unit
from hermes_tui.formats.mixed_lines import read_record
from hermes_tui.formats.reader import split_runs
from hermes_tui.formats.readers import mixed
from hermes_tui.formats.registry import formats
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import Event, SourceDefect
from hermes_tui.model.spans import ByteRange
from hermes_tui.runtime.reader_spec import ReaderSpec
from tests.bytes_source import BytesSource
from tests.formats.foreign import lines, only, read_by, runs
from tests.fuzz.reader_laws import read_lawfully

SHAREGPT = {"conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "y"}]}
ATIF = {
    "schema_version": "ATIF-v1.4",
    "session_id": "s",
    "agent": {"name": "a", "version": "1"},
    "steps": [{"step_id": 1, "source": "user", "message": "hi"}],
}
CODEX = {
    "timestamp": "2025-01-01T00:00:00Z",
    "type": "response_item",
    "payload": {"type": "message", "role": "user", "content": []},
}
MESSAGES = [{"role": "user", "content": "hi"}]


def chat(name: str) -> dict[str, Any]:
    return {"id": name, "messages": MESSAGES}


def claude(name: str) -> dict[str, Any]:
    message = {"role": "user", "content": "hi"}
    return {
        "type": "user", "uuid": name, "parentUuid": None, "sessionId": "s", "message": message
    }  # fmt: skip


def detected(data: bytes) -> Detection:
    return detect(BytesSource(data), formats())


def read(data: bytes) -> tuple[str, list[Event]]:
    reader = detected(data).reader
    assert reader is not None
    return reader.name, read_by(reader, BytesSource(data))


def reported(events: list[Event]) -> list[str]:
    return [defect.message for defect in only(events, SourceDefect)]


def test_a_file_of_several_formats_is_read_by_the_one_with_most_lines() -> None:
    data = lines(chat("a"), SHAREGPT, ATIF, claude("u")) + b"garbage\n" + lines(chat("b"), MESSAGES)
    name, events = read(data)
    assert name == "openai-messages"
    assert [run.source_format for run in runs(events)] == [
        "openai-messages", "sharegpt", "atif", "openai-messages", "openai-messages",
    ]  # fmt: skip
    alike, broken = reported(events)
    assert "looks like claude-code" in alike
    assert "not JSON" in broken


def test_without_a_majority_a_file_is_mixed_and_each_line_read_on_its_own() -> None:
    data = lines(chat("a"), SHAREGPT, chat("b"), SHAREGPT, {"log": MESSAGES * 2}, {"loss": 1})
    name, events = read(data)
    assert name == "mixed"
    assert [run.source_format for run in runs(events)] == [
        "openai-messages", "sharegpt", "openai-messages", "sharegpt", "generic",
    ]  # fmt: skip
    assert ["no message found" in message for message in reported(events)] == [True]


def test_an_array_without_a_majority_format_is_mixed() -> None:
    name, events = read(lines([chat("a"), SHAREGPT]))
    assert name == "mixed"
    assert [run.source_format for run in runs(events)] == ["openai-messages", "sharegpt"]


def test_a_format_named_by_the_user_is_the_only_one_used() -> None:
    data = lines(chat("a"), SHAREGPT, ATIF, chat("b"))
    reader = detect(BytesSource(data), formats(), format_name="openai-messages").reader
    assert reader is not None
    events = read_by(reader, BytesSource(data))
    assert [run.source_format for run in runs(events)] == ["openai-messages"] * 2
    assert [message.partition("looks like ")[2].split()[0] for message in reported(events)] == [
        "sharegpt", "atif",
    ]  # fmt: skip


LINES = st.sampled_from([chat("a"), SHAREGPT, ATIF, CODEX, claude("u"), MESSAGES, {"loss": 1}, 7])


@settings(max_examples=60, deadline=None)
@given(values=st.lists(LINES, min_size=2, max_size=8))
def test_a_line_is_read_alike_by_every_reader_and_from_any_offset(values: list[Any]) -> None:
    source = BytesSource(lines(*values))
    reader = detect(source, formats()).reader
    assume(reader is not None and reader.layout is Layout.LINES and reader.unit is Unit.RUNS)
    assert reader is not None
    read_lawfully(reader, lines(*values))
    again = ReaderSpec.of(reader).reader()
    end = 0
    for value in values:
        place = ByteRange(end, end := end + len(lines(value)))
        record = Record(0, place, RecordKind.VALUE)
        events = again.decode(source, record)
        assert events == reader.decode(source, record)
        folded, (loose, of_runs) = reader.fold(source, record), split_runs(events)
        assert folded.loose == list(loose)
        assert folded.runs == [fold_run(run) for run in of_runs]


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ([claude("u"), chat("a"), chat("b")], "openai-messages"),
        ([claude("u"), claude("v"), chat("a")], "claude-code"),
        ([claude("u"), chat("a")], "claude-code"),
        ([CODEX, chat("a"), chat("b")], "openai-messages"),
        ([claude("u"), CODEX, CODEX], "codex"),
        ([ATIF, chat("a"), chat("b")], "openai-messages"),
        ([ATIF, ATIF, chat("b")], "atif"),
    ],
)
def test_the_format_with_more_lines_is_chosen(values: list[Any], name: str) -> None:
    assert read(lines(*values))[0] == name


def test_lone_messages_count_for_the_more_specific_format() -> None:
    header = {"role": "session_meta", "session_id": "s", "started_at": 1}
    data = lines(header, *MESSAGES * 5)
    reader = detected(data).reader
    assert reader is not None and reader.name == "hermes-session"


def test_ambiguous_session_lines_do_not_outvote_the_specific_ones() -> None:
    message_line = {"type": "user", "uuid": "u", "message": MESSAGES[0]}
    others = [{"type": "queue-operation", "operation": "x"}, message_line] * 5
    assert read(lines(claude("u"), *others))[0] == "claude-code"


def test_a_requested_format_is_not_replaced_by_the_majority() -> None:
    data = lines(claude("u"), chat("a"), chat("b"))
    found = detect(BytesSource(data), formats(), format_name="claude-code").reader
    assert found is not None and found.name == "claude-code"


def test_a_format_that_fits_fewer_lines_is_not_a_rival() -> None:
    assert detected(lines(claude("u"), CODEX, CODEX)).rivals == ()


def test_a_foreign_line_in_a_session_is_reported_with_place_and_likeness() -> None:
    data = lines(claude("u"), claude("v"), chat("a"), claude("w"))
    place = len(lines(claude("u"), claude("v")))
    name, events = read(data)
    assert name == "claude-code"
    alike = "looks like openai-messages (--format openai-messages reads it)"
    assert reported(events) == [f"byte {place} of the file: not a line of a session; {alike}"]


def test_likeness_is_reported_only_for_the_first_foreign_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookalikes, "MAX_LINES", 2)
    data = lines(*(claude(f"u{number}") for number in range(5)), *[chat("a")] * 4)
    found = reported(read(data)[1])
    assert [message.startswith("byte ") for message in found] == [True] * 4
    assert ["looks like" in message for message in found] == [True, True, False, False]


def test_an_array_of_mixed_runs_is_read_as_the_majority_format() -> None:
    data = lines([ATIF, chat("a"), chat("b")])
    reader = detected(data).reader
    assert reader is not None
    assert (reader.name, reader.layout) == ("openai-messages", Layout.ARRAY)


def test_a_value_in_a_mixed_file_is_matched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    real = lookalikes.best_choice

    def counting(value: object, *others: Any, **more: Any) -> Any:
        asked.append(value)
        return real(value, *others, **more)

    monkeypatch.setattr(lookalikes, "best_choice", counting)
    build = RunBuilder(ByteRange(0, 1), source_format="mixed")
    read_record({"level": "info", "text": "hello"}, mixed.FORMAT, build)
    assert len(asked) == 1
