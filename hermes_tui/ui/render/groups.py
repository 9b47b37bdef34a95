"""Headings of groups in the list of runs, and how a run stands in the tree."""

from __future__ import annotations

from rich.cells import cell_len

from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted
from hermes_tui.ui.render.rows import FOLDED, OPEN, Segments, short_number
from hermes_tui.ui.runs.group_facts import GroupFacts
from hermes_tui.ui.runs.lines import Branch
from hermes_tui.ui.runs.shape import Group

NO_VALUE = "(none)"
LEAST_KEY = 12
DEEPEST_SHOWN = 8


def heading_row(group: Group, facts: GroupFacts | None, width: int, *, is_folded: bool) -> Segments:
    """Return the heading of a group; where there is little room, its last facts are left out."""
    mark = f" {FOLDED if is_folded else OPEN} "
    told = [counted(group.end - group.start, "run"), *_told(facts)]
    name = visible_line(group.key or NO_VALUE, max(LEAST_KEY, width))
    room = width - len(mark) - min(cell_len(name), max(LEAST_KEY, width // 2))
    while len(told) > 1 and sum(len(fact) + 3 for fact in told) > room:
        told.pop()
    rest = "".join(f" · {fact}" for fact in told)
    name = _cut(name, max(LEAST_KEY, width - len(mark) - len(rest)))
    return [(mark, "heading"), (name, "heading"), (rest, "dim")]


def heading_text(group: Group) -> str:
    """Return what a group is called, whole, and how many runs it has."""
    return f"{group.key or NO_VALUE} · {counted(group.end - group.start, 'run')}"


def _told(facts: GroupFacts | None) -> list[str]:
    if facts is None:
        return ["…"]
    told = [f"{facts.with_errors:.0%} with errors"]
    if facts.failed is not None:
        told.append(f"{facts.failed:.0%} failed")
    if facts.reward is not None:
        told.append(f"reward {short_number(facts.reward)}")
    if facts.rewards is not None:
        told.append(f"rewards {_spread(*facts.rewards)}")
    return [*told, f"{facts.turns:.1f} turns", f"{facts.calls:.1f} calls"]


def _spread(lowest: float, highest: float) -> str:
    """Return how far rewards are apart: a group in which all are alike teaches a policy nothing."""
    if lowest == highest:
        return "all alike"
    return f"{short_number(lowest)} to {short_number(highest)}"


def _cut(text: str, room: int) -> str:
    return text if cell_len(text) <= room else visible_line(text, max(1, room - 1))


def tree_text(branch: Branch) -> str:
    """Return what stands before a run in the tree; nothing where it stands alone."""
    if not branch.depth and not branch.below:
        return ""
    indent = "  " * (min(branch.depth, DEEPEST_SHOWN) - 1) + "└ " if branch.depth else ""
    if not branch.below:
        return indent
    return f"{indent}{FOLDED} +{branch.below} " if branch.is_folded else f"{indent}{OPEN} "
