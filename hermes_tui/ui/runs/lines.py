"""The lines of the list of runs: headings of groups, and runs that are not folded."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import accumulate
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from hermes_tui.ui.runs.arrangement import Group

if TYPE_CHECKING:
    from hermes_tui.ui.runs.arranged_runs import ArrangedRuns


class Branch(NamedTuple):
    """The position of a run in the tree: how deep it is, and how many runs are below it."""

    depth: int = 0
    below: int = 0
    is_folded: bool = False


class RunLines:
    """Maps lines to runs by their position in the model's order, and back.

    Without groups and children, a line is a position and nothing is stored; for groups, only the
    lines of their headings are. Between two calls of `update` the model may list other runs: a
    line that no longer exists is empty.
    """

    def __init__(self, model: ArrangedRuns) -> None:
        self.model = model
        self.folded_groups: set[str] = set()
        self.folded_runs: set[int] = set()
        """Places of runs whose children are hidden."""
        self._lines: array[int] | None = None
        """The position on each line if some runs are folded."""
        self._groups: tuple[Group, ...] = ()
        self._headings = array("I")
        """The line of the heading of each group, followed by the number of lines."""
        self._made_for: object = None
        self._foldings = 0

    def __len__(self) -> int:
        if self._groups:
            return self._headings[-1]
        return len(self.model) if self._lines is None else len(self._lines)

    def update(self) -> bool:
        """Take over the order of the model; return whether any line has moved."""
        _, groups, depths = self.model.standing
        state = (self.model.revision, self._foldings)
        if state == self._made_for:
            return False
        self._made_for = state
        before, self._lines = (self._lines, self._headings), None
        self._groups, self._headings = groups, self._headings_of(groups)
        if not groups and depths is not None and self.folded_runs:
            self._lines = self._visible_positions(depths)
        return (self._lines, self._headings) != before

    def _headings_of(self, groups: tuple[Group, ...]) -> array[int]:
        folded = self.folded_groups
        lengths = (1 if group.key in folded else 1 + group.end - group.start for group in groups)
        return array("I", accumulate(lengths, initial=0))

    def _visible_positions(self, depths: array[int]) -> array[int]:
        lines = array("q")
        hidden_below = None
        for position, place in enumerate(self.model.order):
            if hidden_below is not None and depths[position] > hidden_below:
                continue
            hidden_below = depths[position] if place in self.folded_runs else None
            lines.append(position)
        return lines

    def position(self, line: int) -> int | None:
        """Return the run on a line; None for a heading, and if there is no such line."""
        if not 0 <= line < len(self):
            return None
        if self._groups:
            number = self._group_at(line)
            position = self._groups[number].start + line - self._headings[number] - 1
            if line == self._headings[number]:
                return None
        else:
            position = line if self._lines is None else self._lines[line]
        return position if 0 <= position < len(self.model) else None

    def _group_at(self, line: int) -> int:
        """Return the number of the group that a line belongs to."""
        return bisect_right(self._headings, line, 0, len(self._groups)) - 1

    def group(self, line: int) -> Group | None:
        """Return the group whose heading is on a line."""
        groups = self._groups
        if not groups or groups is not self.model.standing.groups or not 0 <= line < len(self):
            return None
        number = self._group_at(line)
        return groups[number] if line == self._headings[number] else None

    def line_of(self, position: int) -> int:
        """Return the line of a run, or of the heading or run that it is folded into."""
        if not self._groups:
            lines = self._lines
            return position if lines is None else max(0, bisect_right(lines, position) - 1)
        number = self._group_of(position)
        group, heading = self._groups[number], self._headings[number]
        return heading if group.key in self.folded_groups else heading + 1 + position - group.start

    def _group_of(self, position: int) -> int:
        """Return the number of the group that holds a run."""
        return bisect_right(self._groups, position, key=attrgetter("start")) - 1

    def line_of_group(self, key: str) -> int | None:
        """Return the line of a heading, or None if there is no such group (any more)."""
        numbers = (n for n, group in enumerate(self._groups) if group.key == key)
        number = next(numbers, None)
        return None if number is None else self._headings[number]

    def branch(self, position: int) -> Branch:
        """Return the position of a run in the tree."""
        depths = self.model.standing.depths
        if depths is None or position >= len(depths):
            return Branch()
        depth = depths[position]
        end = position + 1
        while end < len(depths) and depths[end] > depth:
            end += 1
        is_folded = self.model.order[position] in self.folded_runs
        return Branch(depth, end - position - 1, is_folded)

    def toggle(self, line: int) -> bool:
        """Fold or unfold what is below a line, or else the group or run that it is below.

        Returns whether there was anything to fold.
        """
        self._foldings += 1
        group, position = self.group(line), self.position(line)
        if group is not None:
            self.folded_groups ^= {group.key}
            return True
        if position is None:
            return False
        if self._groups:
            self.folded_groups ^= {self._groups[self._group_of(position)].key}
            return True
        return self._toggle_branch(position)

    def _toggle_branch(self, position: int) -> bool:
        depths = self.model.standing.depths
        if depths is None:
            return False
        if not self.branch(position).below:
            above = (at for at in range(position - 1, -1, -1) if depths[at] < depths[position])
            position = next(above, -1)
        if position < 0:
            return False
        self.folded_runs ^= {self.model.order[position]}
        return True

    def toggle_all(self) -> bool:
        """Unfold everything if anything is folded, else fold it; return whether there is any."""
        depths = self.model.standing.depths
        self._foldings += 1
        if self.folded_groups or self.folded_runs:
            self.folded_groups, self.folded_runs = set(), set()
            return True
        if self._groups:
            self.folded_groups = {group.key for group in self._groups}
        elif depths is not None:
            order = self.model.order
            self.folded_runs = {
                order[at] for at in range(len(depths) - 1) if depths[at + 1] > depths[at]
            }
        return bool(self.folded_groups or self.folded_runs)

    def unfold(self, position: int) -> None:
        """Unfold whatever hides a run."""
        depths = self.model.standing.depths
        self._foldings += 1
        if self._groups:
            self.folded_groups.discard(self._groups[self._group_of(position)].key)
        elif depths is not None:
            depth = depths[position]
            for at in range(position - 1, -1, -1):
                if depths[at] < depth:
                    depth = depths[at]
                    self.folded_runs.discard(self.model.order[at])
