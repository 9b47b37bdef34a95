"""The stepping table keeps its promises."""

from __future__ import annotations

import pytest

from hermes_tui.debugger import inputs
from hermes_tui.debugger.stepping import (
    AT_STOP,
    RUN_MODE,
    STEP_MODE,
    STOP_POINTS,
    TRANSITIONS,
    Kind,
    Moment,
    Phase,
    StopPoint,
    allowed,
    check,
)
from hermes_tui.model.errors import IllegalCommand


def test_every_phase_has_its_row_and_every_stop_point_its_traits() -> None:
    assert TRANSITIONS.keys() == set(Phase)
    assert list(STOP_POINTS) == list(StopPoint)
    assert AT_STOP.keys() == set(Moment)


def test_every_kind_of_input_is_legal_somewhere_and_has_an_input() -> None:
    assert {kind for row in TRANSITIONS.values() for kind in row} == set(Kind)
    given = {one.kind for one in inputs.Input.__args__}
    assert given == set(Kind) - {Kind.CALL_READY}


def test_nothing_leads_back_from_the_end() -> None:
    assert all(to == {Phase.ENDED} for to in TRANSITIONS[Phase.ENDED].values())


def test_while_deciding_only_reopen_and_fork_are_allowed() -> None:
    assert allowed(Phase.DECIDING) == (Kind.REOPEN, Kind.FORK)


def test_an_illegal_input_names_the_allowed_ones() -> None:
    with pytest.raises(IllegalCommand, match="skip is not possible while ready") as refused:
        check(Kind.SKIP, Phase.READY)
    assert refused.value.allowed == (Kind.START, Kind.TERMINATE)


def test_every_input_legal_at_a_stop_is_in_the_row_of_stopped() -> None:
    for moment in Moment:
        assert AT_STOP[moment] <= set(TRANSITIONS[Phase.STOPPED])
        assert {Kind.RESUME, Kind.TERMINATE} <= AT_STOP[moment]


def test_default_stops_are_the_failures_and_every_dispatch() -> None:
    assert {StopPoint.BEFORE_DISPATCH} == STEP_MODE - RUN_MODE
    assert {point.value for point in RUN_MODE} == {
        "request_failed",
        "truncated",
        "parse_failure",
        "unknown_tool",
        "invalid_args",
        "recovery",
        "manual",
        "divergence",
    }
