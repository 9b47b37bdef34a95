"""Durations are written in the same way everywhere."""

from __future__ import annotations

from math import inf, nan

import pytest

from hermes_tui.formats.writers.wording import result_facts
from hermes_tui.log.event_log import MemoryLog
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    ResponseReceived,
    Resumed,
    ToolReturned,
)
from hermes_tui.model.messages import Message, ToolResult
from hermes_tui.model.wording import duration
from hermes_tui.ui.render.event_lines import event_line
from hermes_tui.ui.render.live_status import seconds
from hermes_tui.ui.render.message import message_page
from hermes_tui.ui.view_model import RunModel

HOURS = 3_725.4


def page_of(event: Event) -> str:
    model = RunModel(MemoryLog([event], complete=True))
    while model.advance(100):
        pass
    return message_page(model.state()).text


@pytest.mark.parametrize(
    ("taken_s", "text"),
    [
        (0.0, "0 s"), (0.000012, "0 s"), (0.0034, "0.0034 s"), (0.4, "0.4 s"), (12.34, "12.3 s"),
        (119.4, "119 s"), (119.7, "2 min 0 s"), (303.0, "5 min 3 s"), (3_599.7, "1 h 0 min"),
        (HOURS, "1 h 2 min"), (-5.0, "-5 s"), (1e300, "1e+300 s"), (inf, "inf s"), (nan, "nan s"),
    ],
)  # fmt: skip
def test_a_duration_has_units_that_suit_its_length(taken_s: float, text: str) -> None:
    assert duration(taken_s) == text


@pytest.mark.parametrize(
    "event",
    [
        MessageAppended(seq=0, message=Message(role="assistant", text="x", duration_s=HOURS)),
        ToolReturned(seq=0, call_index=0, result=ToolResult("x", duration_s=HOURS)),
    ],
)
def test_the_message_pane_shows_hours(event: Event) -> None:
    assert "1 h 2 min" in page_of(event)


@pytest.mark.parametrize(
    "event",
    [Resumed(seq=0, command="next", waited_s=HOURS), ResponseReceived(seq=0, duration_s=HOURS)],
)
def test_a_row_of_the_timeline_shows_hours(event: Event) -> None:
    assert "1 h 2 min" in event_line(MemoryLog([event]), event)[2]


def test_an_export_shows_hours() -> None:
    returned = ToolReturned(seq=0, call_index=0, result=ToolResult("x", duration_s=HOURS))
    assert result_facts(returned) == "1 h 2 min"


def test_the_status_of_a_live_run_shows_hours() -> None:
    assert [seconds(value) for value in (0.44, 12.0, 185.0, HOURS)] == [
        "0.4 s", "12 s", "3:05", "1:02:05",
    ]  # fmt: skip
