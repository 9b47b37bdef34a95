"""Branches as rows of a tree, and what differs between two of them as a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from hermes_tui.debugger.stepping import Moment, Phase, StopPoint
from hermes_tui.log.branch_diff import DiffRow, Step, StepKind
from hermes_tui.model import events as ev
from hermes_tui.model.visible import visible_line
from hermes_tui.ui.json_layout import spread
from hermes_tui.ui.render.diff import diff_lines
from hermes_tui.ui.render.document import Document, Line, StyledSpan
from hermes_tui.ui.render.page import Page

if TYPE_CHECKING:
    from hermes_tui.runtime.branches import Branch

CONTEXT: Final = 2
"""Steps that are shown around those that differ."""
_TITLE_LIMIT: Final = 60
_SAME_LIMIT: Final = 200


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
    """Return where a branch stands: under way, stopped at what, or ended and why."""
    state = branch.driver.session.state
    if branch.driver.failure is not None:
        return "broken off"
    if state.phase is Phase.STOPPED:
        call = state.call if state.stop.call_index is not None else None
        name = f" of {visible_line(call.name or '?', 30)}" if call else ""
        return f"stopped: {state.stop.stop_point}{name}"
    if state.phase is Phase.ENDED:
        last = branch.log[len(branch.log) - 1] if len(branch.log) else None
        ended = last if isinstance(last, ev.RunEnded) else None
        return f"ended: {ended.stop_reason or ended.status}" if ended else "ended"
    return str(state.phase)


def forked_from(branch: Branch) -> str:
    """Return where a branch leaves its parent, "" for the first."""
    if branch.parent is None:
        return ""
    turn = 0
    names: dict[int, str] = {}
    for seq, event in enumerate(branch.log):
        match event:
            case ev.ResponseReceived():
                turn, names = event.turn, {}
            case ev.ToolCallProposed():
                names[event.call.index] = event.call.name or "?"
            case ev.Stopped() if seq >= branch.shared:
                return f"{branch.parent.name}, {_place(event, turn, names)}"
            case _:
                pass
    return f"{branch.parent.name}, turn {turn}"


def _place(stop: ev.Stopped, turn: int, names: dict[int, str]) -> str:
    if stop.call_index is not None:
        name = visible_line(names.get(stop.call_index, "?"), 30)
        return f"turn {turn}, call {stop.call_index + 1} ({name})"
    match StopPoint(stop.stop_point).moment:
        case Moment.REQUEST:
            return f"before turn {turn + 1}"
        case Moment.REPLY:
            return f"reply of turn {turn}"
        case _:
            return f"turn {turn}, {stop.stop_point}"


class Comparison(NamedTuple):
    """A page, and the lines where differences begin."""

    document: Document
    differences: tuple[int, ...]


def comparison(rows: Sequence[DiffRow], left: str, right: str) -> Comparison:
    """Return what differs between two branches with some context, unified, in order."""
    page = Page()
    places: list[int] = []
    if all(row.is_same for row in rows):
        page.line("The two branches did the same so far.", "dim")
    groups = [(same, list(group)) for same, group in groupby(rows, key=lambda row: row.is_same)]
    for number, (same, group) in enumerate(groups):
        if same:
            head = CONTEXT if number else 0
            tail = CONTEXT if number < len(groups) - 1 else 0
            _same(page, group, head, tail)
            continue
        for row in group:
            places.append(page.length)
            _different(page, row, left, right)
    return Comparison(page.document(), tuple(places))


def _same(page: Page, rows: list[DiffRow], head: int, tail: int) -> None:
    hidden = len(rows) - head - tail
    shown = [*rows[:head], None, *rows[len(rows) - tail :]] if hidden > 1 else rows
    for row in shown:
        if row is None:
            page.line(f"  ⋮ {hidden} steps the same", "dim")
        elif (step := row.right) is not None:
            page.line(f"  {_title(step)}  {visible_line(step.text, _SAME_LIMIT)}", "dim")


def _different(page: Page, row: DiffRow, left: str, right: str) -> None:
    if row.left is not None and row.right is not None:
        before, after = row.left, row.right
        page.heading(f"~ {_title(before, after)}")
        page.extend(diff_lines(_text(before), _text(after)))
    elif row.left is not None:
        page.heading(f"- {_title(row.left)}, only in {left}")
        page.extend(_signed("-", _text(row.left), "badge.bad"))
    elif row.right is not None:
        page.heading(f"+ {_title(row.right)}, only in {right}")
        page.extend(_signed("+", _text(row.right), "badge"))
    page.blank()


def _signed(sign: str, text: str, style: str) -> Iterable[Line]:
    return (Line(f"{sign} {part}", (StyledSpan(0, 1, style),)) for part in text.split("\n"))


def _title(step: Step, after: Step | None = None) -> str:
    name = visible_line(step.title or "(no name)", _TITLE_LIMIT)
    if after is not None and after.title != step.title:
        name += f" → {visible_line(after.title or '(no name)', _TITLE_LIMIT)}"
    kinds = {StepKind.CALL: f"call {name}", StepKind.RESULT: f"result of {name}"}
    turn = f"turn {step.turn}, " if step.turn else ""
    if step.kind is StepKind.REASONING:
        name = f"reasoning of {name}"
    return turn + kinds.get(step.kind, name)


def _text(step: Step) -> str:
    return spread(step.text) if step.kind is not StepKind.MESSAGE else step.text
