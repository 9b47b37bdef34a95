"""Counts of real files agree with those that independent readers found in them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.program import within

pytestmark = pytest.mark.shared

FOLDERS = {
    "01-openai-chat": "openai-messages",
    "01b-request-response-log": "llm-call-log",
    "02-hermes-sharegpt": "hermes-sharegpt",
    "03-atropos-groups": "atropos-group",
}
OTHERWISE_COUNTED = {
    # The manifest takes each of the 29 calls for a run of its own; 8 of them go on with an earlier
    # conversation, whose 32 messages they repeat.
    "autogen-self_teaching-session.json": (21, 79, 0, 0),
}
_ROW = re.compile(r"\| (\S+) \| [\d,]+ \| (\d+)/(\d+)/(\d+)/(\d+)/\d+ \|")


def listed(manifest: Path) -> dict[str, tuple[int, ...]]:
    counts = {}
    folder = ""
    for line in manifest.read_text("utf-8").splitlines():
        if line.startswith("## "):
            folder = line[3:].strip()
        elif found := _ROW.match(line):
            counts[f"{folder}/{found[1]}"] = tuple(map(int, found.groups()[1:]))
    return counts


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_runs_messages_calls_and_errors_are_those_of_the_manifest(
    folder: str, trajectories: Path
) -> None:
    expected = {
        name: OTHERWISE_COUNTED.get(Path(name).name, counts)
        for name, counts in listed(trajectories / "MANIFEST.md").items()
        if name.startswith(f"{folder}/")
    }
    done = within("scan", "--json", trajectories / folder)
    rows = [json.loads(line) for line in done.text.splitlines()]
    assert done.err == ""
    assert {row["format"] for row in rows} == {FOLDERS[folder]}
    assert {row["defects"] for row in rows} == {0}
    assert {
        f"{folder}/{Path(row['path']).name}": (
            row["runs"],
            row["messages"],
            row["tool_calls"],
            row["tool_errors"],
        )
        for row in rows
    } == expected


def test_every_other_file_is_opened_by_the_finder_or_refused_in_one_line(
    trajectories: Path,
) -> None:
    done = within("scan", "--json", trajectories)
    assert done.code == 1
    opened = {json.loads(line)["path"] for line in done.text.splitlines()}
    refused = done.err.splitlines()
    assert all(line.startswith("hermes-tui: skipped ") for line in refused)
    transcripts = [
        path
        for path in trajectories.rglob("*")
        if path.suffix in (".json", ".jsonl", ".traj", ".har", ".eval")
    ]
    assert len(opened) + len(refused) == len(transcripts)
