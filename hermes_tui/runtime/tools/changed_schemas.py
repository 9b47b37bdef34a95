"""Detects tools that no longer match the schemas the model has: their file changed during a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hermes_tui.model.wording import first_few, first_line

_MAX_NAMED = 3


def schemas_changed(declared: Iterable[Any], current: Iterable[Any]) -> str:
    """Return a message naming the tools whose `current` schemas differ from the declared ones.

    It is empty if none differs. Both are OpenAI-style schemas; anything else is ignored.
    """
    before, after = _by_name(declared), _by_name(current)
    names = [name for name in before | after if before.get(name) != after.get(name)]
    if not names:
        return ""
    listed = first_few([first_line(name, 40) for name in names], _MAX_NAMED)
    return f"changed: {listed}; this run keeps the schemas it began with; a new run uses these"


def _by_name(schemas: Iterable[Any]) -> dict[str, Any]:
    functions = (one.get("function") for one in schemas if isinstance(one, Mapping))
    return {
        str(function.get("name")): function for function in functions if isinstance(function, dict)
    }
