"""The heading of the message pane's page."""

from __future__ import annotations

from hermes_tui.model.events import RunStarted
from hermes_tui.model.messages import Usage
from hermes_tui.ui.render.message import message_page
from hermes_tui.ui.render.wrap import RowMap
from hermes_tui.ui.view_model import ViewState
from tests.log.runs import says, timeline

USAGE = Usage(prompt_tokens=96, completion_tokens=140)


def rows(width: int, role: str = "assistant", usage: Usage = USAGE) -> list[str]:
    """Return the rows of the page of a reply with two calls."""
    run = timeline(says(role, "I look.", finish_reason="tool_calls", calls=2, usage=usage))
    document = message_page(ViewState(run, 0))
    row_map = RowMap(document, width)
    extents = map(row_map.extent, range(row_map.rows))
    return [document.lines[row.line].text[row.start : row.end].rstrip() for row in extents]


def test_no_fact_of_a_reply_has_a_row_of_its_own_in_a_narrow_pane() -> None:
    assert rows(59) == [
        "assistant  turn 1 · 7 characters · finish_reason tool_calls",
        "· 2 calls · tokens: in 96 · out 140",
        "I look.",
    ]
    assert len(rows(100)) == 2


def test_a_role_with_a_newline_stays_in_the_heading() -> None:
    assert rows(100, role="a\nb")[0].startswith("a⏎b  ")


def test_a_cost_without_tokens_is_shown_alone() -> None:
    assert rows(100, usage=Usage(cost_usd=0.5))[0].endswith("2 calls · $0.5000")
    assert rows(100, usage=Usage())[0].endswith("2 calls")


def test_what_both_the_run_and_its_details_say_is_shown_once() -> None:
    run = timeline(RunStarted(seq=0, run_id="r1", model="m", details={"model": "m", "run": "two"}))
    lines = message_page(ViewState(run, 0)).lines
    assert [line.text.split() for line in lines][1:4] == [
        ["run", "r1"],
        ["model", "m"],
        ["run", "two"],
    ]
