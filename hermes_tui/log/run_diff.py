"""What two runs did differently: their messages, calls and results side by side, turn by turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby, zip_longest
from typing import Any, Final, NamedTuple, TypeVar

from hermes_tui.log.run_steps import Step, steps
from hermes_tui.model import events as ev

_MAX_MATCHED: Final = 2_000
_MAX_PAIRED: Final = 200
"""With more items than this, nothing is matched and items are paired in order: matching is
quadratic, and worse as there are only a few kinds of steps."""

Item = TypeVar("Item")
Pair = tuple[Item | None, Item | None]


class DiffRow(NamedTuple):
    """A step of both runs, or of one. A row may have both sides even if they differ."""

    left: Step | None
    right: Step | None

    @property
    def is_same(self) -> bool:
        return self.left is not None and self.right is not None and self.left.key == self.right.key


def run_diff(left: Iterable[ev.Event], right: Iterable[ev.Event]) -> list[DiffRow]:
    """Return the steps of both logs side by side, including those that they share."""
    old, new = steps(left), steps(right)
    shared = _shared_length(old, new)
    rows = [DiffRow(*pair) for pair in zip(old[:shared], new[:shared], strict=True)]
    return rows + list(_match_steps(old[shared:], new[shared:]))


def first_difference(rows: Sequence[DiffRow]) -> DiffRow | None:
    """Return the first row in which the runs differ, or None if they did the same."""
    return next((row for row in rows if not row.is_same), None)


def _shared_length(old: Sequence[Step], new: Sequence[Step]) -> int:
    for count, (left, right) in enumerate(zip(old, new, strict=False)):
        if left.key != right.key:
            return count
    return min(len(old), len(new))


def _match_steps(old: list[Step], new: list[Step]) -> Iterator[DiffRow]:
    """Pair equal steps, and the steps between them turn by turn."""
    if max(len(old), len(new)) > _MAX_MATCHED:
        yield from _pair_turns(old, new)
        return
    matcher = SequenceMatcher(None, [s.key for s in old], [s.key for s in new], autojunk=False)
    for tag, start, end, other, other_end in matcher.get_opcodes():
        before, after = old[start:end], new[other:other_end]
        if tag == "equal":
            yield from (DiffRow(*pair) for pair in zip(before, after, strict=True))
        else:
            yield from _pair_turns(before, after)


def _pair_turns(old: list[Step], new: list[Step]) -> Iterator[DiffRow]:
    """Pair turns of the same shape, then the steps within them."""
    before, after = _turns(old), _turns(new)
    for left, right in _pair_items(
        before, after, [_shape(t) for t in before], [*map(_shape, after)]
    ):
        yield from _pair_in_turn(left or [], right or [])


def _turns(run: list[Step]) -> list[list[Step]]:
    return [list(group) for _, group in groupby(run, key=lambda step: step.turn)]


def _shape(turn: list[Step]) -> tuple[tuple[str, str], ...]:
    return tuple((step.kind, step.title) for step in turn)


def _pair_in_turn(old: list[Step], new: list[Step]) -> Iterator[DiffRow]:
    """Pair steps of the same kind, as far as that keeps their order."""
    pairs = _pair_items(old, new, [s.kind for s in old], [s.kind for s in new], same_only=True)
    for left, right in pairs:
        if left is not None and right is not None and left.kind is not right.kind:
            yield from (DiffRow(left, None), DiffRow(None, right))
        else:
            yield DiffRow(left, right)


def _pair_items(
    old: Sequence[Item],
    new: Sequence[Item],
    before: Sequence[Any],
    after: Sequence[Any],
    *,
    same_only: bool = False,
) -> Iterator[Pair[Item]]:
    """Pair items whose keys (`before`, `after`) are equal, in order, and the others by position.

    With `same_only` the others are not paired; those of `old` come first.
    """
    if max(len(old), len(new)) > _MAX_PAIRED:
        yield from zip_longest(old, new)
        return
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, start, end, other, other_end in matcher.get_opcodes():
        if tag == "equal" or not same_only:
            yield from zip_longest(old[start:end], new[other:other_end])
        else:
            yield from ((item, None) for item in old[start:end])
            yield from ((None, item) for item in new[other:other_end])
