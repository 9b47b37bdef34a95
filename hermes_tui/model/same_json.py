"""Whether JSON values are the same, given as values or as texts; 1, 1.0 and true are different."""

from __future__ import annotations

import json
from typing import Any


def text_key(text: str) -> str:
    """Return what JSON texts of one value have in common; a text that is no JSON, as it is."""
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (ValueError, RecursionError):
        return text


def json_key(value: Any) -> str:
    """Return what equal JSON values have in common, empty for what is no JSON."""
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return ""


def same_json(one: Any, other: Any) -> bool:
    """Compare two JSON values; what is no JSON, and None, equals nothing."""
    return one is not None and one == other and json_key(one) == json_key(other) != ""
