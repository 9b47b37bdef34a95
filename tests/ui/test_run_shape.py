"""The parent of a run after its row is replaced."""

from __future__ import annotations

from hermes_tui.ui.runs.shape import RunShape


def test_a_row_without_a_parent_is_no_longer_a_child() -> None:
    shape = RunShape()
    shape.note_again(1, "parent")
    assert shape.has_children
    shape.note_again(1, "")
    assert not shape.has_children
