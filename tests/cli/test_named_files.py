"""Files named in addition to the runs: pipes are read, and endless files are refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hermes_tui.runtime import named_files
from tests.cli.program import PROJECT, within

TRANSCRIPTS = PROJECT / "transcripts"
RUN = TRANSCRIPTS / "clean-run.json"
NAMED = {
    "baseline": ("scan", RUN, "--baseline"),
    "replay": ("live", "--headless", "--no-record", "--replay"),
    "reply": ("parse",),
    "lines": ("parse", "--batch"),
    "tools": ("parse", PROJECT / "LICENSE", "--tools"),
}


@pytest.fixture(autouse=True)
def soon_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_files, "MAX_STREAM_BYTES", 100_000)


@pytest.mark.parametrize("command", NAMED.values(), ids=NAMED)
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
def test_an_endless_file_is_refused_in_one_line(
    command: tuple[str | Path, ...], device: str
) -> None:
    if command[-1] == "--batch" and device == "/dev/urandom":
        pytest.skip("has lines, each of which is refused")
    done = within(*command, device)
    assert done.code == 2
    assert done.one_line == (
        f"hermes-tui: {device}: no end after 100,000 bytes (give a regular file)"
    )


@pytest.mark.parametrize("command", [NAMED[name] for name in NAMED if name != "lines"])
def test_a_pipe_without_a_writer_is_not_awaited(
    tmp_path: Path, command: tuple[str | Path, ...]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = within(*command, tmp_path / "pipe")
    assert (done.code, "a pipe that nobody is writing to" in done.one_line) == (2, True)


@pytest.mark.parametrize("named", ["/dev/zero", "pipe"])
def test_an_endless_file_cannot_be_resumed(tmp_path: Path, named: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    command = [sys.executable, "-m", "hermes_tui", "live", "--headless", "--resume", named]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert done.stderr.startswith(f"hermes-tui: {named}: not a recording of hermes-tui (--resume")


def test_tool_schemas_have_a_size_limit_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    live = ("live", "--headless", "--no-record", "--api", "demo", "--task", "x", "--tools")
    for named in ("/dev/zero", tmp_path / "pipe"):
        done = within(*live, f"schema:{named}")
        assert done.code == 2 and str(named) in done.one_line


def test_a_process_substitution_of_the_shell_is_read_whole(tmp_path: Path) -> None:
    """`parse <(sleep 0.2; cat reply.txt)`, of any length."""
    reply = "x" * 90_000
    program = f"import sys, time; time.sleep(0.2); sys.stdout.write({reply!r})"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        done = within("parse", "--json", f"/dev/fd/{writer.stdout.fileno()}")
    assert done.code == 0 and reply in done.text


def test_a_regular_file_may_be_of_any_length(tmp_path: Path) -> None:
    (tmp_path / "reply.txt").write_text("x" * 300_000)
    assert within("parse", tmp_path / "reply.txt").code == 0
