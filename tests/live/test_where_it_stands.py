"""The position of the cursor, and the options, when a run stops in an unusual place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import structs

from hermes_tui.debugger.session import Session
from hermes_tui.debugger.stepping import StopPoint
from hermes_tui.log.event_log import MemoryLog
from hermes_tui.log.timeline import Timeline
from hermes_tui.model import events as ev
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ArgumentsState, Message, ToolCall
from hermes_tui.ui.live_model import (
    ENDINGS,
    Activity,
    RunUsage,
    activity_at,
    activity_text,
    head_row,
    why_ended,
)
from hermes_tui.ui.render.event_lines import event_line
from hermes_tui.ui.render.event_page import event_page
from hermes_tui.ui.render.live_status import phase_segments
from hermes_tui.ui.render.page import Page
from tests.live.engine import says
from tests.live.screen import live

ASKED: Sequence[ev.Event] = (
    ev.RunStarted(seq=0, run_id="r"),
    ev.MessageAppended(seq=0, message=Message(role="user", text="go")),
    ev.RequestSent(seq=0, turn=1),
)
CALLED: Sequence[ev.Event] = (
    *ASKED,
    ev.ResponseReceived(seq=0, turn=1),
    ev.MessageAppended(seq=0, message=Message(role="assistant", text="")),
    ev.ToolCallProposed(seq=0, call=ToolCall(0, "ls", "{}", ArgumentsState.JSON_STRING)),
    ev.ToolDispatched(seq=0, call_index=0, name="ls"),
)
AT_CALL = ev.Stopped(seq=0, stop_point="before_dispatch", call_index=0)


@pytest.mark.parametrize(
    ("what", "expected"), [("turn 1", " turn 1 · 2.0 s"), ("", " 2.0 s")], ids=["turn", "nothing"]
)
def test_the_duration_of_an_activity_follows_its_name(what: str, expected: str) -> None:
    times = {"working_s": 2.0, "spent_s": 0.0}
    nothing_else = {"branch": "", "past": None, "failure": ""}
    line = phase_segments(
        Activity("REQUESTING", what), RunUsage(), turn=1, max_turns=0, **times, **nothing_else
    )
    assert line[1][0] == expected


@pytest.mark.parametrize(("failure", "shown"), [("", True), ("no space left", False)])
def test_the_reason_why_a_run_broke_off_takes_the_place_of_its_costs(
    failure: str, shown: bool
) -> None:
    usage = RunUsage(tokens_in=30, tokens_out=15)
    times = {"working_s": None, "spent_s": 6.5}
    line = phase_segments(
        Activity("BROKEN OFF"), usage, turn=4, max_turns=30, branch="", past=None, failure=failure,
        **times,
    )  # fmt: skip
    text = "".join(segment[0] for segment in line)
    assert (("30 in 15 out" in text), ("6.5 s" in text)) == (shown, shown)
    assert "turn 4/30" in text and failure in text


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([AT_CALL], "STOPPED"),
        ([AT_CALL, ev.Resumed(seq=0, command="next")], "FORKED"),
        ([], "FORKED"),
    ],
)
def test_a_fork_at_a_stop_is_stopped_there(before: list[ev.Event], expected: str) -> None:
    log = numbered(
        [*CALLED[:-1], *before, ev.RunForked(seq=0, parent_run_id="r", parent_seq=0, run_id="f")]
    )
    doing = activity_at(log, len(log) - 1)
    assert doing.word == expected
    assert ("before dispatch of ls" in doing.what) == (expected == "STOPPED")


@pytest.mark.parametrize("reason", ["escaped", "debugger_failed"])
def test_a_run_that_an_exception_ended_names_it(reason: str) -> None:
    details = {"exception": "AttributeError: \x1b]0;x"}
    ended = ev.RunEnded(seq=0, stop_reason=reason, details=details)
    assert why_ended(ended) == f"{ENDINGS[reason]}: AttributeError: ␛]0;x"
    assert why_ended(structs.replace(ended, details={})) == ENDINGS[reason]


def test_a_stop_has_another_style_than_work_in_progress() -> None:
    stop = ev.Stopped(seq=0, stop_point=StopPoint.TURN_END)
    words = [activity_at(numbered(events), len(events) - 1) for events in (ASKED, (*CALLED, stop))]
    assert [(doing.word, doing.style) for doing in words] == [
        ("REQUESTING", "badge"), ("STOPPED", "stopped"),
    ]  # fmt: skip


def numbered(events: Sequence[ev.Event]) -> MemoryLog:
    return MemoryLog([structs.replace(event, seq=seq) for seq, event in enumerate(events)])


def timeline_of(events: Sequence[ev.Event], *, complete: bool = False) -> Timeline:
    log = numbered(events)
    log.complete = complete
    timeline = Timeline(log)
    timeline.advance()
    return timeline


def test_at_a_divergence_the_cursor_shows_both_sides() -> None:
    differs = ev.ReplayDiverged(seq=0, what="message 3", expected="ls", got="pwd")
    stop = ev.Stopped(seq=0, stop_point=StopPoint.DIVERGENCE)
    timeline = timeline_of([*ASKED, differs, stop])
    assert isinstance(timeline.event(head_row(timeline)), ev.ReplayDiverged)
    assert activity_at(timeline.log, len(timeline.log) - 1).why.startswith("continue uses")


@pytest.mark.parametrize(
    ("events", "text"),
    [
        ([*ASKED], "requesting turn 1"),
        (
            [*CALLED, ev.Stopped(seq=0, stop_point="before_dispatch", call_index=0)],
            "stopped before",
        ),
        ([*ASKED, ev.Stopped(seq=0, stop_point="request_failed")], "stopped (the request failed)"),
        ([*ASKED, ev.RunEnded(seq=0, status="ok", stop_reason="finished")], "ended"),
    ],
)
def test_an_activity_is_part_of_a_sentence(events: list[ev.Event], text: str) -> None:
    log = numbered(events)
    assert activity_text(activity_at(log, len(log) - 1)).startswith(text)


def test_a_lost_tool_result_puts_the_cursor_on_its_call() -> None:
    stop = ev.Stopped(seq=0, stop_point=StopPoint.RECOVERY, call_index=0)
    timeline = timeline_of([*CALLED, stop])
    assert isinstance(timeline.event(head_row(timeline)), ev.ToolCallProposed)
    doing = activity_at(timeline.log, len(timeline.log) - 1)
    assert doing.what == "lost: the result of ls"
    assert doing.why == "it may have run"


def test_continue_ends_the_run_if_no_answer_was_recorded() -> None:
    differs = ev.ReplayDiverged(seq=0, what="call 1 of turn 1", got="ls({})", call_index=0)
    stop = ev.Stopped(seq=0, stop_point=StopPoint.DIVERGENCE, call_index=0)
    log = numbered([*CALLED, differs, stop])
    doing = activity_at(log, len(log) - 1)
    assert doing.what == "the replay diverged at ls"
    assert doing.why.endswith("continue ends the run")


@pytest.mark.parametrize(
    ("asked", "index", "doing"),
    [(ASKED, None, "REQUESTING turn 1"), (CALLED, 0, "DISPATCHING ls")],
)
def test_a_run_continued_after_a_divergence_is_no_longer_stopped(
    asked: Sequence[ev.Event], index: int | None, doing: str
) -> None:
    differs = ev.ReplayDiverged(seq=0, what="it", expected="ls", got="pwd", call_index=index)
    stop = ev.Stopped(seq=0, stop_point=StopPoint.DIVERGENCE, call_index=index)
    log = numbered([*asked, differs, stop, ev.Resumed(seq=0, command="continue")])
    assert activity_at(log, len(log) - 2).word == "STOPPED"
    now = activity_at(log, len(log) - 1)
    assert f"{now.word} {now.what}" == doing


def test_a_stop_at_invalid_arguments_names_the_finding() -> None:
    found = (Diagnostic(Code.ARGS_DOUBLE, Severity.WARNING, "a string in a string"),)
    call = ToolCall(0, "ls", '"{}"', ArgumentsState.DOUBLE_ENCODED)
    proposed = ev.ToolCallProposed(seq=0, call=call, diagnostics=found)
    stop = ev.Stopped(seq=0, stop_point=StopPoint.INVALID_ARGS, call_index=0)
    log = numbered([*CALLED[:-2], proposed, stop])
    assert activity_at(log, len(log) - 1).why == "ARGS_DOUBLE"


@pytest.mark.parametrize(
    ("command", "by", "expected"),
    [
        ("continue", "person", "continued after 2 s"),
        ("continue", "program", "continued by the program after 2 s"),
        ("accept", "replay", "continued as recorded by the replay after 2 s"),
    ],
)
def test_a_stop_not_ended_by_a_person_shows_who_continued(
    command: str, by: str, expected: str
) -> None:
    resumed = ev.Resumed(seq=0, command=command, by=by, waited_s=2.0)
    assert event_line(numbered([*ASKED, resumed]), resumed)[2] == expected


@pytest.mark.parametrize("around", ["{}", "terminal({})", "3 messages, the last: {}"])
def test_a_divergence_shows_only_the_differing_lines(around: str) -> None:
    sides = [
        around.replace("{}", json.dumps({"command": command, "timeout": 5, "cwd": "/a/b"}))
        for command in ("ls", "pwd")
    ]
    differs = ev.ReplayDiverged(seq=0, what="it", expected=sides[0], got=sides[1])
    page = Page()
    event_page(page, numbered([*ASKED, differs]), differs)
    lines = [line.text.strip() for line in page.document().lines]
    assert lines[1:4] == ["it", "", "recorded, and now"]
    assert '-   "command": "ls",' in lines and '+   "command": "pwd",' in lines
    assert not [line for line in lines if line[:1] in "-+" and "timeout" in line]


@pytest.mark.parametrize(
    ("details", "why"),
    [
        ({"budget": "time", "limit": 3.0}, "--time-limit of 3 s reached"),
        ({"budget": "tokens", "limit": 20, "spent": 30}, "--token-limit of 20 reached (30 used)"),
        ({"budget": "time", "limit": "soon"}, "a limit was reached"),
        ({}, "a limit was reached"),
    ],
)
def test_an_end_names_the_spent_budget(details: dict[str, Any], why: str) -> None:
    log = numbered([*ASKED, ev.RunEnded(seq=0, stop_reason="budget", details=details)])
    assert activity_at(log, len(log) - 1).why == why


def test_events_of_a_request_belong_to_its_turn() -> None:
    failed = ev.RequestFailed(seq=0, turn=2, message="no")
    stop = ev.Stopped(seq=0, stop_point=StopPoint.REQUEST_FAILED)
    ended = ev.RunEnded(seq=0, status="error")
    again = ev.RequestSent(seq=0, turn=2)
    timeline = timeline_of([*CALLED, again, failed, stop, ended], complete=True)
    of_request = [row for row in range(len(timeline)) if timeline.seq(row) in (7, 8, 9)]
    assert [timeline.turn(row) for row in of_request] == [2, 2, 2]


async def test_a_lost_request_has_no_call_to_answer() -> None:
    async with live([says("hi")], {}) as run:
        await run.shows("ENDED")
        driver = run.driver
        stop = ev.Stopped(seq=0, stop_point=StopPoint.RECOVERY)
        driver.session = Session.from_events(numbered([*ASKED, stop]))
        assert "skip" in driver.session.allowed
        assert "skip" not in run.screen._legal(driver)


def test_a_stop_at_a_reply_of_thousands_of_calls_names_its_problem() -> None:
    cut = Diagnostic(Code.TRUNCATED, Severity.ERROR, "the reply was cut: finish_reason length")
    calls = [
        ev.ToolCallProposed(seq=0, call=ToolCall(at, "ls", "{}", ArgumentsState.JSON_STRING))
        for at in range(5_000)
    ]
    received = ev.ResponseReceived(seq=0, turn=1, diagnostics=(cut,))
    stop = ev.Stopped(seq=0, stop_point=StopPoint.TRUNCATED)
    log = numbered([*ASKED, received, *calls, stop])
    assert (
        activity_at(log, len(log) - 1).what == "TRUNCATED: the reply was cut: finish_reason length"
    )


def test_the_row_of_a_stop_does_not_repeat_the_stop_point() -> None:
    stop = ev.Stopped(seq=0, stop_point=StopPoint.BEFORE_DISPATCH, call_index=0)
    log = numbered([*CALLED[:-1], stop])
    row = next(event for event in log if isinstance(event, ev.Stopped))
    assert event_line(log, row)[2] == "before dispatch of ls"


def test_the_row_of_a_stop_at_a_breakpoint_names_the_breakpoint() -> None:
    was_set = ev.BreakpointsSet(seq=0, breakpoints={"b1": "before_dispatch:ls"})
    stop = ev.Stopped(
        seq=0, stop_point=StopPoint.BEFORE_DISPATCH, call_index=0, breakpoints=("b1",)
    )
    log = numbered([*CALLED[:-1], was_set, stop])
    row = next(event for event in log if isinstance(event, ev.Stopped))
    assert event_line(log, row)[2] == "before dispatch of ls — before_dispatch:ls"
