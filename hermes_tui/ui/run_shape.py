"""How the listed runs stand to each other: in groups of one value, or children below their parent.

A run is known by its place in the rows, a listed one by its position in the order. Pure.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hermes_tui.ui.run_fields import column

if TYPE_CHECKING:
    from hermes_tui.ui.run_table import RunRow

GROUPINGS: Final = ("codes", "status", "model", "task", "group", "file", "format", "parser")
"""Fields whose values runs can be grouped by; of `codes` all that a run has together."""
MANY_GROUPS: Final = 0.9
"""A grouping by which more than this part of the runs would stand alone is not offered."""
FEW_RUNS: Final = 8
"""Of so few, every grouping that tells them apart is."""
LOOKED_AT: Final = 2_000
DEEPEST: Final = 255


class Group(NamedTuple):
    """The listed runs `[start, end)` have the same value `key` in the field grouped by."""

    key: str
    start: int
    end: int


class Standing(NamedTuple):
    """The listed runs in the order in which they stand, and how.

    `depths` says how deep each stands, by position; it is None where all stand at the edge.
    """

    order: array[int]
    groups: tuple[Group, ...] = ()
    depths: array[int] | None = None


class RunShape:
    """Puts sorted runs into groups or into the tree of their parents."""

    def __init__(self) -> None:
        self.grouping = ""
        self.is_tree = True
        """Whether children stand below their parent; where there are groups they do not."""
        self._parent_ids: dict[int, str] = {}
        self._parents: dict[int, int] | None = None
        self._noted = 0

    def note(self, rows: Sequence[RunRow]) -> None:
        """Look which of the rows that are new have a parent."""
        first, self._noted = self._noted, len(rows)
        if first < self._noted:
            parents = column(rows[first : self._noted], "parent")
            found = ((first + n, parent) for n, parent in enumerate(parents) if parent)
            self._parent_ids.update(found)
            if self._parents is not None and len(self._parents) < len(self._parent_ids):
                # The parents that are missing so far may be among the new rows.
                self._parents = None

    def note_again(self, place: int, parent: str) -> None:
        """Take in that a row was replaced by one with this parent, if any."""
        if parent:
            self._parent_ids[place] = parent
        self._parents = None

    @property
    def has_children(self) -> bool:
        """Whether any run names a parent."""
        return bool(self._parent_ids)

    @property
    def is_plain(self) -> bool:
        """Whether runs stand one below the other as they are sorted, and nothing else."""
        return not self.grouping and not (self.is_tree and self.has_children)

    def arranged(
        self, places: array[int], rows: Sequence[RunRow], file_of: Callable[[int], int]
    ) -> Standing:
        """Return sorted runs as they stand in groups or in the tree."""
        if self.is_plain:
            return Standing(places)
        if self.grouping:
            return _in_groups(places, group_keys(rows, self.grouping))
        return _in_tree(places, self.parents(rows, file_of))

    def parents(self, rows: Sequence[RunRow], file_of: Callable[[int], int]) -> dict[int, int]:
        """Return the place of the parent of each run that has one among the rows."""
        if self._parents is None:
            self._parents = _resolved(self._parent_ids, rows, file_of)
        return self._parents


def _in_groups(places: array[int], keys: Sequence[str]) -> Standing:
    """Put the groups of most runs first."""
    members: dict[str, array[int]] = {}
    for place in places:
        key = keys[place]
        if key in members:
            members[key].append(place)
        else:
            members[key] = array("I", (place,))
    order = array("I")
    groups = []
    for key, group in sorted(members.items(), key=lambda item: (-len(item[1]), item[0])):
        groups.append(Group(key, len(order), len(order) + len(group)))
        order += group
    return Standing(order, tuple(groups))


def _in_tree(places: array[int], parents: dict[int, int]) -> Standing:
    """Put children below their parent where that is listed, too."""
    listed = set(places)
    children: dict[int, list[int]] = {}
    for place in places:
        parent = parents.get(place)
        if parent is not None and parent in listed:
            children.setdefault(parent, []).append(place)
    below = {place for group in children.values() for place in group}
    order, depths = array("I"), array("B")
    seen: set[int] = set()
    # Those left over name each other as parents, in a circle.
    for root in (*(place for place in places if place not in below), *places):
        for place, depth in _walk(root, children, seen):
            order.append(place)
            depths.append(min(depth, DEEPEST))
    return Standing(order, depths=depths if children else None)


def _walk(root: int, children: dict[int, list[int]], seen: set[int]) -> Iterator[tuple[int, int]]:
    """Yield a run and all below it with their depth, each only once in all walks."""
    waiting = [(root, 0)]
    while waiting:
        place, depth = waiting.pop()
        if place not in seen:
            seen.add(place)
            yield place, depth
            waiting += ((child, depth + 1) for child in reversed(children.get(place, ())))


def _resolved(
    parent_ids: dict[int, str], rows: Sequence[RunRow], file_of: Callable[[int], int]
) -> dict[int, int]:
    """Find parents by their ids: in the child's own file before any other, never the run itself."""
    wanted = set(parent_ids.values()) - {""}
    candidates: dict[str, list[int]] = {}
    for place, run_id in enumerate(column(rows, "id")):
        if run_id in wanted:
            candidates.setdefault(run_id, []).append(place)
    parents = {}
    for child, parent_id in parent_ids.items():
        others = [place for place in candidates.get(parent_id, ()) if place != child]
        if others:
            own_file = file_of(child)
            parents[child] = next((p for p in others if file_of(p) == own_file), others[0])
    return parents


def group_keys(rows: Sequence[RunRow], grouping: str) -> list[str]:
    """Return the group that each run belongs to."""
    values: Sequence[Any] = column(rows, grouping)
    if grouping != "codes":
        return list(values)
    # Runs may share one object: it is spelled once.
    spelled = {id(codes): " + ".join(codes) for codes in values}
    return [spelled[id(codes)] for codes in values]


def groupings_of(rows: Sequence[RunRow]) -> list[str]:
    """Return the fields by which these runs fall into several groups, not each into its own.

    Of a long list only the first and last runs are looked at.
    """
    parts = [rows[:LOOKED_AT], rows[max(LOOKED_AT, len(rows) - LOOKED_AT) :]]
    return [
        name
        for name in GROUPINGS
        if _is_worth_it([key for part in parts for key in group_keys(part, name)])
    ]


def _is_worth_it(keys: list[str]) -> bool:
    different = len(set(keys))
    return different > 1 and (len(keys) < FEW_RUNS or different <= MANY_GROUPS * len(keys))
