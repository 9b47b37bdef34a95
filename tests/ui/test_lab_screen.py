"""What the parser lab shows, and what its keys do."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from hermes_tui.parsers.choice import AUTO
from hermes_tui.runtime.engines import store
from hermes_tui.ui.keymap import check_keymap
from hermes_tui.ui.lab.parsers import lab_parser, lab_parsers
from hermes_tui.ui.panes.lab import ResultPane, StepsPane
from hermes_tui.ui.screens.lab import LabScreen
from hermes_tui.ui.widgets.edit_area import EditArea
from hermes_tui.ui.widgets.row_list import RowList
from tests.ui.lab import BAD, GOOD, TEXT, lab_on
from tests.ui.opened import (
    MEDIUM,
    NARROW,
    WIDE,
    answer,
    app_on,
    run_screen,
    settled,
    until,
    write_run,
)
from tests.ui.screen_text import screen_lines, text_of


@pytest.fixture(autouse=True)
def no_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the engines that are installed on this machine."""
    monkeypatch.setattr(store, "engines_dir", lambda: tmp_path / "engines")


@pytest.mark.parametrize("size", [NARROW, MEDIUM, WIDE, (200, 50), (40, 14)])
async def test_every_size_shows_text_steps_and_result(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with lab_on(tmp_path, size=size) as lab:
        await lab.press("s", "space", "c", "m", "escape", "W", "escape", "tab", "tab", "tab")
        await lab.shows("1 Text", "2 Steps", "3 Result")


@pytest.mark.parametrize("size", [(40, 8), (80, 10), (80, 13)])
async def test_a_low_screen_shows_the_focused_pane(tmp_path: Path, size: tuple[int, int]) -> None:
    async with lab_on(tmp_path, size=size) as lab:
        await lab.shows("block  ✗ refused", "json.loads")
        await lab.press("1", "g")
        await lab.shows("Sure.", "<tool_call>")
        await lab.press("3")
        await lab.shows("Calls: 0")
        await lab.press("2", "s", "s", "enter")
        await lab.shows("TRAILING_COMMA", "^")
        await lab.press("m")
        await lab.compared()
        await lab.shows("● vllm/hermes")
        await lab.press("escape", "e")
        await until(lab.pilot, lambda: isinstance(lab.screen.focused, EditArea))
        await lab.shows("</tool_call>", "editing")
        await lab.press("escape")
        await lab.shows("block  ✗ refused", "json.loads")


async def test_a_low_and_wide_screen_shows_the_text_next_to_one_list(tmp_path: Path) -> None:
    async with lab_on(tmp_path, size=(120, 8)) as lab:
        await lab.shows("TRAILING_COMMA", "2 Steps", "json.loads")
        await lab.press("3")
        await lab.shows("TRAILING_COMMA", "3 Result", "6 steps")
        await lab.pilot.resize_terminal(80, 24)
        await lab.shows("1 Text", "TRAILING_COMMA", "2 Steps", "block", "3 Result", "6 steps")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_few_steps_leave_their_room_to_the_result(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with lab_on(tmp_path, size=size) as lab:
        await lab.shows("2 Steps of vllm/hermes")
        steps, result = lab.screen.query_one(StepsPane), lab.screen.query_one(ResultPane)
        await until(lab.pilot, lambda: steps.size.height <= max(6, len(lab.screen.model.steps)))
        assert result.region.bottom == lab.screen.query_one("#body").region.bottom
    async with lab_on(tmp_path, f"{BAD}\n" * 501, size=size) as lab:
        steps, result = lab.screen.query_one(StepsPane), lab.screen.query_one(ResultPane)
        await until(lab.pilot, lambda: abs(steps.size.height - result.size.height) <= 1)


async def test_the_title_shows_the_parser_its_reason_and_the_outcome(tmp_path: Path) -> None:
    async with lab_on(tmp_path) as lab:
        await lab.shows("turn 1", "vllm/hermes (guessed from <tool_call>", "TEXT KEPT")


@pytest.mark.parametrize(("text", "outcome"), [("Done.", "NO CALL"), ("", "NO TEXT")])
async def test_a_text_in_which_no_call_could_be_lost_gets_no_warning(
    tmp_path: Path, text: str, outcome: str
) -> None:
    async with lab_on(tmp_path, text) as lab:
        await until(lab.pilot, lambda: lab.shown.splitlines()[0].endswith(outcome))
        await answer(lab.pilot, "p", "vllm/hermes", "ctrl+u")
        await lab.shows("2 Steps of vllm/hermes")
        assert lab.shown.splitlines()[0].endswith(outcome)


async def test_keys_without_effect_are_not_named(tmp_path: Path) -> None:
    async with lab_on(tmp_path, "no call") as lab:
        await lab.shows("0 steps")
        assert "begins" not in lab.shown and "failure" not in lab.shown


async def test_the_legend_is_not_cut_and_step_numbers_keep_their_column(
    tmp_path: Path,
) -> None:
    async with lab_on(tmp_path, f"{BAD}\n" * 501, size=NARROW) as lab:
        await lab.press("G", "pageup")
        await lab.shows("step 1,000 of 1,003", " 998 ", "▌1000 ")
        lines = lab.shown.splitlines()
        assert " call arguments  " in lines[-2]
        assert len({line.index("json.loads") for line in lines[9:13] if "json.loads" in line}) == 1


async def test_a_failure_has_carets_below_its_line(tmp_path: Path) -> None:
    async with lab_on(tmp_path) as lab:
        await lab.shows("TRAILING_COMMA")
        lines = screen_lines(lab.app)
        at = next(n for n, line in enumerate(lines) if "TRAILING_COMMA" in line)
        assert lines[at].index("^") == lines[at - 1].index(",}}")


async def test_the_caret_of_a_long_refused_block_is_scrolled_into_view(tmp_path: Path) -> None:
    lines = "".join(f'"line {number}",\n' for number in range(80))
    long = f'<tool_call>\n{{"name": "f", "arguments": {{"lines": [\n{lines}]}}}}\n</tool_call>'
    async with lab_on(tmp_path, long) as lab:
        await lab.shows("2 Steps of vllm/hermes", "✗ refused")
        await lab.press("c")
        await lab.shows("step 1 of", '"line 79",', "^ TRAILING_COMMA")


async def test_stepping_marks_the_place_and_fills_the_result(tmp_path: Path) -> None:
    async with lab_on(tmp_path) as lab:
        await lab.press("s", "s")
        await lab.shows("2. json.loads  ✗ refused", "step 2 of")
        await lab.press("less_than_sign")
        await lab.shows("step 1 of")
        await lab.press("G")
        await lab.shows("kept as text")
        await lab.press("g", "c")
        assert lab.screen.model.step in lab.screen.model.failures


async def test_the_function_keys_of_debuggers_step_too(tmp_path: Path) -> None:
    async with lab_on(tmp_path) as lab:
        await lab.press("f11", "f11")
        assert lab.screen.model.step == 2
        await lab.press("shift+f11")
        assert lab.screen.model.step == 3
        await lab.press("f10")
        assert lab.screen.model.steps[lab.screen.model.step].depth == 1


async def test_enter_on_a_finding_moves_to_its_place(tmp_path: Path) -> None:
    async with lab_on(tmp_path, "x\n" * 200 + TEXT, size=MEDIUM) as lab:
        await lab.press("1", "g", "3")
        while "TRAILING_COMMA" not in str(getattr(lab.screen.result_target(), "code", "")):
            await lab.press("j")
        await lab.press("enter")
        await lab.shows("▸ TRAILING_COMMA", '"arguments": {"command":')


async def test_the_matrix_lists_every_parser_and_enter_shows_its_steps(tmp_path: Path) -> None:
    async with lab_on(tmp_path) as lab:
        await lab.press("m")
        await lab.compared()
        await lab.shows("● vllm/hermes              emulated 0.33.0 text kept")
        await lab.shows("calls instead of text kept", "sglang/qwen25")
        side = lab.screen.query_one("#side")
        names = [verdict.name for verdict in lab.screen.model.rows()]
        side.go(names.index("sglang/qwen25"))  # type: ignore[attr-defined]
        await lab.press("enter")
        await lab.shows("2 Steps of sglang/qwen25", "1 CALL")


@pytest.mark.parametrize(("key", "label"), [("m", "Its steps"), ("W", "Its steps"), ("f", "Apply")])
async def test_the_key_bar_of_a_list_begins_with_what_enter_does(
    tmp_path: Path, key: str, label: str
) -> None:
    async with lab_on(tmp_path, size=NARROW) as lab:
        await lab.press(key)
        side = lab.screen.query_one("#side", RowList)
        await until(lab.pilot, lambda: side.row_count > 0)
        await until(lab.pilot, lambda: lab.shown.splitlines()[-1].startswith(f" Enter {label} "))
        await lab.press("1")
        await until(lab.pilot, lambda: label not in lab.shown.splitlines()[-1])


@pytest.mark.parametrize("key", ["m", "W", "f"])
async def test_a_list_of_the_lab_can_still_be_painted_after_it_was_left(
    tmp_path: Path, key: str
) -> None:
    async with lab_on(tmp_path) as lab:
        await lab.press(key)
        side = lab.screen.query_one("#side", RowList)
        await until(lab.pilot, lambda: side.row_count > 0)
        shown = list(side.texts(80))
        await lab.press("escape")
        lab.screen.suggestions = ()
        assert list(side.texts(80)) == shown


async def test_if_no_parser_reads_the_text_the_key_for_fixes_is_named(
    tmp_path: Path,
) -> None:
    async with lab_on(tmp_path, '<tool_call>{"name": "ls",}}</tool_call>', size=WIDE) as lab:
        await lab.press("W")
        await lab.compared()
        await lab.shows("no parser reads a valid call here; f looks for small edits that help")


async def test_one_key_ranks_the_parsers_and_y_copies_the_flag(
    tmp_path: Path,
) -> None:
    async with lab_on(tmp_path) as lab:
        await lab.press("W")
        await lab.compared()
        best = lab.screen.side_verdict()
        assert best is not None and best.name.startswith("sglang/qwen")
        await lab.press("y")
        assert lab.app.clipboard == best.flag
        await lab.shows("copied --tool-call-parser qwen")


async def test_a_parser_can_be_chosen_by_name(tmp_path: Path) -> None:
    async with lab_on(tmp_path) as lab:
        await answer(lab.pilot, "p", "sglang/nonsense", "ctrl+u")
        await lab.shows("no parser 'sglang/nonsense'")
        await answer(lab.pilot, "p", "sglang/qwen25", "ctrl+u")
        await lab.shows("2 Steps of sglang/qwen25")


async def test_the_verdict_is_updated_with_every_edit(tmp_path: Path) -> None:
    async with lab_on(tmp_path) as lab:
        await lab.press("e")
        await until(lab.pilot, lambda: isinstance(lab.app.focused, EditArea))
        await lab.press("delete")
        await lab.shows("2 CALLS", "edited", "editing: read again after every key", "End editing")
        await lab.press("x")
        await lab.shows("TEXT KEPT")
        await lab.press("backspace", "escape")
        await lab.shows("2 CALLS", "1 Text ", "2. → read_file")
        await lab.press("y")
        assert lab.app.clipboard == TEXT.replace(",}", "}")
        await lab.press("R")
        await lab.shows("TEXT KEPT")
        assert not lab.screen.model.is_edited


@pytest.mark.parametrize("line_end", ["\n", " "], ids=["lines", "one long line"])
@pytest.mark.parametrize("keys", [(), ("c",), ("c", "c")])
async def test_a_long_text_is_edited_at_the_failure(
    tmp_path: Path, line_end: str, keys: tuple[str, ...]
) -> None:
    prose = line_end.join(f"Line {number} of a long answer." for number in range(900))
    async with lab_on(tmp_path, f"{prose}\n{BAD}") as lab:
        await lab.shows("TEXT KEPT")
        await lab.press(*keys, "e")
        await until(lab.pilot, lambda: isinstance(lab.app.focused, EditArea))
        await lab.shows("Line 899 of a long answer.", '{"command": "ls",}}', "</tool_call>")
        await lab.press("delete")
        await lab.shows("1 CALL")


async def test_the_editor_replaces_the_text_in_its_frame(tmp_path: Path) -> None:
    async with lab_on(tmp_path, BAD) as lab:
        await lab.shows("1 Text ")
        before = screen_lines(lab.app)[2].index("<tool_call>")
        await lab.press("e")
        await until(lab.pilot, lambda: isinstance(lab.app.focused, EditArea))
        await lab.shows("1 Text, being edited")
        line = screen_lines(lab.app)[2]
        assert line.startswith("┃") and line.index("<tool_call>") >= before


async def test_a_text_without_failure_is_edited_at_the_current_step(tmp_path: Path) -> None:
    prose = "\n".join(f"Line {number}." for number in range(300))
    async with lab_on(tmp_path, f"{prose}\n{GOOD}") as lab:
        await lab.press("s", "e")
        await until(lab.pilot, lambda: isinstance(lab.app.focused, EditArea))
        await lab.shows("Line 299.", '"read_file"')
        await lab.press("x")
        await lab.shows("x<tool_call>")


async def test_a_capped_number_of_findings_is_shown_as_a_minimum(
    tmp_path: Path,
) -> None:
    async with lab_on(tmp_path, f"{BAD}\n" * 1_001) as lab:
        await lab.shows("Findings: 1,000 and more", "findings 1,000 and more")


async def test_a_fix_is_offered_and_applied(tmp_path: Path) -> None:
    async with lab_on(tmp_path, BAD) as lab:
        await lab.press("f")
        await until(lab.pilot, lambda: bool(lab.screen.suggestions))
        await lab.shows("2 Fixes", "comma")
        await lab.press("enter")
        await lab.shows("1 CALL", "edited")


async def test_the_key_bar_offers_a_report(tmp_path: Path) -> None:
    async with lab_on(tmp_path, BAD) as lab:
        assert "ctrl+r Report" in lab.shown.splitlines()[-1]


async def test_a_reproduction_is_written_to_the_offered_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with lab_on(tmp_path, f"Look.\n\n{BAD}") as lab:
        await lab.press("ctrl+r", "enter")
        await lab.shows("reproductions/vllm-hermes-trailing-comma")
        written = tmp_path / "reproductions" / "vllm-hermes-trailing-comma"
        assert "Look." not in (written / "text.txt").read_text("utf-8")
        assert {path.name for path in written.iterdir()} >= {"report.md", "test_reproduction.py"}


async def test_search_counts_and_visits_the_matches(tmp_path: Path) -> None:
    async with lab_on(tmp_path) as lab:
        await answer(lab.pilot, "slash", "name")
        await lab.shows("match 1 of 2")
        await lab.press("n")
        await lab.shows("match 2 of 2")
        await lab.press("n")
        await lab.shows("match 1 of 2")


async def test_a_search_without_a_match_offers_no_next_match(tmp_path: Path) -> None:
    async with lab_on(tmp_path) as lab:
        await answer(lab.pilot, "slash", "nowhere")
        await lab.shows("no match")
        assert "Next match" not in lab.shown
        await lab.press("n")
        await lab.shows("no match")
        await answer(lab.pilot, "slash", "name", "ctrl+u")
        await lab.shows("n Next match")


async def test_streaming_without_a_real_engine_shows_how_to_add_one(tmp_path: Path) -> None:
    async with lab_on(tmp_path) as lab:
        await lab.press("d")
        await lab.shows("hermes-tui engines add vllm==0.33.0")
        await lab.press("X")
        await lab.shows("hermes-tui engines add vllm==0.33.0")


@pytest.mark.parametrize(
    ("parser", "expected"),
    [
        ("sglang/qwen25", f"engines add sglang=={lab_parser('sglang/qwen25').version}"),
        (AUTO, f"no real engine here streams {AUTO}: m or p chooses one of vllm or sglang"),
    ],
)
async def test_the_missing_engine_is_that_of_the_current_parser(
    tmp_path: Path, parser: str, expected: str
) -> None:
    async with lab_on(tmp_path) as lab:
        lab.screen.model.choose(parser)
        await lab.press("d")
        await lab.shows(expected)


async def test_a_long_text_does_not_block_the_keys(tmp_path: Path) -> None:
    long = "".join(GOOD.replace('"a"', f'"{n}"') + "\n" for n in range(400))
    async with lab_on(tmp_path, long) as lab:
        await lab.shows("400 CALLS")
        await lab.press("m", "j", "escape", "G")
        await lab.shows("200 earlier calls not listed", f"step {lab.screen.model.step:,} of")


async def test_a_long_comparison_shows_how_far_it_is_and_escape_ends_it(tmp_path: Path) -> None:
    long = "".join(GOOD.replace('"a"', f'"{n}"') + "\n" for n in range(400))
    async with lab_on(tmp_path, long) as lab:
        go_on = threading.Event()
        lab.screen.thread.submit(go_on.wait)
        count = len(lab_parsers())
        await lab.press("W")
        await lab.shows(f"1 of {count} parsers have read the text; Esc ends this")
        await lab.press("escape")
        await lab.shows("2 Steps of", f"{count - 1} parsers did not read this; W or m asks them")
        go_on.set()
        await until(lab.pilot, lambda: len(lab.screen.model.unread()) == count - 2)
        await until(lab.pilot, lambda: not lab.screen.pump())
        assert len(lab.screen.model.unread()) == count - 2
        await lab.press("W")
        await lab.compared()
        assert "parsers have read the text" not in lab.shown


async def test_control_characters_are_shown_but_have_no_effect(tmp_path: Path) -> None:
    async with lab_on(tmp_path, f"a\x1b[2Jb\x07\u202ec\n{BAD}") as lab:
        await lab.shows("a␛[2Jb␇")
        assert not any(char in lab.shown for char in "\x1b\x07\u202e")


async def test_p_opens_the_assistant_message_of_the_turn_or_the_first_where_the_run_begins(
    tmp_path: Path,
) -> None:
    app = app_on(write_run(tmp_path / "run.json"))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("right_square_bracket", "P")
        await pilot.pause()
        assert isinstance(app.screen, LabScreen)
        assert app.screen.model.text == "I look at it."
        await pilot.press("q", "g")
        assert run_screen(app).model.row == 0
        await pilot.press("P")
        await pilot.pause()
        assert isinstance(app.screen, LabScreen)
        assert app.screen.model.text == "I look at it."


async def test_p_in_a_turn_without_a_reply_says_so(tmp_path: Path) -> None:
    app = app_on(write_run(tmp_path / "run.json", [{"role": "user", "content": "hi"}]))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("P")
        assert "no assistant message belongs to this row" in text_of(app)


async def test_enter_in_the_message_pane_opens_the_lab(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": TEXT}]
    app = app_on(write_run(tmp_path / "run.json", messages))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("G", "enter", "enter")
        await pilot.pause()
        assert isinstance(app.screen, LabScreen)


async def test_the_pager_gets_the_content_of_the_focused_pane(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lab_on(tmp_path) as lab:
        paged: list[str] = []
        monkeypatch.setattr(lab.app, "show_in_pager", lambda lines: paged.extend(lines) or "")
        await lab.press("1", "vertical_line")
        assert paged == [TEXT]
        paged.clear()
        await lab.press("2", "vertical_line")
        assert len(paged) == len(lab.screen.model.steps)


async def test_the_help_of_the_lab_begins_with_its_keys(tmp_path: Path) -> None:
    async with lab_on(tmp_path) as lab:
        await lab.press("question_mark")
        lines = screen_lines(lab.app)
        assert "The parser lab" in lines[1]
        await lab.press("q")
        assert isinstance(lab.app.screen, LabScreen)


@pytest.mark.parametrize("gone", ["#title", "#status", "StepsPane", "KeyBar"])
async def test_results_that_arrive_while_the_lab_closes_do_no_harm(
    tmp_path: Path, gone: str
) -> None:
    async with lab_on(tmp_path) as lab:
        screen = lab.app.screen
        assert isinstance(screen, LabScreen)
        await screen.query_one(gone).remove()
        screen.refresh_view()
        screen.say("an engine was late")


def test_no_key_is_bound_twice() -> None:
    assert check_keymap({}) == []


def test_an_unknown_action_in_a_keymap_gets_suggestions() -> None:
    assert check_keymap({"Serch": "x"}) == [
        "unknown action 'Serch', did you mean search, search-next?"
    ]
