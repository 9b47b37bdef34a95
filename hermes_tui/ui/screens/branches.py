"""The branches of a live run as a tree, and the differences between two of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final

from textual.widget import Widget

from hermes_tui.log.run_diff import run_diff
from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted
from hermes_tui.ui.render.branches import (
    branch_rows,
    forked_from,
    standing,
)
from hermes_tui.ui.render.comparison import comparison
from hermes_tui.ui.render.page import Page
from hermes_tui.ui.screens.comparison import ComparisonScreen
from hermes_tui.ui.screens.dialog import Dialog, dialog_bindings
from hermes_tui.ui.screens.moving import Moving
from hermes_tui.ui.widgets.row_list import Row, RowList, Rows
from hermes_tui.ui.widgets.text_view import TextView

if TYPE_CHECKING:
    from hermes_tui.runtime.branches import Branch

REFRESH_EVERY_S = 0.5
"""How often rows are reloaded, since branches that are not on screen continue to run."""
_NAME, _STANDING, _NUMBER = 18, 30, 9
_WIDE: Final = 96


class BranchesScreen(Moving, Dialog["Branch | None"]):
    """Lists branches; returns the one to go to, or None if it is cancelled."""

    scope = "branches"
    BINDINGS: ClassVar = dialog_bindings("branches")
    why_not = MappingProxyType({"branches-compare": "mark another branch with space first"})
    DEFAULT_CSS = "BranchesScreen #about { height: 5; margin-top: 1; }"

    def __init__(self, branches: Sequence[Branch], current: Branch) -> None:
        super().__init__("Branches of this run")
        self._rows = branch_rows(branches)
        self._shown = current
        self._marked: list[Branch] = []
        self._origins = {row.branch: forked_from(row.branch) for row in self._rows}

    def body(self) -> Iterable[Widget]:
        yield RowList(
            Rows(self._rows.__len__, self._row), resolve=self.hermes.style, header=_header
        )
        about = TextView(resolve=self.hermes.style, id="about")
        about.can_focus = False
        yield about

    def on_mount(self) -> None:
        rows = self.query_one(RowList)
        rows.focus()
        rows.go(
            next((i for i, r in enumerate(self._rows) if r.branch is self._shown), 0), quiet=True
        )
        self._show_about()
        self.set_interval(REFRESH_EVERY_S, self._refresh_rows)

    def _refresh_rows(self) -> None:
        self.query_one(RowList).rows_changed(0)
        self._show_about()

    def _row(self, index: int, width: int) -> Row:
        """Return the row of a branch: its name in the tree, its state, its cost."""
        branch, tree = self._rows[index]
        mark = "[x] " if branch in self._marked else "    "
        name = visible_line(tree + branch.name, _NAME)
        stands = visible_line(standing(branch), _STANDING)
        numbers = f"{len(branch.log):>{_NUMBER},} {branch.driver.tokens:>{_NUMBER},}"
        return [
            (mark, "mark"),
            (f"{name:<{_NAME}} ", "strong" if branch is self._shown else "text"),
            (f"{stands:<{_STANDING}} ", ""),
            (numbers, "number"),
            (f"   {self._origins[branch]}" if width >= _WIDE else "", "dim"),
        ]

    @property
    def current(self) -> Branch:
        """The branch under the cursor."""
        return self._rows[self.query_one(RowList).cursor].branch

    def follow_cursor(self, row_list: RowList) -> None:
        self.show_title()
        self._show_about()
        self.refresh_bar()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        self.do_open()

    def _show_about(self) -> None:
        branch, page = self.current, Page()
        page.fields(
            {
                "branch": branch.name + (", shown now" if branch is self._shown else ""),
                "forked from": self._origins[branch] + f", {counted(branch.shared, 'event')} shared"
                if branch.parent
                else "",
                "state": standing(branch),
                "recorded in": str(branch.path) if branch.path else "not recorded",
            }
        )
        self.query_one("#about", TextView).set_document(page.document(), keep_position=True)

    # Keys

    def offers(self, key_id: str) -> bool:
        return self._pair() is not None if key_id == "branches-compare" else True

    def _pair(self) -> tuple[Branch, Branch] | None:
        """Return the branches to compare: two marked, a marked and this one, or parent and this."""
        order = [row.branch for row in self._rows]
        chosen = self._marked if len(self._marked) == 2 else [*self._marked, self.current]
        if len(set(chosen)) == 2:
            first, second = sorted(chosen, key=order.index)
            return first, second
        current = self.current
        return (current.parent, current) if current.parent is not None else None

    def do_open(self) -> None:
        self.dismiss(self.current)

    def do_mark(self) -> None:
        """Mark the branch, or remove its mark; the last two marks count."""
        branch = self.current
        if branch in self._marked:
            self._marked.remove(branch)
        else:
            self._marked = [*self._marked[-1:], branch]
        self.query_one(RowList).rows_changed(0)
        self.show_title()
        self.refresh_bar()

    def focused_pane(self) -> RowList:
        return self.query_one(RowList)

    def do_compare(self) -> None:
        pair = self._pair()
        if pair is not None:
            left, right = pair
            rows = run_diff(left.log, right.log)
            found = comparison(rows, left.name, right.name)
            self.app.push_screen(ComparisonScreen(left.name, right.name, found))


def _header(width: int) -> list[Row]:
    text = f"{'':4}{'branch':<{_NAME}} {'state':<{_STANDING}} {'events':>{_NUMBER}}"
    text += f" {'tokens':>{_NUMBER}}"
    return [[(text + ("   forked from" if width >= _WIDE else ""), "heading")]]
