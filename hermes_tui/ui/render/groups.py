"""Headings of groups in the list of runs, and the tree drawn before child runs."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len

from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted
from hermes_tui.ui.render.fit_apart import fit_apart
from hermes_tui.ui.render.rows import FOLDED, OPEN, Segments, short_number, short_size
from hermes_tui.ui.runs.arrangement import Group
from hermes_tui.ui.runs.group_facts import GroupFacts
from hermes_tui.ui.runs.lines import Branch

NO_VALUE = "(none)"
LEAST_KEY = 12
DEEPEST_SHOWN = 8


def heading_row(
    group: Group,
    facts: GroupFacts | None,
    width: int,
    *,
    is_folded: bool,
    namesakes: tuple[str, ...] = (),
) -> Segments:
    """Return the heading of a group; if there is little room, its last facts are left out.

    `namesakes` are the texts of the tasks that share a title; the part that differs is shown.
    """
    mark = f" {FOLDED if is_folded else OPEN} "
    runs = group.end - group.start
    texts = [counted(runs, "run"), *_fact_texts(facts, runs)]
    name = visible_line(group.title or NO_VALUE, max(LEAST_KEY, width))
    if facts is not None and facts.task in namesakes:
        name = _fitted_apart(namesakes, max(LEAST_KEY, width // 2))[facts.task].rstrip()
    room = width - len(mark) - min(cell_len(name), max(LEAST_KEY, width // 2))
    while len(texts) > 1 and sum(len(fact) + 3 for fact in texts) > room:
        texts.pop()
    rest = "".join(f" · {fact}" for fact in texts)
    name = _shortened(name, max(LEAST_KEY, width - len(mark) - len(rest)))
    return [(mark, "heading"), (name, "heading"), (rest, "dim")]


def heading_text(group: Group) -> str:
    """Return the whole title of a group and how many runs it has."""
    return f"{group.title or NO_VALUE} · {counted(group.end - group.start, 'run')}"


def _fact_texts(facts: GroupFacts | None, runs: int) -> list[str]:
    """Return the facts about a group of `runs` runs; rates and means name how many they cover."""
    if facts is None:
        return ["…"]
    texts = [f"{facts.with_errors:.0%} with errors"]
    if facts.outcomes:
        texts.append(f"{facts.failed:,} of {facts.outcomes:,} failed")
    if facts.reward is not None:
        suffix = f" of {counted(facts.rewarded, 'run')}" if facts.rewarded < runs else ""
        texts.append(f"reward {short_number(facts.reward)}{suffix}")
    if facts.rewards is not None:
        texts.append(f"rewards {_reward_range(*facts.rewards)}")
    texts += [f"{facts.turns:.1f} turns", f"{facts.calls:.1f} calls"]
    if facts.tokens_in is not None:
        texts.append(f"{short_size(round(facts.tokens_in))} tokens in")
    if facts.tokens_out is not None:
        texts.append(f"{short_size(round(facts.tokens_out))} out")
    if facts.cost is not None:
        texts.append(f"${short_number(facts.cost)}")
    if facts.duration is not None:
        texts.append(f"{short_number(facts.duration)} s")
    return texts


@lru_cache(maxsize=64)
def _fitted_apart(texts: tuple[str, ...], width: int) -> dict[str, str]:
    return fit_apart(texts, width)


def _reward_range(lowest: float, highest: float) -> str:
    """Return the range of rewards; a group in which all are equal teaches a policy nothing."""
    if lowest == highest:
        return "all equal"
    return f"{short_number(lowest)} to {short_number(highest)}"


def _shortened(text: str, room: int) -> str:
    return text if cell_len(text) <= room else visible_line(text, max(1, room - 1))


def tree_text(branch: Branch) -> str:
    """Return the part of the tree that is drawn before a run; empty if it has no relatives."""
    if not branch.depth and not branch.below:
        return ""
    indent = "  " * (min(branch.depth, DEEPEST_SHOWN) - 1) + "└ " if branch.depth else ""
    if not branch.below:
        return indent
    return f"{indent}{FOLDED} +{branch.below} " if branch.is_folded else f"{indent}{OPEN} "
