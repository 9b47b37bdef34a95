"""Paths into fields that have no members are refused, with a hint at the field that has them."""

from __future__ import annotations

import pytest

from hermes_tui.log.expressions import ExpressionError
from hermes_tui.log.plain_fields import PLAIN, check_members
from hermes_tui.log.query import FIELDS as ROW_FIELDS
from hermes_tui.log.run_fields import FILE_FIELDS
from hermes_tui.ui.runs.fields import FILTER_NAMES
from hermes_tui.ui.runs.filter import RunFilter
from hermes_tui.ui.runs.places import RunPlaces
from hermes_tui.ui.runs.search import RunSearch

OBJECTS = {"codes", "tools", "failed_tools", "scores", "args", "arguments"}


def test_for_every_field_it_is_known_whether_it_has_members() -> None:
    assert PLAIN.keys() | OBJECTS >= {*FILTER_NAMES, *ROW_FIELDS, *FILE_FIELDS}
    assert not PLAIN.keys() & OBJECTS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tool_errors.bash > 0", "tool_errors is a number and has no .bash"),
        (" turns > 1 and tool_errors['rm -r']", "tool_errors is a number and has no ['rm -r']"),
        ("model.name == 'x'", "model is a text and has no .name"),
        ("not found.it", "found is true or false and has no .it"),
    ],
)
def test_a_path_into_a_number_or_a_text_is_refused(text: str, expected: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        check_members(text, FILTER_NAMES)
    assert refused.value.message == expected


@pytest.mark.parametrize(
    "text",
    [
        "failed_tools.bash > 0 and codes['X'] < 3",
        "model.startswith('a') and task.contains('b')",
        "task[0] == 'x' and args.text.name == 3",
        "\n tools.tool_errors > 1",
    ],
)
def test_paths_into_members_functions_and_indices_are_accepted(text: str) -> None:
    check_members(text, {*FILTER_NAMES, *ROW_FIELDS})


def test_the_hint_names_the_intended_field_only_if_it_exists_here() -> None:
    wrong = RunFilter([], RunPlaces(), RunSearch([])).begin("tool_errors.bash > 0")
    assert "did you mean failed_tools.bash?" in wrong
    with pytest.raises(ExpressionError) as refused:
        check_members("name.command == 'ls'", ROW_FIELDS)
    assert refused.value.hint == "did you mean args.command?"
    with pytest.raises(ExpressionError) as refused:
        check_members("name.command == 'ls'", FILTER_NAMES)
    assert refused.value.hint == ""
