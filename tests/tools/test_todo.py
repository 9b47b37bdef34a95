"""The task list."""

from __future__ import annotations

from typing import Any

import pytest

from hermes_tui.runtime.tools.todo import TodoStore

MILK = {"id": "1", "content": "buy milk", "status": "pending"}
BREAD = {"id": "2", "content": "bake bread", "status": "in_progress"}


def test_an_empty_list_can_be_read() -> None:
    summary = {"total": 0, "pending": 0, "in_progress": 0, "completed": 0, "cancelled": 0}
    assert TodoStore().update() == {"todos": [], "summary": summary}


def test_a_new_list_replaces_the_old_one() -> None:
    store = TodoStore()
    store.update([MILK])
    assert store.update([BREAD])["todos"] == [BREAD]


def test_merging_changes_items_by_id_and_adds_new_ones() -> None:
    store = TodoStore()
    store.update([MILK])
    result = store.update([{"id": 1, "status": "completed"}, BREAD], True)
    assert result["todos"] == [{**MILK, "status": "completed"}, BREAD]
    assert result["summary"]["completed"] == 1


def test_a_list_as_a_json_text_is_accepted() -> None:
    assert TodoStore().update('[{"content": "x"}]')["todos"] == [
        {"id": "1", "content": "x", "status": "pending"}
    ]


@pytest.mark.parametrize(
    ("todos", "error"),
    [
        ("[1", "todos is a text that is not JSON: Expecting ',' delimiter"),
        ({"a": 1}, "todos must be an array of objects, not dict"),
        ([MILK, 5], "item 2: must be an object, not int"),
        ([{"id": "1"}], "item 1: content must be a text that is not empty"),
        ([{**MILK, "status": "done"}], "item 1: status 'done' is not one of pending, in_progress"),
        ([{**MILK, "status": []}], "item 1: status [] is not one of"),
    ],
)
def test_a_wrong_item_is_reported_and_nothing_changes(todos: Any, error: str) -> None:
    store = TodoStore()
    store.update([BREAD])
    result = store.update(todos)
    assert result["error"].startswith(error)
    assert result["todos"] == [BREAD]
