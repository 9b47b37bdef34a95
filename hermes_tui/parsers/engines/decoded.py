"""The value that a client reads from the arguments that an engine emits."""

from __future__ import annotations

from typing import Any

from hermes_tui.parsers.engines.json_text import BadJson, loads


def value_of(arguments: str) -> Any:
    """Return the value of the arguments, or None if they are not JSON."""
    if arguments == "{}":
        return {}
    try:
        return loads(arguments)
    except BadJson:
        return None


def is_json(text: str) -> bool:
    """Return whether a client's json.loads accepts the text."""
    try:
        loads(text)
    except BadJson:
        return False
    return True
