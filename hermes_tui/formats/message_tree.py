"""Messages that each name their predecessor, as runs that are read from top to bottom.

A path from a root to a leaf is one conversation. Several paths come from a rewritten history, from
compaction, from subagents or from a person who tries again. The longest path is the main run. Every
other path becomes a child run with only those messages that no earlier path shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

MAX_BEFORE = 50
"""The most messages repeated at the beginning of a path that is otherwise new."""

Parents = Sequence[int | None]
"""The index of each message's predecessor, or None for a root."""


class Path(NamedTuple):
    """Indexes of messages; the first `repeated` were shown before. `leaf` identifies the path."""

    messages: list[int]
    repeated: int
    leaf: int


def sound_parents(named: Sequence[object]) -> list[int | None]:
    """Return the parents in `named`, with None for any that does not precede its child."""
    return [
        parent if type(parent) is int and 0 <= parent < index else None
        for index, parent in enumerate(named)
    ]


def paths_of(parents: Parents, is_answer: Callable[[int], bool]) -> list[Path]:
    """Return the longest path, then the others by their leaves. Every message is new in exactly one
    path.

    `is_answer` returns whether a message answers the one before it; a path that continues with an
    answer repeats what it answers. The time is linear: a path is followed up only as far as the
    previous ones.
    """
    depths: list[int] = []
    for parent in parents:
        depths.append(0 if parent is None else depths[parent] + 1)
    inner = set(parents)
    leaves = [index for index in range(len(parents)) if index not in inner]
    if leaves:
        leaves.insert(0, leaves.pop(leaves.index(max(leaves, key=lambda leaf: depths[leaf]))))
    shown: set[int] = set()
    paths = []
    for leaf in leaves:
        own, above = _unshown_part(leaf, parents, shown)
        before = _repeated_before(above, parents, is_answer, own[0])
        shown.update(own)
        paths.append(Path([*before, *own], len(before), leaf))
    return paths


def _unshown_part(leaf: int, parents: Parents, shown: set[int]) -> tuple[list[int], int | None]:
    """Return the messages from `leaf` up to the first one already shown, in order, and that one."""
    own: list[int] = []
    here: int | None = leaf
    while here is not None and here not in shown:
        own.append(here)
        here = parents[here]
    return own[::-1], here


def _repeated_before(
    above: int | None, parents: Parents, is_answer: Callable[[int], bool], first: int
) -> list[int]:
    """Return the messages to repeat: those that the first messages of a path answer."""
    before: list[int] = []
    here, answers = above, is_answer(first)
    while here is not None and answers and len(before) < MAX_BEFORE:
        before.append(here)
        answers = is_answer(here)
        here = parents[here]
    return before[::-1]
