"""Breakpoints are written as one line each, and match as that line says."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.debugger.breakpoints import (
    FIELDS,
    Action,
    Breakpoint,
    Hit,
    hit,
    parse_breakpoint,
    render_log,
    why_without_effect,
)
from hermes_tui.debugger.stepping import STOP_POINTS, StopPoint
from hermes_tui.model.errors import UsageError
from hermes_tui.model.messages import ToolSpec

CALL: dict[str, Any] = {
    "point": "before_dispatch",
    "tool": "terminal",
    "args": {"command": "rm -rf /", "n": "3"},
    "turn": 2,
}


def parse(text: str) -> Breakpoint:
    return parse_breakpoint(text, breakpoint_id="b1")


def actions(text: str, times: int) -> list[Action | None]:
    """Return the action at each of `times` calls that all match."""
    found = [hit(parse(text), CALL, hits) for hits in range(times)]
    return [one.action for one in found if one]


def test_a_full_line_is_read() -> None:
    assert parse("before_dispatch:terminal if 'rm -rf' in args.command ignore 2 once") == (
        Breakpoint(
            "b1",
            StopPoint.BEFORE_DISPATCH,
            "terminal",
            "'rm -rf' in args.command",
            ignore=2,
            once=True,
        )
    )


@settings(max_examples=80, deadline=None)
@given(
    st.builds(
        Breakpoint,
        st.just("b1"),
        st.sampled_from([p for p, traits in STOP_POINTS.items() if traits.about_call]),
        tool=st.sampled_from(["*", "terminal", "read_*", "if", "once"]),
        where=st.sampled_from(["", "turn > 3", "text == 'a once'", "'log \"x\"' in text"]),
        ignore=st.integers(0, 9),
        every=st.integers(1, 9),
        once=st.booleans(),
        enabled=st.booleans(),
    ),
    st.sampled_from(Action),
    st.text(max_size=8).map(lambda text: text.replace("{", "")),
)
def test_the_text_of_a_breakpoint_is_read_back_as_the_same_breakpoint(
    breakpoint: Breakpoint, action: Action, log: str
) -> None:
    whole = dataclasses.replace(breakpoint, action=action, log=log if action == "log" else "")
    assert parse(whole.text) == whole


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a breakpoint"),
        ("before_dispach", "before_dispatch"),
        ("before_dispatch if (", "never closed"),
        ("before_dispatch if colour == 1", "colour"),
        ("before_dispatch log hi", r"log must be in double quotes"),
        ("before_dispatch every 0", "never"),
        ("before_request:terminal", "does not belong to a call"),
        ('before_dispatch log "\\x"', "not a JSON string"),
        ("before_dispatch twice", "not a breakpoint"),
        ('before_dispatch log "{nope}"', "unknown name 'nope' in the log text"),
        ('before_dispatch log "{argument}"', "did you mean arguments?"),
        ("run", "before_dispatch:run stops at calls of the tool run"),
        ("terminal", "before_dispatch:terminal stops at calls of the tool terminal"),
    ],
)
def test_a_line_that_is_not_a_breakpoint_is_refused_with_the_reason(
    text: str, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("before_dispatch", True),
        ("before_dispatch:term*", True),
        ("before_dispatch:read_file", False),
        ("after_result", False),
        ("before_dispatch disabled", False),
        ("before_dispatch if 'rm' in args.command and turn == 2", True),
        ("before_dispatch if args.path == 'x'", False),
        ("before_dispatch if hits > 0", False),
    ],
)
def test_point_glob_and_condition_must_all_match(text: str, matches: bool) -> None:
    assert (hit(parse(text), CALL, 0) is not None) == matches


def test_ignored_hits_are_counted_without_effect() -> None:
    assert actions("before_dispatch ignore 2", 4) == [None, None, Action.STOP, Action.STOP]


def test_every_third_hit_takes_effect() -> None:
    stop = Action.STOP
    assert actions("before_dispatch every 3", 6) == [None, None, stop, None, None, stop]


def test_a_condition_that_cannot_be_evaluated_stops_with_the_reason() -> None:
    found = hit(parse("before_dispatch if args.n > 2 ignore 5 count"), CALL, 0)
    assert found is not None
    assert found.action is Action.STOP
    assert "cannot compare" in found.note


def test_a_logpoint_prints_its_template() -> None:
    line = 'before_dispatch log "turn {turn}: {tool} {args.command} {args.path}{x"'
    assert hit(parse(line), CALL, 0) == Hit(Action.LOG, "turn 2: terminal rm -rf / {x")


def test_a_logpoint_can_print_its_hit_count() -> None:
    assert hit(parse('before_dispatch log "{hits}"'), CALL, 4) == Hit(Action.LOG, "4")


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("before_dispatch:termnal", ["no tool is called termnal; did you mean terminal?"]),
        ("before_dispatch:qqq", ["no tool is called qqq; available: terminal, read_file"]),
        ("before_dispatch:read_*", []),
        ("before_dispatch", []),
    ],
)
def test_a_breakpoint_for_a_tool_that_does_not_exist_is_reported(
    text: str, problems: list[str]
) -> None:
    tools = (ToolSpec("terminal"), ToolSpec("read_file"))
    assert [*why_without_effect(parse(text), tools)] == problems


@pytest.mark.parametrize(
    ("condition", "term"),
    [
        ("hits == 2", "hits == 2"),
        ("turn > 1 and 3 <= hits", "3 <= hits"),
        (r'hits and match(text, "\d")', "hits"),
        ("hits < 2", ""),
        ("hits == 2 or turn > 3", ""),
        ("hits != 1 and tool == 'terminal'", ""),
        ("hits == turn", ""),
    ],
)
def test_a_condition_that_waits_for_its_own_hits_is_reported(condition: str, term: str) -> None:
    problems = [*why_without_effect(parse(f"before_dispatch if {condition}"), ())]
    assert [problem.partition(" is never true")[0] for problem in problems] == [term] * bool(term)


def test_a_log_message_shows_values_as_json() -> None:
    assert render_log("{args}", {"args": {"a": None}}) == '{"a": null}'


def test_fields_are_explained() -> None:
    assert {"point", "tool", "args", "turn", "text", "origin", "id", "hits"} <= FIELDS.keys()


def test_a_lone_expression_applies_to_calls() -> None:
    text = 'name == "terminal" and "rm " in arguments.command once'
    found = parse_breakpoint(text, breakpoint_id="b")
    assert found.point is StopPoint.BEFORE_DISPATCH
    assert found.where == 'name == "terminal" and "rm " in arguments.command'
    assert found.once


def test_text_that_is_neither_a_point_nor_an_expression_is_refused() -> None:
    with pytest.raises(UsageError, match="not a breakpoint"):
        parse_breakpoint('nme == "terminal"', breakpoint_id="b")
