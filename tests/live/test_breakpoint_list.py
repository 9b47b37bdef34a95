"""The list of breakpoints and stop points: switching, adding, editing, deleting and applying."""

from __future__ import annotations

import pytest

from hermes_tui.debugger.breakpoints import Action, Breakpoint, parse_breakpoint
from hermes_tui.debugger.stepping import STEP_MODE, StopPoint
from hermes_tui.ui.screens.breakpoint_list import MEANING, BreakpointListScreen
from tests.live.dialogs import SIZES, TERMINAL, shown, text_of

FIRST = parse_breakpoint("before_dispatch:terminal if 'rm ' in args.command", breakpoint_id="b1")
SECOND = parse_breakpoint("tool_error disabled", breakpoint_id="b2")


def list_of(*breakpoints: Breakpoint) -> BreakpointListScreen:
    return BreakpointListScreen(breakpoints, STEP_MODE, {"b1": 3})


def test_every_stop_point_is_explained() -> None:
    assert MEANING.keys() == set(StopPoint)


@pytest.mark.parametrize("size", SIZES)
async def test_breakpoints_are_listed_with_hits_above_the_stop_points(
    size: tuple[int, int],
) -> None:
    async with shown(list_of(FIRST, SECOND), size) as (app, _):
        lines = text_of(app).splitlines()
        first = next(line for line in lines if "b1" in line)
        assert "[x] b1  before_dispatch:terminal if 'rm ' in args.command" in first
        assert "3 hits" in first
        assert any("[ ] b2  tool_error " in line for line in lines)
        assert any("[x] before_dispatch  before every call is run" in line for line in lines)
        assert any("[ ] before_request " in line for line in lines)


async def test_switched_items_are_returned_when_applied() -> None:
    async with shown(list_of(FIRST)) as (app, pilot):
        await pilot.press("space", "j", "j", "space", "enter")
        ((breakpoint,), points) = app.given[0]
        assert not breakpoint.enabled
        assert points == STEP_MODE | {StopPoint.BEFORE_REQUEST}


async def test_cancelling_returns_nothing() -> None:
    async with shown(list_of(FIRST)) as (app, pilot):
        await pilot.press("d")
        await pilot.pause()
        assert "not applied yet" in text_of(app)
        await pilot.press("escape")
        assert app.given == [None]


async def test_a_breakpoint_can_be_limited_to_once_or_deleted() -> None:
    async with shown(list_of(FIRST, SECOND)) as (app, pilot):
        await pilot.press("o", "j", "d", "enter")
        assert [each.text for each in app.given[0][0]] == [f"{FIRST.text} once"]


async def test_an_added_breakpoint_is_checked_while_typing() -> None:
    async with shown(list_of()) as (app, pilot):
        await pilot.press("a", *":term if nme", "enter")
        await pilot.pause()
        assert "nme" in text_of(app)
        assert "not possible while it contains an error" in text_of(app)
        await pilot.press(*["backspace"] * 7, *'inal log "{tool}"', "enter")
        await pilot.pause()
        assert "▌[x] b1  before_dispatch:terminal" in text_of(app)
        await pilot.press("enter")
        (added,) = app.given[0][0]
        assert (added.id, added.tool, added.action) == ("b1", "terminal", Action.LOG)


async def test_a_breakpoint_without_effect_is_reported_while_typing() -> None:
    screen = BreakpointListScreen((FIRST,), STEP_MODE, {}, [TERMINAL])
    async with shown(screen) as (app, pilot):
        await pilot.press("e", "ctrl+a", "ctrl+k", *"before_dispatch:termnal")
        await pilot.pause()
        assert "no tool is called" in text_of(app)
        await pilot.press("ctrl+a", "ctrl+k", *"hits > 3")
        await pilot.pause()
        assert "hits > 3 is never true" in text_of(app) and "write ignore N" in text_of(app)
        await pilot.press("enter", "enter")
        assert app.given[0][0][0].where == "hits > 3"


async def test_adding_on_a_stop_point_begins_with_it() -> None:
    async with shown(list_of(FIRST)) as (app, pilot):
        await pilot.press("G", "k", "a", "enter", "enter")
        assert [each.text for each in app.given[0][0]] == [FIRST.text, "recovery"]
        assert app.given[0][0][1].id == "b2"


async def test_an_edited_breakpoint_keeps_its_id() -> None:
    async with shown(list_of(SECOND)) as (app, pilot):
        await pilot.press("e", *["backspace"] * 9, *" once", "enter", "enter")
        assert app.given[0][0] == (parse_breakpoint("tool_error once", breakpoint_id="b2"),)


async def test_leaving_the_prompt_leaves_the_list_unchanged() -> None:
    async with shown(list_of(SECOND)) as (app, pilot):
        await pilot.press("e", "escape", "enter")
        assert app.given == [((SECOND,), STEP_MODE)]


async def test_conditions_with_control_characters_are_drawn_harmless() -> None:
    odd = Breakpoint("b1", StopPoint.BEFORE_DISPATCH, where='name == "\x1b]0;t\x07\u202e"')
    async with shown(list_of(odd)) as (app, pilot):
        assert "␛]0;t␇�" in text_of(app)
        await pilot.press("e")
        await pilot.pause()
        assert "␛]0;t␇�" in text_of(app)
        await pilot.press("escape", "enter")
        assert app.given[0][0] == (odd,)
