"""Searching and filtering on the run screen: matches, progress, and filters that are dropped."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.log.event_log import MemoryLog
from hermes_tui.log.query import RowFields
from hermes_tui.model.events import Event, copy_event
from hermes_tui.ui.panes.text_panes import TextPane
from hermes_tui.ui.render.document import Document
from hermes_tui.ui.render.titles import match_text, so_far, status_segments
from hermes_tui.ui.search import compile_search, matches_in
from hermes_tui.ui.view_model import RunModel
from tests.log.runs import says
from tests.timing import Work, assert_linear, assert_takes_at_most
from tests.ui.opened import (
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
)
from tests.ui.screen_text import screen_lines, text_of

RECORDING = Path(__file__).parents[2] / "transcripts/recorded/steered.jsonl"

PROMPT = "\n".join(["The task:", "needle one", *["hay"] * 200, "needle two"])


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run.json")


@pytest.fixture
def long_prompt(tmp_path: Path) -> Path:
    messages = [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": "found"}]
    return write_run(tmp_path / "run.json", messages)


def model_of(*events: Event, complete: bool) -> RunModel:
    log = MemoryLog([copy_event(event, seq=n) for n, event in enumerate(events)], complete=complete)
    model = RunModel(log)
    model.advance(len(events))
    return model


def searched_model(*texts: str, filtered: str = "", seek: bool = False) -> RunModel:
    """Return a model of messages with these texts, with a finished search for "needle"."""
    model = model_of(*(says("user", text) for text in texts), complete=True)
    assert model.try_filter(filtered) == ""
    model.advance_filter(len(texts))
    model.set_search(compile_search("needle", is_regex=False, case_matters=False), seek=seek)
    model.advance_search(len(texts))
    return model


def status(model: RunModel) -> str:
    segments = status_segments(model, progress=None, partial="", message="", failure="")
    return "".join(text for text, _ in segments)


async def test_the_raw_pane_searches_json_keys_too(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("j", "j", "j", "6")
        await answer(pilot, "slash", '"role"')
        await shows(pilot, '/"role": 1 of 1 in raw')
        await answer(pilot, "slash", "function", "ctrl+u")
        await shows(pilot, "1 of 4 in raw")
        await pilot.press("n")
        await shows(pilot, "2 of 4 in raw")
        await pilot.press("N", "N")
        await shows(pilot, "4 of 4 in raw")


async def test_n_visits_all_matches_of_a_message_before_the_next_row(long_prompt: Path) -> None:
    app = app_on(long_prompt)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("2")
        await answer(pilot, "slash", "needle")
        await shows(pilot, "1 of 1 · 1 of 2 in message", "needle one")
        await pilot.press("n")
        await shows(pilot, "2 of 2 in message", "needle two")
        await pilot.press("v")
        await shows(pilot, "2 of 2 in message", "needle two")
        await pilot.press("n")
        await shows(pilot, "1 of 2 in message", "needle one")
        await pilot.press("escape")
        assert "in message" not in text_of(app)


async def test_n_in_the_list_visits_the_matches_of_a_single_matching_row(long_prompt: Path) -> None:
    app = app_on(long_prompt)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await answer(pilot, "slash", "needle")
        await shows(pilot, "1 of 1 · 2 in message")
        await pilot.press("n")
        await shows(pilot, "needle two")
        await answer(pilot, "slash", "found")
        await shows(pilot, "/found: 1 of 1")
        await pilot.press("n")
        await shows(pilot, "1 of 1")


async def test_n_moves_to_the_next_row_after_the_last_match_of_a_text(
    tmp_path: Path,
) -> None:
    messages = [{"role": "user", "content": "needle needle"}, {"role": "user", "content": "needle"}]
    app = app_on(write_run(tmp_path / "run.json", messages))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("2")
        await answer(pilot, "slash", "needle")
        model = run_screen(app).model
        first = model.row
        await pilot.press("n", "n")
        assert model.row == first + 1
        await pilot.press("N")
        assert model.row == first
        await shows(pilot, "2 of 2 in message")


async def test_a_narrow_screen_visits_a_message_and_then_its_call_in_order(
    tmp_path: Path,
) -> None:
    asked = {
        "role": "assistant",
        "content": "needle a needle b needle",
        "tool_calls": [call("c1", "read_file", {"path": "needle1 needle2 needle3"})],
    }
    result = {"role": "tool", "tool_call_id": "c1", "content": "ok"}
    app = app_on(write_run(tmp_path / "run.json", [*MESSAGES[:2], asked, result]))
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press("2")
        await answer(pilot, "slash", "needle")
        await shows(pilot, "1 of 3 in message")

        async def pressed(key: str) -> str:
            await pilot.press(key)
            await pilot.pause()
            [position] = re.findall(r"\d of 3 in [a-z]+", screen_lines(app)[-2])
            return str(position)

        there = [f"{number} of 3 in {pane}" for pane in ("message", "tool") for number in (1, 2, 3)]
        assert [await pressed("n") for _ in there] == [*there[1:], there[0]]
        assert [await pressed("N") for _ in there] == there[::-1]


async def test_the_calls_pane_visits_each_call_once(tmp_path: Path) -> None:
    def turn(number: int) -> list[dict[str, Any]]:
        ids = [f"c{number}{name}" for name in "abc"]
        calls = [call(each, "read_file", {"path": f"needle {each}"}) for each in ids]
        asked = {"role": "assistant", "content": "I look", "tool_calls": calls}
        results = [{"role": "tool", "tool_call_id": each, "content": "needle"} for each in ids]
        return [asked, *results[: number % 2]]

    app = app_on(write_run(tmp_path / "run.json", [*MESSAGES[:2], *turn(1), *turn(2)]))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("3")
        await answer(pilot, "slash", "needle")
        await settled(pilot)

        async def pressed(key: str) -> str:
            await pilot.press(key)
            await pilot.pause()
            [position] = re.findall(r"\d of \d in tool", screen_lines(app)[-2])
            timeline = run_screen(app).model.timeline
            row = run_screen(app).model.row
            return f"turn {timeline.turn(row)} {timeline.kind(row).name.lower()} {position}"

        first = [f"turn 1 call {number} of 4 in tool" for number in (1, 2, 3, 4)]
        second = [f"turn 2 call {number} of 3 in tool" for number in (1, 2, 3)]
        there = [*first, "turn 1 result 4 of 4 in tool", *second]
        assert [await pressed("n") for _ in there] == [*there[1:], there[0]]


def test_matches_in_filtered_out_rows_are_skipped() -> None:
    model = searched_model(
        "needle", "hay", "needle", "needle", "needle", filtered="row in [1, 2, 4]"
    )
    assert (model.go_match(1), model.row) == (3, 3)
    assert (model.go_match(1), model.row) == (1, 0)
    assert (model.go_match(-1), model.row) == (3, 3)
    model.try_filter("row == 2")
    model.advance_filter(5)
    model.settle()
    assert (model.go_match(1), model.row) == (None, 1)


@pytest.mark.parametrize(
    ("filtered", "expected"),
    [
        ("row == 4", "this row is the only match that the filter shows"),
        ("row == 3", "no match that the filter shows"),
    ],
)
async def test_matches_hidden_by_the_filter_are_reported(
    tmp_path: Path, filtered: str, expected: str
) -> None:
    texts = ("needle", "hay", "needle")
    messages = [{"role": "user", "content": text} for text in texts]
    app = app_on(write_run(tmp_path / "run.json", messages))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("z")
        await answer(pilot, "f", filtered)
        await answer(pilot, "slash", "needle")
        await pilot.press("n")
        await shows(pilot, expected)


async def test_the_next_match_is_offered_only_if_there_may_be_one(tmp_path: Path) -> None:
    app = app_on(write_run(tmp_path / "run.json", [{"role": "user", "content": "hay"}]))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await answer(pilot, "slash", "needle")
        await shows(pilot, "/needle: no match")
        await until(pilot, lambda: "Next match" not in text_of(app))
        await pilot.press("n")
        await shows(pilot, " no match")
        await answer(pilot, "slash", "hay", "ctrl+u")
        await shows(pilot, "n Next match")


@pytest.mark.parametrize(("shown", "found"), [("row > 3", 3), ("row == 2 or row == 1", 0)])
def test_a_search_moves_to_the_first_match_that_the_filter_shows(shown: str, found: int) -> None:
    texts = ("needle", "hay", "needle", "needle")
    model = searched_model(*texts, filtered=shown, seek=True)
    model.go(1)
    model.settle()
    assert model.row == found and not model.seeking


def test_a_row_not_yet_filtered_does_not_count_as_hidden() -> None:
    model = model_of(*(says("user", "go") for _ in range(1000)), complete=True)
    model.try_filter("row != 900")
    model.advance_filter(100)
    assert not model.show_row(699) and model.filter_text == "row != 900"
    assert model.show_row(899) and model.filter is None


def test_the_cursor_stays_until_the_filter_reaches_its_row() -> None:
    model = model_of(*(says("user", "go") for _ in range(1000)), complete=True)
    model.try_filter("row < 5 or row == 900")
    model.go(699)
    model.advance_filter(100)
    model.settle()
    assert model.row == 699
    model.advance_filter(900)
    model.settle()
    assert model.row == 899


async def test_a_filter_dropped_for_a_jump_is_reported_and_restored_by_u(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        model = run_screen(app).model
        await answer(pilot, "f", 'kind == "call"')
        shown = model.visible_rows()
        await pilot.press("percent_sign")
        await shows(pilot, "filter dropped: it hides this row; u brings it back")
        assert model.visible_rows() == len(model.timeline)
        await pilot.press("u")
        await shows(pilot, "the filter is back")
        assert model.visible_rows() == shown
        await pilot.press("u", "u")
        await shows(pilot, "there is no filter")


async def test_the_error_of_a_refused_filter_disappears_once_one_is_accepted(
    run_file: Path,
) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await answer(pilot, "f", "tool == 1")
        await shows(pilot, "unknown name 'tool'; did you mean", "lists all")
        await pilot.press("ctrl+u", *"turn > 0", "enter")
        await shows(pilot, "filter turn > 0:")
        assert "unknown name" not in text_of(app)


async def test_a_filter_in_progress_shows_its_progress(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        screen = run_screen(app)
        assert screen.model.try_filter("turn > 99") == ""
        screen.refresh_view()
        progress = f" in 0% of {len(screen.model.timeline)} rows"
        assert f"filtering: nothing{progress}" in text_of(app)
        assert f"0 shown{progress}" in text_of(app)
        screen.model.advance_filter(1_000)
        screen.refresh_view()
        assert "no row matches the filter" in text_of(app)


def test_no_match_is_not_final_while_the_run_is_read() -> None:
    model = model_of(says("user", "go"), complete=False)
    model.set_search(compile_search("stop", is_regex=False, case_matters=False))
    model.advance_search(10)
    model.try_filter("turn > 99")
    model.advance_filter(10)
    assert "/stop: no match so far" in status(model) and "0 shown so far" in status(model)
    model = model_of(says("user", "go"), complete=True)
    model.set_search(compile_search("go", is_regex=False, case_matters=False))
    model.advance_search(10)
    assert match_text(model) == "1 of 1" and so_far(model, 1) == ""


def test_a_search_in_progress_shows_its_progress() -> None:
    model = model_of(*(says("user", "go") for _ in range(10)), complete=True)
    model.set_search(compile_search("stop", is_regex=False, case_matters=False))
    model.advance_search(4)
    assert match_text(model) == "nothing yet in 40% of 10 rows"


@pytest.mark.parametrize("case_matters", [False, True])
def test_a_regular_expression_may_begin_with_inline_flags(*, case_matters: bool) -> None:
    search = compile_search("(?is)timed.out$", is_regex=True, case_matters=case_matters)
    assert search.found_in("it Timed\nOut") and search.may_match("it Timed Out\nagain")
    assert [*search.spans("it TIMED OUT")] == [(3, 12)]


async def test_a_search_begun_in_the_metadata_pane_stays_there(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("j", "8")
        model = run_screen(app).model
        row = model.row
        await answer(pilot, "slash", "terminal")
        await settled(pilot)
        pane = run_screen(app).focused_pane()
        assert pane.id == "metadata" and model.row == row


async def test_clicking_a_row_clears_the_message(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("n")
        await shows(pilot, "no search: / begins one")
        await pilot.click("#timeline", offset=(10, 3))
        await settled(pilot)
        assert "no search" not in text_of(app)


async def test_missing_things_are_missing_so_far_while_the_run_grows(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text('{"role": "user", "content": "go"}\n', "utf-8")
    app = app_on(path, follow=True)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "no tool errors so far")
        await pilot.press("]")
        await shows(pilot, "this run has no calls so far")
        await pilot.press(")")
        await shows(pilot, "no further turn so far")
        await answer(pilot, "colon", "t9")
        await shows(pilot, "there is no turn 9; the last is 0 so far")


@pytest.mark.parametrize("width", [20, 40, 80])
async def test_typed_text_is_visible_at_any_width(run_file: Path, width: int) -> None:
    app = app_on(run_file)
    async with app.run_test(size=(width, 12)) as pilot:
        await settled(pilot)
        await pilot.press("slash", *"abc")
        await shows(pilot, "search", "abc")


async def test_the_filter_prompt_shows_an_example(run_file: Path) -> None:
    app = app_on(run_file)
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press("f")
        await shows(pilot, 'such as kind == "call"')


async def test_a_repeated_group_is_found_after_thousands_of_other_lines(tmp_path: Path) -> None:
    prompt = "\n".join([*["hay"] * 3_000, "foofoo"])
    app = app_on(write_run(tmp_path / "run.json", [{"role": "user", "content": prompt}]))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("2")
        await answer(pilot, "slash", "(foo)+", "f2")
        await shows(pilot, "1 of 1 · 1 of 1 in message", "foofoo")


def test_a_repeated_group_marks_its_whole_match() -> None:
    search = compile_search("(foo)+", is_regex=True, case_matters=False)
    text = "one\ntwo\na foofoo b\nfour"
    assert [text[slice(*span)] for span in search.spans(text)] == ["foofoo"]


def test_text_too_costly_to_search_is_marked_as_a_whole() -> None:
    search = compile_search("(a|b)*a(a|b){200}c", is_regex=True, case_matters=True)
    text = "".join(Random(1).choices("ab", k=50_000))
    assert list(search.spans(text)) == [(0, len(text))]


@pytest.mark.parametrize("pattern", ["w.*r.*q", "(w+o*)+q", r"\w+\s+\w+\s+!"])
def test_the_time_to_find_no_match_is_linear_in_the_line(pattern: str) -> None:
    search = compile_search(pattern, is_regex=True, case_matters=False)

    def searching(words: int) -> Work:
        document = Document.from_text("word " * words)
        return lambda: matches_in(document, search)

    assert_linear(searching, 16_000)


async def test_one_key_hides_rows_that_are_neither_messages_nor_calls() -> None:
    app = app_on(RECORDING)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        model = run_screen(app).model
        rows = len(model.timeline)
        kinds = {str(RowFields(model.timeline, row)["kind"]) for row in range(rows)}
        await answer(pilot, "f", "turn < 4")
        await pilot.press("full_stop")
        await shows(pilot, 'filter turn < 4 and kind != "event": ')
        await pilot.press("full_stop")
        await shows(pilot, "filter turn < 4: ")
        await pilot.press("u", "full_stop")
        await shows(pilot, 'filter kind != "event": ')
        left = {str(RowFields(model.timeline, row)["kind"]) for row in model.shown}
        assert left == kinds - {"event"}
        await pilot.press("full_stop")
        await pilot.pause()
        assert model.filter is None and model.visible_rows() == rows


async def test_a_filter_without_matches_shows_how_to_drop_it(tmp_path: Path) -> None:
    app = app_on(write_run(tmp_path / "run.json"))
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await answer(pilot, "f", 'kind == "no such"')
        await shows(pilot, "no row matches the filter: u shows all", " none of ", "u Show all")
        bar = screen_lines(app)[-1]
        assert "Enter Open" not in bar
        await pilot.press("u")
        await shows(pilot, "row 1 of ", "Enter Open")


async def test_a_run_without_tool_errors_mentions_its_other_problems(tmp_path: Path) -> None:
    app = app_on(write_run(tmp_path / "run.json", MESSAGES[-1:]))
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press("5")
        await shows(pilot, "no tool errors in this run: } goes to what else is wrong")


async def test_the_status_line_numbers_the_problem_under_the_cursor(tmp_path: Path) -> None:
    app = app_on(write_run(tmp_path / "run.json"))
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        assert "problem" not in screen_lines(app)[-2]
        await pilot.press("right_curly_bracket")
        await shows(pilot, " · problem 1 of ")
        await pilot.press("right_curly_bracket")
        await shows(pilot, " · problem 2 of ")


@pytest.mark.parametrize(
    ("key", "bar"), [("f", "Enter Accept  Esc Cancel"), ("m", "Esc Cancel"), ("slash", "Enter")]
)
async def test_the_key_bar_shows_the_keys_of_an_open_prompt(
    tmp_path: Path, key: str, bar: str
) -> None:
    app = app_on(write_run(tmp_path / "run.json"))
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press(key)
        await until(pilot, lambda: screen_lines(app)[-1].strip().startswith(bar))
        await pilot.click("KeyBar", offset=(2, 0))
        await pilot.press("escape")
        await until(pilot, lambda: screen_lines(app)[-1].strip().startswith("Enter Open"))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text("ab \n", max_size=4), max_size=30),
    st.sampled_from(
        ["a", "^b", "b$", r"\Aa", r"a\Z", r"\bb", "(?s)a.b", "(?m)^a$", "[^b]a", "(a|b)*b"]
    ),
    st.booleans(),
)
def test_searching_lines_together_finds_the_matches_of_each_line(
    texts: list[str], pattern: str, is_regex: bool
) -> None:
    search = compile_search(pattern, is_regex=is_regex, case_matters=True)
    document = Document.from_text("\n".join(texts))
    each = [(n, *span) for n, line in enumerate(document.lines) for span in search.spans(line.text)]
    assert matches_in(document, search) == each
    assert not each or search.may_match("\n".join(texts))


@pytest.mark.parametrize(("sought", "is_regex"), [("zebra", False), (r"(\w+ )+zebra", True)])
def test_many_lines_without_a_match_are_searched_as_fast_as_one_text(
    sought: str, is_regex: bool
) -> None:
    search = compile_search(sought, is_regex=is_regex, case_matters=False)
    text = "a line x\n" * 40_000
    document = Document.from_text(text)
    assert matches_in(document, search) == []
    assert_takes_at_most(
        4, lambda: matches_in(document, search), lambda: search.found_in(text), plus_s=0.01
    )


def test_a_costly_search_of_a_long_message_runs_in_steps() -> None:
    hay = "the quick brown fox " * 50_000
    model = model_of(says("user", hay), says("user", f"{hay}zebra"), complete=True)
    first = model.searched
    model.set_search(compile_search(r"(\w+ )+zebra", is_regex=True, case_matters=False))
    bits = [model.searched for _ in iter(lambda: model.advance_search(64), False)]
    assert bits.count(first) > 10
    assert model.searched == len(model.timeline)
    assert list(model.matches) == [len(model.timeline) - 1]


async def test_a_new_search_of_a_long_text_restarts_the_match_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hermes_tui.ui.panes.text_panes.AT_ONCE_S", 0.0)
    text = "\n".join(["needle"] * 2_000 + ["hay"] * 2_000)
    app = app_on(write_run(tmp_path / "run.json", [{"role": "user", "content": text}]))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("2")
        pane = run_screen(app).query_one("#message", TextPane)
        await answer(pilot, "slash", "needle")
        await pilot.press(*["n"] * 30)
        await shows(pilot, "30 of 2,000+ in message")
        monkeypatch.setattr(pane, "find_on", lambda budget_s: False)
        await answer(pilot, "slash", "needle.*", "f2")
        assert (pane.match_number, pane.is_finding) == (1, True)


async def test_a_long_text_is_shown_before_its_search_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hermes_tui.ui.panes.text_panes.AT_ONCE_S", 0.0)
    hay = "the quick brown fox " * 20_000
    prompt = f"{hay}needle\n{hay}zebra\n{hay}needle"
    app = app_on(write_run(tmp_path / "run.json", [{"role": "user", "content": prompt}]))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("2")
        pane = run_screen(app).query_one("#message", TextPane)
        begun = pane.find_on
        slices: list[tuple[int, bool]] = []

        def find_on(budget_s: float) -> bool:
            found = begun(budget_s)
            slices.append((len(pane.matches), pane.is_finding))
            return found

        monkeypatch.setattr(pane, "find_on", find_on)
        await answer(pilot, "slash", r"(\w+ )+(needle|zebra)", "f2")
        await shows(pilot, "1 of 3 in message")
        assert slices[0] == (0, True) and slices[-1] == (3, False) and len(slices) > 3
        await pilot.press("n", "n")
        await shows(pilot, "3 of 3 in message")
