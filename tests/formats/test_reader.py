"""A file of one run is read as a log."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.detect import detect
from hermes_tui.formats.framing import Layout, RecordIndex, Unit, scan
from hermes_tui.formats.reader import CACHED_BYTES, CACHED_RECORDS, RecordLog
from hermes_tui.formats.registry import formats
from hermes_tui.log.codec import encode_packed
from hermes_tui.model.events import MessageAppended, ResponseReceived, RunStarted, SourceDefect
from tests.bytes_source import BytesSource


def chat(size: int) -> list[bytes]:
    roles = ("user", "assistant")
    return [
        json.dumps({"role": roles[i % 2], "content": f"message {i}"}).encode() + b"\n"
        for i in range(size)
    ]


def log_of(data: bytes, *, complete: bool = True) -> tuple[RecordLog, BytesSource, RecordIndex]:
    source = BytesSource(data, complete=complete)
    log, index = log_of_source(source)
    return log, source, index


def log_of_source(source: BytesSource) -> tuple[RecordLog, RecordIndex]:
    reader = detect(source, formats()).reader
    assert reader is not None and reader.unit is Unit.PARTS
    index = RecordIndex()
    for _ in reader.scan(source, index):
        pass
    return RecordLog(reader, source, index), index


def texts(log: RecordLog) -> list[str]:
    events = [log[seq] for seq in range(len(log))]
    return [event.message.text for event in events if isinstance(event, MessageAppended)]


def test_a_log_is_as_long_as_its_indexed_records() -> None:
    log, _, _ = log_of(b"".join(chat(3)))
    assert len(log) == 0 and not log.complete
    lengths = []
    while log.index_record():
        lengths.append(len(log))
    assert lengths == [2, 3, 4]
    assert log.complete
    with pytest.raises(IndexError):
        log[4]


def test_events_are_numbered_through_the_file_and_readable_in_any_order() -> None:
    log, _, _ = log_of(b"\n".join(chat(600)))
    while log.index_record():
        pass
    assert [log[seq].seq for seq in (600, 0, 1, 300, 599)] == [600, 0, 1, 300, 599]
    assert texts(log) == [f"message {i}" for i in range(600)]


def test_a_bad_line_is_reported_in_place_with_its_byte_offset() -> None:
    good = chat(3)
    log, _, _ = log_of(good[0] + good[1] + b'{"role": oops}\n' + good[2])
    while log.index_record():
        pass
    assert texts(log) == ["message 0", "message 1", "message 2"]
    defects = [log[seq] for seq in range(len(log)) if isinstance(log[seq], SourceDefect)]
    offset = len(good[0] + good[1]) + len('{"role": ')
    assert len(defects) == 1
    assert f"byte {offset:,} of the file" in str(defects[0])


def test_concatenated_values_are_both_messages_of_the_run() -> None:
    good = chat(4)
    log, _, _ = log_of(good[0] + good[1].strip() + good[2] + good[3])
    while log.index_record():
        pass
    assert texts(log) == [f"message {i}" for i in range(4)]


def test_a_torn_last_line_is_not_a_record_until_it_is_whole() -> None:
    data = b"".join(chat(3))
    source = BytesSource(data, len(data) - 10, complete=False)
    log, index = log_of_source(source)
    while log.index_record():
        pass
    assert texts(log) == ["message 0", "message 1"]
    source.grow(complete=True)
    for _ in scan(source, Layout.LINES, index):
        pass
    while log.index_record():
        pass
    assert texts(log) == ["message 0", "message 1", "message 2"]


def test_a_record_that_can_no_longer_be_read_is_reported() -> None:
    log, source, _ = log_of(b"".join(chat(3)))
    source.grow(60, complete=True)
    while log.index_record():
        pass
    gone = log[len(log) - 1]
    assert isinstance(gone, SourceDefect)
    assert "can no longer be read" in gone.message


@pytest.mark.parametrize("change", ["cut", "rewritten"])
def test_every_event_of_a_vanished_record_becomes_a_defect_in_its_place(change: str) -> None:
    calls = [{"id": f"c{i}", "function": {"name": "f", "arguments": "{}"}} for i in range(2)]
    reply = json.dumps({"role": "assistant", "content": "x", "tool_calls": calls}).encode() + b"\n"
    lines = chat(1) + [reply] + chat(1) * (CACHED_RECORDS + 1)
    whole = b"".join(lines)
    source = BytesSource(whole)
    log, _ = log_of_source(source)
    while log.index_record():
        pass
    assert len(log) == CACHED_RECORDS + 6
    after = whole[: len(lines[0]) + 10]
    if change == "rewritten":
        after = lines[0] + b" " * (len(reply) - 1) + b"\n" + b"".join(lines[2:])
    source.replace(after)
    gone = [log[seq] for seq in (2, 3, 4)]
    assert [event.seq for event in gone] == [2, 3, 4]
    assert all(isinstance(event, SourceDefect) for event in gone)
    assert all("can no longer be read" in str(event) for event in gone)
    assert [log[seq].seq for seq in range(len(log))] == list(range(len(log)))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 200))
def test_the_events_of_a_prefix_are_a_prefix_of_the_events(at: int) -> None:
    data = b"".join(chat(4))
    whole, _, _ = log_of(data)
    part, _, _ = log_of(data[: min(at + 70, len(data))], complete=False)
    for log in (whole, part):
        while log.index_record():
            pass
    assert [part[seq] for seq in range(len(part))] == [whole[seq] for seq in range(len(part))]


def test_a_record_beyond_the_limit_is_reported_and_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hermes_tui.formats.reader.MAX_RECORD", 200)
    good = chat(3)
    huge = json.dumps({"role": "user", "content": "x" * 300}).encode() + b"\n"
    log, _, _ = log_of(good[0] + huge + good[1])
    while log.index_record():
        pass
    assert texts(log) == ["message 0", "message 1"]
    found = log[2]
    assert isinstance(found, SourceDefect)
    assert "not read" in found.message and found.excerpt.startswith('{"role"')


def test_a_session_read_in_parts_has_a_note_in_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hermes_tui.formats.framing.SLICE", 200)
    monkeypatch.setattr("hermes_tui.formats.framing.MAX_WHOLE", 300)
    line = {"type": "user", "uuid": "u", "parentUuid": None, "sessionId": "s"}
    line["message"] = {"role": "user", "content": "hello"}
    source = BytesSource(b"".join(json.dumps(line).encode() + b"\n" for _ in range(9)))
    reader = detect(source, formats()).reader
    assert reader is not None and reader.layout is Layout.WHOLE_LINES
    index = RecordIndex()
    for _ in reader.scan(source, index):
        pass
    assert len(index) > 1
    for number in range(len(index)):
        last = reader.decode(source, index[number])[-1]
        assert isinstance(last, SourceDefect) and "read in parts" in last.message


def test_a_log_keeps_few_of_its_long_records_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hermes_tui.formats.reader.CACHED_BYTES", 500)
    log, _, _ = log_of(b"".join(chat(100)))
    while log.index_record():
        pass
    assert len(texts(log)) == 100
    assert 1 <= len(log._cache) < 20


def test_records_with_compressed_texts_count_by_their_unpacked_size() -> None:
    raw = "data: {}\n\n" * (CACHED_BYTES // 40)
    events = [RunStarted(seq=0), *(ResponseReceived(seq=n, raw=raw) for n in range(1, 20))]
    log, _, _ = log_of(b"".join(map(encode_packed, events)))
    while log.index_record():
        pass
    for seq in range(1, 20):
        event = log[seq]
        assert isinstance(event, ResponseReceived) and event.raw == raw
    assert len(log._cache) <= 4


def test_a_reply_with_a_damaged_text_is_shown_without_it() -> None:
    reply = ResponseReceived(seq=1, raw="data: {}\n\n" * (1 << 17), finish_reason="length")
    value = json.loads(encode_packed(reply))
    value["raw_packed"] = value["raw_packed"][:-8]
    start = encode_packed(RunStarted(seq=0))
    log, _, _ = log_of(start + json.dumps(value).encode() + b"\n")
    while log.index_record():
        pass
    _, defect, received = log
    assert isinstance(defect, SourceDefect) and "ends too early" in defect.message
    assert isinstance(received, ResponseReceived)
    assert (received.finish_reason, received.raw) == ("length", "")
