"""The parent of a run after its row is replaced."""

from __future__ import annotations

from hermes_tui.ui.runs.arrangement import RunArrangement


def test_a_row_without_a_parent_is_no_longer_a_child() -> None:
    arrangement = RunArrangement()
    arrangement.note_again(1, "parent")
    assert arrangement.has_children
    arrangement.note_again(1, "")
    assert not arrangement.has_children
