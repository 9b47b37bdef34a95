"""What the run screen shows, and what its keys do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual._compositor import Compositor
from textual.events import Resize
from textual.geometry import Size

from hermes_tui.runtime.config import Config
from hermes_tui.runtime.targets import expand_paths
from hermes_tui.ui.app import SHORT_FILE, HermesApp
from hermes_tui.ui.panes.timeline import TimelinePane
from hermes_tui.ui.runs.feed import RunsFeed
from hermes_tui.ui.screens.help import help_document
from hermes_tui.ui.screens.run import RunScreen
from hermes_tui.ui.widgets.row_list import MARGIN
from hermes_tui.ui.widgets.text_view import TextView
from tests.ui.opened import (
    MEDIUM,
    MESSAGES,
    NARROW,
    WIDE,
    answer,
    app_on,
    call,
    run_screen,
    settled,
    shows,
    until,
    write_run,
    write_runs,
)
from tests.ui.screen_text import screen_lines, text_of


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run.json", model="hermes-4", task="fix parser")


async def test_a_single_run_opens_directly(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "fix parser", "3 turns", "Fix the failing")


@pytest.mark.parametrize("size", [NARROW, MEDIUM, WIDE, (200, 50), (40, 12)])
async def test_the_screen_is_drawn_at_every_size(run_file: Path, size: tuple[int, int]) -> None:
    app = app_on(run_file)
    async with app.run_test(size=size) as pilot:
        await pilot.press("j", "j", "j", "3", "4", "5", "6", "1", "z", "z", "tab")
        await shows(pilot, "row ")


async def test_the_calls_pane_shows_the_origin_and_problems_of_a_call(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("]", "]")
        await shows(pilot, "▶ 2. terminl [dict]", "not a declared tool", "nearest: terminal")


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("exclamation_mark", "the file names no message at which the run went wrong"),
        ("n", "no search: / begins one"),
        ("u", "there is no filter"),
        ("L", "there is no other run"),
        ("percent_sign", "no call or result belongs to this row"),
        ("s", "step: only in a live run"),
        ("f9", "breakpoint: only in a live run"),
    ],
)
async def test_an_inapplicable_key_shows_the_reason(run_file: Path, key: str, why: str) -> None:
    app = app_on(run_file)
    async with app.run_test(size=MEDIUM) as pilot:
        await shows(pilot, "Fix the failing")
        await pilot.press(key)
        await shows(pilot, why)
        await pilot.press("j")
        await until(pilot, lambda: why not in text_of(app))


async def test_only_keys_of_live_runs_are_reported_as_such(
    run_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[str] = []
    say = RunScreen.say

    def listen(screen: RunScreen, message: str) -> None:
        messages.append(message)
        say(screen, message)

    monkeypatch.setattr(RunScreen, "say", listen)
    app = app_on(run_file)
    async with app.run_test(size=MEDIUM) as pilot:
        await settled(pilot)
        await pilot.press("j", "k", "pagedown", "tab", "s")
        assert messages == ["step: only in a live run"]


async def test_brackets_move_from_call_to_call(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=MEDIUM) as pilot:
        model = run_screen(app).model
        names = []
        for _ in range(4):
            await pilot.press("]")
            names.append(model.state().event.call.name)  # type: ignore[union-attr]
        assert names == ["read_file", "terminl", "terminal", "terminal"]
        await pilot.press("]")
        assert "no further call" in text_of(app)
        await pilot.press("[", "[")
        assert model.state().event.call.name == "terminl"  # type: ignore[union-attr]


async def test_braces_move_between_problems_and_skip_notes(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=MEDIUM) as pilot:
        model = run_screen(app).model
        codes = []
        for _ in range(4):
            await pilot.press("}")
            finding = model.timeline.finding(model.row)
            assert finding is not None
            codes.append(str(finding.code))
        assert codes == ["NAME_UNKNOWN", "TOOL_ERROR", "ARGS_INVALID", "CALL_IN_CONTENT"]


async def test_parentheses_move_from_turn_to_turn(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=MEDIUM) as pilot:
        model = run_screen(app).model
        turns = []
        for key in (")", ")", ")", "("):
            await pilot.press(key)
            turns.append(model.timeline.turn(model.row))
        assert turns == [1, 2, 3, 2]


async def test_percent_moves_between_call_and_result(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=MEDIUM) as pilot:
        model = run_screen(app).model
        await pilot.press("]")
        call_row = model.row
        await pilot.press("%")
        assert model.state().event.result.content.startswith("def parse")  # type: ignore[union-attr]
        await pilot.press("%")
        assert model.row == call_row


async def test_search_counts_matches_and_wraps_around(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await answer(pilot, "slash", "PARSE")
        await pilot.pause()
        total = len(run_screen(app).model.matches)
        assert total >= 4
        assert f"/PARSE: 1 of {total}" in text_of(app)
        await pilot.press(*["n"] * total)
        assert f"/PARSE: 1 of {total}" in text_of(app)
        await pilot.press("N")
        assert f"/PARSE: {total} of {total}" in text_of(app)
        await pilot.press("escape")
        assert "/PARSE" not in text_of(app)


async def test_search_supports_regex_and_case(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await answer(pilot, "slash", "1 pass.d$", "f2", "f3")
        await shows(pilot, "1 of 1")
        await answer(pilot, "slash", "(", "ctrl+u")
        await shows(pilot, "not a regular expression")


async def test_filter_shows_only_matching_rows_and_reports_errors(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        model = run_screen(app).model
        await answer(pilot, "f", 'kind == "call" and name == "terminal"')
        assert model.visible_rows() == 2
        assert "2 shown" in text_of(app)
        await pilot.press("f", "ctrl+u", *"nam == 1", "enter")
        await shows(pilot, "did you mean")
        assert model.visible_rows() == 2
        await pilot.press("escape", "u")
        assert model.visible_rows() == len(model.timeline)


async def test_marks_return_to_their_row(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=MEDIUM) as pilot:
        model = run_screen(app).model
        await pilot.press("j", "j", "m", "a", "G")
        assert model.row == len(model.timeline) - 1
        await pilot.press("'", "a")
        await pilot.pause()
        assert model.row == 2


async def test_the_view_key_names_the_views_as_the_help_does(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=MEDIUM) as pilot:
        for view in ("Markdown", "JSON", "plain text"):
            await pilot.press("v")
            await shows(pilot, f"texts are shown as {view}")


async def test_a_mark_does_not_move_the_columns_of_its_row(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=MEDIUM) as pilot:
        await pilot.press("j")
        await shows(pilot, "   1 system  ")
        before = next(line for line in screen_lines(app) if " system " in line)
        await pilot.press("m", "a")
        await shows(pilot, "a  1 system  ")
        after = next(line for line in screen_lines(app) if " system " in line)
        assert after.replace("a  1", "   1") == before


@pytest.mark.parametrize(
    ("target", "expected"),
    [("4", "row 4 of"), ("t2", "turn 2"), ("999", "no row 999"), ("s999", "no event 999")],
)
async def test_colon_jumps_to_rows_and_turns(run_file: Path, target: str, expected: str) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press(":", *target, "enter")
        await pilot.pause()
        assert expected in text_of(app)


async def test_enter_in_the_tool_errors_pane_moves_to_the_error(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("5")
        await shows(pilot, "Unknown tool terminl")
        await pilot.press("enter")
        await pilot.pause()
        model = run_screen(app).model
        assert model.state().event.result.error is not None  # type: ignore[union-attr]


async def test_moving_to_a_filtered_out_tool_error_drops_the_filter(
    run_file: Path,
) -> None:
    app = app_on(run_file)
    async with app.run_test(size=MEDIUM) as pilot:
        await settled(pilot)
        screen = run_screen(app)
        model = screen.model
        await answer(pilot, "f", 'kind == "message"')
        await pilot.press("5", "enter")
        await shows(pilot, "filter dropped: it hides this row; u brings it back")
        assert model.visible_rows() == len(model.timeline)
        assert model.state().event.result.error is not None  # type: ignore[union-attr]
        assert model.row_at(screen.query_one(TimelinePane).cursor) == model.row


async def test_reasoning_pane_names_the_field(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press(")")
        await shows(pilot, "reasoning_content · 14 characters", "the file first")


async def test_raw_pane_shows_the_exact_json(tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_bytes(b'{"role":"user","content":"hi",  "n": 1.50, "n": 2}\n')
    app = app_on(path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("G", "6", "z")
        await shows(pilot, '"n": 1.50, "n": 2}')


async def test_raw_pane_masks_secrets(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run.json", [{"role": "user", "content": "x", "api_key": "s3cr3t"}])
    app = app_on(path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("j", "6")
        await shows(pilot, "secrets are masked")
        assert "s3cr3t" not in text_of(app)


async def test_raw_next_to_normalised_marks_differences(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("]", "r", "z")
        await shows(pilot, "normalised", "≠")


async def test_raw_next_to_normalised_replaces_the_arguments_above_the_result(
    tmp_path: Path,
) -> None:
    result = {"role": "tool", "tool_call_id": "c1", "content": "a line\n" * 100}
    app = app_on(write_run(tmp_path / "run.json", [*MESSAGES[:3], result]))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("]", "r", "z")
        await shows(pilot, "normalised", "a line")
        lines = screen_lines(app)
        table = next(at for at, line in enumerate(lines) if "normalised" in line)
        assert table < next(at for at, line in enumerate(lines) if "a line" in line)


async def test_y_copies_and_reports_it(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("j", "j", "y")
        await pilot.pause()
        assert "Fix the failing test" in app.clipboard
        assert "OSC 52" in text_of(app)


async def test_moving_between_runs(tmp_path: Path) -> None:
    app = app_on(write_runs(tmp_path / "runs.jsonl", 3))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("enter", "L")
        await shows(pilot, "run 2 of 3")
        await pilot.press("H", "H")
        await shows(pilot, "this is the first run")
        await pilot.press("q")
        await shows(pilot, "3 runs in 1 file")


async def test_help_lists_every_command_and_field(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("question_mark")
        await shows(pilot, "to the next tool call")
        await pilot.press("q")
        await pilot.pause()
        assert run_screen(app)


async def test_help_keeps_its_scroll_position_on_resize(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("question_mark", "pagedown")
        view = app.screen.query_one(TextView)
        await until(pilot, lambda: view.scroll_offset.y > 0)
        before = view.scroll_offset
        await pilot.resize_terminal(WIDE[0], WIDE[1] - 5)
        await pilot.pause()
        assert view.scroll_offset == before


@pytest.mark.parametrize("width", [40, 60])
def test_continuation_lines_in_help_are_aligned(width: int) -> None:
    lines = help_document({}, [], width=width).lines
    at = next(at for at, line in enumerate(lines) if "close the prompt" in line.text)
    assert lines[at + 1].indent == lines[at].text.index("close the prompt")
    assert all(line.indent + cell_len(line.text.rstrip()) <= width for line in lines)


async def test_a_path_too_long_for_the_title_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / ("a-long-name-" * 4 + ".json")
    app = app_on(write_run(path))
    async with app.run_test(size=NARROW) as pilot:
        await shows(pilot, "hermes-tui")
        assert "a-long" not in screen_lines(app)[0]
        await pilot.resize_terminal(*WIDE)
        await until(pilot, lambda: "name-.json " in screen_lines(app)[0])


async def test_a_narrowed_pane_keeps_its_border(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.resize_terminal(*WIDE)
        await settled(pilot)
        lines = screen_lines(app)
        side = lines[1].index("┓")
        assert {line[side] for line in lines[2:-3]} == {"┃"}


async def test_q_quits(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("q")
        await pilot.pause()
    assert app.return_code == 0


async def test_a_key_can_be_remapped(run_file: Path) -> None:
    app = app_on(run_file, keys={"next-call": "ctrl+n"})
    async with app.run_test(size=WIDE) as pilot:
        model = run_screen(app).model
        await pilot.press("]")
        assert model.row == 0
        await pilot.press("ctrl+n")
        assert model.timeline.kind(model.row).name == "CALL"
        assert "ctrl+n" in text_of(app)


async def test_following_shows_appended_and_partial_lines(tmp_path: Path) -> None:
    path = tmp_path / "grow.jsonl"
    path.write_bytes(b'{"role":"user","content":"one"}\n')
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        with path.open("ab") as stream:
            stream.write(b'{"role":"assistant","content":"two"}\n{"role":"user","con')
        await until(pilot, lambda: "two" in text_of(app) and "partial" in text_of(app))
        assert "two" in text_of(app)
        assert 'partial: {"role":"user","con' in text_of(app)
        with path.open("ab") as stream:
            stream.write(b'tent":"three"}\n')
        await until(pilot, lambda: "three" in text_of(app))
        assert "three" in text_of(app)
        assert "partial" not in text_of(app)


@pytest.mark.parametrize(
    ("follow", "expected"), [(True, "No such file"), (False, "gone since it was read")]
)
async def test_a_deleted_file_stays_on_screen_and_is_reported(
    tmp_path: Path, follow: bool, expected: str
) -> None:
    path = tmp_path / "vanishing.jsonl"
    path.write_bytes(b'{"role":"user","content":"one"}\n')
    app = app_on(path, follow=follow)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        path.unlink()
        await until(pilot, lambda: expected in text_of(app))
        shown = text_of(app)
        assert expected in shown
        assert "one" in shown


async def test_a_click_moves_the_cursor(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.click("#timeline", offset=(10, 3))
        await pilot.pause()
        assert run_screen(app).model.row == 2


@pytest.mark.parametrize("theme", ["hermes-dark", "hermes-light", "hermes-contrast"])
async def test_every_theme_is_drawn(run_file: Path, theme: str) -> None:
    app = app_on(run_file, theme=theme)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("T", "T", "T")
        await shows(pilot, "Timeline")


async def test_a_followed_file_may_begin_with_an_incomplete_line(tmp_path: Path) -> None:
    path = tmp_path / "grow.jsonl"
    path.write_bytes(b'{"role":"user","con')
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "nothing readable in it yet")
        with path.open("ab") as stream:
            stream.write(b'tent":"one"}\n{"role":"assistant","content":"two"}\n')
        # The only run is opened without a key.
        await shows(pilot, "two")


async def test_zoom_survives_a_resize(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=(200, 50)) as pilot:
        await pilot.press("]", "3")
        await pilot.pause()
        await pilot.press("z")
        await pilot.resize_terminal(190, 48)
        await until(pilot, lambda: app.screen.size == (190, 48))
        await until(pilot, lambda: "Timeline" not in text_of(app))
        await shows(pilot, "▶ 1. read_file")
        await pilot.press("z")
        await shows(pilot, "Timeline")


async def test_sizes_that_wait_together_do_not_replace_each_other_without_end(
    run_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heights: list[int] = []
    arrange = RunScreen.on_resize

    def arrange_and_count(screen: RunScreen, event: Resize) -> None:
        heights.append(event.size.height)
        assert len(heights) < 50
        arrange(screen, event)

    monkeypatch.setattr(RunScreen, "on_resize", arrange_and_count)
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "Fix the failing")
        for width, height in ((80, 25), WIDE):
            app.screen.post_message(Resize(Size(width, height), Size(width, height)))
            app.screen.call_later(lambda: None)
        await pilot.pause()
        assert app.screen.size == WIDE
        assert {25, WIDE[1]} == set(heights)


async def test_a_very_low_terminal_shows_one_pane_without_a_border(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=(60, 8)) as pilot:
        await pilot.press("j", "j")
        await shows(pilot, "Fix the failing")
        assert "─" not in text_of(app)
        await pilot.press("3")
        await shows(pilot, "turn 1: 2 calls")


async def test_copying_gives_the_plain_text_with_secrets_masked(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run.json", [{"role": "user", "content": "x", "api_key": "s3cr3t"}])
    app = app_on(path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("j", "y")
        await pilot.pause()
        assert app.clipboard == '{"role": "user", "content": "x", "api_key": "***"}'
        await pilot.press("2", "y")
        await pilot.pause()
        assert app.clipboard == "x"


async def test_no_regular_expression_can_hang_the_search(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run.json", [{"role": "user", "content": "a" * 60 + "!"}])
    app = app_on(path)
    async with app.run_test(size=WIDE) as pilot:
        await answer(pilot, "slash", "(a+)+b", "f2")
        await shows(pilot, "no match")
        await answer(pilot, "slash", "(a+)+!", "ctrl+u")
        await shows(pilot, "1 of 2")


async def test_filter_moves_the_cursor_to_a_matching_row(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("f", *'kind == "result"', "enter")
        await pilot.pause()
        assert run_screen(app).model.state().event.result is not None  # type: ignore[union-attr]
        await pilot.press("f", "ctrl+u", *"turn > 99", "enter")
        await shows(pilot, "no row matches the filter")
        assert run_screen(app).model.state().event is None


async def test_the_next_run_keeps_view_mode_filter_and_search(tmp_path: Path) -> None:
    app = app_on(write_runs(tmp_path / "runs.jsonl", 9))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("j", "j", "j", "j", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("v")
        await answer(pilot, "f", 'kind == "call"')
        await answer(pilot, "slash", "parser")
        await pilot.press("L")
        await shows(pilot, "/parser:")
        model = run_screen(app).model
        assert (model.mode, model.filter_text) == ("markdown", 'kind == "call"')


async def test_the_key_bar_always_names_help_and_quit(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=(50, 20)) as pilot:
        await pilot.pause()
        assert screen_lines(app)[-1].endswith("? Help  q Quit")


async def test_the_key_bar_shows_whether_q_quits_or_goes_back(tmp_path: Path) -> None:
    app = app_on(write_runs(tmp_path / "runs.jsonl", 3))
    async with app.run_test(size=NARROW) as pilot:
        await shows(pilot, "q Quit")
        await pilot.press("F")
        await shows(pilot, "q Back")
        await pilot.press("q")
        await shows(pilot, "q Quit")
        await pilot.press("ctrl+p")
        await shows(pilot, "Find an action")
        await pilot.press("escape")
        await shows(pilot, "q Quit")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await shows(pilot, "q Back")


async def test_a_page_key_moves_a_whole_page_even_if_the_view_is_redrawn_first(
    tmp_path: Path,
) -> None:
    messages = [{"role": "user", "content": f"line {number}"} for number in range(200)]
    app = app_on(write_run(tmp_path / "run.json", messages))
    async with app.run_test(size=MEDIUM) as pilot:
        await settled(pilot)
        screen = run_screen(app)
        timeline = screen.query_one(TimelinePane)
        screen.do_page_down()
        # The screen is refreshed like this while a file is read.
        screen.refresh_view()
        screen.do_page_down()
        screen.refresh_view()
        await pilot.pause()
        rows = timeline.scrollable_content_region.height - 1
        assert timeline.scroll_offset.y == 2 * rows - MARGIN
        assert screen.model.row == timeline.cursor == 2 * rows


async def test_a_single_slow_run_opens_directly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The file is not read within the first look, not even on a fast machine.
    monkeypatch.setattr("hermes_tui.ui.app.FIRST_LOOK_S", 0.0)
    replies = [{"role": "assistant", "content": "y" * 1000} for _ in range(500)]
    path = write_run(tmp_path / "run.json", replies)
    assert path.stat().st_size > SHORT_FILE
    feed = RunsFeed(expand_paths([str(path)]))
    feed.open_first()
    while feed.files.file_of(0).index.end < SHORT_FILE:
        feed.step(0.0)
    assert not feed.finished
    app = HermesApp(feed, Config())
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert run_screen(app)


async def test_the_position_of_stopped_reading_stays_on_screen(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text('{"role": "user", "content": "go on"}\n' * 60_000)
    app = app_on(path)
    async with app.run_test(size=NARROW) as pilot:
        await shows(pilot, "reading")
        await pilot.press("ctrl+x", "j", "k")
        await shows(pilot, "stopped at ")
        assert "stopped reading" not in text_of(app)


async def test_moving_the_cursor_draws_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawings: list[None] = []
    render = Compositor.render_update

    def count(self: Compositor, *arguments: Any, **options: Any) -> Any:
        drawings.append(None)
        return render(self, *arguments, **options)

    messages = [{"role": "user", "content": f"message {number} " * 40} for number in range(300)]
    app = app_on(write_run(tmp_path / "run.json", messages))
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.feed.finished)
        await pilot.pause(0.5)
        monkeypatch.setattr(Compositor, "render_update", count)
        for _ in range(4):
            await pilot.press("pagedown")
            await pilot.pause(0.2)
    assert 4 <= len(drawings) <= 6


@pytest.mark.parametrize("key", ["pagedown", "j", "right_square_bracket", "space", "v"])
async def test_a_key_redraws_the_surrounding_lines_once(
    run_file: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    drawings: list[None] = []
    draw = RunScreen.draw_lines

    def count(self: RunScreen) -> None:
        drawings.append(None)
        draw(self)

    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.feed.finished)
        await pilot.pause(0.5)
        monkeypatch.setattr(RunScreen, "draw_lines", count)
        await pilot.press(key)
        assert len(drawings) == 1


FAILURES: list[dict[str, Any]] = [
    {"role": "user", "content": "Ship it"},
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            call("c1", "terminal", {"command": "pip install boto3 && python deploy.py --to stage"}),
            call("c2", "terminal", {"command": "make", "api_key": "sk-12345678901234567890"}),
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": '{"error": "exit code 1"}\nno such host'},
    {"role": "tool", "tool_call_id": "c2", "content": '{"error": "exit code 2"}\nno rule'},
]


async def test_the_tool_errors_pane_shows_the_selected_error(
    tmp_path: Path,
) -> None:
    app = app_on(write_run(tmp_path / "run.json", FAILURES))
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot)
        await pilot.press("5", "z")
        await shows(pilot, "deploy.py --to stage", "no such host", "exit code 2")
        assert "no rule" not in text_of(app)
        await pilot.press("j")
        await shows(pilot, "no rule")
        assert "no such host" not in text_of(app)


async def test_copying_in_the_tool_errors_pane_copies_the_selected_error(tmp_path: Path) -> None:
    app = app_on(write_run(tmp_path / "run.json", FAILURES))
    async with app.run_test(size=MEDIUM) as pilot:
        await settled(pilot)
        await pilot.press("5", "j", "y")
        copied = app.clipboard
        assert "turn 1 · terminal" in copied and "exit code 2" in copied and "no rule" in copied
        assert '"command":' in copied and "sk-1234" not in copied


async def test_the_pager_gets_the_rows_of_the_focused_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on(write_run(tmp_path / "run.json", FAILURES))
    paged: list[str] = []
    async with app.run_test(size=MEDIUM) as pilot:
        await settled(pilot)
        monkeypatch.setattr(app, "show_in_pager", lambda lines: paged.extend(lines) or "")
        await pilot.press("5", "vertical_line")
        assert len(paged) == 2
        assert "exit code 1" in paged[0] and "deploy.py --to stage" in paged[0]
        paged.clear()
        await pilot.press("1", "vertical_line")
        assert len(paged) == len(run_screen(app).model.timeline)


@pytest.mark.parametrize("width", [30, 40, 60])
async def test_a_narrow_title_drops_warnings_before_errors(transcripts: Path, width: int) -> None:
    app = app_on(transcripts / "recorded" / "demo.jsonl")
    async with app.run_test(size=(width, 24)) as pilot:
        await settled(pilot)
        title = screen_lines(app)[0]
        assert title.endswith("✗ 6 errors")
        assert ("! 2 warnings" in title) is (width == 60)
