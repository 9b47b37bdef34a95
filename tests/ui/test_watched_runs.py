"""Files that can only be read as a whole are followed too: sessions, and documents rewritten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.ui.opened import WIDE, app_on, run_screen, settled, until
from tests.ui.screen_text import screen_lines


def text_of(app: Any) -> str:
    return "\n".join(screen_lines(app))


def line(number: int, kind: str, content: Any) -> str:
    message = {"role": kind, "content": content}
    if kind == "assistant":
        message |= {"id": f"msg_{number}", "type": "message", "model": "m"}
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


async def test_a_document_that_its_writer_replaces_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "run.traj.json"
    path.write_text(trajectory("do it", "first"))
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert "first" in text_of(app)
        beside = tmp_path / "new"
        beside.write_text(trajectory("do it", "first", "go on", "second"))
        beside.replace(path)
        await until(pilot, lambda: "second" in text_of(app))
        assert "go on" in text_of(app)


async def test_what_was_shown_stays_while_a_document_is_half_written(tmp_path: Path) -> None:
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
    """Return how many descriptors this process has of a file."""
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            count += descriptor.readlink() == path
        except OSError:  # that of the listing itself
            continue
    return count


async def test_a_run_that_is_left_keeps_no_descriptor_of_what_was_read_anew(tmp_path: Path) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not tell the descriptors of a process")
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
        assert descriptors_of(path) == before + 1
        await pilot.press("q")
        await until(pilot, lambda: descriptors_of(path) == before)
