"""What a client reads from the arguments that an engine hands out."""

from __future__ import annotations

from typing import Any

from hermes_tui.parsers.engines.json_text import BadJson, loads


def value_of(arguments: str) -> Any:
    """Return the value that the arguments stand for, None where they are no JSON."""
    if arguments == "{}":
        return {}
    try:
        return loads(arguments)
    except BadJson:
        return None


def is_json(text: str) -> bool:
    """Tell whether a client's json.loads takes the text."""
    try:
        loads(text)
    except BadJson:
        return False
    return True
