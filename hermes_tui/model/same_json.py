"""Equality of JSON, given as values or as texts. 1, 1.0 and true are different values."""

from __future__ import annotations

import json
from typing import Any


def text_key(text: str) -> str:
    """Return a key that is equal for JSON texts of the same value; other texts unchanged."""
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (ValueError, RecursionError):
        return text


def json_key(value: Any) -> str:
    """Return a key that is equal for equal JSON values, empty for a value that is not JSON."""
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return ""


def same_json(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal; None, and values that are not JSON, never are."""
    return one is not None and one == other and json_key(one) == json_key(other) != ""
