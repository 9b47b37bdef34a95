"""The working time of a run is calculated from its recording."""

from __future__ import annotations

from hermes_tui.model import events as ev
from hermes_tui.model.messages import ToolResult
from hermes_tui.runtime.working_time import worked_s


def test_requests_and_tools_count_and_stops_do_not() -> None:
    events: list[ev.Event] = [
        ev.RunStarted(seq=0, ts=0.0, run_id="r"),
        ev.RequestSent(seq=1, ts=10.0),
        ev.RequestFailed(seq=2, ts=12.0),
        ev.RequestSent(seq=3, ts=20.0),
        ev.ResponseReceived(seq=4, ts=21.0),
        ev.Stopped(seq=5, ts=21.0, stop_point="before_dispatch"),
        ev.ToolDispatched(seq=6, ts=100.0, call_index=0),
        ev.ToolReturned(seq=7, ts=100.5, result=ToolResult(call_id="c", content="ok")),
    ]
    assert worked_s(events) == 3.5


def test_a_request_lost_with_its_process_does_not_count() -> None:
    lost: list[ev.Event] = [
        ev.RequestSent(seq=0, ts=1.0),
        ev.Stopped(seq=1, ts=900.0, stop_point="recovery"),
    ]
    assert worked_s(lost) == 0.0
