"""Bad input that is big or partly unreadable: one line, little memory, and the rest is read."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hermes_tui.runtime.packed import limits
from tests.cli.program import PROJECT, Outcome, hermes_tui, within

USER = b'{"role":"user","content":"hi"}\n'
MODEL = b'{"role":"assistant","content":"hello"}\n'
RUN = b'{"messages":[{"role":"user","content":"hi"}]}\n'
MAX_MB = 150


_MEASURE = """
import os, sys
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(pid, 0)
with open(sys.argv[1], "w") as file:
    file.write(str(used.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Its parent's memory counts as a process's own, so that parent must be small, as these tests are
not."""


def run_with_little_memory(*arguments: str | Path) -> Outcome:
    """Run the program and check that it took little memory."""
    program = [sys.executable, "-m", "hermes_tui", *map(str, arguments)]
    with tempfile.NamedTemporaryFile() as measured:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _MEASURE, measured.name, *program],
            capture_output=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            timeout=240,
            check=False,
        )
        assert int(measured.read()) >> 10 < MAX_MB
    return Outcome(done.returncode, done.stdout, done.stderr.decode())


def sparse(path: Path, before: bytes, size: int, after: bytes) -> Path:
    """Write a file with `size` zero bytes in the middle, which take no space on the disk."""
    with path.open("wb") as file:
        file.write(before)
        file.truncate(len(before) + size)
        file.seek(0, io.SEEK_END)
        file.write(after)
    return path


@pytest.mark.parametrize(
    "data",
    [USER + b"\n" * 1_000_000 + MODEL, b"\n" * 300_000 + USER + MODEL],
    ids=["between", "before"],
)
def test_a_million_empty_lines_are_ignored(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(data)
    done = run_with_little_memory("scan", path)
    assert (done.code, done.err) == (0, "")
    assert "1 run: 2 messages" in done.text and "clean" in done.text


def test_a_file_of_a_million_empty_lines_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"\n" * 1_000_000)
    done = run_with_little_memory("open", path)
    assert (done.code, done.out) == (3, b"")
    assert "only whitespace" in done.one_line


def test_a_line_of_a_gigabyte_hides_no_other_line(tmp_path: Path) -> None:
    before = USER * 200
    path = sparse(tmp_path / "run.jsonl", before, 1 << 30, b"\n" + MODEL)
    done = run_with_little_memory("open", path)
    assert (done.code, done.err) == (0, "")
    rows = done.text.splitlines()
    start, end = len(before), len(before) + (1 << 30) + 1
    told = f"bytes {start:,} to {end:,} are one value of 1,024 MB, which is not read"
    assert [told in row for row in rows].count(True) == 1
    assert "hello" in rows[-1] and "assistant" in rows[-1]


def test_a_first_line_of_a_gigabyte_is_named(tmp_path: Path) -> None:
    opening = b'{"role":"user","content":"' + b"x" * 10_000
    path = sparse(tmp_path / "run.jsonl", opening, 1 << 30, b'"}\n')
    done = run_with_little_memory("open", path)
    assert (done.code, done.err) == (0, "")
    assert "one value of 1,024 MB, which is not read: the limit is 256 MB; split it" in done.text


def test_a_few_of_many_malformed_lines_are_reported_and_all_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_bytes(RUN + b"oops\n" * 20_000 + RUN)
    done = run_with_little_memory("scan", path)
    assert done.code == 1
    assert "2 runs" in done.text and "SOURCE_DEFECT×20,000" in done.text
    told = done.err.splitlines()
    assert len(told) == 21
    assert told[0].endswith(f"byte {len(RUN)} of the file: not JSON: Expecting value")
    assert "19,980 more malformed places outside of any run" in told[-1]


def test_a_folder_of_many_files_is_read_even_if_some_are_unreadable(tmp_path: Path) -> None:
    for number in range(3_000):
        (tmp_path / f"{number}.json").write_bytes(RUN if number % 3 else b"")
    done = run_with_little_memory("scan", tmp_path)
    assert done.code == 0
    assert len([row for row in done.text.splitlines() if "1 run: 1 message," in row]) == 2_000
    assert len([row for row in done.err.splitlines() if "empty file" in row]) == 1_000


def test_a_scan_of_many_files_begins_at_once_and_can_be_stopped(tmp_path: Path) -> None:
    for number in range(3_000):
        (tmp_path / f"{number}.json").write_bytes(RUN)
    with subprocess.Popen(
        [sys.executable, "-m", "hermes_tui", "scan", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"interrupted after" in err


def packed(members: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize("command", ["open", "scan"])
def test_a_zip_bomb_is_one_line(
    tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FREE_BYTES", 1 << 20)
    path = tmp_path / "logs.zip"
    path.write_bytes(packed({"run.json": b" " * (8 << 20)}))
    done = within(command, path)
    assert (done.code, done.out) == (3, b"")
    assert "run.json unpacks to more than 500 times its size; it is not read" in done.one_line


def test_the_lines_before_the_padding_of_a_gzip_bomb_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FREE_BYTES", 1 << 20)
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(gzip.compress(USER + MODEL + b"\n" * (8 << 20)))
    done = within("scan", path)
    assert done.code == 3
    assert "1 run: 2 messages" in done.text
    assert "unpacks to more than 500 times its size; only its first" in done.one_line


def test_member_names_outside_of_an_archive_write_no_files(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    members = {"../../evil.json": RUN, "/tmp/evil.json": RUN}
    (folder / "logs.zip").write_bytes(packed(members))
    done = within("scan", folder / "logs.zip")
    assert (done.code, done.err) == (0, "")
    assert done.text.count("1 run: 1 message,") == 2
    assert done.text.count(f"{folder / 'logs.zip'}!") == 2
    assert [item.name for item in tmp_path.rglob("*") if item.is_file()] == ["logs.zip"]


@pytest.fixture
def unprivileged() -> Callable[..., Outcome]:
    """Return a function that runs the program without the right to read everything."""
    if os.getuid():
        return hermes_tui
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root may read everything")

    def run(*arguments: str | Path) -> Outcome:
        dropped = "--bounding-set=-dac_override,-dac_read_search"
        done = subprocess.run(
            [setpriv, dropped, sys.executable, "-m", "hermes_tui", *map(str, arguments)],
            capture_output=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            timeout=240,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr.decode())

    return run


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    """Return a folder with parts that may not be read."""
    for name in ("a.json", "closed/b.json", "open/c.json", "z.json"):
        path = tmp_path / "runs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(RUN)
    (tmp_path / "runs" / "a.json").chmod(0)
    (tmp_path / "runs" / "closed").chmod(0)
    return tmp_path / "runs"


@pytest.mark.parametrize("command", ["open", "scan"])
def test_forbidden_files_and_folders_are_named_and_the_rest_is_read(
    locked: Path, unprivileged: Callable[..., Outcome], command: str
) -> None:
    done = unprivileged(command, locked)
    (locked / "closed").chmod(0o700)
    code, prefix = {"open": (0, "skipped "), "scan": (3, "")}[command]
    assert done.code == code
    why = "no permission to read it (check its owner and mode)"
    assert sorted(done.err.splitlines()) == [
        f"hermes-tui: {prefix}{locked / 'a.json'}: {why}",
        f"hermes-tui: {prefix}{locked / 'closed'}: {why}",
    ]
    assert [f"{locked / name}" in done.text for name in ("open/c.json", "z.json")] == [True, True]


@pytest.mark.parametrize("command", ["open", "scan"])
@pytest.mark.parametrize("name", ["closed", "closed/b.json", "closed/*.json", "x" * 5_000])
def test_an_inaccessible_path_is_one_line_and_3(
    locked: Path, unprivileged: Callable[..., Outcome], command: str, name: str
) -> None:
    done = unprivileged(command, locked / name)
    (locked / "closed").chmod(0o700)
    assert (done.code, done.out) == (3, b"")
    assert done.one_line.startswith("hermes-tui: ")


def test_runs_with_one_id_are_all_listed_and_each_has_its_number(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    texts = ["first", "second", "third"]
    rows = [{"id": "same", "messages": [{"role": "user", "content": text}]} for text in texts]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert within("scan", "--runs", path).text.count(" same: 1 message,") == 3
    for number, text in enumerate(texts, 1):
        assert text in within("open", path, "--at", f"{number}:1").text
    assert "+ third" in within("diff", f"{path}:1", f"{path}:3").text


CHAT = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]}
MIXED = {
    "messages": [*CHAT["messages"]],
    "runs": [CHAT],
    "sharegpt": [{"conversations": [{"from": "human", "value": "x"}, {"from": "gpt"}]}],
    "claude-code": [
        {"type": "user", "uuid": "u", "parentUuid": None, "sessionId": "s",
         "message": {"role": "user", "content": "x"}},
    ],
    "codex": [
        {"timestamp": "2025-01-01T00:00:00Z", "type": "response_item",
         "payload": {"type": "message", "role": "user",
                     "content": [{"type": "input_text", "text": "x"}]}},
    ],
    "other": [{"loss": 0.5}],
}  # fmt: skip


@pytest.mark.parametrize("second", MIXED)
@pytest.mark.parametrize("first", MIXED)
def test_a_line_of_another_format_is_read_or_named(tmp_path: Path, first: str, second: str) -> None:
    path = tmp_path / "mixed.jsonl"
    lines = [*MIXED[first], *MIXED[second], *MIXED[first]]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = within("scan", "--runs", "--json", path)
    if first == second == "other":
        assert done.code == 3
        return
    rows = [json.loads(line) for line in done.text.splitlines()]
    read = rows[0]["messages"] if len(rows) == 1 else len(rows)
    passed_over = ("no message found", "no chat message")
    named = sum(row["defects"] for row in rows) + sum(map(done.err.count, passed_over))
    assert read + named + other_records(path) >= len(lines)


def other_records(path: Path) -> int:
    """Return how many lines the first run counts as not messages of its format."""
    first = json.loads(within("export", path, "--run", "1", "--to", "native").text.splitlines()[0])
    return sum(first.get("details", {}).get("other_records", {}).values())
