"""The branches of a run as rows of a tree, and the state of each in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from hermes_tui.debugger.state import SessionState
from hermes_tui.debugger.stepping import Moment, Phase
from hermes_tui.model.visible import visible_line
from hermes_tui.ui.live_model import activity_at, last_stop, stopped

if TYPE_CHECKING:
    from hermes_tui.runtime.branches import Branch


_MAX_WIDTH: Final = 80


class BranchRow(NamedTuple):
    """A branch in its place in the tree. `tree` is what is drawn before its name."""

    branch: Branch
    tree: str


def branch_rows(branches: Sequence[Branch]) -> list[BranchRow]:
    """Return the branches, each below the one that it was forked from."""

    def below(parent: Branch | None, indent: str) -> Iterable[BranchRow]:
        children = [each for each in branches if each.parent is parent]
        for child in children:
            is_last = child is children[-1]
            mark = "" if parent is None else "└ " if is_last else "├ "
            yield BranchRow(child, indent + mark)
            deeper = "" if parent is None else "  " if is_last else "│ "
            yield from below(child, indent + deeper)

    return list(below(None, ""))


def standing(branch: Branch) -> str:
    """Return the state of a branch in the words of the status line: its phase, its stop, or why it
    ended."""
    state = branch.driver.session.state
    if branch.driver.failure is not None:
        return "broken off"
    log = branch.log
    if state.phase is Phase.STOPPED:
        stop = last_stop(log)
        return visible_line(stopped(log, stop).what, _MAX_WIDTH) if stop is not None else "stopped"
    if state.phase is Phase.ENDED:
        why = activity_at(log, len(log) - 1).why
        return ": ".join(filter(None, ("ended", visible_line(why, _MAX_WIDTH))))
    return str(state.phase)


def forked_from(branch: Branch) -> str:
    """Return where a branch was forked from its parent; "" for the first branch."""
    if branch.parent is None:
        return ""
    return f"{branch.parent.name}, {_place_text(_state_at_fork(branch))}"


def _state_at_fork(branch: Branch) -> SessionState:
    """Return the state of a branch when it began: it stops right where it was forked."""
    state = SessionState()
    for seq, event in enumerate(branch.log):
        state.apply(event)
        if seq >= branch.shared and state.phase is not Phase.DECIDING:
            break
    return state


def _place_text(state: SessionState) -> str:
    index, calls = state.stop.call_index, state.reply.calls if state.reply is not None else []
    if state.phase is not Phase.STOPPED:
        return f"turn {state.turn}"
    if index is not None:
        name = calls[index].name if index < len(calls) else None
        return f"turn {state.turn}, call {index + 1} ({visible_line(name or '?', 30)})"
    match state.moment:
        case Moment.REQUEST:
            return f"before turn {state.request[0]}"
        case Moment.REPLY:
            return f"reply of turn {state.turn}"
        case _:
            return f"turn {state.turn}, {state.stop.stop_point}"
