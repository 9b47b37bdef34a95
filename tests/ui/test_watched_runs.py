"""Following files that can only be read as a whole: sessions and rewritten documents."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.runtime.config import Config
from hermes_tui.runtime.new_files import NewFiles
from hermes_tui.runtime.targets import expand_paths
from hermes_tui.ui.app import HermesApp
from hermes_tui.ui.runs.feed import RunsFeed
from tests.ui.opened import WIDE, answer, app_on, run_screen, settled, shows, until, write_runs
from tests.ui.screen_text import text_of


def line(number: int, kind: str, content: Any) -> str:
    message = {"role": kind, "content": content}
    if kind == "assistant":
        message = {"id": f"msg_{number}", "type": "message", "model": "m"} | message
    entry = {
        "type": kind, "uuid": f"u{number}", "parentUuid": f"u{number - 1}" if number else None,
        "sessionId": "s-1", "timestamp": f"2026-01-01T00:00:{number:02}.000Z", "message": message,
    }  # fmt: skip
    return json.dumps(entry) + "\n"


CALL = [{"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}}]
RESULT = [{"type": "tool_result", "tool_use_id": "t1", "content": "a.txt"}]


def trajectory(*texts: str) -> str:
    messages = [
        {"role": "user" if place % 2 == 0 else "assistant", "content": text}
        for place, text in enumerate(texts)
    ]
    return json.dumps({"trajectory_format": "mini-swe-agent-1.1", "messages": messages, "info": {}})


async def test_a_session_that_is_being_written_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    path.write_text(line(0, "user", "list the files") + line(1, "assistant", CALL))
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert "→ call" in text_of(app)
        assert "CALL_UNANSWERED" not in text_of(app)
        with path.open("a") as file:
            file.write(line(2, "user", RESULT))
        await until(pilot, lambda: "← result" in text_of(app))
        with path.open("a") as file:
            file.write(line(3, "assistant", "there is a.txt"))
        await until(pilot, lambda: "there is a.txt" in text_of(app))
        screen = run_screen(app)
        assert screen.model.row == len(screen.model.timeline) - 1


async def test_a_replaced_document_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "run.traj.json"
    path.write_text(trajectory("do it", "first"))
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert "first" in text_of(app)
        new_path = tmp_path / "new"
        new_path.write_text(trajectory("do it", "first", "go on", "second"))
        new_path.replace(path)
        await until(pilot, lambda: "second" in text_of(app))
        assert "go on" in text_of(app)


async def test_the_old_content_stays_while_a_document_is_half_written(tmp_path: Path) -> None:
    path = tmp_path / "run.traj.json"
    path.write_text(trajectory("do it", "first"))
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        whole = trajectory("do it", "first", "go on", "second")
        path.write_text("\x00" * 40)
        await until(pilot, lambda: "showing what was read before" in text_of(app))
        assert "first" in text_of(app)
        path.write_text(whole)
        await until(pilot, lambda: "second" in text_of(app))
        assert "showing what was read before" not in text_of(app)


async def test_the_cursor_stays_on_its_row_while_a_session_grows(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    path.write_text(line(0, "user", "list the files") + line(1, "assistant", "on it"))
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("g", "j")
        with path.open("a") as file:
            file.write(line(2, "user", "thanks") + line(3, "assistant", "welcome"))
        await until(pilot, lambda: "welcome" in text_of(app))
        assert run_screen(app).model.row == 1


def descriptors_of(path: Path) -> int:
    """Return how many open descriptors this process has for a file."""
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            count += descriptor.readlink() == path
        except OSError:  # the descriptor of the directory listing itself
            continue
    return count


async def test_reading_again_leaks_no_descriptor(
    tmp_path: Path,
) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not list the descriptors of a process")
    path = tmp_path / "session.jsonl"
    path.write_text(line(0, "user", "list the files") + line(1, "assistant", "on it"))
    (tmp_path / "other.jsonl").write_text(line(0, "user", "something else"))
    app = app_on(path, tmp_path / "other.jsonl", follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        before = descriptors_of(path)
        for number, text in enumerate(("thanks", "welcome", "bye"), 2):
            with path.open("a") as file:
                file.write(line(number, "user", text))
            await until(pilot, lambda: text in text_of(app))  # noqa: B023  awaited here
        await until(pilot, lambda: descriptors_of(path) == before)
        await pilot.press("q")
        await until(pilot, lambda: descriptors_of(path) == before)


def rows_of(app: Any) -> list[tuple[str, int, int]]:
    """Return the id and the numbers of messages and tool errors of each listed run."""
    found = (app.feed.rows[place].summary for place in app.screen.model.order)
    return [(one.run_id, one.messages, one.tool_errors) for one in found]


FAILED = [{"type": "tool_result", "tool_use_id": "t1", "content": "no such file", "is_error": True}]


async def test_the_row_of_a_growing_session_is_updated(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(line(0, "user", "list the files"))
    (tmp_path / "b.jsonl").write_text(line(0, "user", "something else").replace("s-1", "s-2"))
    app = app_on(tmp_path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert rows_of(app) == [("s-1", 1, 0), ("s-2", 1, 0)]
        with path.open("a") as file:
            file.write(line(1, "assistant", CALL) + line(2, "user", FAILED))
        await until(pilot, lambda: rows_of(app)[0] == ("s-1", 3, 1))
        assert "TOOL_ERROR" in text_of(app)
        assert rows_of(app)[1] == ("s-2", 1, 0)


async def test_a_new_subagent_of_a_session_gets_a_row(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(line(0, "user", "list the files"))
    (tmp_path / "b.jsonl").write_text(line(0, "user", "something else").replace("s-1", "s-2"))
    app = app_on(tmp_path, follow=True)
    side = {**json.loads(line(5, "user", "look closely")), "isSidechain": True, "agentId": "ab12"}
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        with path.open("a") as file:
            file.write(json.dumps(side) + "\n")
        await until(pilot, lambda: len(rows_of(app)) == 3)
        assert [name for name, _, _ in rows_of(app)] == ["s-1", "ab12", "s-2"]


async def test_an_opened_run_that_has_grown_still_has_neighbours(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(line(0, "user", "list the files"))
    (tmp_path / "b.jsonl").write_text(line(0, "user", "something else").replace("s-1", "s-2"))
    app = app_on(tmp_path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        with path.open("a") as file:
            file.write(line(1, "assistant", "there is a.txt"))
        await until(pilot, lambda: "there is a.txt" in text_of(app))
        await pilot.press("L")
        await until(pilot, lambda: "something else" in text_of(app))


async def test_a_new_file_in_a_followed_folder_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hermes_tui.runtime.new_files.EVERY_S", 0.02)
    (tmp_path / "a.jsonl").write_text(line(0, "user", "list the files"))
    app = app_on(tmp_path, follow=True)
    app.feed.newcomers = NewFiles(lambda: expand_paths([str(tmp_path)]), app.feed.targets)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert rows_of(app) == [("s-1", 1, 0)]
        later = tmp_path / "b.jsonl"
        later.write_text(line(0, "user", "something else").replace("s-1", "s-2"))
        await until(pilot, lambda: len(rows_of(app)) == 2)
        with later.open("a") as file:
            file.write(line(1, "assistant", "done").replace("s-1", "s-2"))
        await until(pilot, lambda: rows_of(app)[1] == ("s-2", 2, 0))


async def test_a_pending_call_is_not_listed_as_an_error(tmp_path: Path) -> None:
    waiting = line(0, "user", "list the files") + line(1, "assistant", CALL)
    (tmp_path / "a.jsonl").write_text(waiting)
    (tmp_path / "b.jsonl").write_text(line(0, "user", "something else").replace("s-1", "s-2"))
    app = app_on(tmp_path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await until(pilot, lambda: app.feed.rows[0].summary.errors == 0)
        await until(pilot, lambda: "CALL_UNANSWERED" not in text_of(app))
        assert rows_of(app)[0] == ("s-1", 2, 0)


def test_many_followed_sessions_keep_few_files_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not list the descriptors of a process")
    monkeypatch.setattr("hermes_tui.ui.runs.feed_files.FEW_FILES", 2)
    paths = [tmp_path / f"{number}.jsonl" for number in range(6)]
    for path in paths:
        path.write_text(line(0, "user", "list the files").replace("s-1", path.stem))
    feed = RunsFeed(expand_paths([str(tmp_path)]), follow=True)
    while not feed.finished:
        feed.step(1.0)
    for path in paths:
        with path.open("a") as file:
            file.write(line(1, "assistant", "there is a.txt").replace("s-1", path.stem))
    deadline = time.monotonic() + 30
    while any(row.summary.messages < 2 for row in feed.rows):
        assert time.monotonic() < deadline
        feed.poll()
    assert len(feed.rows) == len(paths)
    assert sum(map(descriptors_of, paths)) <= 2
    feed.close()
    assert sum(map(descriptors_of, paths)) == 0


async def test_a_big_session_is_followed_as_one_run_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hermes_tui.formats.turns.MAX_TOGETHER", 0)
    monkeypatch.setattr("hermes_tui.runtime.watched_run.MAX_WHOLE", 0)
    path = tmp_path / "a.jsonl"
    path.write_text(line(0, "user", "list the files") + line(1, "assistant", CALL))
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        with path.open("a") as file:
            file.write(line(2, "user", RESULT) + line(3, "assistant", "there is a.txt"))
        await until(pilot, lambda: "a.txt" in text_of(app))
        with path.open("a") as file:
            file.write(line(4, "user", "thanks") + line(5, "assistant", "welcome"))
        await until(pilot, lambda: "thanks" in text_of(app))
        assert "CALL_UNANSWERED" not in text_of(app)


async def test_a_followed_session_that_becomes_big_is_still_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(line(0, "user", "list the files"))
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        monkeypatch.setattr("hermes_tui.formats.turns.MAX_TOGETHER", 0)
        with path.open("a") as file:
            file.write(line(1, "assistant", "there is a.txt"))
        await until(pilot, lambda: "there is a.txt" in text_of(app))


async def test_a_removed_subagent_leaves_the_list_but_stays_on_screen(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.jsonl"
    own = line(0, "user", "list the files")
    side = {**json.loads(line(5, "user", "look closely")), "isSidechain": True, "agentId": "ab12"}
    path.write_text(own + json.dumps(side) + "\n")
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert [name for name, _, _ in rows_of(app)] == ["s-1", "ab12"]
        await pilot.press("j", "enter")
        await shows(pilot, "look closely")
        path.write_text(own + line(1, "assistant", "there is a.txt"))
        await shows(pilot, "showing what was read before: the run is no longer in")
        assert "look closely" in text_of(app)
        await pilot.press("q")
        await until(pilot, lambda: rows_of(app) == [("s-1", 2, 0)])


def exchanges(*questions: str) -> str:
    """Return a call log: for each question a line with a request and its reply."""
    choice = {"message": {"role": "assistant", "content": "fine"}}
    reply = {"object": "chat.completion", "choices": [choice]}
    asked = [{"messages": [{"role": "user", "content": question}]} for question in questions]
    lines = [json.dumps({"request": request, "response": reply}) for request in asked]
    return "\n".join(lines) + "\n"


def move_away_and_write(path: Path, text: str) -> None:
    path.replace(path.with_suffix(".1"))
    path.write_text(text)


@pytest.mark.parametrize(
    ("replace", "notice"),
    [
        (move_away_and_write, "log.jsonl: replaced by another file; read again"),
        (Path.write_text, "log.jsonl: cut off; read again"),
    ],
)
async def test_a_rotated_log_lists_its_new_runs_only(
    tmp_path: Path, replace: Callable[[Path, str], object], notice: str
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(exchanges(*(f"old {number}" for number in range(4))))
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "4 runs in 1 file", "old 3")
        replace(path, exchanges("new 0", "new 1"))
        await shows(pilot, "2 runs in 1 file", "new 1", notice)
        assert "old" not in text_of(app)
        await pilot.press("F")
        await settled(pilot)
        with path.open("a") as file:
            file.write(exchanges("new 2"))
        await shows(pilot, "3 runs in 1 file", "new 2")


async def test_a_filter_does_not_list_runs_removed_from_a_followed_file(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(exchanges("one", "two", "three"))
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "3 runs in 1 file")
        await answer(pilot, "f", "messages > 0")
        path.write_text(exchanges("four", "five"))
        await shows(pilot, "2 runs in 1 file", "four")
        await settled(pilot)
        assert len(app.screen.model) == 2
        await pilot.press("u")
        await settled(pilot)
        assert len(app.screen.model) == 2


async def test_a_call_is_pending_while_its_subagent_works(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(line(0, "user", "list the files") + line(1, "assistant", CALL))
    (tmp_path / "b.jsonl").write_text(line(0, "user", "something else").replace("s-1", "s-2"))
    app = app_on(tmp_path, follow=True)
    side = {**json.loads(line(5, "user", "look closely")), "isSidechain": True, "agentId": "ab12"}
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        with path.open("a") as file:
            file.write(json.dumps(side) + "\n")
        await until(pilot, lambda: len(rows_of(app)) == 3)
        assert "CALL_UNANSWERED" not in text_of(app)


def one_message_run(run_id: str) -> str:
    message = {"role": "user", "content": f"from {run_id}"}
    return json.dumps({"id": run_id, "messages": [message]})


@pytest.mark.parametrize("end", ["", "\n"])
async def test_new_runs_of_a_followed_file_are_reachable_from_its_first(
    tmp_path: Path, end: str
) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(one_message_run("a") + end)
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "from a")
        assert run_screen(app).count == 1
        with path.open("a") as file:
            file.write("".join("\n" * (not end) + one_message_run(name) + end for name in "bcd"))
        await shows(pilot, "run 1 of 4", "there are 4 runs now: L the next one, q the list")
        await pilot.press("L")
        await shows(pilot, "run 2 of 4", "from b")
        await pilot.press("q")
        await shows(pilot, "4 runs in 1 file")


async def test_back_from_the_only_run_of_a_followed_file_quits(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(one_message_run("a") + "\n")
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "from a")
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)


async def test_a_followed_folder_may_be_empty_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hermes_tui.runtime.new_files.EVERY_S", 0.02)
    feed = RunsFeed(expand_paths([str(tmp_path)], waits=True), follow=True)
    look = partial(expand_paths, [str(tmp_path)], waits=True)
    feed.newcomers = NewFiles(look, feed.targets)
    app = HermesApp(feed, Config())
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "no runs yet: waiting for files", "0 runs in 0 files")
        (tmp_path / "a.jsonl").write_text(line(0, "user", "list the files"))
        await shows(pilot, "list the files", "1 run in 1 file")
    feed.close()


async def test_the_only_run_of_a_followed_file_is_opened_once(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(line(0, "user", "list the files") + line(1, "assistant", "there is a.txt"))
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "there is a.txt")
        await settled(pilot)
        watched = app.feed.files.file_of(0).watched
        assert watched is not None and len(watched._held_runs) == 1


async def test_a_filter_without_a_match_may_still_find_one_in_a_followed_file(
    tmp_path: Path,
) -> None:
    app = app_on(write_runs(tmp_path / "runs.jsonl", 3), follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await answer(pilot, "f", "turns > 1000")
        await shows(pilot, "no run matches the filter so far: u shows all")
