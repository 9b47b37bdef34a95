"""Why a command of the debugger cannot be carried out now, in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hermes_tui.debugger.stepping import Phase

ENDED: Final = "the run has ended; {fork} forks from a row"
UNDER_WAY: Final = "the run is in progress; {pause} stops it, {cancel-current} ends the wait"
TOOL_RAN: Final = "a tool of this turn has already run: {fork} on the reply forks before it"
_ONE_BRANCH: Final = "there is no other branch; {fork} makes one"
_FAILED: Final = "the request failed: {retry} asks again, {continue} ends the run"
_NOTHING_YET: Final = "nothing has happened yet"
_REASONS_AT_STOP: Final[Mapping[str, str]] = MappingProxyType({
    "pause": "the run is already stopped",
    **dict.fromkeys(("next", "step-in", "step-out", "run-on"), _FAILED),
    "cancel-current": "nothing is running",
    "edit": "there is nothing here to edit",
    "answer": "the run is not stopped at a call",
    "edit-result": "the run is not stopped at a result",
    "drop-call": "no call is pending here",
    "add-call": "the run is not stopped at a reply",
    "retry": "there is nothing here to ask for again",
})  # fmt: skip


def why_unavailable(command_id: str, phase: Phase | None, *, broken: bool, tool_ran: bool) -> str:
    """Return why a command cannot be carried out, with keys in braces for `KeyNames.format`.

    `phase` is None if the run has not begun. `broken` means that the run could not continue,
    `tool_ran` that a tool of the current turn has run.
    """
    if phase is None:
        return "the run has not begun"
    if command_id == "branches":
        return _ONE_BRANCH
    if command_id in ("back-in-time", "on-in-time"):
        return _NOTHING_YET
    if broken:
        return "the run was aborted"
    if phase is Phase.ENDED:
        return ENDED
    if phase is not Phase.STOPPED:
        return "nothing can be cancelled yet" if command_id == "cancel-current" else UNDER_WAY
    if command_id == "retry" and tool_ran:
        return TOOL_RAN
    return _REASONS_AT_STOP.get(command_id, "that is not possible at this stop")
