"""What a person sees and can do on the list of runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.opened import NARROW, WIDE, app_on, settled, until, write_run, write_runs
from tests.ui.screen_text import screen_lines


@pytest.fixture
def runs_file(tmp_path: Path) -> Path:
    return write_runs(tmp_path / "runs.jsonl", 30)


def text_of(app: object) -> str:
    return "\n".join(screen_lines(app))  # type: ignore[arg-type]


def first_row(app: object) -> str:
    return screen_lines(app)[2]  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [NARROW, WIDE, (60, 12)])
async def test_runs_are_listed_with_what_is_wrong(runs_file: Path, size: tuple[int, int]) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert "30 runs in 1 file" in text_of(app)
        assert "✗" in text_of(app)


async def test_sorting_puts_the_worst_first_and_keeps_the_cursor_on_its_run(
    runs_file: Path,
) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert " 1     1     2" in first_row(app)
        await pilot.press("o")
        await pilot.pause()
        assert "sorted by errors ↓" in text_of(app)
        assert "✗2" in first_row(app)
        await pilot.press("O")
        await pilot.pause()
        assert "✗" not in first_row(app)


async def test_runs_are_filtered_by_expression(runs_file: Path) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("f", *"reward >= 0.9 and codes.CALL_IN_CONTENT > 0", "enter")
        await pilot.pause()
        assert " of 1 " in text_of(app).replace("·", "")
        assert "run-29" in text_of(app)
        await pilot.press("f", "ctrl+u", *"rewrd > 1", "enter")
        await pilot.pause()
        assert "did you mean 'reward'" in text_of(app)
        await pilot.press("u")
        await pilot.pause()
        assert " of 30" in text_of(app)


async def test_search_goes_to_the_run(runs_file: Path) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("slash", *"run-17", "enter", "enter")
        await pilot.pause()
        assert "run 18 of 30" in text_of(app)


async def test_enter_opens_and_q_comes_back_to_the_same_run(runs_file: Path) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("j", "j", "enter")
        await pilot.pause()
        assert "run 3 of 30" in text_of(app)
        await pilot.press("L", "q")
        await pilot.pause()
        assert " 4 of 30" in text_of(app)


async def test_files_that_cannot_be_read_are_named_beside_the_good_ones(tmp_path: Path) -> None:
    good = write_run(tmp_path / "good.json")
    bad = tmp_path / "bad.json"
    bad.write_bytes(b"\0\1binary")
    app = app_on(good, bad)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert "bad.json: binary data" in text_of(app)
        assert "Fix the failing" in text_of(app)


async def test_reading_can_be_stopped(tmp_path: Path) -> None:
    app = app_on(write_runs(tmp_path / "many.jsonl", 20_000))
    async with app.run_test(size=WIDE) as pilot:
        assert "reading" in text_of(app)
        await pilot.press("ctrl+x")
        await pilot.pause()
        assert "stopped reading" in text_of(app)
        read = len(app.feed.rows)
        await pilot.pause(0.1)
        assert len(app.feed.rows) == read < 20_000


async def test_list_grows_with_a_file_that_is_being_written(tmp_path: Path) -> None:
    path = write_runs(tmp_path / "grow.jsonl", 2)
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "2 runs" in text_of(app))
        more = write_runs(tmp_path / "more.jsonl", 3).read_bytes()
        with path.open("ab") as stream:
            stream.write(more)
        await until(pilot, lambda: "5 runs" in text_of(app))
        assert "5 runs in 1 file" in text_of(app)
