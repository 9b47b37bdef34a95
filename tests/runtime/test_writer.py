"""A recording has one writer, loses at most a torn line and contains no secrets."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.log.codec import decode, encode
from hermes_tui.model.errors import SourceError, StoreError, UsageError
from hermes_tui.model.events import Event, RequestFailed, RunStarted, Stopped
from hermes_tui.runtime.writer import Recording

EVENTS: tuple[Event, ...] = (
    RunStarted(seq=0, run_id="r", task="count"),
    Stopped(seq=1, stop_point="before_dispatch"),
)

WRITER = """
import sys
from pathlib import Path
from hermes_tui.model.events import RequestFailed, RunStarted
from hermes_tui.runtime.writer import Recording
recording = Recording(Path(sys.argv[1]))
recording.append(RunStarted(seq=0))
for seq in range(1, 100_000):
    recording.append(RequestFailed(seq=seq, message="x" * 20_000))
    if seq == 20:
        print("writing", flush=True)
"""


def recorded_events(path: Path) -> list[Event]:
    return [decode(line) for line in path.read_bytes().splitlines()]


def test_appended_events_can_be_read_at_once(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "deep" / "run.jsonl")
    for number, event in enumerate(EVENTS, 1):
        recording.append(event)
        assert recorded_events(recording.path) == list(EVENTS[:number])
    recording.close()


@pytest.mark.parametrize("length", [1, 65_000, 200_000])
def test_the_last_event_is_read_from_the_end_of_the_file(tmp_path: Path, length: int) -> None:
    recording = Recording(tmp_path / "run.jsonl")
    assert recording.last_event() is None
    events = [RequestFailed(seq=n, message=str(n) * length) for n in range(3)]
    for event in events:
        recording.append(event)
        assert recording.last_event() == event
    recording.close()


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("kept")
    with pytest.raises(UsageError, match=r"the file exists already \(name another one\)"):
        Recording(path)
    assert path.read_text() == "kept"


@pytest.mark.parametrize(
    ("details", "hint"),
    [
        (
            {"live": {"api": "http"}},
            "or continue it: `hermes-tui live --resume '",
        ),
        ({"task_id": "7"}, "the file exists already (name another one)"),
    ],
)
def test_resuming_is_suggested_only_for_a_resumable_recording(
    tmp_path: Path, details: dict[str, Any], hint: str
) -> None:
    first = Recording(tmp_path / "a run.jsonl")
    first.append(RunStarted(seq=0, details=details))
    first.close()
    with pytest.raises(UsageError) as refused:
        Recording(first.path)
    assert hint in str(refused.value)


def test_a_path_that_cannot_be_a_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="this is a folder"):
        Recording(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file is not a folder"):
        Recording(tmp_path / "file" / "run.jsonl")


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    first = Recording(tmp_path / "run.jsonl")
    with pytest.raises(StoreError, match="another hermes-tui is writing"):
        Recording.resumed(first.path)
    first.close()
    second, _ = Recording.resumed(first.path)
    second.close()


def test_a_torn_last_line_is_cut_off_and_writing_continues_there(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"".join(map(encode, EVENTS)) + b'{"kind":"Resum')
    recording, events = Recording.resumed(path)
    assert events == EVENTS
    recording.append(RequestFailed(seq=2))
    recording.close()
    assert recorded_events(path) == [*EVENTS, RequestFailed(seq=2)]


def test_a_file_that_is_not_a_recording_is_left_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b'{"messages": []}\ntorn')
    with pytest.raises(SourceError, match="line 1 is not an event"):
        Recording.resumed(path)
    assert path.read_bytes() == b'{"messages": []}\ntorn'


def test_a_missing_recording_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such recording"):
        Recording.resumed(tmp_path / "run.jsonl")
    assert not (tmp_path / "run.jsonl").exists()


def test_a_killed_writer_loses_at_most_the_line_it_was_writing(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    whole = path.read_bytes().count(b"\n")
    recording, events = Recording.resumed(path)
    recording.close()
    assert len(events) == whole > 20
    assert [event.seq for event in events] == list(range(whole))


def test_a_full_disk_is_reported_and_leaves_whole_lines(tmp_path: Path) -> None:
    script = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000,) * 2)\n{WRITER}"
    path = tmp_path / "run.jsonl"
    ended = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    assert "StoreError" in ended.stderr
    assert str(path) in ended.stderr
    assert [event.seq for event in recorded_events(path)] == [0, 1, 2, 3, 4]


def test_secrets_never_reach_the_file(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "run.jsonl", secrets=["sk-very-secret", ""])
    recording.append(RequestFailed(seq=0, body="bad key sk-very-secret"))
    recording.close()
    assert recorded_events(recording.path) == [RequestFailed(seq=0, body="bad key [masked]")]


def test_only_its_owner_can_read_a_recording(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "run.jsonl")
    recording.close()
    assert recording.path.stat().st_mode & 0o077 == 0
