"""`open` prints text if there is no terminal to draw on."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.program import within
from tests.cli.scan_files import chat, lines


def test_a_long_task_does_not_hide_the_end_of_the_line_of_a_run(tmp_path: Path) -> None:
    long = {"id": "r" * 5_000, "task": "why? " * 100, "model": "hermes-4"}
    done = within("open", lines(tmp_path / "runs.jsonl", chat("a", **long), chat("b")))
    first = done.text.splitlines()[0]
    assert "why? " * 20 in first
    assert "… hermes-4 " in first
    assert first.endswith("1 turn 0 calls 0 errors")
    assert "… why? " in first
    assert len(first) < 500


def session(folder: Path) -> Path:
    """Write a session of Claude Code whose subagent, in a separate file, has an error."""
    task = {"type": "user", "uuid": "u1", "parentUuid": None, "sessionId": "s"}
    prompt = {"role": "user", "content": "the task"}
    agent = {"isSidechain": True, "agentId": "a"}
    call = {"type": "tool_use", "id": "t", "name": "ls", "input": {}}
    failed = {"type": "tool_result", "tool_use_id": "t", "content": "no", "is_error": True}
    (folder / "s/subagents").mkdir(parents=True)
    lines(
        folder / "s/subagents/agent-a.jsonl",
        task | agent | {"message": prompt | {"content": "a part of it"}},
        {"type": "assistant", "uuid": "u2", "parentUuid": "u1", "sessionId": "s", **agent}
        | {"message": {"role": "assistant", "content": [call]}},
        {"type": "user", "uuid": "u3", "parentUuid": "u2", "sessionId": "s", **agent}
        | {"message": {"role": "user", "content": [failed]}},
    )
    return lines(folder / "s.jsonl", task | {"message": prompt})


def test_scan_reads_each_subagent_next_to_a_session_once(tmp_path: Path) -> None:
    path = session(tmp_path)
    for paths in ([path], [path, tmp_path], [tmp_path], [path, path.with_suffix("")]):
        done = within("scan", "--json", *paths)
        rows = [json.loads(line) for line in done.text.splitlines()]
        errors = {row["path"]: row["tool_errors"] for row in rows}
        assert (done.code, len(rows)) == (1, 2)
        assert errors == {str(path): 0, str(tmp_path / "s/subagents/agent-a.jsonl"): 1}


def test_a_session_as_text_shows_its_run_and_mentions_its_subagents(tmp_path: Path) -> None:
    path = session(tmp_path)
    done = within("open", path)
    assert "the task" in done.text
    assert done.one_line.endswith("s.jsonl: 1 file of subagents left out: name their folder too")
    both = within("open", path, lines(tmp_path / "other.jsonl", chat("b")))
    assert [line.partition(" run ")[0] for line in both.text.splitlines()] == [
        str(path), str(tmp_path / "s/subagents/agent-a.jsonl"), str(tmp_path / "other.jsonl"),
    ]  # fmt: skip
    assert both.err == ""
