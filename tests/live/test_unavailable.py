"""The reasons why a debugger command is impossible now: always present, and short."""

from __future__ import annotations

import pytest

from hermes_tui.debugger.stepping import Phase
from hermes_tui.ui.commands import COMMANDS, DEBUG
from hermes_tui.ui.key_names import KeyNames
from hermes_tui.ui.unavailable import why_unavailable

_DEBUGGING = [command for command in COMMANDS if command.group == DEBUG]


@pytest.mark.parametrize("phase", [None, *Phase])
@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("tool_ran", [False, True])
def test_every_command_has_a_reason_that_fits_a_line(
    phase: Phase | None, broken: bool, tool_ran: bool
) -> None:
    for command in _DEBUGGING:
        why = why_unavailable(command.id, phase, broken=broken, tool_ran=tool_ran)
        assert why and len(f" {command.label}: {KeyNames().format(why)}") <= 100


@pytest.mark.parametrize(
    ("command", "phase", "why"),
    [
        ("answer", Phase.STOPPED, "the run is not stopped at a call"),
        ("continue", Phase.ENDED, "the run has ended; F forks from a row"),
        ("pause", Phase.STOPPED, "the run is already stopped"),
        ("branches", Phase.STOPPED, "there is no other branch; F makes one"),
    ],
)
def test_the_reason_depends_on_command_and_phase(command: str, phase: Phase, why: str) -> None:
    reason = why_unavailable(command, phase, broken=False, tool_ran=False)
    assert KeyNames().format(reason) == why
