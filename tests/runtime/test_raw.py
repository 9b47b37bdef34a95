"""The exact source text of an event is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hermes_tui.model.events import Event, MessageAppended, ToolCallProposed
from hermes_tui.runtime.opener import FoundRun, OpenFile, open_file, read_events, survey
from hermes_tui.runtime.raw import RawReader


def opened(path: Path) -> tuple[OpenFile, list[Event]]:
    file = open_file(path)
    found = [step for step in survey(file) if isinstance(step, FoundRun)]
    return file, read_events(found[-1].ref)


def test_the_text_of_a_message_is_that_of_the_file_byte_for_byte(tmp_path: Path) -> None:
    exact = '{"role" : "user",\n   "content":"caf\\u00e9 \\ud800"}'
    path = tmp_path / "run.json"
    path.write_text('{"messages": [ ' + exact + " ]}")
    file, events = opened(path)
    message = next(event for event in events if isinstance(event, MessageAppended))
    assert RawReader(file.source).text(message) == (exact, True)
    file.close()


def test_bytes_that_are_not_utf8_are_returned_unchanged(tmp_path: Path) -> None:
    line = b'{"role":"user","content":"\xff\xfe"}'
    path = tmp_path / "run.jsonl"
    path.write_bytes(line + b"\n" + line + b"\n")
    file, events = opened(path)
    text, is_exact = RawReader(file.source).text(events[-1])
    assert is_exact
    assert text.encode("utf-8", "surrogateescape") == line
    file.close()


def test_an_event_without_a_source_is_given_as_a_recording_has_it(transcripts: Path) -> None:
    file, events = opened(transcripts / "clean-run.json")
    file.close()
    text, is_exact = RawReader(None).text(events[0])
    assert not is_exact
    assert json.loads(text)["kind"] == "RunStarted"


def test_a_recording_gives_its_own_lines_and_the_messages_it_recorded(transcripts: Path) -> None:
    file, events = opened(transcripts / "clean-run.native.jsonl")
    source, originals = opened(transcripts / "clean-run.json")
    for event, original in zip(events, originals, strict=True):
        text, is_exact = RawReader(file.source).text(event)
        assert is_exact
        if isinstance(event, MessageAppended):
            assert text == RawReader(source.source).text(original)[0]
        if isinstance(event, ToolCallProposed):
            assert json.loads(text)["kind"] == "ToolCallProposed"
    file.close()
    source.close()


def test_a_message_inside_a_text_is_shown_by_that_text(tmp_path: Path) -> None:
    messages = json.dumps([{"role": "user", "content": "hi"}])
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"log": 1, "input": messages, "model": "m", "output": "done"}))
    file, events = opened(path)
    message = next(event for event in events if isinstance(event, MessageAppended))
    assert RawReader(file.source).text(message) == (json.dumps(messages), True)
    file.close()


def test_neighbours_in_one_long_document_are_read_from_the_file_once(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": f"message {number}"} for number in range(50)]
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"messages": messages}, indent=1))
    file, events = opened(path)
    reader = RawReader(file.source)
    texts = [reader.text(event)[0] for event in events if isinstance(event, MessageAppended)]
    assert [json.loads(text) for text in texts] == messages
    read, reads = file.source.read, []

    def counted_read(start: int, length: int) -> bytes:
        reads.append(length)
        return read(start, length)

    file.source.read = counted_read  # type: ignore[method-assign]
    again = [reader.text(event)[0] for event in events if isinstance(event, MessageAppended)]
    assert again == texts
    assert reads == []
    file.close()


def test_only_the_beginning_of_a_very_long_record_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hermes_tui.runtime.raw.MAX_SHOWN", 20)
    path = tmp_path / "run.jsonl"
    path.write_text('{"role":"user","content":"hello"}\n{"role":"user","content":"x"}\n')
    file, events = opened(path)
    text, _ = RawReader(file.source).text(events[1])
    assert text == '{"role":"user","cont\n[14 more bytes are not shown]'
    file.close()
