"""Folders of runs in an object store: the same as on a disk."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from tests.cli.program import within
from tests.conftest import PROJECT
from tests.elsewhere import put

pytest.importorskip("s3fs")

FIXTURES = PROJECT / "tests" / "fixtures"


def uploaded(folder: Path, url: str) -> str:
    for file in folder.rglob("*"):
        if file.is_file():
            put(f"{url}/{file.relative_to(folder)}", file.read_bytes())
    return url


def rows(top: str, *paths: str) -> list[str]:
    """Return what a scan reports of each run, without the place of the folder and in the file."""
    done = within("scan", "--json", "--runs", "--ordered", *paths)
    without_offsets = re.sub(r'"offset":\w+', "", done.text + done.err)
    return without_offsets.replace(top, "TOP").splitlines()


@pytest.mark.parametrize("name", ["harbor", "openenv", "openhands", "strands", "verifiers"])
def test_a_folder_in_a_bucket_is_read_as_a_local_one(store: str, name: str) -> None:
    here = str(FIXTURES / name)
    there = uploaded(FIXTURES / name, f"{store}/{name}")
    assert rows(there, there) == rows(here, here)


RUNS = {
    "openhands/conversation/events": "1 run: 15 messages",
    "openhands/sessions/demo/events": "1 run: 8 messages",
    "strands/session_demo/agents/agent_default/messages": "1 run: 10 messages",
}


@pytest.mark.parametrize(("place", "summary"), RUNS.items())
@pytest.mark.parametrize("pattern", ["", "/", "/*.json"])
def test_the_files_of_one_run_in_a_bucket_are_one_run(
    store: str, place: str, summary: str, pattern: str
) -> None:
    url = uploaded(FIXTURES / place, f"{store}/{place}")
    done = within("scan", f"{url}{pattern}")
    assert (done.code in (0, 1), done.err) == (True, "")
    assert done.text.startswith(f"{url}  ")
    assert summary in done.text


def test_a_gap_in_the_files_of_a_run_in_a_bucket_is_reported(store: str) -> None:
    url = f"{store}/gap/conversation/events"
    for number in (*range(70), 71):
        event = {"id": number, "source": "user", "action": "message", "args": {"content": "hi"}}
        put(f"{url}/event-{number:05}-a*[b.json", json.dumps(event).encode())
    done = within("scan", url)
    assert done.code == 3
    assert done.one_line.startswith(f"hermes-tui: {url}: no file has the number 70; ")
    assert "71 messages" in done.text


def test_a_file_with_the_name_of_such_a_folder_is_a_file(
    store: str, site: str, tmp_path: Path
) -> None:
    chat = json.dumps({"messages": [{"role": "user", "content": "hi"}]}).encode()
    (tmp_path / "messages").write_bytes(gzip.compress(chat))
    for url in (put(f"{store}/plain/messages", gzip.compress(chat)), f"{site}/messages"):
        assert "1 run: 1 message," in within("scan", url).text
