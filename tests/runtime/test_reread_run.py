"""A run is read again through a separate file."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from hermes_tui.model.events import MessageAppended
from hermes_tui.runtime.opener import FoundRun, open_file, survey
from hermes_tui.runtime.reread_run import reread_run


def run_line(text: str) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": text}]}).encode() + b"\n"


def test_a_run_from_an_open_pipe_is_read_as_far_as_it_was_received(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_fd, write_fd = os.pipe()
    with os.fdopen(read_fd) as stdin, os.fdopen(write_fd, "wb", buffering=0) as pipe:
        monkeypatch.setattr(sys, "stdin", stdin)
        pipe.write(run_line("first") + run_line("second"))
        file = open_file(None)
        found = [step for step in survey(file) if isinstance(step, FoundRun)]
        events = reread_run(found[0].ref)
        assert not file.source.complete
    file.close()
    assert [event.message.text for event in events if isinstance(event, MessageAppended)] == [
        "first"
    ]


def test_a_run_of_a_packed_file_is_read_whole(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(gzip.compress(run_line("first") + run_line("second")))
    file = open_file(path, whole=True)
    found = [step for step in survey(file) if isinstance(step, FoundRun)]
    events = reread_run(found[1].ref)
    file.close()
    assert "second" in [e.message.text for e in events if isinstance(e, MessageAppended)]
