"""A transcript from a pipe is shown as it arrives, before the writer is done."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.opener import FoundRun, OpenFile, open_file, survey

CHAT = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
MESSAGES = "".join(json.dumps(message) + "\n" for message in CHAT)
RUNS = "".join(json.dumps({"messages": CHAT, "id": name}) + "\n" for name in "ab")


@dataclass
class Pipe:
    """The end of a pipe that writes to standard input."""

    write_fd: int

    def write(self, text: str) -> None:
        os.write(self.write_fd, text.encode())

    def close(self) -> None:
        os.close(self.write_fd)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    read_fd, write_fd = os.pipe()
    with os.fdopen(read_fd) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        yield Pipe(write_fd)


def runs_of(file: OpenFile) -> list[FoundRun]:
    return [step for step in survey(file) if isinstance(step, FoundRun)]


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (MESSAGES, [2]),
        (RUNS, [2, 2]),
        (json.dumps(CHAT, indent=1)[:-2] + ",\n", [2]),
        (json.dumps(CHAT) + "\n", [2]),
        ('{"role":"user","con\n' + MESSAGES, [3]),
    ],
    ids=["a message a line", "a run a line", "array", "array on one line", "broken first line"],
)
def test_received_text_is_read_before_the_pipe_is_closed(
    pipe: Pipe, text: str, messages: list[int]
) -> None:
    pipe.write(text)
    file = open_file(None)
    assert not file.source.complete
    assert [run.state.messages for run in runs_of(file)] == messages
    pipe.close()
    file.close()


def test_a_document_is_read_once_the_pipe_ends(pipe: Pipe) -> None:
    text = json.dumps({"messages": CHAT}, indent=1)
    pipe.write(text)
    pipe.close()
    file = open_file(None)
    assert [run.state.messages for run in runs_of(file)] == [2]
    file.close()


def test_what_is_not_a_transcript_is_refused_before_the_pipe_is_closed(pipe: Pipe) -> None:
    pipe.write("<!DOCTYPE html><html>")
    with pytest.raises(SourceError, match="an HTML page"):
        open_file(None)
    pipe.close()


def test_the_whole_option_waits_for_the_end_of_the_pipe(pipe: Pipe) -> None:
    pipe.write(MESSAGES)
    pipe.close()
    file = open_file(None, whole=True)
    assert file.source.complete
    assert [run.state.messages for run in runs_of(file)] == [2]
    file.close()
