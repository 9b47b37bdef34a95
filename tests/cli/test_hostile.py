"""Nothing in a file acts on the terminal on which plain output is printed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.program import Outcome, within

TERMINAL_ESCAPES = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)


def assert_harmless(done: Outcome) -> None:
    assert not TERMINAL_ESCAPES.search(done.text)
    assert not TERMINAL_ESCAPES.search(done.err)


@pytest.mark.parametrize(
    "arguments",
    [
        ["scan"],
        ["scan", "--runs"],
        ["scan", "--json"],
        ["scan", "--runs", "--json"],
        ["open"],
        *(["export", "--to", to] for to in ("openai", "sharegpt", "markdown", "html", "native")),
    ],
    ids=" ".join,
)
def test_no_command_prints_terminal_escapes(arguments: list[str], transcripts: Path) -> None:
    done = within(*arguments, transcripts / "hostile.json")
    assert done.code == 0
    assert_harmless(done)


def test_a_list_of_hostile_runs_is_harmless(transcripts: Path, tmp_path: Path) -> None:
    run = json.loads((transcripts / "hostile.json").read_bytes())
    path = tmp_path / "runs.jsonl"
    path.write_text(json.dumps(run) + "\n" + json.dumps(run) + "\n")
    for arguments in (["open"], ["scan", "--runs"]):
        assert_harmless(within(*arguments, path))


def test_hostile_names_of_roles_tools_and_ids_are_harmless_in_findings(tmp_path: Path) -> None:
    evil = "x\x1b]0;t\x07\u009b31m\u202e\n"
    call = {"id": evil, "type": "function", "function": {"name": evil, "arguments": evil}}
    messages = [
        {"role": evil, "content": evil},
        {"role": "assistant", "content": evil, "tool_calls": [call, call]},
        {"role": "tool", "tool_call_id": evil + "2", "content": "Error: " + evil},
    ]
    tools = [{"type": "function", "function": {"name": "ls"}}]
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"id": evil, "model": evil, "messages": messages, "tools": tools}))
    for arguments in (["scan", "--runs"], ["scan", "--runs", "--json"], ["open"]):
        done = within(*arguments, path)
        assert_harmless(done)
        assert done.err == ""
    found = json.loads(within("scan", "--runs", "--json", path).text)
    assert found["id"] == evil.strip()
    assert len(within("scan", path).text.splitlines()) == 1


def test_hostile_file_names_are_harmless(tmp_path: Path) -> None:
    name = "run\x1b[31m\u202e\n.json"
    (tmp_path / name).write_text('[{"role": "user", "content": "hi"}]')
    (tmp_path / f"bad{name}").write_text("{}")
    done = within("scan", tmp_path)
    assert_harmless(done)
    assert (len(done.text.splitlines()), len(done.err.splitlines())) == (1, 1)
    assert_harmless(within("open", tmp_path))
    missing = within("scan", tmp_path / f"missing{name}")
    assert_harmless(missing)
    assert missing.one_line.endswith("(quote the pattern or check it)")
    assert json.loads(within("scan", "--json", tmp_path / name).text)["path"].endswith(name)


def test_a_line_of_5_mb_is_read_and_shortened_for_display(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(json.dumps({"role": "user", "content": "x" * 5_000_000}) + "\n")
    done = within("open", path)
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.text.splitlines())) < 400
    assert "…" in done.text or "5" in done.text
