"""Single lines: rows of the timeline and of the tool errors, and the status line."""

from __future__ import annotations

import pytest
from rich.style import Style
from textual.app import App, ComposeResult

from hermes_tui.log.timeline import Timeline
from hermes_tui.model.events import CallSkipped, copy_event
from hermes_tui.model.messages import ContentPart, ErrorMark, Origin, Reasoning, changed
from hermes_tui.ui.render.calls import calls_page
from hermes_tui.ui.render.event_lines import event_line
from hermes_tui.ui.render.message import message_page
from hermes_tui.ui.render.reasoning import reasoning_page
from hermes_tui.ui.render.rows import characters, plain, short_number, timeline_row
from hermes_tui.ui.render.tool_errors import ToolError, error_lines, error_row
from hermes_tui.ui.view_model import RunModel, ViewState
from hermes_tui.ui.widgets.status_line import StatusLine
from tests.log.runs import answer, call, says, started, timeline
from tests.timing import assert_takes_at_most
from tests.ui.screen_text import screen_lines

IMAGE = ContentPart("image", "[image 3 KB]", media_type="image/png", size=3000)
COMMAND = '{"command": "pip install boto3 && python deploy.py --target staging"}'


@pytest.mark.parametrize(
    ("parts", "text", "expected"),
    [
        ((ContentPart("refusal", "I can't"),), "", "‹refusal› I can't"),
        ((IMAGE,), "", "‹image›"),
        ((IMAGE, IMAGE, ContentPart("text", "see")), "see", "‹image×2› see"),
        ((ContentPart("json", '{"a": 1}'),), "", '{"a": 1}'),
        ((), "", "(empty)"),
    ],
)
def test_a_row_of_a_message_without_text_names_its_parts(
    parts: tuple[ContentPart, ...], text: str, expected: str
) -> None:
    lines = timeline(says("assistant", text, parts=parts))
    row = plain(timeline_row(lines, 0, 80), 80)
    assert row.endswith(f"  {expected}")


def test_a_row_begins_with_the_first_words_of_a_text() -> None:
    lines = timeline(says("assistant", "\n\n    1→import os\n  x"), says("assistant", "  \n "))
    ends = [timeline_row(lines, row, 80)[-1][0] for row in range(2)]
    assert ends == ["1→import os⏎  x", "  ⏎ "]


def test_drawing_a_row_does_not_scan_megabytes_of_blanks() -> None:
    def run_of(blank: str) -> Timeline:
        return timeline(
            says("assistant", blank + "x"),
            says("assistant", reasoning=(Reasoning("thinking", blank + "x"),)),
            says("assistant", blank[:10_000] + "first words"),
            answer(blank),
        )

    def row_ends(lines: Timeline) -> list[str]:
        return [timeline_row(lines, row, 80)[-1][0] for row in range(4)]

    short, long = run_of(" " * 20_000), run_of(" " * 20_000_000)
    ends = row_ends(long)
    assert ends[1:3] == ["‹reasoning› ", "first words"]
    assert [len(text) for text in ends] == [80, 12, 11, 80]
    assert_takes_at_most(8, lambda: row_ends(long), lambda: row_ends(short))


def test_the_origin_of_a_call_is_shown_if_there_is_room() -> None:
    calls = (call("ls", "c1", origin=origin) for origin in (Origin.FLAT_DICT, Origin.TEXT))
    ends = [timeline_row(timeline(says("assistant"), each), 1, 80)[-1][0] for each in calls]
    assert ends == ["ls {} [flat-dict]", "[text] ls {}"]


@pytest.mark.parametrize(
    ("width", "columns"),
    [(49, "    2"), (50, " 14:46:40"), (65, " 14:46:40"), (66, "    2 14:46:40")],
)
def test_a_list_of_medium_width_shows_the_time_instead_of_the_size(
    width: int, columns: str
) -> None:
    lines = timeline(copy_event(says("assistant", "hi"), ts=1_000_046_800.0))
    assert plain(timeline_row(lines, 0, width)) == f"   1 assistant {columns}  hi"


def test_a_list_of_medium_width_shows_the_size_if_there_are_no_times() -> None:
    lines = timeline(says("assistant", "hi"))
    assert plain(timeline_row(lines, 0, 50)) == "   1 assistant     2  hi"


def test_a_turn_number_of_five_digits_keeps_the_columns() -> None:
    lines = timeline(*(says("assistant", "x") for _ in range(10_000)))
    rows = [plain(timeline_row(lines, row, 80), 80) for row in (0, 9_999)]
    assert [row.rindex("x") for row in rows] == [22, 22]
    assert rows[1].startswith("10000 assistant ")


def test_the_placeholder_of_encrypted_reasoning_is_not_measured() -> None:
    sealed = Reasoning("reasoning_details[0]", "encrypted, 4 bytes", "encrypted")
    model = RunModel(timeline(says("assistant", "x", reasoning=(sealed,))).log)
    model.advance(10)
    page = reasoning_page(model.state()).text
    assert "encrypted, 4 bytes" in page and "characters" not in page


def test_a_message_with_reasoning_only_shows_its_first_words() -> None:
    thought = Reasoning("thinking", "\nThe test\nfails \x1b[31m[bold]because")
    sealed = Reasoning("thinking", "encrypted, 4 bytes", "encrypted")
    lines = timeline(
        says("assistant", reasoning=(sealed, thought), calls=1),
        says("assistant", "Done.", reasoning=(thought,)),
        says("assistant", reasoning=(sealed,)),
    )
    ends = [timeline_row(lines, row, 80)[-1] for row in range(3)]
    assert ends[0] == ("‹reasoning› The test⏎fails ␛[31m[bold]because", "reasoning")
    assert ends[1:] == [("‹reasoning› Done.", ""), ("‹reasoning› ", "")]


@pytest.mark.parametrize(
    ("reason", "failed", "expected", "fact"),
    [
        ("declined by the user", True, "ls declined by the user: no", "declined   by the user"),
        ("declined by the user: use rm", True, "ls declined by the user: use rm: no",
         "declined   by the user: use rm"),
        ("the tool is not there", True, "ls failed by hand (the tool is not there): no",
         "answered   by hand, with an error (the tool is not there)"),
        ("", False, "ls answered by hand: no", "answered   by hand, with a result"),
    ],
)  # fmt: skip
def test_a_declined_call_is_not_shown_as_failed_by_hand(
    reason: str, failed: bool, expected: str, fact: str
) -> None:
    skipped = CallSkipped(seq=0, call_index=0, result="no", reason=reason, failed=failed)
    began = started(source_format="native")
    run = timeline(began, says("assistant"), call("ls", "c1"), skipped)
    assert event_line(run.log, run.log[3]) == ("✎ answer", "hint", expected)
    document, _ = calls_page(ViewState(run, run.call_rows(1)[0]), 80)
    assert fact in [line.text.strip() for line in document.lines]


def test_one_character_is_counted_in_the_singular() -> None:
    assert [characters(text) for text in ("", "a", "ab")] == [
        "0 characters", "1 character", "2 characters",
    ]  # fmt: skip


def error(reason: str = "exit code 1", result: str = "no such host") -> ToolError:
    return ToolError(3, "terminal", ErrorMark("flag", reason), COMMAND, result)


def test_arguments_of_a_tool_error_take_the_remaining_width() -> None:
    assert COMMAND in plain(error_row(error(), 200), 400)
    assert COMMAND[:30] in plain(error_row(error(), 100), 400)
    both = plain(error_row(error("x" * 500), 100), 400)
    assert '{"command"' in both and "xxx" in both
    assert plain(error_row(error(), 47), 400).endswith("exit code 1")


@pytest.mark.parametrize(("kind", "how"), [("flag", "✗ flagged "), ("heuristic", "? inferred ")])
def test_the_row_of_a_tool_error_says_how_the_error_is_known(kind: str, how: str) -> None:
    mark = ErrorMark(kind, "exit code 1")
    found = ToolError(3, "terminal", mark, COMMAND, "no such host")
    assert plain(error_row(found, 100), 400).startswith(f"   3 {how}")


@pytest.mark.parametrize("height", [4, 7, 12])
def test_arguments_and_result_of_a_tool_error_share_the_lines_below(height: int) -> None:
    lines = [plain(line, 400) for line in error_lines(error(result="row\n" * 50), 60, height)]
    assert len(lines) == height
    assert "exit code 1" in lines[0]
    assert any("pip install" in line for line in lines)
    assert any(line.startswith("result") for line in lines)
    assert lines[-1].endswith("…")


def test_the_values_of_a_run_start_are_aligned() -> None:
    model = RunModel(timeline(started(run_id="r", details={"a_longer_name": "x"})).log)
    model.advance(10)
    lines = [line.text for line in message_page(model.state()).lines]
    at = {
        line.split()[-1]: line.rindex(" ") for line in lines if line.split()[-1:] in (["r"], ["x"])
    }
    assert len(at) == 2 and at["r"] == at["x"]


@pytest.mark.parametrize(
    ("reason", "shown_reason"),
    [
        ("is_error: no such file", "is_error"),
        ("is_error: no such…", "is_error"),
        ("is_error: not found", "is_error: not found"),
        ("exit code 1", "exit code 1"),
    ],
)
def test_an_error_reason_does_not_repeat_the_result(reason: str, shown_reason: str) -> None:
    content = "\n no such file or directory"
    failed = answer(content, "c1", error=reason)
    run = timeline(started(), says("assistant"), call("ls", "c1"), failed)
    document, _ = calls_page(ViewState(run, run.call_rows(1)[0]), 80)
    assert f"flagged as error: {shown_reason} · " in document.text


class LineApp(App[None]):
    def compose(self) -> ComposeResult:
        yield StatusLine(lambda name: Style())


@pytest.mark.parametrize("width", range(38, 46))
async def test_the_two_sides_of_the_status_line_never_touch(width: int) -> None:
    app = LineApp()
    async with app.run_test(size=(width, 1)) as pilot:
        line = app.query_one(StatusLine)
        line.show([(" 243 rows looked at", ""), ("\0fill", ""), ("stopped at 3% of it", "")])
        await pilot.pause()
        assert " stopped at 3% of it" in screen_lines(app)[0]


@pytest.mark.parametrize(("width", "right"), [(24, "one · two"), (17, "two")])
async def test_the_right_side_does_not_begin_with_a_separator(width: int, right: str) -> None:
    app = LineApp()
    async with app.run_test(size=(width, 1)) as pilot:
        line = app.query_one(StatusLine)
        line.show([(" left", ""), ("\0fill", ""), (" · one", ""), (" · two", "")])
        await pilot.pause()
        assert screen_lines(app)[0].split("  ", 1)[1].strip() == right


async def test_the_last_item_on_the_right_stays_with_its_trailing_blank() -> None:
    app = LineApp()
    async with app.run_test(size=(20, 1)) as pilot:
        line = app.query_one(StatusLine)
        line.show([(" left", ""), ("\0fill", ""), (" first", ""), (" 12 errors", ""), (" ", "")])
        await pilot.pause()
        assert screen_lines(app)[0] == " left     12 errors"


@pytest.mark.parametrize("right", ["right", " right"])
@pytest.mark.parametrize("width", range(10, 26))
async def test_an_optional_item_is_shown_whole_or_not_at_all(width: int, right: str) -> None:
    app = LineApp()
    async with app.run_test(size=(width, 1)) as pilot:
        line = app.query_one(StatusLine)
        words = [("\0spare", ""), (" first", ""), ("\0spare", ""), (" second", "")]
        line.show([*words, ("\0fill", ""), (right, "")])
        await pilot.pause()
        left = screen_lines(app)[0].removesuffix("right").rstrip()
        assert left in ("", " first", " first second")


async def test_an_optional_item_equal_to_an_earlier_one_is_dropped() -> None:
    app = LineApp()
    async with app.run_test(size=(24, 1)) as pilot:
        line = app.query_one(StatusLine)
        line.show(
            [(" make", ""), (" then", "strong"), ("\0spare", ""), (" make", ""), (" x" * 6, "")]
        )
        await pilot.pause()
        assert screen_lines(app)[0] == " make then" + " x" * 6


@pytest.mark.parametrize(
    ("number", "text"),
    [
        *((0.0, "0"), (0.125, "0.125"), (999.4, "999"), (1_000, "1,000"), (3_012.4, "3,012")),
        *((12_345, "12.3k"), (999_400, "999k"), (2.5e6, "2.5M"), (-4_000, "-4,000")),
        *((7e10, "70G"), (1e15, "1e+15"), (0.0000123456, "1e-05")),
    ],
)
def test_a_number_is_at_most_seven_characters_long(number: float, text: str) -> None:
    assert short_number(number) == text
    assert len(text) <= 7


@pytest.mark.parametrize(("width", "is_told"), [(43, False), (53, True), (68, True), (118, True)])
def test_rows_show_the_time_on_screens_of_80_120_and_200_cells(width: int, is_told: bool) -> None:
    at_noon = changed(says("assistant", "x"), ts=1_700_049_600.0)
    assert ("12:00:00" in plain(timeline_row(timeline(at_noon), 0, width))) is is_told
    without = plain(timeline_row(timeline(says("assistant", "x")), 0, width))
    assert ":" not in without
