"""A task list that one run keeps for its model."""

from __future__ import annotations

import json
from typing import Any

STATUSES = ("pending", "in_progress", "completed", "cancelled")


class TodoStore:
    """The task list, which lives as long as the run."""

    def __init__(self) -> None:
        self._items: list[dict[str, str]] = []

    def update(self, todos: Any = None, merge: Any = False) -> dict[str, Any]:
        """Return the list after `todos` replaced it or, with `merge`, changed it by id.

        If `todos` is None, the list is only read. If anything in `todos` is wrong, nothing changes,
        and `error` in the result says what and where.
        """
        error = ""
        if todos is not None:
            items, error = self._changed(todos, bool(merge))
            self._items = self._items if error else items
        result: dict[str, Any] = {"todos": [dict(item) for item in self._items]}
        result["summary"] = {"total": len(self._items)} | {
            status: sum(item["status"] == status for item in self._items) for status in STATUSES
        }
        return result | ({"error": error} if error else {})

    def _changed(self, todos: Any, merge: bool) -> tuple[list[dict[str, str]], str]:
        if isinstance(todos, str):
            try:
                todos = json.loads(todos)
            except (ValueError, RecursionError) as failure:
                return [], f"todos is a text that is not JSON: {failure}"
        if not isinstance(todos, list):
            return [], f"todos must be an array of objects, not {type(todos).__name__}"
        items = {item["id"]: item for item in self._items} if merge else {}
        errors = []
        for number, todo in enumerate(todos, 1):
            item, error = _item(todo, items, str(number))
            if error:
                errors.append(f"item {number}: {error}")
            else:
                items[item["id"]] = item
        return list(items.values()), "; ".join(errors)


def _item(todo: Any, known: dict[str, dict[str, str]], number: str) -> tuple[dict[str, str], str]:
    """Return one item and an error, empty if there is none. A missing id becomes its number."""
    if not isinstance(todo, dict):
        return {}, f"must be an object, not {type(todo).__name__}"
    identifier = str(todo.get("id") or number)
    before = known.get(identifier, {})
    content = todo.get("content", before.get("content"))
    status = todo.get("status", before.get("status", "pending"))
    if not isinstance(content, str) or not content.strip():
        return {}, "content must be a text that is not empty"
    if status not in STATUSES:
        return {}, f"status {status!r} is not one of {', '.join(STATUSES)}"
    return {"id": identifier, "content": content, "status": status}, ""
