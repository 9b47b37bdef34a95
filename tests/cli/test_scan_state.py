"""`scan --state` continues an interrupted scan; the output is that of a complete one."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.runtime.scan import plan as scan_plan
from tests.cli.program import PROJECT, hermes_tui, within
from tests.cli.scan_files import CHAT, called, lines, many_runs

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(autouse=True)
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_plan, "RANGE", 3_000)


def folder(path: Path) -> Path:
    """Return a folder with a big file that is divided, and small ones."""
    path.mkdir()
    many_runs(path / "a.jsonl", 40)
    lines(path / "b.json", CHAT)
    lines(path / "c.json", called("c", "sl"))
    return path


OPTIONS = ("--runs", "--to", "json", "--ordered")


def test_the_output_is_the_same_with_without_and_after_a_state(tmp_path: Path) -> None:
    runs, state = folder(tmp_path / "runs"), tmp_path / "scan.state"
    plain = within("scan", runs, *OPTIONS)
    first = within("scan", runs, *OPTIONS, "--state", state)
    size = state.stat().st_size
    again = within("scan", runs, *OPTIONS, "--state", state, "--jobs", "2")
    assert first.text == plain.text == again.text
    assert first.code == again.code == 1
    assert state.stat().st_size == size


def test_a_state_truncated_anywhere_leads_to_the_same_output(tmp_path: Path) -> None:
    runs, state = folder(tmp_path / "runs"), tmp_path / "scan.state"
    whole = within("scan", runs, *OPTIONS, "--state", state).text
    written = state.read_bytes()

    @given(st.integers(written.index(b"\n") + 1, len(written)))
    @settings(max_examples=12, deadline=None)
    def goes_on(length: int) -> None:
        state.write_bytes(written[:length])
        assert within("scan", runs, *OPTIONS, "--state", state).text == whole
        assert within("scan", runs, *OPTIONS, "--state", state).text == whole

    goes_on()


def test_a_damaged_line_is_scanned_again(tmp_path: Path) -> None:
    runs, state = folder(tmp_path / "runs"), tmp_path / "scan.state"
    whole = within("scan", runs, *OPTIONS, "--state", state).text
    written = state.read_bytes().splitlines(keepends=True)
    for number in range(1, len(written)):
        for damage in (b"{\n", b'{"unit": 3}\n', b"", b'{"file": "x", "stamp": 1}\n'):
            state.write_bytes(b"".join([*written[:number], damage, *written[number + 1 :]]))
            assert within("scan", runs, *OPTIONS, "--state", state).text == whole


def test_a_changed_file_is_noticed_and_read_again(tmp_path: Path) -> None:
    runs, state = folder(tmp_path / "runs"), tmp_path / "scan.state"
    within("scan", runs, *OPTIONS, "--state", state)
    many_runs(runs / "a.jsonl", 30)
    done = within("scan", runs, *OPTIONS, "--state", state)
    assert done.text == within("scan", runs, *OPTIONS).text
    assert done.one_line == (
        f"hermes-tui: {runs / 'a.jsonl'}: changed since it was read before; read again"
    )
    assert within("scan", runs, *OPTIONS, "--state", state).err == ""


def test_a_file_with_an_exclamation_mark_in_its_path_is_resumed(tmp_path: Path) -> None:
    (tmp_path / "wow").write_text("")
    runs, state = folder(tmp_path / "wow!"), tmp_path / "scan.state"
    whole = within("scan", runs, *OPTIONS, "--state", state).text
    known = [json.loads(line) for line in state.read_text().splitlines()]
    files = {row["file"] for row in known if "file" in row}
    assert files == {str(runs / name) for name in ("a.jsonl", "b.json", "c.json")}
    assert {row["unit"][0] for row in known if "unit" in row} == files
    size = state.stat().st_size
    assert within("scan", runs, *OPTIONS, "--state", state).text == whole
    assert state.stat().st_size == size
    many_runs(runs / "a.jsonl", 30)
    done = within("scan", runs, *OPTIONS, "--state", state)
    assert "a.jsonl: changed since it was read before; read again" in done.one_line


@pytest.mark.parametrize("name", ["runs.zip", "wow!.zip"])
def test_the_members_of_an_archive_are_resumed_until_it_changes(tmp_path: Path, name: str) -> None:
    path, state = tmp_path / name, tmp_path / "scan.state"

    def pack(*members: str) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for member in members:
                archive.writestr(member, json.dumps(CHAT))

    pack("a.json", "b.json")
    within("scan", path, *OPTIONS, "--state", state)
    assert state.read_text().count('"unit"') == 2
    size = state.stat().st_size
    assert within("scan", path, *OPTIONS, "--state", state).err == ""
    assert state.stat().st_size == size
    pack("a.json", "b.json", "c.json")
    assert within("scan", path, *OPTIONS, "--state", state).err.count("read again") == 2


def test_unreadable_files_are_tried_again(tmp_path: Path) -> None:
    path, state = tmp_path / "run.json", tmp_path / "scan.state"
    assert within("scan", path, "--state", state).code == 3
    lines(path, CHAT)
    assert within("scan", path, "--state", state).code == 0


def test_files_added_later_are_scanned_too(tmp_path: Path) -> None:
    runs, state = folder(tmp_path / "runs"), tmp_path / "scan.state"
    within("scan", runs, *OPTIONS, "--state", state)
    lines(runs / "0.json", called("new", "sl"))
    assert (
        within("scan", runs, *OPTIONS, "--state", state).text == within("scan", runs, *OPTIONS).text
    )


def test_a_state_of_a_scan_with_other_options_is_refused_and_kept(tmp_path: Path) -> None:
    runs, state = folder(tmp_path / "runs"), tmp_path / "scan.state"
    within("scan", runs, "--state", state)
    before = state.read_bytes()
    done = within("scan", runs, "--state", state, "--parser", "vllm/hermes")
    assert (done.code, done.out) == (2, b"")
    assert "belongs to a scan with other options" in done.one_line
    assert state.read_bytes() == before


def test_a_state_of_an_older_version_is_refused_as_such_and_kept(tmp_path: Path) -> None:
    runs, state = folder(tmp_path / "runs"), tmp_path / "scan.state"
    within("scan", runs, "--state", state)
    head, *parts = state.read_bytes().splitlines(keepends=True)
    older = b"".join([json.dumps(json.loads(head) | {"scan": 3}).encode() + b"\n", *parts])
    state.write_bytes(older)
    done = within("scan", runs, "--state", state)
    assert (done.code, done.out) == (2, b"")
    assert "belongs to another version of hermes-tui" in done.one_line
    assert state.read_bytes() == older


@pytest.mark.parametrize("name", ["pipe", "/dev/null"])
def test_a_state_that_is_no_regular_file_is_refused(tmp_path: Path, name: str) -> None:
    path, state = lines(tmp_path / "run.json", CHAT), tmp_path / name
    if not state.exists():
        os.mkfifo(state)
    done = within("scan", path, "--state", state, "--to", "json")
    assert (done.code, done.out) == (2, b"")
    assert f"{state} is not a state of a scan" in done.one_line


@pytest.mark.parametrize(
    "content",
    [
        "precious",
        "precious\n",
        "[1]\n",
        '{"scan": 9}\n',
        "\n",
        pytest.param("[" * 99_999 + "\n", id="deep"),
    ],
)
def test_a_file_that_is_not_a_state_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    path, state = lines(tmp_path / "run.json", CHAT), tmp_path / "notes.txt"
    state.write_text(content)
    done = within("scan", path, "--state", state, "--to", "json")
    assert (done.code, done.out) == (2, b"")
    assert f"{state} is not a state of a scan" in done.one_line
    assert state.read_text() == content


def test_two_scans_cannot_share_a_state(tmp_path: Path) -> None:
    path, state = lines(tmp_path / "run.json", CHAT), tmp_path / "scan.state"
    with state.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        done = within("scan", path, "--state", state)
    assert done.code == 3
    assert "another scan is writing it" in done.one_line


def test_a_state_that_cannot_be_written_is_one_line_and_3(tmp_path: Path) -> None:
    path = lines(tmp_path / "run.json", CHAT)
    done = within("scan", path, "--state", tmp_path)
    assert (done.code, done.out) == (3, b"")
    assert "name another file with --state" in done.one_line


def test_a_full_disk_is_reported_once_and_the_scan_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, state = folder(tmp_path / "runs"), tmp_path / "scan.state"
    write = os.write

    def full(fd: int, data: memoryview) -> int:
        if os.fstat(fd).st_size > 2_000:
            raise OSError(28, "No space left on device")
        return write(fd, data)

    monkeypatch.setattr("hermes_tui.runtime.scan.state.os.write", full)
    done = within("scan", runs, *OPTIONS, "--state", state)
    monkeypatch.undo()
    assert done.text == within("scan", runs, *OPTIONS).text
    assert done.one_line.endswith(
        "No space left on device; from here on the scan cannot be resumed"
    )


def test_names_that_are_not_utf_8_are_kept(tmp_path: Path) -> None:
    state = tmp_path / "scan.state"
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/r\xff.json"))
    lines(path, called("a\ud800", "sl"))
    whole = within("scan", path, *OPTIONS).text
    assert within("scan", path, *OPTIONS, "--state", state).text == whole
    size = state.stat().st_size
    assert within("scan", path, *OPTIONS, "--state", state).text == whole
    assert state.stat().st_size == size


def test_an_interrupted_scan_continues(tmp_path: Path) -> None:
    path, state = many_runs(tmp_path / "runs.jsonl", 1_000, size=9_000), tmp_path / "scan.state"
    assert path.stat().st_size > 2 * (4 << 20)
    command = ["scan", str(path), "--runs", "--json", "--jobs", "2", "--state", str(state)]
    with subprocess.Popen(
        [sys.executable, "-m", "hermes_tui", *command],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=PROJECT, bufsize=0,
    ) as scan:  # fmt: skip
        assert scan.stdout is not None
        scan.stdout.read(4_000)
        scan.send_signal(signal.SIGINT)
        _, err = scan.communicate(timeout=120)
    assert scan.returncode == 130
    assert err.decode().rstrip().endswith("(the same command continues from there)")
    done = hermes_tui(*command)
    rows = [json.loads(line) for line in done.text.splitlines()]
    assert [row["run"] for row in rows] == list(range(1, 1_001))
    assert (done.code, done.err) == (1, "")
