"""Whose child a run is, as rows are replaced by others."""

from __future__ import annotations

from hermes_tui.ui.runs.shape import RunShape


def test_a_row_that_no_longer_names_a_parent_is_no_child_any_more() -> None:
    shape = RunShape()
    shape.note_again(1, "parent")
    assert shape.has_children
    shape.note_again(1, "")
    assert not shape.has_children
