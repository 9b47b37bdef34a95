"""Stepping through a parse: in, over, out, to the next failure. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.parsers.base import ParseStep

FAILED: Final = frozenset(
    {"refused", "failed", "raised", "lost", "dropped", "voided", "unclosed", "not closed"}
)
"""Outcomes of a step at which a possible call failed to become one."""
_LOOK_BACK: Final = 64
"""Steps that begin before an offset and are searched for the innermost one that contains it."""


def is_failure(step: ParseStep) -> bool:
    return step.outcome in FAILED


def over(steps: Sequence[ParseStep], index: int) -> int:
    """Return the next step that is not inside this one, or the last step if there is none."""
    return _next_within_depth(steps, index, steps[index].depth)


def out(steps: Sequence[ParseStep], index: int) -> int:
    """Return the step after the part that this one is in, or the last step if there is none."""
    return _next_within_depth(steps, index, steps[index].depth - 1)


def _next_within_depth(steps: Sequence[ParseStep], index: int, depth: int) -> int:
    """Return the next step that is no deeper than `depth`, or the last step if there is none."""
    later = range(index + 1, len(steps))
    return next((at for at in later if steps[at].depth <= depth), len(steps) - 1)


def step_of_each(steps: Sequence[ParseStep], findings: Sequence[Diagnostic]) -> list[int | None]:
    """Return, for each finding, the innermost step that contains its span, or None.

    A finding that sound calls are lost belongs to the last step, if that keeps the whole text.
    """
    order = sorted(range(1, len(steps)), key=lambda index: (steps[index].span.start, index))
    starts = [steps[index].span.start for index in order]
    kept = len(steps) - 1 if steps and steps[-1].rule == "keep" else None
    return [
        kept
        if kept and finding.code is Code.SIBLING_VOIDED
        else _innermost_step(steps, order, starts, finding)
        for finding in findings
    ]


def _innermost_step(
    steps: Sequence[ParseStep], order: list[int], starts: list[int], finding: Diagnostic
) -> int | None:
    span = finding.span
    if span is None:
        return None
    end = bisect_right(starts, span.start)
    holding = [
        index
        for index in order[max(0, end - _LOOK_BACK) : end]
        if steps[index].span.end >= min(span.end, span.start + 1)
    ]
    if not holding:
        return None
    failed = [index for index in holding if is_failure(steps[index])]
    return min(failed or holding, key=lambda index: (len(steps[index].span), index))


def stops(
    steps: Sequence[ParseStep], findings: Sequence[Diagnostic], holders: Sequence[int | None]
) -> list[int]:
    """Return the steps at which `continue` stops: failures, and those that a finding is about.

    `holders` are the steps of the findings, as returned by `step_of_each`.
    """
    indices = {
        holder
        for holder, finding in zip(holders, findings, strict=True)
        if holder is not None and finding.severity is not Severity.NOTE
    }
    indices.update(index for index, step in enumerate(steps) if index and is_failure(step))
    return sorted(indices)


def first_change(before: Sequence[ParseStep], after: Sequence[ParseStep]) -> int | None:
    """Return the first step that differs from before, or None if none does."""
    for index, (old, new) in enumerate(zip(before, after, strict=False)):
        if index and (old.rule, old.outcome, old.detail) != (new.rule, new.outcome, new.detail):
            return index
    if len(before) == len(after):
        return None
    return max(0, min(len(before), len(after) - 1))
