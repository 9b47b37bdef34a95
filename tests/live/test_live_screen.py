"""What the live screen shows during a run, and what its keys do."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from hermes_tui.debugger.inputs import EditArguments, Resume, SetBreakpoints
from hermes_tui.debugger.stepping import Command, Phase, StopPoint
from hermes_tui.model import events as ev
from hermes_tui.model.messages import ToolSpec
from hermes_tui.runtime.servers.base import Piece, RequestFailure
from hermes_tui.ui.screens.live import LiveScreen
from tests.live.engine import FunctionTools, says, streamed
from tests.live.screen import Clock, Live, live
from tests.ui.opened import NARROW, WIDE, press_until

LS = ("terminal", {"command": "ls"})
PWD = ("terminal", {"command": "pwd"})
ALL_STOP_POINTS = frozenset(StopPoint)


def terminal(command: str) -> str:
    return f"ran {command}"


def fails(command: str) -> str:
    raise ValueError("no such thing")


TOOLS = {"terminal": terminal}


# Stepping


@pytest.mark.parametrize("size", [NARROW, (110, 34), WIDE])
async def test_a_run_stops_before_every_dispatch_and_shows_it(size: tuple[int, int]) -> None:
    async with live([says("I look.", LS, PWD)], TOOLS, size=size) as run:
        await run.stopped()
        await run.shows("STOPPED  before dispatch of terminal (call 1 of 2)")
        assert "space Next" in run.text and "turn 1/30" in run.text
        assert not run.events(ev.ToolDispatched)


async def test_on_a_narrow_screen_the_place_of_a_stop_is_shown_rather_than_the_turn() -> None:
    async with live([says("", LS)], TOOLS, size=(40, 24)) as run:
        await run.stopped()
        await run.shows("STOPPED  before dispatch of terminal")
        assert "turn 1/30" not in run.text
        await run.press("C")
        await run.shows("turn 2/30")


async def test_next_stops_at_the_next_call_and_continue_ends_the_run() -> None:
    async with live([says("", LS, PWD), says("Done.")], TOOLS) as run:
        await run.stopped()
        await run.press("space")
        await run.shows("call 2 of 2")
        assert [e.arguments for e in run.events(ev.ToolDispatched)] == ['{"command":"ls"}']
        await run.press("c")
        await run.shows("ENDED  finished naturally")
        assert run.driver.phase is Phase.ENDED


KEYS = {
    "c": "continue", "f5": "continue", "space": "next", "f10": "next", "s": "step_in",
    "f11": "step_in", "S": "step_out", "t": "step_out", "f23": "step_out", "C": "run",
}  # fmt: skip


async def test_each_key_resumes_with_its_command() -> None:
    async with live([says("", LS)] * 20, TOOLS) as run:
        await run.stopped()
        for key, command in KEYS.items():
            while run.events(ev.Stopped)[-1].stop_point != StopPoint.BEFORE_DISPATCH:
                stops = len(run.events(ev.Stopped))
                await run.press("c")
                await run.until(lambda stops=stops: len(run.events(ev.Stopped)) > stops)
            stops = len(run.events(ev.Stopped))
            resumed = len(run.events(ev.Resumed))
            await run.press(key)
            assert run.events(ev.Resumed)[resumed].command == command
            if key != "C":
                await run.until(lambda stops=stops: len(run.events(ev.Stopped)) > stops)


async def test_pause_stops_a_run_at_the_next_stop_point() -> None:
    release = asyncio.Event()

    async def waits(command: str) -> str:
        await release.wait()
        return "late"

    async with live([says("", LS), says("Done.")], {"terminal": waits}) as run:
        await run.stopped()
        await run.press("c")
        await run.shows("DISPATCHING")
        await run.press("p")
        release.set()
        await run.stopped()
        assert run.events(ev.Stopped)[-1].stop_point == StopPoint.AFTER_RESULT


async def test_a_key_right_after_a_stop_does_not_resume() -> None:
    clock = Clock(tick=0.0)
    clock.now = 100.0
    async with live([says("", LS, PWD)], TOOLS, clock=clock) as run:
        await run.stopped()
        clock.now += 0.2
        await run.press("c", "f10")
        assert "came too soon after the stop" in run.text
        await run.press("j")
        assert not run.events(ev.Resumed)
        assert run.screen.model.row > 3
        clock.now += 0.1
        await run.press("s")
        assert run.events(ev.Resumed)


async def test_an_impossible_command_shows_the_reason() -> None:
    async with live([says("", LS)], TOOLS) as run:
        await run.stopped()
        await run.press("E")
        await run.shows("edit result: the run is not stopped at a result")
        assert not run.events(ev.ResultSubstituted)


async def test_edit_is_offered_at_a_result_only_if_a_call_still_waits() -> None:
    async with live([says("", LS, PWD)], TOOLS, size=WIDE) as run:
        await run.stopped()
        await run.press("s")
        await run.shows("STOPPED  after terminal (call 1 of 2)")
        await run.shows("e Edit")
        await run.press("e")
        await run.shows("no call waits here: go to a waiting one with [ or ]")
        await run.press("[", "e")
        await run.shows("Edit call 2 of turn 1")
        await run.press("escape", "s")
        await run.shows("before dispatch of terminal (call 2 of 2)")
        await run.press("s")
        await run.shows("STOPPED  after terminal (call 2 of 2)")
        await run.shows("E Edit result")
        await run.until(lambda: "e Edit " not in run.text)
        await run.press("e")
        await run.shows("edit: there is nothing here to edit")


@pytest.mark.parametrize("key", ["space", "s", "S", "C"])
async def test_a_step_does_not_end_the_run_at_a_failed_request(key: str) -> None:
    failure = RequestFailure("500: no luck", status=500)
    async with live([failure, says("Done.")], TOOLS, size=NARROW) as run:
        await run.stopped()
        bar = run.text.splitlines()[-1]
        assert bar.startswith(" R Retry  e Edit  c End the run") and "Next" not in bar
        await run.press(key)
        await run.shows("the request failed: R asks again, c ends the run")
        assert run.phase is Phase.STOPPED
        await run.press("R", "ctrl+s")
        await run.shows("ENDED  finished naturally")


async def test_a_streaming_reply_without_calls_is_shown_as_such() -> None:
    may_continue = asyncio.Event()
    async with live([streamed("a reply", pieces=2, until=may_continue)], size=WIDE) as run:
        await run.shows("the reply so far")
        await run.shows("no call so far")
        may_continue.set()
        await run.shows("ENDED")


async def test_the_reason_of_an_impossible_command_disappears_at_a_stop() -> None:
    may_continue = asyncio.Event()
    async with live([streamed("a reply", pieces=2, until=may_continue)]) as run:
        await run.until(lambda: run.phase is Phase.REQUESTING)
        await run.press("space")
        await run.shows("next: the run is in progress")
        may_continue.set()
        await run.until(lambda: run.phase in (Phase.STOPPED, Phase.ENDED))
        await run.until(lambda: "is in progress" not in run.text)


@pytest.mark.parametrize("size", [NARROW, (120, 40), WIDE])
async def test_token_counts_stay_on_screen_at_a_stop_and_while_looking_back(
    size: tuple[int, int],
) -> None:
    async with live([says("I look.", LS, PWD)], TOOLS, size=size) as run:
        await run.stopped()
        await run.shows("(call 1 of 2)")
        assert "11 in 7 out" in run.text and "— before_dispatch" not in run.text
        await run.press("less_than_sign", "less_than_sign")
        await run.shows("LOOKING BACK  event ")
        assert "now  STOPPED " in run.text and "11 in 7 out" in run.text


async def test_before_a_request_the_turn_is_that_of_the_request() -> None:
    async with live([says("", LS), says("Done.")], TOOLS, stop_points=ALL_STOP_POINTS) as run:
        await run.stopped()
        await run.shows("before the request")
        assert "turn 1/30" in run.text
        run.driver.put(SetBreakpoints((), frozenset({StopPoint.BEFORE_REQUEST})))
        await run.press("c")
        await run.until(lambda: len(run.events(ev.Stopped)) == 2)
        await run.shows("turn 2/30")


# Looking


async def test_looking_back_undoes_nothing_and_is_shown() -> None:
    async with live([says("I look.", LS)], TOOLS, size=WIDE) as run:
        await run.stopped()
        before, row = len(run.driver.log), run.screen.model.row
        await run.press("less_than_sign", "less_than_sign")
        await run.shows("LOOKING BACK")
        assert "reading the reply of turn 1" in run.text and "now  STOPPED" in run.text
        assert run.screen.model.row == row - 2 and len(run.driver.log) == before
        await run.press("G")
        await run.until(lambda: "LOOKING BACK" not in run.text)
        assert "LOOKING BACK" not in run.text
        assert run.screen.model.row == row


async def test_the_key_bar_names_the_way_back_to_the_present_only_in_the_past() -> None:
    async with live([says("I look.", LS)], TOOLS, size=NARROW) as run:
        await run.stopped()
        await run.shows("space Next")
        assert "> Forward" not in run.text
        await run.press("less_than_sign", "less_than_sign")
        await run.until(lambda: run.text.splitlines()[-1].startswith(" > Forward  space Next"))


async def test_moving_past_the_last_row_returns_to_the_live_view() -> None:
    async with live([says("I look.", LS)], TOOLS) as run:
        await run.stopped()
        await run.press("less_than_sign", *["greater_than_sign"] * 4)
        await run.until(lambda: "LOOKING BACK" not in run.text)
        assert run.screen.model.follow


async def test_new_events_do_not_move_a_cursor_that_looks_back() -> None:
    async with live([says("", LS, PWD)], TOOLS) as run:
        await run.stopped()
        await run.press("g")
        await run.shows("LOOKING BACK")
        run.driver.put(Resume(Command.NEXT))
        await run.until(lambda: len(run.events(ev.Stopped)) == 2)
        await run.pilot.pause(0.1)
        assert run.screen.model.row == 0 and "LOOKING BACK" in run.text


async def test_a_stop_shows_raw_arguments_and_what_the_tool_gets() -> None:
    double = ("terminal", json.dumps(json.dumps({"command": "ls"})))
    async with live([says("", double)], TOOLS, size=(160, 60)) as run:
        await run.stopped()
        await run.shows('tool gets  {"command":"ls"}')
        assert "double-encoded" in run.text and '"{\\"command\\"' in run.text


async def test_a_hint_is_shown_above_the_status_line() -> None:
    hints = {"before_dispatch": "space runs the tool", "before_dispatch@1": "this is the first"}
    async with live([says("", LS), says("", PWD)], TOOLS, hints=hints) as run:
        await run.stopped()
        await run.shows("this is the first")
        await run.press("c")
        await run.shows("space runs the tool")


async def test_hints_may_be_for_one_call_for_edits_and_for_the_end() -> None:
    hints = {
        "before_dispatch@1.1": "the first call",
        "before_dispatch@1": "another call",
        "edited": "nothing ran yet",
        "ended": "that was it",
    }
    async with live([says("", LS, PWD), says("")], TOOLS, hints=hints) as run:
        await run.stopped()
        await run.shows("the first call")
        run.driver.put(EditArguments(0, '{"command": "date"}'))
        await run.shows("nothing ran yet")
        await run.shows("edited since")
        await run.press("space")
        await run.shows("another call")
        await run.press("C")
        await run.shows("that was it")


async def test_a_generated_call_id_is_marked() -> None:
    async with live([says("", LS, ids=False)], TOOLS, size=(160, 60)) as run:
        await run.stopped()
        await run.shows("made up by hermes-tui")


async def test_the_stop_of_another_branch_is_reported() -> None:
    gate = asyncio.Event()

    async def slow(command: str) -> str:
        await gate.wait()
        return command

    async with live([says("", LS, PWD)], {"terminal": slow}) as run:
        await run.stopped()
        await run.press("space")
        await run.until(lambda: run.phase is Phase.DISPATCHING)
        await run.press("g", "F")
        await run.shows("fork-1")
        gate.set()
        await run.shows("main: stopped before dispatch of terminal (call 2 of 2)")


async def test_the_end_of_another_branch_is_reported() -> None:
    gate = asyncio.Event()

    async def slow(command: str) -> str:
        await gate.wait()
        return command

    async with live([says("", LS), says("Done.")], {"terminal": slow}) as run:
        await run.stopped()
        await run.press("c")
        await run.until(lambda: run.phase is Phase.DISPATCHING)
        await run.press("g", "F")
        await run.shows("fork-1")
        gate.set()
        await run.shows("main: ended — finished naturally; D goes there")


async def test_a_reply_can_be_read_while_it_streams() -> None:
    whole = asyncio.Event()
    text = "The end of this is near: " + "word " * 500 + "LAST"
    async with live([streamed(text, pieces=400, until=whole)], TOOLS) as run:
        await run.shows("LAST")
        assert "REQUESTING" in run.text and not run.events(ev.ResponseReceived)
        whole.set()
        await run.shows("ENDED")


async def test_hostile_text_has_no_effect_on_the_screen() -> None:
    hostile = "\x1b]52;c;aGk=\x07\x1b[2J[/red][@click=app.exit()]\u202e\ud800"
    calls = says(hostile, ("terminal", {"command": hostile}))
    async with live([calls, says(hostile)], {"terminal": lambda command: hostile}) as run:
        await run.stopped()
        for key in ("1", "2", "3", "6", "s", "e", "escape", "E", "escape", "c"):
            await run.press(key)
        await run.shows("ENDED")
        assert "\x1b" not in run.text and "\u202e" not in run.text


# Deciding


async def test_the_tool_gets_edited_arguments() -> None:
    async with live([says("", LS)], TOOLS) as run:
        await run.stopped()
        await run.press("e", "ctrl+end")
        await run.press("left", "left", *"-la", "ctrl+s")
        await run.press("enter")
        assert [e.after for e in run.events(ev.ArgumentsEdited)] == ['{"command":"ls-la"}']
        await run.press("s")
        await run.until(lambda: bool(run.events(ev.ToolReturned)))
        assert run.events(ev.ToolReturned)[0].result.content == "ran ls-la"
        await run.shows("ls-la")


async def test_the_heading_of_an_edited_call_points_to_the_edit() -> None:
    async with live([says("", LS, PWD)], TOOLS, size=NARROW) as run:
        await run.stopped()
        await run.shows("1. terminal [dict]")
        assert "edited" not in run.text
        await run.press("e", "ctrl+end", "left", "left", *"-la", "ctrl+s", "enter")
        await run.shows("1. terminal [dict] edited, as shown below")
        await run.press("space")
        await run.shows("2. terminal [dict]")
        assert "[dict] edited" not in run.text


async def test_an_exception_of_a_tool_is_shown_with_its_line() -> None:
    async with live([says("", LS)], {"terminal": fails}, size=(160, 60)) as run:
        await run.stopped()
        await run.press("s", "3", "z")
        await run.shows("raised     ValueError: no such thing")
        await run.shows(f"{__file__}:{fails.__code__.co_firstlineno + 1} in fails")


async def test_the_model_sees_an_answer_typed_by_hand() -> None:
    async with live([says("", LS), says("Done.")], TOOLS) as run:
        await run.stopped()
        await run.press("x", *"made up", "ctrl+s")
        await run.shows("ENDED")
        assert run.events(ev.CallSkipped)[0].result == "made up"
        assert not run.events(ev.ToolDispatched)


async def test_a_result_can_be_edited_before_the_model_sees_it() -> None:
    async with live([says("", LS), says("Done.")], TOOLS) as run:
        await run.stopped()
        await run.press("s")
        await run.shows("after terminal")
        await run.press("E", "ctrl+end", *"!!", "ctrl+s")
        await run.press("enter")
        await run.shows("ENDED")
        assert run.events(ev.ResultSubstituted)[0].after == "ran ls!!"


async def test_a_call_can_be_dropped_and_another_one_added() -> None:
    async with live([says("", LS, PWD), says("Done.")], TOOLS) as run:
        await run.stopped()
        await run.press("d")
        await run.shows("drop call 1, terminal? y drops it")
        assert not run.events(ev.CallDropped)
        await run.press("y")
        await run.until(lambda: bool(run.events(ev.CallDropped)))
        assert [e.call_index for e in run.events(ev.CallDropped)] == [0]
        await run.press("a", *"terminal", "ctrl+s")
        assert [e.call.index for e in run.events(ev.ToolCallProposed)] == [0, 1, 2]


@pytest.mark.parametrize(("key", "expected"), [("n", "the call stays"), ("y", "ENDED")])
async def test_dropping_the_only_call_of_a_reply_needs_confirmation(
    key: str, expected: str
) -> None:
    async with live([says("", LS), says("Done.")], TOOLS) as run:
        await run.stopped()
        await run.press("d")
        await run.shows("ends the run")
        assert not run.events(ev.CallDropped)
        await run.press(key)
        await run.shows(expected)
        assert bool(run.events(ev.CallDropped)) == (key == "y")


async def test_the_text_of_a_reply_can_be_edited_and_is_parsed_again() -> None:
    async with live([says("wrong")], TOOLS, stop_points=ALL_STOP_POINTS) as run:
        await run.stopped()
        await run.press("s")
        await run.until(
            lambda: (
                run.events(ev.Stopped)[-1].stop_point
                in (StopPoint.AFTER_RESPONSE, StopPoint.AFTER_PARSE)
            )
        )
        await run.shows("the reply")
        await run.press("e", *"not ", "ctrl+s")
        await run.press("enter")
        assert [(e.before, e.after) for e in run.events(ev.TextEdited)] == [("wrong", "not wrong")]


async def test_a_message_can_be_edited_before_it_is_sent() -> None:
    async with live([says("Done.")], TOOLS, stop_points=ALL_STOP_POINTS) as run:
        await run.stopped()
        assert run.events(ev.Stopped)[-1].stop_point == StopPoint.BEFORE_REQUEST
        await run.press("e")
        await run.shows("edit message 1 (2 adds one)")
        await run.press("enter")
        await run.until(lambda: "Edit message 1 of 1" in run.text)
        await run.press("ctrl+end", "up", "end", "left", *"!", "ctrl+s")
        await run.press("enter")
        edits = run.events(ev.MessageEdited)
        assert [json.loads(e.after)["content"] for e in edits] == ["Say hello!"]


async def test_options_at_a_stop_name_remapped_keys() -> None:
    keys = {"retry": "ctrl+r", "continue": "ctrl+y"}
    async with live([RequestFailure("no")], TOOLS, keys=keys) as run:
        await run.stopped()
        await run.shows("ctrl+r asks again, e edits a message first, ctrl+y ends the run.")


async def test_retry_sends_the_request_again() -> None:
    failure = RequestFailure("RateLimitError: slow down", status=429)
    async with live([failure, says("Done.")], TOOLS) as run:
        await run.stopped()
        await run.shows("STOPPED  the request failed — RateLimitError: slow down")
        await run.shows("R asks again, e edits a message first, c ends the run.")
        await run.press("R", "ctrl+s")
        await run.shows("ENDED")
        assert [e.attempt for e in run.events(ev.RequestSent)] == [1, 2]


async def test_a_request_waiting_for_its_retry_shows_so_and_can_be_paused() -> None:
    failure = RequestFailure("RateLimitError: slow down", status=429, retry_after_s=3600.0)
    async with live([failure], TOOLS, retries=1) as run:
        await run.shows(" WAITING  3600 s before attempt 2")
        assert "REQUESTING" not in run.text
        await run.press("p")
        await run.shows("stopping once attempt 2 is sent and answered")


async def test_a_manual_tool_opens_the_editor() -> None:
    tools = FunctionTools({"ask": terminal}, manual=("ask",))
    async with live([says("", ("ask", {})), says("Done.")], tools) as run:
        await run.stopped()
        await run.shows("waiting for your answer to ask")
        await run.press("c", *"42", "ctrl+s")
        await run.shows("ENDED")
        assert run.events(ev.CallSkipped)[0].result == "42" and not tools.calls


async def test_a_message_can_be_added_before_a_request() -> None:
    async with live([says("Done.")], TOOLS, stop_points=ALL_STOP_POINTS) as run:
        await run.stopped()
        await run.press("e", "backspace", "2", "enter")
        await run.shows("Add a message")
        await run.press("ctrl+end", "up", "end", "left", *"Hello", "ctrl+s")
        await run.press("enter")
        edits = run.events(ev.MessageEdited)
        assert [(e.index, json.loads(e.after)["content"]) for e in edits] == [(1, "Hello")]


async def test_parameters_that_are_not_json_are_refused() -> None:
    async with live([RequestFailure("no"), says("Done.")], TOOLS) as run:
        await run.stopped()
        await run.press("R", *"]]", "ctrl+s")
        await run.shows("not possible while it contains an error")
        assert len(run.events(ev.RequestSent)) == 1
        await run.press("escape", "enter")


async def test_spaces_between_parameters_are_no_change_of_them() -> None:
    async with live([RequestFailure("no"), RequestFailure("no"), says("Done.")], TOOLS) as run:
        await run.stopped()
        await run.press("R", "space", "ctrl+s")
        await run.until(lambda: len(run.events(ev.RequestFailed)) == 2)
        assert not run.events(ev.ParametersChanged)


async def test_retry_with_other_sampling_changes_the_request() -> None:
    async with live([RequestFailure("no"), says("Done.")], TOOLS) as run:
        await run.stopped()
        await run.press("R", "ctrl+end", "up", "end", "backspace", *"25", "ctrl+s")
        await run.shows("ENDED")
        changed = json.loads(run.events(ev.ParametersChanged)[0].after)
        assert changed == {"model": "scripted", "temperature": 1.25}


# Breakpoints


async def test_a_breakpoint_can_be_set_from_the_row_under_the_cursor() -> None:
    async with live([says("", LS), says("", LS), says("Done.")], TOOLS) as run:
        await run.stopped()
        await run.press("b")
        await run.shows("before_dispatch:terminal")
        await run.shows('if EXPRESSION, ignore N, every N, once, log "…" may follow')
        await run.press(*" once", "enter")
        await run.shows("b1: C runs to it, c stops at every call · before_dispatch:terminal once")
        assert "C Run on" in run.text
        await run.press("C")
        await run.stopped()
        assert run.events(ev.Stopped)[-1].breakpoints == ("b1",)
        assert "— before_dispatch:terminal once" in run.text


async def test_an_invalid_breakpoint_is_refused() -> None:
    async with live([says("", LS)], TOOLS) as run:
        await run.stopped()
        await run.press("b", "ctrl+u", *"before_dispach", "enter")
        await run.shows("no stop point is called 'before_dispach'")
        assert len(run.events(ev.BreakpointsSet)) == 1
        await run.press("escape")


async def test_a_breakpoint_without_effect_is_set_with_a_warning() -> None:
    async with live([says("", LS)], TOOLS) as run:
        await run.stopped()
        await run.press("b", "ctrl+u", *"before_dispatch:termnal", "enter")
        await run.shows("b1 is set, but no tool is called termnal; did you mean terminal?")
        assert len(run.events(ev.BreakpointsSet)) == 2


async def test_the_message_about_a_breakpoint_depends_on_the_stop_points() -> None:
    async with live([says("", LS)], TOOLS) as run:
        await run.stopped()
        run.driver.put(SetBreakpoints((), frozenset({StopPoint.REQUEST_FAILED})))
        await run.press("b", "enter")
        await run.shows("b1 stops at before_dispatch:terminal")
        assert "C Run on" not in run.text


@pytest.mark.parametrize("key", ["e", "x", "d", "E"])
async def test_a_settled_call_is_not_mistaken_for_the_pending_one(key: str) -> None:
    async with live([says("", LS), says("", PWD)], TOOLS) as run:
        await run.stopped()
        await run.press("c")
        await run.until(lambda: len(run.events(ev.Stopped)) == 2)
        await run.stopped()
        if key == "E":
            await run.press("s")
            await run.until(lambda: len(run.events(ev.Stopped)) == 3)
            await run.stopped()
        await press_until(run.pilot, "less_than_sign", lambda: "turn 1" in turn_under_cursor(run))
        await run.press("left_square_bracket", key)
        await run.shows("that call is settled: F forks here")
        assert isinstance(run.app.screen, LiveScreen)


def turn_under_cursor(run: Live) -> str:
    """Return the turn of the row under the cursor."""
    model = run.screen.model
    return f"turn {model.timeline.turn(model.row)}"


async def test_the_breakpoint_list_switches_stop_points() -> None:
    async with live([says("", LS), says("Done.")], TOOLS) as run:
        await run.stopped()
        before = run.driver.session.state.stop_points
        await run.press("B")
        await run.press("G", "space")
        await run.press("ctrl+s")
        assert run.driver.session.state.stop_points != before


# Branches


async def test_a_fork_shares_the_past_and_both_branches_continue() -> None:
    replies = [says("", LS), says("first end"), says("second end")]
    async with live(replies, TOOLS) as run:
        await run.stopped()
        await run.press("c")
        await run.shows("ENDED")
        call = next(
            r
            for r in range(20)
            if isinstance(run.screen.model.timeline.event(r), ev.ToolCallProposed)
        )
        await run.press("colon", *str(call + 1), "enter")
        await run.press("F")
        await run.stopped()
        await run.shows("fork-1 shares")
        assert run.events(ev.RunForked) and run.driver.phase is Phase.STOPPED
        while run.driver.phase is Phase.STOPPED:
            await run.press("c")
            await run.pilot.pause(0.1)
        await run.shows("ENDED")
        assert run.events(ev.MessageAppended)[-1].message.text == "second end"
        branches = run.app.branches
        assert branches is not None and len(branches.all) == 2
        await run.press("D")
        await run.shows("Branches of this run")
        await run.press("k", "enter")
        await run.until(lambda: run.screen.feed.branch is branches.all[0])
        assert run.events(ev.MessageAppended)[-1].message.text == "first end"
        await run.until(lambda: "fork-1 ·" not in run.text)
        assert "fork-1 ·" not in run.text


async def test_the_first_row_can_be_forked_too() -> None:
    async with live([says("", LS), says("again")], TOOLS) as run:
        await run.stopped()
        await run.press("g", "F")
        await run.until(lambda: bool(run.events(ev.RunForked)))
        await run.stopped()
        assert run.events(ev.RunForked) and not run.events(ev.ResponseReceived)


# Reading


async def test_help_begins_with_the_keys_of_a_live_run() -> None:
    async with live([says("", LS)], TOOLS) as run:
        await run.stopped()
        await run.press("question_mark")
        await run.shows("Debugging a live run")
        for keys in ("space F10", "c F5", "s F11", "S shift+F11", "b F9", "ctrl+x"):
            assert f"  {keys} " in run.text
        await run.press("q")
        await run.shows("STOPPED")


async def test_a_streaming_reply_does_not_scroll_while_its_beginning_is_read() -> None:
    more, end = asyncio.Event(), asyncio.Event()

    async def reply(request: Any, on_piece: Any) -> dict[str, Any]:
        on_piece(Piece("content", "FIRST\n" + "line\n" * 100 + "MIDDLE"))
        await more.wait()
        on_piece(Piece("content", "\nline" * 50 + "\nLAST"))
        await end.wait()
        return says("Done.")

    async with live([reply], TOOLS) as run:
        await run.shows("MIDDLE")
        await run.press("2")
        await press_until(run.pilot, "g", lambda: "FIRST" in run.text)
        more.set()
        await run.until(lambda: run.driver.partial.pieces == 2)
        await run.pilot.pause(0.1)
        assert "FIRST" in run.text and "LAST" not in run.text
        await run.press("G")
        await run.shows("LAST")
        end.set()


async def test_the_palette_offers_possible_commands_with_their_keys() -> None:
    async with live([says("", LS)], TOOLS) as run:
        await run.stopped()
        offered = {offer.title for offer in run.screen.offers()}
        assert {"Continue (c)", "Edit (e)", "Fork (F)"} <= offered
        assert "Edit result (E)" not in offered


async def test_a_stop_shows_the_arguments_as_coerced_by_the_schema() -> None:
    tools = FunctionTools({"terminal": terminal})
    schema = {"properties": {"command": {"type": "string"}, "timeout": {"type": "integer"}}}
    tools.specs = (ToolSpec("terminal", parameters={"type": "object", **schema}),)
    call = ("terminal", {"command": "ls", "timeout": "5"})
    async with live([says("", call)], tools, size=(160, 60)) as run:
        await run.stopped()
        await run.shows('by schema  {"command":"ls","timeout":5}')
        assert 'tool gets  {"command":"ls","timeout":"5"}' in run.text
        assert "warning SCHEMA_VIOLATION: timeout: '5' is not" in run.text
        assert "1 problem" not in run.text
