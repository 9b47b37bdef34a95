"""What the calls pane says of the calls of a turn."""

from __future__ import annotations

from hermes_tui.ui.render.calls import MOST_CALLS, calls_page
from hermes_tui.ui.view_model import ViewState
from tests.log.runs import call, says, started, timeline


def shown(calls: int, at: int) -> list[str]:
    """Return the pane's lines for a reply of so many calls, the cursor on one of them."""
    run = timeline(
        started(), says("assistant"), *(call("ls", f"c{n}", index=n) for n in range(calls))
    )
    document, top = calls_page(ViewState(run, run.call_rows(1)[at], len(run)), 80)
    texts = [document.lines[n].text for n in range(len(document.lines))]
    assert texts[top].startswith(f"▶ {at + 1}. ls")
    return texts


def test_all_calls_of_a_turn_are_there() -> None:
    texts = shown(MOST_CALLS, at=20)
    assert [text for text in texts if "[dict]" in text][-1].startswith(f"  {MOST_CALLS}. ls")
    assert not any("one by one" in text for text in texts)


def test_of_very_many_calls_those_around_the_chosen_one_are_there() -> None:
    texts = shown(3_000, at=1_500)
    assert "… 1,490 calls before, one by one with [" in texts
    assert "… 1,490 more calls, one by one with ]" in texts
    assert len(texts) < 300


def test_the_first_and_the_last_of_very_many_calls_have_their_neighbours() -> None:
    first, last = shown(3_000, at=0), shown(3_000, at=2_999)
    assert "… 2,990 more calls, one by one with ]" in first
    assert not any("before, one" in text for text in first)
    assert "… 2,989 calls before, one by one with [" in last
    assert not any("more calls, one" in text for text in last)
