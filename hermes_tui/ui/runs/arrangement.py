"""The arrangement of the listed runs: in groups of one value, or children below their parent.

A run is identified by its place in the rows, a listed one by its position in the order. Pure; slow
work is done in steps.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hermes_tui.ui.runs.fields import column
from hermes_tui.ui.runs.group_order import Order, group_means
from hermes_tui.ui.runs.grouping import GROUPINGS, GroupKeys, names_of
from hermes_tui.ui.runs.steps import Steps, pieces, sorted_in_steps

if TYPE_CHECKING:
    from hermes_tui.ui.runs.table import RunRow

MANY_GROUPS: Final = 0.9
"""A grouping that would leave more than this share of the runs alone is not offered."""
FEW_TO_GROUP: Final = 8
"""With fewer runs than this, every grouping that distinguishes them is offered."""
SAMPLED_ROWS: Final = 2_000
MAX_DEPTH: Final = 255


class Group(NamedTuple):
    """The listed runs `[start, end)`, which have the value `key` in the field grouped by.

    `has_namesakes`: other groups have the same `title`.
    """

    key: str
    start: int
    end: int
    title: str
    has_namesakes: bool = False


class Standing(NamedTuple):
    """The listed runs in their present order, and their groups or tree.

    `depths` holds how deep each is in the tree, by position; it is None if none is below another.
    """

    order: array[int]
    groups: tuple[Group, ...] = ()
    depths: array[int] | None = None


class RunArrangement:
    """Puts sorted runs into groups or into the tree of their parents."""

    def __init__(self) -> None:
        self.grouping = ""
        self.is_tree = True
        """Whether children are placed below their parent, which they are only without groups."""
        self._parent_ids: dict[int, str] = {}
        self._parents: dict[int, int] | None = None
        self._noted_rows = self._changes = 0

    def note(self, rows: Sequence[RunRow]) -> None:
        """Find out which of the new rows have a parent."""
        first, self._noted_rows = self._noted_rows, len(rows)
        if first < self._noted_rows:
            self._changes += 1
            parents = column(rows[first : self._noted_rows], "parent")
            found = ((first + n, parent) for n, parent in enumerate(parents) if parent)
            self._parent_ids.update(found)
            if self._parents is not None and len(self._parents) < len(self._parent_ids):
                # Parents that are missing so far may be among the new rows.
                self._parents = None

    def note_again(self, place: int, parent: str) -> None:
        """Note that a row was replaced by one with this parent, if any."""
        if parent:
            self._parent_ids[place] = parent
        else:
            self._parent_ids.pop(place, None)
        self._changes += 1
        self._parents = None

    @property
    def has_children(self) -> bool:
        """Whether any run names a parent."""
        return bool(self._parent_ids)

    @property
    def is_plain(self) -> bool:
        """Whether runs are only sorted, without groups or a tree."""
        return not self.grouping and not (self.is_tree and self.has_children)

    @property
    def passes(self) -> int:
        """About how often `arranged` goes over each run."""
        return 0 if self.is_plain else 5

    def arranged(
        self,
        places: array[int],
        rows: Sequence[RunRow],
        file_of: Callable[[int], int],
        order: Order,
    ) -> Steps[Standing]:
        """Return runs, sorted by `order`, arranged in groups or in the tree.

        `places` are places in `rows`.
        """
        if self.is_plain:
            return Standing(places)
        if self.grouping:
            return (yield from _arrange_in_groups(places, rows, self.grouping, order))
        parents = yield from self.parents(rows, file_of)
        return (yield from _arrange_in_tree(places, parents, len(rows)))

    def parents(
        self, rows: Sequence[RunRow], file_of: Callable[[int], int]
    ) -> Steps[dict[int, int]]:
        """Return the place of the parent of each run that has one among the rows."""
        if self._parents is not None:
            return self._parents
        changes = self._changes
        parents = yield from _find_parents(dict(self._parent_ids), rows, file_of)
        if changes == self._changes:
            self._parents = parents
        return parents


def _arrange_in_groups(
    places: array[int], rows: Sequence[RunRow], grouping: str, order: Order
) -> Steps[Standing]:
    """Arrange runs in groups, which are sorted by `group_means`, then by size, largest first, and
    then in the order of their first runs.

    If the list is sorted by the field that they are grouped by, groups are in the order of that.
    """
    numbers: dict[str, int] = {}
    group_of, keys_of = array("I"), GroupKeys(grouping)
    for piece in pieces(len(rows)):
        for key in keys_of.of(rows[piece.start : piece.stop]):
            group_of.append(numbers.setdefault(key, len(numbers)))
        yield len(piece)
    sizes: Counter[int] = Counter()
    for piece in pieces(len(places)):
        sizes.update(map(group_of.__getitem__, places[piece.start : piece.stop]))
        yield len(piece)
    means = yield from group_means(places, rows, group_of, len(numbers), order)
    is_by_name = order.name == grouping
    by_order: list[tuple[Any, ...]] = [
        (means[number], key) if is_by_name else (means[number], -sizes[number], number)
        for key, number in numbers.items()
    ]
    ranked = yield from sorted_in_steps(
        array("I", range(len(by_order))), by_order, descending=is_by_name and order.descending
    )
    ranks = array("I", bytes(ranked.itemsize * len(ranked)))
    key_of = list(numbers)
    keys = [key_of[number] for number in ranked if sizes[number]]
    names = iter(zip(keys, names_of(keys, grouping), strict=True))
    groups, start = [], 0
    for rank, number in enumerate(ranked):
        ranks[number] = rank
        if size := sizes[number]:
            key, name = next(names)
            groups.append(Group(key, start, start + size, *name))
            start += size
    for piece in pieces(len(group_of)):
        some = group_of[piece.start : piece.stop]
        group_of[piece.start : piece.stop] = array("I", map(ranks.__getitem__, some))
        yield len(piece)
    return Standing((yield from sorted_in_steps(places, group_of)), tuple(groups))


def _arrange_in_tree(places: array[int], parents: dict[int, int], count: int) -> Steps[Standing]:
    """Put children below their parent if that is listed, too; places are less than `count`."""
    listed, below, seen = bytearray(count), bytearray(count), bytearray(count)
    children: dict[int, list[int]] = {}
    for piece in pieces(len(places)):
        for place in places[piece.start : piece.stop]:
            listed[place] = 1
        yield len(piece)
    for piece in pieces(len(places)):
        for place in filter(parents.__contains__, places[piece.start : piece.stop]):
            parent = parents[place]
            if parent < count and listed[parent]:
                children.setdefault(parent, []).append(place)
                below[place] = 1
        yield len(piece)
    order, depths = array("I"), array("B")
    # Runs left for the second round name each other as parents, in a cycle.
    for passed_over in (below, seen):
        for piece in pieces(len(places)):
            for root in places[piece.start : piece.stop]:
                if not passed_over[root]:
                    for place, depth in _walk(root, children, seen):
                        order.append(place)
                        depths.append(min(depth, MAX_DEPTH))
            yield len(piece)
    return Standing(order, depths=depths if children else None)


def _walk(root: int, children: dict[int, list[int]], seen: bytearray) -> Iterator[tuple[int, int]]:
    """Yield a run and all below it with their depth, each only once in all walks."""
    stack = [(root, 0)]
    while stack:
        place, depth = stack.pop()
        if not seen[place]:
            seen[place] = 1
            yield place, depth
            stack += ((child, depth + 1) for child in reversed(children.get(place, ())))


def _find_parents(
    parent_ids: dict[int, str], rows: Sequence[RunRow], file_of: Callable[[int], int]
) -> Steps[dict[int, int]]:
    """Return parents by child: found by id, in the child's own file first, never the run itself."""
    sought_ids = set(parent_ids.values()) - {""}
    candidates: dict[str, list[int]] = {}
    for piece in pieces(len(rows)):
        ids = column(rows[piece.start : piece.stop], "id")
        for place, run_id in zip(piece, ids, strict=True):
            if run_id in sought_ids:
                candidates.setdefault(run_id, []).append(place)
        yield len(piece)
    parents = {}
    for child, parent_id in parent_ids.items():
        others = [place for place in candidates.get(parent_id, ()) if place != child]
        if others:
            own_file = file_of(child)
            parents[child] = next((p for p in others if file_of(p) == own_file), others[0])
    return parents


def groupings_of(rows: Sequence[RunRow], fields: Iterable[str] = GROUPINGS) -> Iterator[str]:
    """Yield the fields by which runs form several groups, but not one group each.

    Of a long list, only the first and the last runs are examined.
    """
    parts = [rows[:SAMPLED_ROWS], rows[max(SAMPLED_ROWS, len(rows) - SAMPLED_ROWS) :]]
    for name in fields:
        keys_of = GroupKeys(name)
        if _is_useful([key for part in parts for key in keys_of.of(part)]):
            yield name


def _is_useful(keys: list[str]) -> bool:
    different = len(set(keys))
    return different > 1 and (len(keys) < FEW_TO_GROUP or different <= MANY_GROUPS * len(keys))
