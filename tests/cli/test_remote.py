"""Commands do the same with remote files as with local ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.cli.program import hermes_tui, within
from tests.elsewhere import put

pytest.importorskip("s3fs")

RUN = json.dumps(
    {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}
).encode()


def counts(*paths: str | Path) -> list[tuple[str, int, int]]:
    done = within("scan", "--json", "--ordered", *paths)
    rows = [json.loads(line) for line in done.text.splitlines()]
    return [(row["path"], row["runs"], row["messages"]) for row in rows]


def test_a_folder_in_a_bucket_is_scanned_packed_files_too(store: str) -> None:
    put(f"{store}/scan/a.jsonl", RUN + b"\n" + RUN + b"\n")
    put(f"{store}/scan/b.jsonl.gz", gzip.compress(RUN + b"\n"))
    put(f"{store}/scan/notes.txt", b"none of ours")
    assert counts(f"{store}/scan") == [
        (f"{store}/scan/a.jsonl", 2, 4),
        (f"{store}/scan/b.jsonl.gz", 1, 2),
    ]


def test_a_big_object_is_shared_between_processes(store: str, tmp_path: Path) -> None:
    run = RUN.replace(b"hello", b"hello " * 500)
    lines = (run + b"\n") * (9_000_000 // len(run))
    put(f"{store}/big.jsonl", lines)
    (tmp_path / "big.jsonl").write_bytes(lines)
    (found,) = counts(f"{store}/big.jsonl")
    here = within("scan", "--json", "--jobs", "2", tmp_path / "big.jsonl")
    remote = hermes_tui("scan", "--json", "--jobs", "2", f"{store}/big.jsonl")
    assert remote.err == ""
    assert json.loads(remote.text) | {"path": ""} == json.loads(here.text) | {"path": ""}
    assert found[1] == lines.count(b"\n")


def test_remote_runs_are_shown_compared_and_exported(store: str) -> None:
    url = put(f"{store}/one.jsonl", RUN + b"\n" + RUN.replace(b"hello", b"good day") + b"\n")
    assert "assistant" in within("export", url, "--run", "1", "--to", "markdown").text
    assert "+ good day" in within("diff", f"{url}:1", f"{url}:2").text
    shown = hermes_tui("open", url)
    assert shown.code == 0
    assert len(shown.text.splitlines()) == 2


def test_a_file_of_a_web_server_is_read(site: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(RUN)
    assert counts(f"{site}/run.json") == [(f"{site}/run.json", 1, 2)]


@pytest.mark.parametrize("name", ["none.json", "none/*.json"])
def test_a_missing_remote_file_is_one_line(store: str, name: str) -> None:
    done = within("scan", f"{store}/{name}")
    assert done.code == 3
    assert "no such file" in done.one_line
