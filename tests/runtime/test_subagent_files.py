"""The files of a session's subagents are found where Claude Code and Codex write them."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from hermes_tui.runtime import subagent_files as subagent_files_module
from hermes_tui.runtime.sources import open_readable
from hermes_tui.runtime.subagent_files import subagent_files, with_subagents
from hermes_tui.runtime.targets import Target, Targets, expand_paths
from hermes_tui.ui.runs.arranged_runs import ArrangedRuns
from hermes_tui.ui.runs.feed import RunsFeed


def write(path: Path, session: str, *, agent: str = "") -> Path:
    line = {
        "type": "user", "uuid": f"u-{path.stem}", "parentUuid": None, "sessionId": session,
        "isSidechain": bool(agent), "message": {"role": "user", "content": f"task of {path.stem}"},
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(line | ({"agentId": agent} if agent else {})) + "\n")
    return path


def paths_with_subagents(path: Path) -> list[Path]:
    found = with_subagents(Targets([[Target(path)]]))
    return [target.path for target in found if isinstance(target.path, Path)]


def test_subagents_in_the_folder_of_a_session_follow_it(tmp_path: Path) -> None:
    session = write(tmp_path / "s1.jsonl", "s1")
    agents = [write(tmp_path / "s1/subagents" / f"agent-{n}.jsonl", "s1", agent=n) for n in "ab"]
    deep = write(tmp_path / "s1/subagents/workflows/w/agent-c.jsonl", "s1", agent="c")
    (tmp_path / "s1/subagents/agent-a.meta.json").write_text('{"agentType": "general"}')
    write(tmp_path / "s2/subagents/agent-z.jsonl", "s2", agent="z")
    assert paths_with_subagents(session) == [session, *agents, deep]


def test_subagents_next_to_a_session_are_matched_by_its_id(tmp_path: Path) -> None:
    session = write(tmp_path / "s1.jsonl", "s1")
    own = write(tmp_path / "agent-a.jsonl", "s1", agent="a")
    write(tmp_path / "agent-b.jsonl", "s2", agent="b")
    assert paths_with_subagents(session) == [session, own]


def test_a_pipe_in_place_of_a_session_or_subagent_does_not_block(tmp_path: Path) -> None:
    session = write(tmp_path / "s1.jsonl", "s1")
    pipes = [tmp_path / "agent-a.jsonl", tmp_path / "pipe.jsonl"]
    for pipe in pipes:
        os.mkfifo(pipe)
    found: list[list[Path]] = []
    thread = threading.Thread(
        target=lambda: found.extend(map(paths_with_subagents, (session, pipes[1]))), daemon=True
    )
    thread.start()
    thread.join(60)
    assert found == [[session], [pipes[1]]]


def test_a_forbidden_folder_leaves_the_session_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = write(tmp_path / "s1.jsonl", "s1")
    is_dir = Path.is_dir

    def refuse(path: Path) -> bool:
        if path.name == "subagents":
            raise PermissionError(13, "Permission denied", str(path))
        return is_dir(path)

    # The superuser may enter any folder, so permissions alone would refuse nothing.
    monkeypatch.setattr(Path, "is_dir", refuse)
    assert subagent_files(session) == []


def test_a_session_in_a_folder_with_an_exclamation_mark_is_a_plain_file(tmp_path: Path) -> None:
    session = write(tmp_path / "wow!" / "s1.jsonl", "s1")
    own = write(tmp_path / "wow!" / "s1" / "subagents" / "agent-a.jsonl", "s1", agent="a")
    (tmp_path / "wow").write_text("")
    assert paths_with_subagents(session) == [session, own]


def rollout(folder: Path, second: int, name: str, parent: str = "") -> Path:
    spawned = {"subagent": {"thread_spawn": {"parent_thread_id": parent, "depth": 1}}}
    meta = {"id": name, "timestamp": "2026-01-02T03:04:05Z", "source": spawned if parent else "cli"}
    path = folder / f"rollout-2026-01-02T03-04-{second:02}-{name}.jsonl"
    path.write_text(json.dumps({"type": "session_meta", "payload": meta}) + "\n")
    return path


def test_sessions_of_codex_are_followed_by_the_subagents_they_started(tmp_path: Path) -> None:
    ids = [f"{letter * 8}-0000-0000-0000-{letter * 12}" for letter in "abcd"]
    session = rollout(tmp_path, 1, ids[0])
    child = rollout(tmp_path, 2, ids[1], parent=ids[0])
    rollout(tmp_path, 3, ids[2])
    grandchild = rollout(tmp_path, 4, ids[3], parent=ids[1])
    assert paths_with_subagents(session) == [session, child, grandchild]
    assert paths_with_subagents(child) == [child, grandchild]


def test_a_subagent_that_is_also_named_is_not_read_twice(tmp_path: Path) -> None:
    session = write(tmp_path / "s1.jsonl", "s1")
    own = write(tmp_path / "s1/subagents/agent-a.jsonl", "s1", agent="a")
    found = with_subagents(Targets([[Target(session), Target(own)]]))
    assert [target.path for target in found] == [session, own]


def test_a_subagent_in_a_folder_that_is_also_open_is_not_read_twice(tmp_path: Path) -> None:
    session = write(tmp_path / "s1.jsonl", "s1")
    own = write(tmp_path / "s1/subagents/agent-a.jsonl", "s1", agent="a")
    later = write(tmp_path / "s1/subagents/agent-b.jsonl", "s1", agent="b")
    targets = expand_paths([str(session), str(own.parent)])
    later.with_name("agent-c.jsonl").write_bytes(later.read_bytes())
    found = [target.path for target in with_subagents(targets)]
    assert found == [session, later.with_name("agent-c.jsonl"), own, later]


@pytest.mark.parametrize("name", ["agent-a.jsonl", "s1.json", "none.jsonl"])
def test_files_that_are_not_sessions_have_no_subagents(tmp_path: Path, name: str) -> None:
    write(tmp_path / "agent-a.jsonl", "s1", agent="a")
    write(tmp_path / "agent-b.jsonl", "s1", agent="b")
    assert subagent_files(tmp_path / name) == []


def test_a_real_session_is_listed_above_its_subagent(trajectories: Path, tmp_path: Path) -> None:
    flat = "codemie-incremental-subagents__turn-2"
    source = trajectories / "10-claude-code"
    session = tmp_path / "turn-2.jsonl"
    shutil.copy(source / f"{flat}.jsonl", session)
    agent = tmp_path / "turn-2/subagents/agent-a485154.jsonl"
    agent.parent.mkdir(parents=True)
    shutil.copy(source / f"{flat}__subagents__agent-a485154.jsonl", agent)
    feed = RunsFeed(with_subagents(expand_paths([str(session)])))
    while not feed.finished:
        feed.step(1.0)
    runs = ArrangedRuns(feed.rows)
    runs.update()
    feed.close()
    assert [row.ref.file.path for row in feed.rows] == [session, agent]
    assert runs.standing.depths is not None
    assert list(runs.standing.depths) == [0, 1]


def test_each_file_next_to_several_sessions_is_opened_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = [write(tmp_path / f"s{n}.jsonl", f"s{n}") for n in range(3)]
    agents = [write(tmp_path / f"agent-{n}.jsonl", f"s{n}", agent=str(n)) for n in range(3)]
    for number in range(3):
        write(tmp_path / f"rollout-{number}-{'0' * 35}{number}.jsonl", "")
    rollouts = sorted(tmp_path.glob("rollout-*"))
    opened: list[Path] = []

    def open_counted(path: Path) -> int:
        opened.append(path)
        return open_readable(path)

    monkeypatch.setattr(subagent_files_module, "open_readable", open_counted)
    found = with_subagents(Targets([[Target(path) for path in (*sessions, *rollouts)]]))
    paired = [path for pair in zip(sessions, agents, strict=True) for path in pair]
    assert [target.path for target in found] == [*paired, *rollouts]
    assert sorted(opened) == sorted({*sessions, *agents, *rollouts[1:]})
